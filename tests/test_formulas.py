"""Formulas are set at build time, stay with their punctuation, and stop a build by their place."""

import json
import re
from html import unescape

import pytest

from living_book import formulas, node

TEXT = "# A\n\nInline ($a_1$), and\n\n$$ \\E = 2 $$ (eq-b)\n\nso {eq}`eq-b`.\n"
MATH = {
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "living_book_macros": {r"\E": r"\mathbb{E}"},
}


@pytest.fixture(scope="module")
def page(shared_book):
    answer = shared_book.build({"index.md": TEXT}, **MATH)
    assert answer.returncode == 0, answer.stderr
    return shared_book.read("index.html")


def test_formulas_come_set_with_words_and_numbers(page):
    words = re.findall(r'<annotation encoding="application/x-tex">(.*?)</annotation>', page)
    assert words == ["a_1", r"\E = 2"]
    assert "<mi>E</mi>" in page.replace(' mathvariant="double-struck"', "") or "𝔼" in page
    assert "(1)<a" in page and 'href="#equation-eq-b"' in page


def test_the_styles_of_formulas_have_their_fonts(page, shared_book):
    fonts = re.findall(r"url\((katex/fonts/[^)]+\.woff2)\)", shared_book.read("_static/site.css"))
    assert fonts and all((shared_book.site / "_static" / font).exists() for font in fonts)


def test_every_letter_is_drawn_in_a_font_of_formulas(page, shared_book, browser):
    shown = browser.new_page()
    shown.goto((shared_book.site / "index.html").as_uri())
    loaded = shown.evaluate(
        "document.fonts.ready.then(fonts => [...fonts].filter(f => f.status === 'loaded')"
        ".map(f => f.family))"
    )
    shown.close()
    assert {"KaTeX_Main", "KaTeX_Math", "KaTeX_AMS"} <= set(loaded)


COPY = """() => {
  const copied = new Promise(done => addEventListener("copy",
    event => done(event.clipboardData.getData("text/plain")), { once: true }));
  getSelection().selectAllChildren(document.querySelector("p"));
  document.execCommand("copy");
  return copied;
}"""


def test_a_copied_formula_is_its_tex_once(page, shared_book, browser):
    shown = browser.new_page()
    shown.goto((shared_book.site / "index.html").as_uri())
    copied = shown.evaluate(COPY)
    shown.close()
    assert copied == "Inline ($a_1$), and"


def test_punctuation_stays_with_its_formula(page):
    assert re.search(r'<span class="unbroken">\(<span class="math">.*?</span>\),</span>', page)


def parts(tex, displayed, typesetter):
    """Return the parts of a set formula between which a line may end, as text."""
    given = json.dumps({"macros": {}, "formulas": [[tex, displayed]]})
    (answer,) = json.loads(node.run(formulas.SCRIPT, cwd=typesetter, given=given))
    drawn = answer["html"].partition("katex-html")[2].partition(">")[2].replace("\u200b", "")
    return [unescape(re.sub("<[^>]*>", "", part)) for part in drawn.split("<wbr>")]


@pytest.mark.parametrize(
    "tex, displayed, expected",
    [
        ("f(x + y) + c = b", True, ["f(x+y)+c", "=b"]),
        (r"g((x)) \le 1 \implies a := 2", True, ["g((x))", "≤1", "⟹a", ":=2"]),
        (r"\{x : x > 0\}, \qquad y \to 0", True, ["{x:x>0},", "y", "→0"]),
        ("a + b = c, d", False, ["a+", "b=", "c,", "d"]),
        (r"\{x : \text{of two}\}", False, ["{x:", "of\xa0", "two}"]),
    ],
)
def test_a_formula_parts_at_relations(tex, displayed, expected, page, shared_book):
    modules = next(shared_book.folder.rglob("formulas.json")).parent
    assert parts(tex, displayed, modules) == expected


@pytest.mark.parametrize("bad", [r"\unknown x", r"\frac{1", "x_1_2"])
def test_a_formula_that_cannot_be_set_stops_the_build_and_says_where(bad, small_book):
    for files in ({"index.md": f"# A\n\nFine $x$.\n\nThen ${bad}$.\n"}, {}):
        answer = small_book.build(files, **MATH)
        assert answer.returncode != 0, "a second build must not pass either"
        assert f"index.md, line 5: KaTeX cannot set {bad!r}" in answer.stderr
        assert not small_book.site.exists(), "a site without its formulas must not look whole"
