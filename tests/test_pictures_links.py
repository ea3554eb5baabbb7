"""Pictures with links: an SVG that Matplotlib wrote, as a part of a page."""

import io
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure

import lin_utils as lu
from living_book.page import INK
from living_book.pictures import opened

PLACES = {"convex": (1.0, 1.0), "Polyak": (3.0, 3.0), "growth": (1.0, 5.0)}
LINKS = {
    "convex": "#def-a",
    "Polyak": "other.html?p=1&q=2#def-b",
    ("Polyak", "growth"): "#prop-c",
    ("growth", "Polyak"): "#prop-d",
}


def svg(figure):
    """Return what Matplotlib writes."""
    file = io.StringIO()
    figure.savefig(file, format="svg")
    return file.getvalue()


@pytest.fixture(scope="module")
def picture():
    """Return a diagram with links to two conditions and two arrows, and a clipped line."""
    figure = lu.figures.implications(
        PLACES, [("Polyak", "growth")], {("growth", "Polyak"): "x⁴"}, links=LINKS
    )
    figure.axes[0].plot([0, 9], [0, 9], clip_on=True)
    return svg(figure)


def page(*markup):
    """Return the page that a browser makes of pieces."""
    return BeautifulSoup("<!DOCTYPE html><body>" + "".join(markup), "html.parser")


def test_a_picture_has_the_links_of_its_parts_and_of_no_others(picture):
    links = page(opened(picture, "", "p-")).find_all("a")
    assert {link["href"] for link in links} == set(LINKS.values())
    assert all(link.find(["path", "use"]) for link in links)


def test_a_diagram_without_links_has_none():
    plain = svg(lu.figures.implications(PLACES, [("Polyak", "growth")], {}))
    assert "<a " not in plain


@pytest.mark.parametrize("links", [{"star": "#a"}, {("convex", "growth"): "#a"}])
def test_links_of_what_is_not_in_the_diagram_are_refused(links):
    with pytest.raises(ValueError, match="links must be of conditions and arrows of the picture"):
        lu.figures.implications(PLACES, [], {}, links=links)


def test_two_pictures_of_a_page_have_no_name_in_common_and_find_all_of_their_own(picture):
    both = page(opened(picture, "", "p-0-"), opened(picture, "", "p-1-"))
    names = [part["id"] for part in both.find_all(id=True)]
    assert len(names) == len(set(names)) > 10
    for number, one in enumerate(both.find_all("svg")):
        used = [part["xlink:href"] for part in one.find_all(attrs={"xlink:href": True})]
        clips = [part["clip-path"] for part in one.find_all(attrs={"clip-path": True})]
        used += [clip.removeprefix("url(").removesuffix(")") for clip in clips]
        assert clips and len(used) > 10
        for name in used:
            assert name.startswith(f"#p-{number}-")
            assert one.find(id=unquote(name[1:])) is not None


def test_a_picture_says_its_words_and_has_the_color_of_the_text(picture):
    assert INK in picture
    words = 'Is "a" < b & c?'
    shown = opened(picture, words, "p-")
    assert page(shown).svg["aria-label"] == words and page(shown).svg["role"] == "group"
    assert INK not in shown and "currentColor" in shown
    assert shown.startswith("<svg ") and "<?xml" not in shown and "<!DOCTYPE" not in shown


def test_the_drawing_is_the_same(picture):
    before, after = (
        [path["d"] for path in page(text).find_all("path")]
        for text in (picture, opened(picture, "", "p-"))
    )
    assert before == after


def test_links_stay_in_the_window_of_the_page(picture):
    """Matplotlib asks for a new window, which a statement of the same page does not need."""
    assert {link.get("target") for link in page(opened(picture, "", "p-")).find_all("a")} == {None}


def test_a_picture_brings_no_rules_for_the_rest_of_the_page(picture):
    """A style sheet within an SVG that stands in a page is one of the whole page."""
    assert page(opened(picture, "", "p-")).find("style") is None


def test_any_artist_can_lead_somewhere():
    figure = Figure()
    figure.subplots().text(0.5, 0.5, "here").set_url("#there")
    assert [a["href"] for a in page(opened(svg(figure), "", "p-")).find_all("a")] == ["#there"]


def test_a_built_page_has_the_picture_with_links_in_itself_and_others_beside_it(
    small_book, picture
):
    plain = svg(lu.figures.implications(PLACES, [("Polyak", "growth")], {}))
    pages = "# Pictures\n\n![first words](a.svg)\n\n![plain words](b.svg)\n\n![last words](a.svg)\n"
    built = small_book.build({"index.md": pages, "a.svg": picture, "b.svg": plain})
    assert built.returncode == 0, built.stderr
    shown = page(small_book.read("index.html"))
    assert [one["aria-label"] for one in shown.select("svg.linked")] == [
        "first words",
        "last words",
    ]
    assert [image["alt"] for image in shown.select("img[alt$=words]")] == ["plain words"]
    names = [part["id"] for part in shown.select("svg.linked [id]")]
    assert len(names) == len(set(names)) > 10
