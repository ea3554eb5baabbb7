"""The buttons and the pull link follow the git remote that the book is built from."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from fontTools.ttLib import TTFont
from sphinx.errors import ConfigError
from sphinx.testing.util import SphinxTestApp

from living_book import buttons
from living_book.buttons import Repository, binder_link, pull_link, read_remote

ROOT = Path(__file__).parents[1]
CONF = """
import pathlib
import living_book.buttons as buttons

extensions = ["myst_nb", "sphinx_book_theme"]
html_theme = "sphinx_book_theme"
nb_execution_mode = "off"

def setup(app):
    app.add_config_value("living_book_hosts", {}, "html")
    app.add_config_value("living_book_repository", None, "html")
    app.add_config_value("living_book_colab_branch", "", "html")
    app.add_directive("pull-link", buttons.PullLink)
    app.add_post_transform(buttons.ShowPullLink)
    app.connect("config-inited", buttons.find_repository)
    app.connect("builder-inited", connect_last)

def connect_last(app):
    app.connect("html-page-context", buttons.add_buttons)
"""
INDEX = """# A book

```{pull-link}
The link, see {ref}`there`:
```

```{toctree}
text
one
```
"""
CELL = {"cell_type": "markdown", "metadata": {}, "source": "(there)=\n# One"}
NOTEBOOK = {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
NOT_THE_BOOK = "executablebooks/jupyter-book"


def git(folder, *words):
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(("git", *who, *words), cwd=folder, check=True, capture_output=True)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """A hook's variables name another repository, and a user's configuration rewrites remotes."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def no_ssh(monkeypatch):
    """A machine without ssh, so without aliases."""
    real = subprocess.run

    def run(command, *words, **options):
        if command[0] == "ssh":
            raise FileNotFoundError("ssh")
        return real(command, *words, **options)

    monkeypatch.setattr(buttons.subprocess, "run", run)


@pytest.fixture
def alias(monkeypatch, tmp_path):
    """An ssh that knows some hosts by other names."""
    script = tmp_path / "bin" / "ssh"
    script.parent.mkdir()
    script.write_text(
        "#!/bin/sh\n"
        'case "$3" in\n'
        "  work|github.work|github.com-work) echo hostname github.com;;\n"
        "  github.com) echo hostname ssh.github.com;;\n"
        "  gitlab.example.org) echo hostname 10.0.0.7;;\n"
        '  *) echo "hostname $3";;\n'
        "esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")


