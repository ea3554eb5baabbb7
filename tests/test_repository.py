"""The buttons follow the git remote that the book is built from."""

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


@pytest.mark.parametrize("remote", ["", "/home/reader/book", "../book.git", "file:///srv/book"])
def test_without_a_web_address_there_are_no_buttons(remote):
    assert repository.theme_options(remote, "main") == {}
