"""The last pass over the pages: what it mends, that it says when it cannot, that once is enough."""

import re

import pytest
from selectolax.lexbor import LexborHTMLParser
from sphinx.errors import ExtensionError

from living_book import finish, mends

PAGES = {
    "index.md": "# Home\n\n```{toctree}\nnext\n```\n",
    "next.md": "# Next\n\n```{admonition} A title with $x$ and [a link](index.md)\n"
    ":class: dropdown\nHidden.\n```\n",
}
THEME = {
    "html_theme": "sphinx_book_theme",
    "html_context": {"default_mode": "auto"},
    "html_title": "A small book",
    "myst_enable_extensions": ["dollarmath"],
}
BY_NAME = {mend.name: mend for mend in mends.MENDS}


@pytest.fixture(scope="module")
def book(shared_book):
    answer = shared_book.build(PAGES, **THEME)
    assert answer.returncode == 0, answer.stderr
    return shared_book


def tree(book, name="next.html"):
    return LexborHTMLParser(book.read(name))


@pytest.mark.parametrize("name", ["index.html", "next.html", "search.html"])
def test_a_page_loads_one_sheet_and_only_what_it_needs(name, book):
    (sheet,) = tree(book, name).css("link[rel=stylesheet]")
    scripts = [s.attrs["src"].partition("?")[0] for s in tree(book, name).css("script[src]")]
    for file in [sheet.attrs["href"], *scripts]:
        assert (book.site / file).exists(), file
    unwanted = "thebe|fontawesome|searchindex"
    assert scripts and not [script for script in scripts if re.search(unwanted, script)]


def test_the_sheet_finds_all_its_files(book):
    addresses = re.findall(r"url\((?!data:)[\"']?([^)\"'#?]+)", book.read("_static/site.css"))
    first_choices = [a for a in addresses if not a.endswith((".ttf", "-400.woff"))]
    first_choices = [a for a in first_choices if not (a.startswith("katex") and a.endswith("woff"))]
    assert "icons.woff" in first_choices
    assert [a for a in first_choices if not (book.site / "_static" / a).exists()] == []


def test_code_has_its_colors_in_both_modes_before_a_script_says_which(book):
    for mode in ("light", "dark"):
        assert re.search(
            rf'html\[data-theme="?{mode}"?\] \.highlight', book.read("_static/site.css")
        )


def test_a_fold_opens_without_a_script_and_shows_its_title(book):
    fold = tree(book).css_first("details.admonition")
    assert fold.css_first("summary").text().startswith("A title with")
    assert fold.css_first("summary .katex") and not fold.css("summary a")
    assert "Hidden." in fold.text()
    assert "open" not in fold.attributes


def test_without_scripts_a_page_is_light_whatever_the_system(book):
    assert tree(book).css_first("html").attrs["data-theme"] == "light"


def test_the_pass_leaves_finished_pages_as_they_are(book):
    def content():
        return {p: p.read_bytes() for p in book.site.rglob("*.html") if "_static" not in p.parts}

    before = content()
    assert finish.unfinished(book.site) == []
    assert book.build(PAGES, **THEME).returncode == 0
    assert content() == before


def test_a_page_written_again_keeps_the_rules_of_the_others(book):
    before = book.read("_static/site.css")
    assert book.build({"next.md": PAGES["next.md"] + "\nMore.\n"}, **THEME).returncode == 0
    assert "More." in book.read("next.html")
    assert book.read("_static/site.css") == before


def test_a_mend_that_is_off_leaves_what_the_theme_wrote(small_book):
    off = ["native-folds", "icons-by-font", "no-search-of-sphinx"]

    def count():
        page = tree(small_book)
        return [len(page.css(BY_NAME[n].pattern or BY_NAME[n].where)) for n in off]

    assert small_book.build(PAGES, **THEME, living_book_mends_off=off).returncode == 0
    assert min(count()) > 0
    assert small_book.build(PAGES, **THEME).returncode == 0
    assert max(count()) == 0


def test_what_is_not_known_or_not_there_is_named(small_book):
    answer = small_book.build(PAGES, **THEME, living_book_mends_off=["nothing"])
    assert answer.returncode != 0 and "living_book_mends_off names ['nothing']" in answer.stderr
    answer = small_book.build(PAGES, **THEME, html_css_files=["lost.css"])
    assert answer.returncode != 0 and "not in _static: lost.css" in answer.stderr
    assert not small_book.site.exists()


def test_the_copied_examples_lose_their_prompts_and_previews_name_the_book(small_book):
    more = {"extensions": ["sphinx_copybutton", "living_book"]}
    assert small_book.build(PAGES, **THEME | more).returncode == 0
    assert r"formatCopyText(text, '>>> |\\.\\.\\. |\\$ ', true" in small_book.read(
        "_static/copybutton.js"
    )
    names = tree(small_book).css('meta[property="og:site_name"]')
    assert [name.attrs["content"] for name in names] == ["A small book"]


@pytest.mark.parametrize("mend", [m for m in mends.MENDS if m.pattern], ids=lambda m: m.name)
def test_a_mend_whose_pattern_is_gone_says_so(mend):
    place = {
        "html": "",
        "details.hide": '<details class="hide">',
        ".bd-sidebar-primary": '<p class="bd-sidebar-primary">',
        "nav.bd-links details": '<nav class="bd-links"><details>',
        ".search-button-field": '<p class="search-button-field">',
        "div.proof[id], div.exercise[id]": '<div class="proof" id="a"></div>',
    }[mend.where]
    page = mends.Page("one.html", LexborHTMLParser(f"<head></head><body>{place}"), None)
    with pytest.raises(ExtensionError, match=f"mend '{mend.name}' finds no .* on the page 'one"):
        mend.on_page(page)


def test_the_theme_script_must_have_what_is_taken_from_it(tmp_path):
    script = tmp_path / mends.THEME_SCRIPT
    script.parent.mkdir(parents=True)
    script.write_text('a;document.querySelectorAll(["pre","x"].join(", "));b')
    mends.drop_layout_of_all(tmp_path)
    once = script.read_text()
    mends.drop_layout_of_all(tmp_path)
    assert script.read_text() == once and '"pre"' not in once
    script.write_text("another script")
    with pytest.raises(ExtensionError, match="layout-when-near"):
        mends.drop_layout_of_all(tmp_path)


@pytest.mark.parametrize("changed", ["index.md", "next.md"])
def test_a_printed_book_goes_with_its_link_when_a_page_changes(changed, small_book):
    pages = PAGES | {"index.md": PAGES["index.md"] + "\n```{printed} As a PDF\n```\n"}
    assert small_book.build(pages, **THEME).returncode == 0
    empty = tree(small_book, "index.html").css_first(".pdf-link").html
    pdf = small_book.site / "a-small-book.pdf"
    pdf.write_text("printed")
    page = small_book.site / "index.html"
    filled = page.read_text().replace(empty, empty.replace(' hidden=""></p>', "><a>PDF</a></p>"))
    page.write_text(filled)
    assert tree(small_book, "index.html").css(".pdf-link a")
    assert small_book.build({changed: pages[changed] + "\nMore.\n"}, **THEME).returncode == 0
    assert tree(small_book, "index.html").css_first(".pdf-link").html == empty
    assert not pdf.exists()
