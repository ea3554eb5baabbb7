"""The buttons follow the git remote that the book is built from."""

from urllib.parse import parse_qs, urlsplit

import pytest

import repository


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/someone/book.git",
        "https://token@github.com/someone/book",
        "git@github.com:someone/book.git",
        "ssh://git@github.com/someone/book.git",
    ],
)
def test_a_fork_opens_the_fork(remote):
    options = repository.theme_options(remote, "draft")
    assert options["repository_url"] == "https://github.com/someone/book"
    assert options["repository_branch"] == "draft"
    assert options["use_edit_page_button"] and options["use_issues_button"]
    assert options["launch_buttons"]["colab_url"]


def test_colab_opens_github_only():
    options = repository.theme_options("https://gitlab.com/someone/book.git", "main")
    assert "colab_url" not in options["launch_buttons"]


def test_colab_opens_the_copy_that_installs_the_package():
    stem = "https://colab.research.google.com/github/someone/book/blob"
    binder = {"text": "Binder", "url": "https://mybinder.org/v2/gh/someone/book/draft"}
    for name, opened in (("a.ipynb", [f"{stem}/colab/a.ipynb"]), ("index.md", [])):
        button = {"text": "Colab", "url": f"{stem}/draft/{name}"}
        mended = repository.with_colab_copies([binder, button], "draft")
        assert [button["url"] for button in mended] == [binder["url"], *opened]


def test_the_pull_link_names_the_fork():
    link = repository.pull_link("https://github.com/someone/book", "draft")
    query = parse_qs(urlsplit(link).query)
    assert query["repo"] == ["https://github.com/someone/book"]
    assert query["branch"] == ["draft"]
    assert query["urlpath"] == ["lab/tree/book/chapters/optimality-conditions.ipynb"]


@pytest.mark.parametrize("remote", ["", "/home/reader/book", "../book.git", "file:///srv/book"])
def test_without_a_web_address_there_are_no_buttons(remote):
    assert repository.theme_options(remote, "main") == {}
