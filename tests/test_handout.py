"""What instructors hand out has no solutions; what they show has every statement and no markup."""

import pathlib
import re

import nbformat
import pytest

import handout

CHAPTERS = sorted((pathlib.Path(__file__).parents[1] / "chapters").glob("*.ipynb"))


def read(path):
    return nbformat.read(path, as_version=4)


def text(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_homework_has_every_exercise_and_no_solution(self, path):
        chapter, made = read(path), handout.homework(read(path))
        solutions = text(chapter).count("{solution}")
        assert text(made).count("{exercise}") == text(chapter).count("{exercise}") == solutions > 0
        assert "{solution}" not in text(made)
        left_out = set(text(chapter).splitlines()) - set(text(made).splitlines())
        kept = re.sub(r"^(`{3,})\{solution\}.*?^\1$", "", text(chapter), flags=re.M | re.S)
        assert left_out and not left_out & set(kept.splitlines())

    def test_slides_have_every_statement_and_run_every_cell(self, path):
        chapter, made = read(path), handout.slides(read(path))
        kinds = "definition|theorem|proposition|corollary|lemma"
        stated = len(re.findall(rf"\{{prf:(?:{kinds})\}}", text(chapter)))
        assert len(re.findall(rf"^\*\*(?:{kinds})\*\*", text(made), re.M | re.I)) == stated > 0
        assert code(made) == code(chapter)
        assert not re.search(r"\{\w+(:\w+)?\}`|^:label:|^```|\$\$ \(eq-", text(made), re.M)

    def test_slides_show_every_figure_and_explorer_and_no_other_code(self, path):
        for cell in handout.slides(read(path)).cells:
            shown = cell.metadata["slideshow"]["slide_type"] == "slide"
            pictured = "figure" in cell.metadata.get("mystnb", {}) or "lu.explore(" in cell.source
            assert shown == (cell.cell_type == "markdown" or pictured)
