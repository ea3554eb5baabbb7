"""Every link within the built site leads to a page, a file or an anchor that exists."""

import pathlib
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

SITE = pathlib.Path(__file__).parents[1] / "_build" / "html"
PAGES = sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html"))
PAGES = [page for page in PAGES if not page.startswith("_")]


class Reader(HTMLParser):
    """Collects what a page refers to, and the anchors that others may refer to."""

    def __init__(self):
        super().__init__()
        self.references, self.anchors = [], set()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.references += [found[key] for key in ("href", "src") if found.get(key)]
        self.anchors.add(found.get("id"))


@cache
def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def dead(page):
    """Yield the references of a page to something in the site that is not there."""
    for reference in read(SITE / page).references:
        parts = urlsplit(reference)
        if parts.scheme or parts.netloc:
            continue
        target = (SITE / page).parent / unquote(parts.path) if parts.path else SITE / page
        is_page = target.suffix == ".html"
        if not target.is_file() or (
            is_page and parts.fragment and unquote(parts.fragment) not in read(target).anchors
        ):
            yield reference


def test_the_book_is_built(site):
    assert "index.html" in PAGES


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_the_site_resolves(page):
    assert list(dead(page)) == []
