"""`jupyter-book build PATH` gives the site in an awkward place, and again without a network."""

import pathlib
import shutil
import subprocess
import sys

import pytest
from selectolax.lexbor import LexborHTMLParser

from tools.rehearse.newcomer import copy_book

BOOK = pathlib.Path(__file__).parents[1]
SCRIPTS = pathlib.Path(sys.executable).parent


@pytest.fixture(scope="module")
def place(tmp_path_factory, site):
    """Return a folder with the book, what its chapters printed, and no repository around it.

    It has the archives of the same imports, too: test_foreign_book.py bakes in such a place.
    """
    place = tmp_path_factory.mktemp("an awkward (1) [place] für Bücher")
    copy_book(place)
    for kept in BOOK.glob("_build/.jupyter_cache"), BOOK.glob("_build/.doctrees/*/*/baked-*"):
        for folder in kept:
            shutil.copytree(folder, place / folder.relative_to(BOOK))
    return place


def build(place, environment, cwd):
    words = [SCRIPTS / "jupyter-book", "build", "-W", "--keep-going", place]
    answer = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, encoding="utf-8")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def built(place, environment, tmp_path_factory):
    build(place, environment, cwd=tmp_path_factory.mktemp("elsewhere"))
    return place / "_build" / "html"


def test_it_has_the_same_pages(built, site):
    def pages(folder):
        return {path.relative_to(folder) for path in folder.rglob("*.html")}

    assert pages(built) == pages(site)


def test_its_pages_say_and_load_the_same(built, site):
    def content(page):
        tree = LexborHTMLParser(page.read_text(encoding="utf-8"))
        for link in tree.css(".pdf-link"):  # it is printed beside one of both
            link.decompose()
        return [article.text(separator=" ").split() for article in tree.css("article")]

    for page in site.rglob("*.html"):
        assert content(built / page.relative_to(site)) == content(page), page.name
    sheets = [(folder / "_static" / "site.css").read_bytes() for folder in (built, site)]
    assert sheets[0] == sheets[1]


def test_without_a_network_it_builds_again(built, place, environment, tmp_path):
    front = place / "index.md"
    front.write_text(front.read_text(encoding="utf-8") + "\nOne line more.\n", encoding="utf-8")
    nowhere = {name: "http://127.0.0.1:9" for name in ("npm_config_registry", "HTTPS_PROXY")}
    build(place, environment | nowhere, cwd=tmp_path)
    assert "One line more." in (built / "index.html").read_text(encoding="utf-8")