def make_book(folder, remote=None, conf=""):
    """Write a book of a page with the pull link and a notebook, in a repository of one commit."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "conf.py").write_text(CONF + conf)
    (folder / "index.md").write_text(INDEX)
    (folder / "text.md").write_text("# Text")
    (folder / "one.ipynb").write_text(json.dumps(NOTEBOOK))
    if remote is not None:
        git(folder, "init", "-q", "-b", "draft")
        git(folder, "commit", "-q", "--allow-empty", "-m", "start")
        if remote:
            git(folder, "remote", "add", "origin", remote)
    return folder


def build(book, builddir):
    """Build a book strictly; return its pages and the log."""
    app = SphinxTestApp(srcdir=book, builddir=builddir, warningiserror=True)
    try:
        app.build()
        pages = {
            page.stem: html.unescape(page.read_text(encoding="utf-8"))
            for page in app.outdir.glob("*.html")
        }
        return pages, app.status.getvalue()
    finally:
        app.cleanup()


def links(page):
    return re.findall(r'href="(http[^"]+)" target="_blank"', page)


def pull_query(page):
    link = re.search(r"https://HUB/\S+?(?=\s*</?)", page)
    return link and {name: value[0] for name, value in parse_qs(urlsplit(link[0]).query).items()}


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/someone/book",
        "https://github.com/someone/book.git/",
        "https://GitHub.com:443/someone/book.git",
        "https://user:to%40ken@github.com/someone/book.git",
        "https://user:to@ken@github.com/someone/book.git",
        "git@github.com:someone/book.git",
        "git@github.com:/someone/book",
        "org-7@github.com:someone/book",
        "github.com:someone/book.git",
        "ssh://git@github.com/someone/book.git",
        "ssh://git@github.com:2222/someone/book",
        "ssh://git@ssh.github.com:443/someone/book.git",
        "git+ssh://git@github.com/someone/book.git",
        "git://github.com:9418/someone/book.git",
    ],
)
def test_every_spelling_of_a_remote_names_the_same_page(remote, no_ssh):
    address = "https://github.com/someone/book"
    assert read_remote(remote, {}) == ("github.com", address, "github")


@pytest.mark.parametrize(
    "remote, address, kind",
    [
        ("git@gitlab.com:a/b/c/book.git", "https://gitlab.com/a/b/c/book", "gitlab"),
        ("git@gitlab.uni.example:a/book", "https://gitlab.uni.example/a/book", "gitlab"),
        ("https://t@gitlab.lan:8443/a/book", "https://gitlab.lan:8443/a/book", "gitlab"),
        ("http://gitlab:8080/a/book", "http://gitlab:8080/a/book", "gitlab"),
        ("ssh://git@gitea.example.org:2222/a/book", "https://gitea.example.org/a/book", "gitea"),
        ("git@codeberg.org:a/book.git", "https://codeberg.org/a/book", "gitea"),
        ("git@github.uni.example:a/book.git", "https://github.uni.example/a/book", "github"),
        ("git@bitbucket.org:a/book.git", "https://bitbucket.org/a/book", "bitbucket"),
        ("git@git.sr.ht:~a/book", "https://git.sr.ht/~a/book", "sourcehut"),
        ("https://git.example.org/a/book.git", "https://git.example.org/a/book", None),
        ("https://git.example.org/book", "https://git.example.org/book", None),
        ("https://gist.github.com/5f3a.git", "https://gist.github.com/5f3a", None),
    ],
)
def test_a_host_is_recognized(remote, address, kind, no_ssh):
    assert read_remote(remote, {})[1:] == (address, kind)


@pytest.mark.parametrize(
    "remote",
    [
        *("", "/srv/book", "../book.git", "./a:b/c", "~/book", "file:///srv/book", "file://h/a/b"),
        *(
            r"C:\books\book",
            "C:/books/book",
            r"\\server\share\book",
            "https:///book",
            "https://[x/y",
        ),
    ],
)
def test_a_place_on_a_disk_has_no_host(remote, no_ssh):
    assert read_remote(remote, {}) == ("", None, None)


@pytest.mark.parametrize(
    "name", ["work", "github.com-work", "git.example.org", "gitlab", "gitlab-2"]
)
def test_an_ssh_name_that_cannot_be_resolved_is_not_taken_for_a_web_address(name, no_ssh):
    assert read_remote(f"git@{name}:a/book", {}) == (name, None, None)


@pytest.mark.parametrize(
    "name, address",
    [
        ("work", "https://github.com/a/book"),
        ("github.work", "https://github.com/a/book"),
        ("github.com-work", "https://github.com/a/book"),
        ("github.com", "https://github.com/a/book"),
        ("gitlab.example.org", "https://gitlab.example.org/a/book"),
    ],
)
def test_an_alias_leads_to_the_host_that_ssh_knows(name, address, alias):
    assert read_remote(f"git@{name}:a/book", {})[1] == address


def test_the_configuration_names_the_kind_of_a_host(no_ssh):
    named = SimpleNamespace(living_book_hosts={"Git.Example.org": "Forgejo", "forge": "gitlab"})
    hosts = buttons.configured_hosts(named)
    assert read_remote("git@git.example.org:a/book", hosts)[2] == "gitea"
    assert read_remote("git@forge:a/book", hosts)[1:] == ("https://forge/a/book", "gitlab")
    with pytest.raises(ConfigError, match="git.example.org must be one of .* got 'gitlub'"):
        wrong = {"git.example.org": "gitlub"}
        buttons.configured_hosts(SimpleNamespace(living_book_hosts=wrong))


@pytest.mark.parametrize(
    "address, spec",
    [
        ("https://github.com/a/book", "gh/a/book"),
        ("https://gitlab.com/a/b/c/book", "gl/a%2Fb%2Fc%2Fbook"),
        ("https://gitlab.example.org/a/book", "git/https%3A%2F%2Fgitlab.example.org%2Fa%2Fbook"),
    ],
)
def test_binder_is_asked_in_the_form_that_it_accepts(address, spec):
    link = binder_link(Repository(address, branch="fix/it"), "a b/one.ipynb")
    stem, _, query = link.partition("?")
    assert stem == f"https://mybinder.org/v2/{spec}/fix/it"
    assert parse_qs(query) == {"urlpath": ["lab/tree/a b/one.ipynb"]}


@pytest.mark.parametrize(
    "host", ["gitlab.example.org:8443", "gitlab", "10.0.0.7", "gitlab.corp", "git.uni.local"]
)
def test_a_host_that_mybinder_cannot_reach_needs_a_binder_of_its_own(host):
    repository = Repository(f"https://{host}/a/book", branch="main")
    assert binder_link(repository, "one.ipynb") is None
    own = Repository(f"https://{host}/a/book", branch="main", binder="https://binder.uni.example")
    assert binder_link(own, "one.ipynb").startswith("https://binder.uni.example/v2/git/https")


@pytest.mark.parametrize("folder", ["", "docs/text"])
@pytest.mark.parametrize("name", ["book", "the%20book"])
def test_the_pull_link_opens_a_file_of_the_copy_that_it_makes(name, folder, tmp_path):
    served = make_book(tmp_path / "served" / name, "")
    make_book(served / folder)
    git(served, "add", "--all")
    git(served, "commit", "-q", "-m", "the book")
    repository = Repository(str(served), branch="draft", folder=folder)
    link = pull_link(repository, repository.place("one.ipynb"), "https://HUB")
    query = parse_qs(urlsplit(link).query)
    # nbgitpuller's copy has the name that stands last in the address, as git's has.
    git(tmp_path, "clone", "-q", "--branch", query["branch"][0], query["repo"][0])
    assert (tmp_path / query["urlpath"][0].removeprefix("lab/tree/")).is_file()


def test_the_pull_link_names_no_branch_for_a_commit():
    repository = Repository("https://host/a/book", commit="c" * 40)
    link = pull_link(repository, "one.ipynb", "https://HUB")
    assert link.partition("?")[2] == "repo=https://host/a/book&urlpath=lab/tree/book/one.ipynb"


GITHUB, GITLAB = "https://github.com/someone/book", "https://gitlab.com/group/part/book"
CODEBERG, BITBUCKET = "https://codeberg.org/someone/book", "https://bitbucket.org/someone/book"
PORTED, SOURCEHUT = "https://gitlab.example.org:8443/a/book", "https://git.sr.ht/~a/book"
BINDER, RUN = "https://mybinder.org/v2", "draft?urlpath=lab/tree/one.ipynb"
UNKNOWN, ISSUE = "https://git.example.org/a/book", "Issue%20on%20page%20one"


@pytest.mark.parametrize(
    "remote, expected",
    [
        (
            "git@github.com:someone/book.git",
            [
                f"{BINDER}/gh/someone/book/{RUN}",
                "https://colab.research.google.com/github/someone/book/blob/draft/one.ipynb",
                GITHUB,
                f"{GITHUB}/edit/draft/one.ipynb",
                f"{GITHUB}/issues/new?title={ISSUE}",
            ],
        ),
        (
            "git@gitlab.com:group/part/book.git",
            [
                f"{BINDER}/gl/group%2Fpart%2Fbook/{RUN}",
                GITLAB,
                f"{GITLAB}/-/edit/draft/one.ipynb",
                f"{GITLAB}/-/issues/new?issue[title]={ISSUE}",
            ],
        ),
        (
            CODEBERG,
            [
                f"{BINDER}/git/https%3A%2F%2Fcodeberg.org%2Fsomeone%2Fbook/{RUN}",
                CODEBERG,
                f"{CODEBERG}/_edit/draft/one.ipynb",
                f"{CODEBERG}/issues/new?title={ISSUE}",
            ],
        ),
        (
            BITBUCKET,
            [
                f"{BINDER}/git/https%3A%2F%2Fbitbucket.org%2Fsomeone%2Fbook/{RUN}",
                BITBUCKET,
                f"{BITBUCKET}/src/draft/one.ipynb?mode=edit",
            ],
        ),
        (
            PORTED.replace("//", "//me:secret-token@"),
            [
                PORTED,
                f"{PORTED}/-/edit/draft/one.ipynb",
                f"{PORTED}/-/issues/new?issue[title]={ISSUE}",
            ],
        ),
        (SOURCEHUT, [f"{BINDER}/git/https%3A%2F%2Fgit.sr.ht%2F~a%2Fbook/{RUN}", SOURCEHUT]),
    ],
)
def test_a_page_has_the_buttons_of_its_host(remote, expected, tmp_path, no_ssh):
    pages, log = build(make_book(tmp_path / "book", remote), tmp_path / "build")
    assert links(pages["one"]) == expected
    assert not [link for link in links(pages["text"]) if "binder" in link or "colab" in link]
    assert pull_query(pages["index"])["repo"] in expected
    assert "secret-token" not in "".join(pages.values()) and "me:" not in pages["one"]
    assert "living_book_hosts" not in log


@pytest.mark.parametrize(
    "remote, conf, pulled",
    [
        (f"{UNKNOWN.replace('//', '//me:secret@')}.git", "", UNKNOWN),
        ("git@git.example.org:a/book.git", "", None),
        (GITHUB, f"html_theme_options = {{'repository_url': '{UNKNOWN}'}}", UNKNOWN),
    ],
)
def test_an_unknown_host_gives_no_button_and_one_line(remote, conf, pulled, tmp_path, no_ssh):
    pages, log = build(make_book(tmp_path / "book", remote, conf), tmp_path / "build")
    assert links(pages["one"]) == []
    said = [line for line in log.splitlines() if "git.example.org" in line]
    assert len(said) == 1 and "living_book_hosts: {git.example.org: gitlab}" in said[0]
    query = pull_query(pages["index"])
    assert (query and query["repo"]) == pulled
    assert ("The link, see" in pages["index"]) == bool(pulled)
    assert "secret" not in "".join(pages.values())


@pytest.mark.parametrize("remote", [None, "", "/srv/book.git"])
def test_without_a_web_address_a_page_has_no_button_and_no_pull_link(remote, tmp_path):
    options = {
        "repository_url": f"https://github.com/{NOT_THE_BOOK}",
        "repository_branch": "master",
        "use_repository_button": True,
        "launch_buttons": {"binderhub_url": "", "thebe": False},
    }
    conf = f"html_theme_options = {options}"
    pages, log = build(make_book(tmp_path / "book", remote, conf), tmp_path / "build")
    assert links(pages["one"]) == [] and "The link, see" not in pages["index"]
    assert NOT_THE_BOOK not in "".join(pages.values())
    assert "living_book_hosts" not in log


def test_a_changed_remote_rewrites_the_pages(tmp_path, no_ssh):
    book = make_book(tmp_path / "book", GITHUB)
    build(book, tmp_path / "build")
    git(book, "remote", "set-url", "origin", GITLAB)
    pages, log = build(book, tmp_path / "build")
    assert "0 added, 0 changed, 0 removed" in log
    assert GITLAB in links(pages["one"]) and pull_query(pages["index"])["repo"] == GITLAB
    assert GITHUB not in "".join(pages.values())


def test_a_book_in_a_subfolder_is_found_from_any_folder_with_a_remote_of_any_name(
    tmp_path, monkeypatch
):
    make_book(tmp_path / "top", GITHUB)
    git(tmp_path / "top", "remote", "rename", "origin", "upstream")
    book = make_book(tmp_path / "top" / "docs" / "the böok")
    monkeypatch.chdir("/")
    pages, _ = build(book, tmp_path / "build")
    assert f"{GITHUB}/edit/draft/docs/the%20b%C3%B6ok/one.ipynb" in links(pages["one"])
    assert pull_query(pages["index"])["urlpath"] == "lab/tree/book/docs/the böok/one.ipynb"


def test_a_configured_address_comes_before_the_remote(tmp_path):
    options = {
        "repository_url": f"{GITLAB}/",
        "repository_branch": "next",
        "path_to_docs": "docs/",
        "use_repository_button": True,
        "use_issues_button": True,
        "launch_buttons": {
            "binderhub_url": "https://binder.uni.example/",
            "jupyterhub_url": "https://hub.uni.example/",
        },
    }
    book = make_book(tmp_path / "book", GITHUB, f"html_theme_options = {options}")
    binder, hub, *source = links(build(book, tmp_path / "build")[0]["one"])
    assert binder.startswith("https://binder.uni.example/v2/gl/group%2Fpart%2Fbook/next?")
    assert hub.startswith(f"https://hub.uni.example/hub/user-redirect/git-pull?repo={GITLAB}&")
    assert source[:2] == [GITLAB, f"{GITLAB}/-/edit/next/docs/one.ipynb"] and len(source) == 3


def test_colab_opens_the_branch_that_the_book_names(tmp_path):
    book = make_book(tmp_path / "book", GITHUB, "living_book_colab_branch = 'colab'")
    stem = "https://colab.research.google.com/github/someone/book/blob/colab"
    assert f"{stem}/one.ipynb" in links(build(book, tmp_path / "build")[0]["one"])


def test_another_theme_is_left_alone(tmp_path):
    book = make_book(tmp_path / "book", GITHUB, "html_theme = 'basic'")
    pages, _ = build(book, tmp_path / "build")
    assert links(pages["one"]) == [] and pull_query(pages["index"])["repo"] == GITHUB


def test_the_extension_connects_them_and_its_font_has_their_icons(tmp_path):
    book, site = make_book(tmp_path / "book", CODEBERG), tmp_path / "site"
    extensions = 'extensions = ["sphinx_book_theme", "living_book"]\nhtml_theme = extensions[0]\n'
    (book / "conf.py").write_text(f'{extensions}nb_execution_mode = "off"\n')
    command = [sys.executable, "-m", "sphinx", "-W", "-q", book, site]
    subprocess.run(command, cwd=ROOT, check=True)
    page = (site / "one.html").read_text(encoding="utf-8")
    assert len(links(page)) == 4
    with TTFont(site / "_static" / "icons.woff") as font:
        drawn = font.getBestCmap()
    styles = (site / "_static" / "site.css").read_text(encoding="utf-8")
    names = set(re.findall(r'<i class="fas (fa-[a-z-]+)"', page))
    assert len(names) >= 5
    for name in names:
        code = re.search(rf'\.{name}:before[^{{}}]*{{content:\s*"\\?(.+?)"', styles)[1]
        assert (ord(code) if len(code) == 1 else int(code, 16)) in drawn, name


def found(folder, **options):
    """Return the repository that a book in a folder is found to have."""
    config = SimpleNamespace(html_theme_options=options, html_theme="basic", living_book_hosts={})
    buttons.find_repository(SimpleNamespace(srcdir=folder), config)
    return config.living_book_repository


def test_a_detached_head_has_its_only_branch_or_its_commit(tmp_path):
    book = make_book(tmp_path / "book", GITHUB)
    git(book, "switch", "-q", "--detach")
    commit = buttons.git(book, "rev-parse", "HEAD")
    at_commit = found(book)
    assert (at_commit.branch, at_commit.commit) == ("", commit)
    assert at_commit.link("edit", path="one.ipynb") is None
    assert at_commit.link("file", path="one.ipynb") == f"{GITHUB}/blob/{commit}/one.ipynb"
    git(book, "update-ref", "refs/remotes/origin/main", commit)
    git(book, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    assert found(book).branch == "main"


def test_jupyter_book_s_default_branch_is_not_taken_for_the_book_s(tmp_path):
    book = make_book(tmp_path / "book", GITHUB)
    assert found(book, repository_url=GITLAB, repository_branch="master").branch == "draft"
    assert found(book, repository_branch="next").branch == "next"
    assert found(tmp_path, repository_url=GITLAB, repository_branch="master").branch == "master"
    assert found(tmp_path, repository_url=GITLAB).branch == "main"


def test_a_commit_to_a_branch_rewrites_no_page(tmp_path):
    book = make_book(tmp_path / "book", GITHUB)
    before = found(book)
    git(book, "commit", "-q", "--allow-empty", "-m", "more")
    assert found(book) == before


def test_a_branch_has_the_name_that_it_has_on_the_remote(tmp_path):
    book = make_book(tmp_path / "book", GITHUB)
    git(book, "update-ref", "refs/remotes/origin/fix/it", "HEAD")
    git(book, "switch", "-q", "-c", "mine", "--track", "origin/fix/it")
    assert found(book).branch == "fix/it"


def test_a_worktree_and_a_repository_without_commits_have_their_remote(tmp_path):
    book = make_book(tmp_path / "book", GITHUB)
    git(book, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    assert (found(tmp_path / "tree").address, found(tmp_path / "tree").branch) == (GITHUB, "other")
    git(tmp_path, "init", "-q", "-b", "empty", "new")
    git(tmp_path / "new", "remote", "add", "origin", GITHUB)
    assert (found(tmp_path / "new").branch, found(tmp_path / "new").commit) == ("empty", "")


def test_without_one_remote_that_is_the_book_s_there_is_none(tmp_path, monkeypatch):
    book = make_book(tmp_path / "book", "")
    git(book, "remote", "add", "one", GITHUB)
    git(book, "remote", "add", "two", GITLAB)
    assert found(book) is None
    (book / ".gitignore").write_text("_build\n")
    git(book, "remote", "add", "origin", GITHUB)
    inner = make_book(book / "_build" / "book")
    assert found(book).address == GITHUB and found(inner) is None
    monkeypatch.setenv("PATH", "")
    assert shutil.which("git") is None and found(book) is None


@pytest.mark.parametrize(
    "repository, path, line, address",
    [
        (Repository(GITHUB, "github", "main"), "a.py", 7, f"{GITHUB}/blob/main/a.py#L7"),
        (
            Repository(GITLAB, "gitlab", "x/y", "", "docs"),
            "../a.py",
            None,
            f"{GITLAB}/-/blob/x/y/a.py",
        ),
        (Repository(CODEBERG, "gitea", "main"), "a.py", 7, f"{CODEBERG}/src/branch/main/a.py#L7"),
        (Repository(CODEBERG, "gitea", "", "c0"), "a.py", None, f"{CODEBERG}/src/commit/c0/a.py"),
        (
            Repository(BITBUCKET, "bitbucket", "main"),
            "a.py",
            7,
            f"{BITBUCKET}/src/main/a.py#lines-7",
        ),
        (
            Repository(SOURCEHUT, "sourcehut", "main"),
            "a.py",
            7,
            f"{SOURCEHUT}/tree/main/item/a.py#L7",
        ),
        (Repository(GITHUB, "github", "main"), "../outside.py", 7, None),
        (Repository("https://git.example.org/a/book", None, "main"), "a.py", 7, None),
        (None, "a.py", 7, None),
    ],
)
def test_a_file_has_the_address_that_its_host_gives_it(repository, path, line, address):
    app = SimpleNamespace(config=SimpleNamespace(living_book_repository=repository))
    assert buttons.source_url(app, path, line) == address
