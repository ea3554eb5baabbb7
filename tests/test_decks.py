"""A deck shows what its chapter shows, once and in order, on slides that fit and act."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from selectolax.lexbor import LexborHTMLParser

from living_book import decks

BOOK = Path(__file__).parents[1]
SITE = BOOK / "_build" / "html"
CHAPTERS = sorted(path.stem for path in (BOOK / "chapters").glob("*.ipynb"))
AXE = BOOK / "tools" / "rehearse" / "node_modules" / "axe-core" / "axe.min.js"
every_chapter = pytest.mark.parametrize("name", CHAPTERS)
SHOWN = "div.proof, div.exercise, .solution, figure, .explorer, [data-instead], table, .math[id]"


def read(name):
    if not (SITE / "index.html").exists():
        pytest.skip("the book is not built: jupyter-book build .")
    return LexborHTMLParser((SITE / "chapters" / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pages():
    """Return each chapter's page and deck."""
    return {n: (read(f"{n}.html"), read(f"{n}{decks.ENDING}")) for n in CHAPTERS}


def slides(*parts):
    """Return the slides of a section with these parts: heading, what is shown, notes, below."""
    tree = LexborHTMLParser(f'<section id="s"><h1>Title</h1>{"".join(parts)}</section>')
    return [(s.parts, s.notes, [b.parts for b in s.below]) for s in decks.slides_of(tree.body)]


OPENING, LONG = "<p>Why.</p>", f"<p>{'Why. ' * 1000}</p>"
THEOREM = '<div class="proof theorem admonition" id="thm-a">T</div>'
FOLD = "<details><summary>Proof</summary>P</details>"
PROOF = f'<div class="proof admonition" id="proof-of-thm-a">{FOLD}</div>'
KNOCK_OUT = "<p>Knock-out: <em>smoothness.</em> K</p>"
CERTIFICATE = (
    '<div class="cell" id="certificate-thm-a"><details class="certificate">C</details></div>'
)
CELL = '<div class="cell"><div class="cell_input"><pre>f(1)</pre></div></div>'
IMPORTS = '<div class="cell"><div class="cell_input"><pre>import numpy</pre></div></div>'
FOLDED = '<div class="cell"><details class="long"><div class="cell_input"></div></details></div>'
FIGURE = '<div class="cell"><figure id="fig-a">F</figure></div>'
PLACE = '<div class="hero" data-instead="fig-a"></div>'
EXERCISE = '<div class="exercise admonition" id="ex-a">E</div>'
SOLUTION = '<details class="solution">S</details>'
OPEN = '<details class="solution" open="">S</details>'
FORMULA = '<div class="math" id="equation-a">M</div>'


@pytest.mark.parametrize(
    ("parts", "made"),
    [
        ([OPENING, THEOREM], [([OPENING, THEOREM], [], [])]),
        ([LONG, THEOREM], [([LONG], [], []), ([THEOREM], [], [])]),
        ([THEOREM, PROOF, OPENING], [([THEOREM], [], [[PROOF]])]),
        ([THEOREM, PROOF, KNOCK_OUT, KNOCK_OUT], [([THEOREM], [], [[PROOF], [KNOCK_OUT] * 2])]),
        ([THEOREM, PROOF, CERTIFICATE], [([THEOREM, CERTIFICATE], [], [[PROOF]])]),
        ([THEOREM, CELL, CERTIFICATE], [([THEOREM, CERTIFICATE], [], []), ([CELL], [], [])]),
        ([THEOREM, OPENING, CELL], [([THEOREM], [], []), ([OPENING, CELL], [], [])]),
        ([THEOREM, OPENING, FIGURE], [([THEOREM], [OPENING], []), ([FIGURE], [], [])]),
        ([LONG, FORMULA], [([LONG, FORMULA], [], [])]),
        ([IMPORTS, THEOREM, FOLDED], [([THEOREM], [], [])]),
        ([THEOREM, PLACE, FIGURE], [([THEOREM], [], []), ([PLACE, FIGURE], [], [])]),
        ([THEOREM, FIGURE, PLACE], [([THEOREM], [], []), ([FIGURE, PLACE], [], [])]),
        (
            [EXERCISE, CELL, SOLUTION, EXERCISE],
            [([EXERCISE, CELL], [], [[OPEN]]), ([EXERCISE], [], [])],
        ),
    ],
)
def test_parts_of_a_section_come_on_slides(parts, made):
    assert slides(*parts) == made


@every_chapter
def test_deck_shows_once_and_in_order_what_its_chapter_shows(name, pages):
    page, deck = pages[name]
    for selector in SHOWN.split(", "):
        chapter = [n.id for n in page.css(f"article {selector}") if not n.css_first(".cell .cell")]
        assert [n.id for n in deck.css(f".slide-body {selector}")] == chapter, selector


@every_chapter
def test_no_slide_is_a_bare_heading(name, pages):
    for slide in pages[name][1].css("section:has(> .slide-body)"):
        assert slide.css_first("h2").text(strip=True)
        assert slide.css_first(".slide-body").text(strip=True) or slide.css_first("[data-instead]")


@every_chapter
def test_deck_names_nothing_twice(name, pages):
    once = [node.id for node in pages[name][0].css("[id]")]
    names = [node.id for node in pages[name][1].css("[id]") if once.count(node.id) < 2]
    assert len(names) == len(set(names))


