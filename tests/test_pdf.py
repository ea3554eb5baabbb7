"""The printed book: its parts, and the whole as a PDF reader sees it."""

import pathlib
import re
from collections import Counter

import pikepdf
import pypdfium2
import pytest
import yaml
from bs4 import BeautifulSoup
from sphinx_external_toc.parsing import parse_toc_yaml

from tools.pdf import join, press

ROOT = pathlib.Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
PDF = SITE / press.NAME
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
MARGIN = 55  # points, a little less than press.css leaves

needs_pdf = pytest.mark.skipif(not PDF.exists(), reason="the book is not printed: make pdf")


@pytest.mark.parametrize(
    ("href", "moved"),
    [
        ("#here", "#chapters/one/here"),
        ("two.html#there", "#chapters/two/there"),
        ("../index.html", "#index"),
        ("../genindex.html", None),
        ("https://example.org/two.html", "https://example.org/two.html"),
    ],
)
def test_links_lead_into_the_book(href, moved):
    names = {"index", "chapters/one", "chapters/two"}
    assert join.moved_link(href, "chapters/one", names) == moved


def test_a_dead_link_is_refused():
    page = "<article class='bd-article'><h1>Title</h1><a href='#nowhere'>x</a></article>"
    with pytest.raises(ValueError, match="#index/nowhere"):
        join.join({"index": page}, [("index", 0)], CONFIG)


@pytest.fixture(scope="module")
def order():
    return join.reading_order(parse_toc_yaml(ROOT / "_toc.yml"))


@pytest.fixture(scope="module")
def pages(order, site):
    """Return the articles of the site, as a browser has them."""
    texts = ((site / f"{name}.html").read_text(encoding="utf-8") for name, _ in order)
    return [BeautifulSoup(text, "html.parser").select_one("article") for text in texts]


@pytest.fixture(scope="module")
def book():
    with pikepdf.open(PDF) as book:
        yield book


@pytest.fixture(scope="module")
def sheets():
    document = pypdfium2.PdfDocument(PDF)
    yield list(document)
    document.close()


@pytest.fixture(scope="module")
def text(sheets):
    return words(" ".join(sheet.get_textpage().get_text_bounded() for sheet in sheets))


def words(text):
    return " ".join(text.split())


def of_type(book, structure):
    dictionaries = (o for o in book.objects if isinstance(o, pikepdf.Dictionary))
    return [o for o in dictionaries if o.get("/S") == structure]


@needs_pdf
class TestPdf:
    def test_bookmarks_name_every_chapter_and_section(self, book, pages, order):
        with book.open_outline() as outline:
            marks = [m.title for root in outline.root for m in (root, *root.children)]
        expected, depths = [], [depth for _, depth in order[1:]]
        for page, depth, following in zip(pages[1:], depths, [*depths[1:], 0], strict=True):
            for heading in page(["h1", "h2"] if depth == following == 0 else ["h1"]):
                assert not heading.select(".katex"), "compare the words of formulas too"
                expected.append(heading.get_text().removesuffix("#"))
        assert marks == [CONFIG["title"], *expected]

    def test_every_statement_and_exercise_is_there(self, text, pages):
        titles = [t for page in pages for t in page.select(".proof .caption-number")]
        titles += [t for page in pages for t in page.select(".exercise .admonition-title")]
        assert titles
        for title in titles:
            assert words(title.get_text().removesuffix("#")) in text

    def test_every_explorer_shows_its_first_picture_and_says_what_moves_it(self, book, text, pages):
        explorers = [explorer for page in pages for explorer in page.select(".explorer")]
        pictures = {str(figure.get("/Alt", "")) for figure in of_type(book, "/Figure")}
        assert explorers
        assert {explorer.svg["aria-label"] for explorer in explorers} <= pictures
        captions = re.findall("On the site, (?:a slider moves|sliders move) this picture", text)
        assert len(captions) == len(explorers)

    def test_every_formula_has_words(self, book, pages):
        heard = Counter(words(str(figure.get("/Alt", ""))) for figure in of_type(book, "/Figure"))
        formulas = [f for page in pages for f in page.select(".katex annotation")]
        assert formulas
        assert not Counter(words(formula.get_text()) for formula in formulas) - heard

    def test_no_reference_is_unresolved(self, text):
        assert "??" not in text

    def test_links_lead_to_pages(self, book):
        ids = {page.objgen for page in book.pages}
        assert len(book.Root.Dests) > 0
        assert {target[0].objgen for target in book.Root.Dests.values()} <= ids

    def test_fonts_are_embedded(self, book):
        dictionaries = (o for o in book.objects if isinstance(o, pikepdf.Dictionary))
        fonts = [o for o in dictionaries if o.get("/Type") == "/FontDescriptor"]
        assert fonts
        assert all({"/FontFile", "/FontFile2", "/FontFile3"} & set(font.keys()) for font in fonts)

    def test_pictures_are_vectors(self, book):
        streams = (o for o in book.objects if isinstance(o, pikepdf.Stream))
        assert not [stream for stream in streams if stream.get("/Subtype") == "/Image"]

    def test_it_says_what_it_is_and_not_when_it_was_made(self, book):
        assert str(book.docinfo["/Title"]) == CONFIG["title"]
        assert str(book.docinfo["/Author"]) == CONFIG["author"]
        assert not [key for key in book.docinfo if "Date" in key]
        assert book.Root.Lang == "en" and book.Root.MarkInfo.Marked

    def test_nothing_is_drawn_in_the_side_margins(self, sheets):
        for sheet in sheets:
            gray = sheet.render(scale=0.5, grayscale=True).to_numpy()
            side = MARGIN // 2
            assert gray[:, :side].min() == gray[:, -side:].min() == 255, sheet

    def test_the_front_page_links_to_it_with_its_size(self, pages):
        (link,) = pages[0].select(".pdf-link a")
        served = SITE / link["href"]
        assert served.read_bytes() == PDF.read_bytes()
        assert press.size(PDF.stat().st_size) in link.get_text()


def test_the_site_links_to_the_pdf_just_if_it_is_there(pages):
    assert bool(pages[0].select(".pdf-link a")) == PDF.exists()
