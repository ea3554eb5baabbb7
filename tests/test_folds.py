"""Code that certifies or draws is folded, behind words; proofs fold, and end with a mark."""

import pathlib
import re

import pytest

pytest.importorskip("selectolax")
from nbformat import NO_CONVERT, read
from selectolax.lexbor import LexborHTMLParser

from living_book.claims import certified
from living_book.folds import LONGEST
from living_book.statements import numbers

BOOK = pathlib.Path(__file__).parents[1]
CHAPTERS = sorted((BOOK / "chapters").glob("*.ipynb"))
PAGE = "chapters/optimality-conditions.html"
KEY = "living-book:all-code"


@pytest.fixture(scope="module")
def pages(site):
    """Return the chapters as trees, by name."""
    return {
        path.stem: LexborHTMLParser((site / f"chapters/{path.stem}.html").read_text("utf-8"))
        for path in CHAPTERS
    }


@pytest.fixture
def page(address, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(address + PAGE)
    yield page
    context.close()


def test_no_open_cell_is_long(pages):
    blocks = [
        block.text().rstrip("\n")
        for tree in pages.values()
        for block in tree.css(".cell_input pre")
        if not any(parent.tag == "details" for parent in above(block))
    ]
    assert len(blocks) > 20
    assert max(text.count("\n") + 1 for text in blocks) <= LONGEST


def above(node):
    while node.parent is not None:
        node = node.parent
        yield node


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_badge_says_what_the_cell_printed(pages, path):
    names = numbers(BOOK)
    cells = [c for c in read(path, NO_CONVERT).cells if c.cell_type == "code"]
    badges = pages[path.stem].css("details.certificate .collapsed")
    cells = [cell for cell in cells if certified(cell.source)]
    assert len(badges) == len(cells) > 5
    for badge, cell in zip(badges, cells, strict=True):
        said, printed = badge.text(), "".join(output.get("text", "") for output in cell.outputs)
        for label in certified(cell.source):
            assert names[label] in said
            assert f"{label}: " in printed and f"{label}: " not in said
        counts = re.findall(r"(?:held|equal) in .*?([\d,]+|one) case", printed)
        total = sum(int(count.replace(",", "").replace("one", "1")) for count in counts)
        seen = re.findall(r"([\d,]+|one) cases?\b", said)
        assert total == sum(int(n.replace(",", "").replace("one", "1")) for n in seen) > 0
        if "below 0.001" in printed:
            assert "below 0.001" in said


def test_what_a_certificate_prints_besides_stays_in_sight(pages):
    outputs = [block.text() for block in pages["deep-linear-networks"].css(".cell_output pre")]
    assert any(text.startswith("2-2-2-2: 4 of 4 values\n3-2-3: ") for text in outputs)
    assert not any("thm-critical-values: " in text for text in outputs)


def test_the_code_of_a_figure_stands_below_it(pages):
    for tree in pages.values():
        for fold in tree.css("details.drawing"):
            cell = next(parent for parent in above(fold) if "cell" in parent.attrs["class"].split())
            pictures = cell.css("figure, .explorer")
            assert pictures and cell.html.index("cell_output") < cell.html.index("<details")


def test_every_proof_folds_and_ends_with_a_mark(pages):
    for tree in pages.values():
        proofs = tree.css('div[class="proof admonition"]')
        assert len(proofs) > 5
        for proof in proofs:
            assert proof.css_first("details[open] > summary").text() == "Proof"
            assert proof.css_first("details > :last-child .qed") is not None
            assert not proof.text(strip=True).startswith("ProofProof")


def test_show_all_code_is_remembered_on_all_pages(page, address):
    folded = page.locator("details.hide:not([open])")
    assert folded.count() > 10
    page.get_by_role("button", name="Show all code").click()
    assert folded.count() == 0
    page.goto(address + "chapters/residual-networks.html")
    assert folded.count() == 0
    page.get_by_role("button", name="Show all code").click()
    assert folded.count() > 10 and page.evaluate(f"localStorage['{KEY}']") == "false"


def test_a_link_into_a_folded_proof_opens_it(page):
    proof = page.locator("#proof-of-thm-polyak-rate details")
    proof.locator("summary").click()
    assert not proof.evaluate("fold => fold.open")
    page.evaluate("location.hash = '#equation-eq-descent'")
    page.wait_for_function("document.querySelector('#proof-of-thm-polyak-rate details').open")