@every_chapter
def test_deck_has_all_code_of_its_chapter(name, pages):
    deck = pages[name][1]
    cells = nbformat.read(BOOK / "chapters" / f"{name}.ipynb", 4).cells
    codes = {n: c.source for n, c in enumerate((c for c in cells if c.cell_type == "code"), 1)}
    shown = {int(node.attrs["data-cell"]) for node in deck.css(".live-bar")}
    hidden = json.loads(deck.css_first("#live-page").text())["hidden"]
    assert shown and {int(n): code for n, code in hidden.items()} == {
        n: code for n, code in codes.items() if n not in shown
    }


def test_chapter_and_teaching_page_lead_to_the_decks(pages):
    for name, (page, _) in pages.items():
        assert page.css_first(".deck-link a").attrs["href"] == f"{name}{decks.ENDING}"
    listed = {node.attrs["href"] for node in read("teaching.html").css("article li a")}
    assert {f"{name}{decks.ENDING}" for name in CHAPTERS} <= listed


def test_links_to_some_slides_name_what_is_there(pages):
    links = [n.attrs["href"] for n in read("teaching.html").css('article a[href*="?only="]')]
    assert links
    for link in links:
        name, _, asked = link.partition(f"{decks.ENDING}?only=")
        deck = pages[name][1]
        there = {n.attrs.get("id") for n in deck.css("[id]")}
        there |= {n.attrs["data-place"] for n in deck.css("[data-place]")}
        assert set(asked.split(",")) <= there


# Every slide in its turn: which are cut off, and which have text that is too small to read.
LOOK = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  const cut = [];
  for (const slide of Reveal.getSlides()) {
    const { h, v } = Reveal.getIndices(slide);
    Reveal.slide(h, v);
    const body = slide.querySelector(".slide-body");
    for (let i = 0; i < 20 && body && !body.style.zoom; i++) await frame();
    const wide = slide.scrollWidth > slide.clientWidth;
    const high = slide.scrollHeight > slide.clientHeight;
    const shrinks = body?.querySelector("figure, .explorer, .computed") || body?.style.zoom > 1;
    if (wide || high && shrinks) cut.push(slide.id || slide.textContent.slice(0, 80));
  }
  return cut;
}"""


@every_chapter
def test_slides_fit_or_are_text_that_scrolls(name, address, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    troubles = []
    page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    ours = (address, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(ours) else troubles.append(r.url))
    page.goto(f"{address}chapters/{name}{decks.ENDING}")
    page.locator(".reveal.ready").wait_for()
    assert page.evaluate(LOOK) == []
    assert troubles == []
    page.close()


def test_axe_finds_nothing_on_a_deck(address, browser):
    # One deck tells for the frame of all; what is on the slides is tested on the pages.
    if not AXE.exists():
        pytest.skip("needs npm ci --prefix tools/rehearse")
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(f"{address}chapters/one-mechanism{decks.ENDING}")
    page.locator(".reveal.ready").wait_for()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations.map((v) => [v.id, v.nodes])")
    assert found == []
    page.close()


def current(page, selector):
    return page.locator(f"section.present:not(.stack) {selector}")


def test_deck_shows_only_what_a_link_asks_for(address, browser):
    page = browser.new_page()
    page.goto(
        f"{address}chapters/optimality-conditions{decks.ENDING}?only=thm-polyak-rate,fig-star"
    )
    page.locator(".reveal.ready").wait_for()
    names = page.evaluate("Reveal.getSlides().map((slide) => slide.id)")
    assert names == ["on-title", "on-thm-polyak-rate", "on-proof-of-thm-polyak-rate", "on-fig-star"]
    page.close()


def test_explorer_moves_on_a_slide_and_keys_are_its_own(address, browser):
    page = browser.new_page()
    page.goto(f"{address}chapters/one-mechanism{decks.ENDING}")
    page.locator(".reveal.ready").wait_for()
    page.evaluate("""() => {
      const { h, v } = Reveal.getIndices(document.querySelector(".explorer").closest("section"));
      Reveal.slide(h, v);
    }""")
    slider, picture = current(page, ".explorer input").first, current(page, ".explorer svg").first
    slider.focus()
    before, place = picture.inner_html(), page.evaluate("Reveal.getIndices()")
    slider.press("End")
    assert picture.inner_html() != before
    slider.press("ArrowLeft")
    assert page.evaluate("Reveal.getIndices()") == place
    page.close()


def test_cell_runs_on_a_slide_after_those_that_are_on_none(address, browser):
    page = browser.new_page()
    page.goto(
        f"{address}chapters/optimality-conditions{decks.ENDING}?only=thm-polyak-rate#on-thm-polyak-rate"
    )
    page.locator(".reveal.ready").wait_for()
    current(page, "details.certificate summary").click()
    current(page, ".live-run").click()
    current(page, ".live-status").filter(has_text="Done").wait_for(timeout=120_000)
    said = current(page, ".live-output").inner_text()
    assert re.search(r"thm-polyak-rate: held in all [\d,]+ cases", said)
    page.close()


def test_deck_opens_from_a_disk(site, browser):
    page = browser.new_page()
    page.goto((site / "chapters" / f"one-mechanism{decks.ENDING}").as_uri())
    page.locator(".reveal.ready").wait_for()
    page.keyboard.press("ArrowRight")
    assert current(page, ".slide-body").inner_text().strip()
    page.close()
