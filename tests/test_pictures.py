"""The pictures of the built site: what a reader of a phone, in both themes, sees of each."""

import json
import re
from xml.etree import ElementTree

import pytest
from selectolax.lexbor import LexborHTMLParser

COLUMN = 342  # the width in pixels of a figure on a phone that is 390 wide
WHITE = "#ffffff"
INK = re.compile(r"<g style=\"fill: (#\w{6})[^>]*scale\(([\d.]+) -\2\)")  # text drawn as outlines
STROKE = re.compile(r"stroke: (#\w{6})")


def luminance(color, brightness=1.0):
    """Return WCAG's relative luminance of a color, as a filter of CSS brightens it."""
    parts = (min(1, int(color[i : i + 2], 16) / 255 * brightness) for i in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    low, high = sorted([first, second])
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard():
    assert contrast(luminance("#000000"), luminance("#ffffff")) == pytest.approx(21)
    assert contrast(luminance("#777777"), luminance("#ffffff")) == pytest.approx(4.478, abs=1e-3)


@pytest.fixture(scope="module")
def pictures(site):
    """Return the SVG files that the book's own pages show, by their names."""
    pages = [site / "index.html", *(site / "chapters").glob("*.html")]
    shown = "div.cell_output img, .sd-card img"
    sources = {
        (page.parent / image.attributes["src"]).resolve()
        for page in pages
        for image in LexborHTMLParser(page.read_text("utf-8")).css(shown)
    }
    return {source.name: source.read_text("utf-8") for source in sources if source.suffix == ".svg"}


@pytest.fixture(scope="module")
def explorers(site):
    """Return the data of all explorers."""
    files = sorted((site / "_static" / "explorers").rglob("*.js"))
    scripts = (file.read_text("utf-8") for file in files)
    return [json.loads(script.partition(" = ")[2].rstrip("; \n")) for script in scripts]


@pytest.fixture(scope="module")
def dark(site):
    """Return the theme's dark backgrounds, and how much brighter its pages show a figure."""
    css = (site / "_static" / "site.css").read_text("utf-8")
    backgrounds = set(re.findall(r"--pst-color-background:(#\w{6})", css))
    brightness = re.search(r"\.card-of-link\) img[^{]*\{\s*filter:\s*brightness\(([\d.]+)\)", css)
    assert backgrounds
    return backgrounds, float(brightness[1])


def test_text_and_lines_of_a_figure_are_seen_in_both_themes(pictures, dark):
    backgrounds, brightness = dark
    assert len(pictures) > 20
    for name, svg in pictures.items():
        inks = {color for color, _ in INK.findall(svg)}
        needed = dict.fromkeys(STROKE.findall(svg), 3) | dict.fromkeys(inks, 4.5)
        assert needed
        for color, least in needed.items():
            assert contrast(luminance(color), luminance(WHITE)) >= least, (name, color)
            for background in map(luminance, backgrounds):
                assert contrast(luminance(color, brightness), background) >= least, (name, color)


def test_lines_of_an_explorer_are_seen_in_both_themes(explorers, dark):
    backgrounds, _ = dark
    for explorer in explorers:
        for color in set(STROKE.findall("".join(explorer["frames"]))):
            for background in map(luminance, {WHITE, *backgrounds}):
                assert contrast(luminance(color), background) >= 3, (explorer["description"], color)


def test_text_can_be_read_on_a_phone(pictures, explorers):
    sizes = {}
    for name, svg in pictures.items():
        sizes[name] = [100 * float(scale) for _, scale in INK.findall(svg)], svg
    for explorer in explorers:
        for i, svg in enumerate(explorer["frames"]):
            fonts = re.findall(r"font(?:-size)?: (?:[a-z]+ )*([\d.]+)px", svg)
            sizes[explorer["description"], i] = list(map(float, fonts)), svg
    assert sum(not points for points, _ in sizes.values()) <= 4  # cards of the front page
    for name, (points, svg) in sizes.items():
        width = float(re.search(r'<svg[^>]* width="([\d.]+)pt"', svg)[1])
        if points:
            assert min(points) * min(1, COLUMN / (width * 4 / 3)) * 4 / 3 >= 10, (name, min(points))


def test_no_figure_is_heavy(pictures):
    assert {name: len(svg) for name, svg in pictures.items() if len(svg) > 150_000} == {}


def tenth(number):
    return f"{float(number[0]):.1f}"


def test_axes_stay_while_a_slider_moves(explorers):
    """Each frame has the same size, and its axes the same places, ends, ticks and names."""
    assert explorers
    moved = [e for e in explorers if not any(slider["list"] for slider in e["sliders"])]
    assert len(moved) < len(explorers)  # a name chosen from a list is another picture
    for explorer in moved:
        frames = map(ElementTree.fromstring, explorer["frames"])
        fixed = {
            (
                frame.get("viewBox"),
                *(
                    re.sub(r"\d+\.\d+", tenth, ElementTree.tostring(group, encoding="unicode"))
                    for group in frame.iter()
                    if group.get("id", "").startswith("matplotlib.axis")
                ),
            )
            for frame in frames
        }
        assert len(fixed) == 1, explorer["description"]


def test_a_page_stays_while_a_slider_moves(browser, address):
    """The values of a slider have names of different lengths, and none breaks a line."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{address}chapters/optimality-conditions.html")
    page.add_style_tag(content="section { content-visibility: visible !important }")
    found = page.locator(".explorer").all()
    assert found
    for explorer in found:
        explorer.scroll_into_view_if_needed()
        explorer.locator("input, select").first.wait_for()
        heights = explorer.evaluate(
            """explorer => [...explorer.querySelectorAll("input, select")].flatMap((input) =>
                 Array.from({ length: input.length ?? Number(input.max) + 1 }, (_, value) => {
                   input.value = value;
                   input.dispatchEvent(new Event(input.matches("select") ? "change" : "input"));
                   return explorer.offsetHeight;
                 }))"""
        )
        assert len(heights) > 1 and len(set(heights)) == 1
    page.close()
