"""A chapter printed from the browser, the first time, in the dark: whole, in the ink of paper."""

import pytest

pytest.importorskip("pypdfium2")
import pypdfium2


@pytest.fixture(scope="module")
def printed(site, browser, tmp_path_factory):
    """Return a function that prints a page which has just been opened."""
    folder = tmp_path_factory.mktemp("paper")

    def print_page(name):
        """Return the PDF, its text, the code of the page, and how the page is afterwards."""
        path = folder / "page.pdf"
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
        page.goto((site / f"chapters/{name}.html").as_uri(), wait_until="networkidle")
        code = page.locator(".cell_input pre").all_text_contents()
        page.pdf(path=path, format="A4")
        theme = page.evaluate("document.documentElement.dataset.theme")
        after = (theme, page.locator("details:is(.hide, .solution)[open]").count())
        page.close()
        with pypdfium2.PdfDocument(path) as pdf:
            text = "\n".join(sheet.get_textpage().get_text_bounded() for sheet in pdf)
        return path.read_bytes(), text, code, after

    return print_page


@pytest.fixture(scope="module")
def chapter(printed):
    return printed("optimality-conditions")


def squeezed(text):
    return "".join(text.replace("\x02", "-").split())  # so pdfium spells a hyphen at a line's end


def test_all_code_is_there_folded_or_not(chapter):
    _, text, code, _ = chapter
    whole = squeezed(text)
    lines = [squeezed(line) for cell in code for line in cell.splitlines() if line.strip()]
    assert len(lines) > 300

    def found(line):  # a page may end where a long line is folded
        parts = ((line[:k], line[k:]) for k in range(len(line), len(line) // 2, -1))
        return any(start in whole and end in whole for start, end in parts)

    assert [line for line in lines if not found(line)] == []


@pytest.mark.parametrize("font", ["Main", "Math", "AMS", "Size1", "Size2"])
def test_formulas_have_their_fonts_the_first_time(chapter, font):
    assert f"KaTeX_{font}-".encode() in chapter[0]


def test_solutions_are_open_on_paper_and_folded_again_in_the_dark(chapter):
    _, text, _, after = chapter
    assert text.count("Solution to") >= 5
    assert after == ("dark", 0)


def test_links_say_where_they_lead(printed):
    assert "https://arxiv.org/abs/1608.04636" in squeezed(printed("bibliography")[1])
