"""A copy of the book that tools/fork.py made ready names its own title and authors, and credits."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from lent import lend_packages
from selectolax.lexbor import LexborHTMLParser

from tools import fork

TITLE = "Engines: a new book & more"
AUTHORS = ["Lovelace, Ada", "The Analytical Society"]
NAMES = "Ada Lovelace and The Analytical Society"
REMOTE, ADDRESS = "https://github.com/ada/engines.git", "https://github.com/ada/engines"
HOME = "https://gitlab.com/first/book"
OLD = yaml.safe_load((fork.BOOK / "_config.yml").read_text(encoding="utf-8"))
# Where the book that the fork was made from is named: by right or for credit.
CREDITS = {"CITATION.cff", "README.md", "_config.yml", *fork.LICENSES}
pytestmark = [
    pytest.mark.skipif(shutil.which("git") is None, reason="no git on the PATH"),
    pytest.mark.skipif(not (fork.BOOK / ".git").exists(), reason="needs the git repository"),
]


def git(copy, *words):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "core.hooksPath=/dev/null"]
    answer = subprocess.run(["git", *who, *words], cwd=copy, capture_output=True, encoding="utf-8")
    assert answer.returncode in (0, 1), answer.stderr
    return answer.stdout


def run(copy, *words):
    """Run Python in the copy: what it imports of the book is the copy's own."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    words = [sys.executable, *words]
    return subprocess.run(words, cwd=copy, env=kept, capture_output=True, encoding="utf-8")


def make(copy, title=TITLE, authors=AUTHORS, remote=REMOTE, year="2028"):
    words = [word for author in authors for word in ("--author", author)]
    return run(
        copy, "-m", "tools.fork", *words, "--title", title, "--remote", remote, "--year", year
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a clone, with what is not committed here, that became a fork."""
    copy = tmp_path_factory.mktemp("fork") / "book"
    subprocess.run(["git", "clone", "--quiet", fork.BOOK, copy], check=True)
    for name in git(fork.BOOK, "ls-files", "-z", "-mo", "--exclude-standard").split("\0"):
        if name and (fork.BOOK / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(fork.BOOK / name, copy / name)
    git(copy, "remote", "set-url", "origin", HOME)
    git(copy, "add", "-A")
    git(copy, "commit", "-qm", "as here")
    answer = make(copy)
    assert answer.returncode == 0, answer.stderr
    assert "_config.yml" in answer.stdout and f"{HOME} -> {REMOTE}" in answer.stdout
    git(copy, "commit", "-qam", "fork")
    return copy


def mapping(copy, name):
    return yaml.safe_load((copy / name).read_text(encoding="utf-8"))


def test_it_is_named_by_its_title_authors_years_and_address(copy):
    config, cited = mapping(copy, "_config.yml"), mapping(copy, "CITATION.cff")
    assert (config["title"], config["author"], config["copyright"]) == (TITLE, NAMES, "2028")
    assert (cited["title"], cited["repository-code"]) == (TITLE, ADDRESS)
    assert fork.listed(cited["authors"]) == NAMES
    for name in ("README.md", "index.md"):
        assert f"\n# {TITLE}\n" in "\n" + (copy / name).read_text(encoding="utf-8")
    assert git(copy, "remote", "get-url", "origin").strip() == REMOTE


@pytest.mark.parametrize("stale", [OLD["title"], OLD["author"]])
def test_no_stale_name_is_left_but_in_credits(stale, copy):
    found = git(copy, "grep", "-liF", stale, "--", ":!tools/fork.py", ":!chapters/references.bib")
    assert {*found.split()} <= (CREDITS if stale == OLD["title"] else set())


@pytest.mark.parametrize("name", fork.LICENSES)
def test_each_license_keeps_its_lines_and_gains_one(name, copy):
    old = (fork.BOOK / name).read_text(encoding="utf-8").splitlines()
    new = (copy / name).read_text(encoding="utf-8").splitlines()
    added = f"Copyright (c) 2028, {NAMES}"
    assert [line for line in new if line != added] == old and new.count(added) == 1


def test_the_book_it_was_made_from_is_credited_where_readers_look(copy):
    (source,) = mapping(copy, "CITATION.cff")["references"]
    assert (source["title"], source["url"]) == (OLD["title"], HOME)
    assert source["authors"] == [{"name": f"the authors of {OLD['title']}"}]
    assert f"Adapted from [{OLD['title']}]({HOME})" in (copy / "README.md").read_text("utf-8")
    footer = mapping(copy, "_config.yml")["html"]["extra_footer"]
    assert OLD["html"]["extra_footer"].removesuffix("</p>") in footer
    assert f'Adapted from <a href="{HOME}"><cite>{OLD["title"]}</cite></a>' in footer


def test_only_its_lines_change(copy):
    changed = git(copy, "diff", "--numstat", "HEAD~").splitlines()
    assert {line.split()[2] for line in changed} == CREDITS | {"index.md"}
    assert sum(int(line.split()[1]) for line in changed) <= 10


def test_a_second_run_changes_nothing(copy):
    assert make(copy).returncode == 0
    assert git(copy, "status", "--porcelain") == ""


def test_it_refuses_a_folder_with_changes(copy, tmp_path):
    (copy / "index.md").write_text("# Mine\n")
    answer = make(copy)
    git(copy, "checkout", "index.md")
    assert answer.returncode and "Commit or stash" in answer.stderr
    assert git(copy, "status", "--porcelain") == ""


def test_the_files_of_the_copy_still_agree(copy):
    words = ["-q", "-p", "no:cacheprovider", "tests/test_publication.py", "-k"]
    answer = run(copy, "-m", "pytest", *words, "citation or version")
    assert answer.returncode == 0, answer.stdout
    assert run(copy, "-m", "tools.release", "--check").returncode == 0


def test_sphinx_builds_its_front_page_strictly_under_its_name(copy, tmp_path):
    # The whole configuration; of the pages only the first, whose cells need not run for its names.
    (copy / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    front = (copy / "index.md").read_text(encoding="utf-8")
    (copy / "index.md").write_text(re.split(r"^```", front, maxsplit=1, flags=re.M)[0])
    config = mapping(copy, "_config.yml")
    config["execute"] = {"execute_notebooks": "off"}
    config["sphinx"]["config"] |= {"living_book_python": False, "living_book_synonyms": ""}
    (copy / "_config.yml").write_text(yaml.safe_dump(config))
    lend_packages(copy / "_build" / ".doctrees" / "living_book" / "node")
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    answer = run(copy, "-c", jupyter_book, "build", "-W", "--keep-going", ".")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    page = LexborHTMLParser((copy / "_build" / "html" / "index.html").read_text("utf-8"))
    assert {*page.css_first("title").text().strip().split(" — ")} == {TITLE}
    for name in ("og:title", "og:site_name"):
        assert page.css_first(f"meta[property='{name}']").attributes["content"] == TITLE
    assert f"By {NAMES}" in page.text() and OLD["author"] not in page.html
