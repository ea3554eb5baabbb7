"""What instructors hand out has no solutions; what they show has every statement and no markup."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from test_statements import every_spelling, notebook, spell

from living_book import statements
from living_book.plain import book_of
from tools import handout

BOOK = Path(__file__).parents[1]
CHAPTERS = sorted((BOOK / "chapters").glob("*.ipynb"))
SECRET = "The secret answer."
PATH = Path("one.ipynb")


def text(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def homework(*sources):
    return handout.homework(notebook(*sources), PATH)


@every_spelling
def test_homework_leaves_out_a_solution_in_every_spelling(spelling):
    solution = spell(spelling, "solution", "an-exercise", "a-solution", SECRET)
    exercise = spell(spelling, "exercise", "Title", "an-exercise", "The question?")
    made = text(homework("Before.", f"{exercise}\n\n{solution}\n\nAfter.", "The end."))
    assert SECRET not in made and "solution" not in made.lower()
    for kept in ("Before.", "The question?", "After.", "The end."):
        assert kept in made
    for around in ("Last.", "More text.", "First."):
        assert made.count(around) == (exercise + solution).count(around)
    assert "**Exercise (Title).**" in made and "an-exercise" not in made


@pytest.mark.parametrize("fence", ["```", ":::", "~~~~"])
def test_homework_leaves_out_gated_solutions_with_their_cells(fence):
    start = f"Before.\n\n{fence}{{solution-start}} a\n:label: s\n{fence}\n{SECRET}"
    end = f"{SECRET}\n\n{fence}{{solution-end}}\n{fence}\nAfter."
    made = homework(
        ">>> x = 1", start, ">>> secret = 2", SECRET, ">>> secret = 3", end, ">>> y = 4"
    )
    assert code(made) == ["x = 1", "y = 4"]
    assert [cell.source for cell in made.cells[1:3]] == ["Before.", "After."]


def test_homework_leaves_out_what_is_nested_and_keeps_what_is_shown():
    shown = "````md\n```{solution} a\nS\n```\n````"
    exercise = (
        f"````{{exercise}} E\nAsk.\n\n- one\n- ```{{solution}} a\n  {SECRET}\n  ```\n\nMore.\n````"
    )
    made = text(homework(shown, exercise))
    assert shown in made and SECRET not in made
    assert "Ask." in made and "- one" in made and "More." in made


def test_what_follows_in_the_same_item_keeps_its_bullet():
    made = homework(f"1. ```{{solution}} a\n   {SECRET}\n   ```\n\n   Kept.\n2. Last.")
    assert text(made) == "1. Kept.\n\n2. Last."


@pytest.mark.parametrize("title", ["## Solutions", "**Solution.**", "Solution:"])
def test_a_title_with_nothing_left_under_it_may_stay(title):
    made = homework(f"{title}\n\n```{{solution}} a\n{SECRET}\n```", "## Notes")
    assert title in text(made) and SECRET not in text(made)


@pytest.mark.parametrize(
    "place, source",
    [
        ("cell 2, line 1", f"```{{solution}} a\n{SECRET}"),
        ("cell 2, line 1", f"```{{solutions}} a\n{SECRET}\n```"),
        ("cell 2, line 3", f"Text\n\n    ```{{solution}} a\n    {SECRET}\n    ```"),
        ("cell 2, line 1", f"<!-- ```{{solution}} a\n{SECRET}\n``` -->"),
        ("cell 2, line 2", f"Text\n% {{solution}} {SECRET}"),
        ("cell 2, line 1", f"**Solution.** {SECRET}"),
        ("cell 2, line 1", f"## Solution\n\n{SECRET}"),
        ("cell 2, line 1", f"*Solution to exercise 2*\n\n{SECRET}"),
        ("cell 2, line 1", f"Solution: {SECRET}"),
        ("cell 2, line 1", f"<details><summary>Solution</summary>\n\n{SECRET}\n</details>"),
        ("cell 2, line 1", f":::{{dropdown}} Solution\n{SECRET}\n:::"),
        ("cell 2, line 1", f"::: solution\n{SECRET}\n:::"),
        ("cell 2, line 1", f"\\begin{{solution}}{SECRET}\\end{{solution}}"),
        ("cell 2, line 2", f"```{{eval-rst}}\n.. solution:: a\n\n   {SECRET}\n```"),
        ("cell 2, line 2", f">>> x = 1\n# Solution\n'{SECRET}'"),
        ("cell 2, line 1", f'>>> Markdown("```{{solution}} a\\n{SECRET}\\n```")'),
    ],
)
def test_homework_refuses_what_still_looks_like_a_solution(place, source):
    with pytest.raises(statements.NotUnderstood, match=f"one.ipynb, {place}: "):
        homework("Before.", source, "After.")


@pytest.mark.parametrize(
    "source",
    [
        "## Solutions near the identity\n\nText.",
        "The bound is attained by the\nsolution. It is unique.",
        "Solutions of this equation exist.",
        ">>> solution = 1\nprint(f'{solution}')",
        "$\\text{solution}$ and `{solution}`",
        "![A solution.](https://a.b/solution.png)",
    ],
)
def test_homework_keeps_other_uses_of_the_word(source):
    made = homework(source)
    assert [cell.source for cell in made.cells] == [source.removeprefix(">>>").strip()]


@every_spelling
@pytest.mark.parametrize("kind", ["theorem", "conjecture", "definition"])
def test_slides_show_a_statement_in_every_spelling_with_its_name(spelling, kind):
    statement = spell(spelling, f"prf:{kind}", "A title", "a-label", "It holds.")
    made = text(handout.slides(notebook(statement), PATH, {"a-label": f"{kind.title()} 2.1"}))
    assert made.strip() == f"**{kind.title()} 2.1 (A title).** It holds."


def test_slides_keep_no_proof_exercise_or_solution_and_what_is_in_them():
    inner = "```{prf:lemma}\nHidden.\n```\n"
    outer = "".join(f"````{{{n}}} a\n{inner}````\n\n" for n in ("exercise", "solution"))
    gated = f"```{{solution-start}} a\n```\n{inner}\n```{{solution-end}}\n```\n"
    made = text(
        handout.slides(notebook("# T\n\nProse.\n\n```\n# code\n```", outer, gated), PATH, {})
    )
    assert made == "# T"


@pytest.fixture(scope="module")
def names():
    return book_of(BOOK)[0]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_homework_has_every_exercise_and_no_solution(self, path, names):
        made = handout.homework(nbformat.read(path, as_version=4), path, names)
        before = statements.statements(path)
        asked = [names[block.label] for block in before if block.kind == "exercise"]
        assert re.findall(r"^\*\*(Exercise [\d.]+\d)\b", text(made), re.M) == asked != []
        solved = [block for block in before if block.kind == "solution"]
        lines = [line for block in solved for line in block.body.splitlines() if len(line) > 20]
        assert solved and not [line for line in lines if line in text(made)]

    def test_slides_have_every_statement_by_its_number_and_run_every_cell(self, path, names):
        chapter = nbformat.read(path, as_version=4)
        cells = code(chapter)
        made = handout.slides(chapter, path, names)
        stated = [b for b in statements.statements(path) if b.kind in statements.PROOF_TYPES]
        numbered = re.findall(r"^\*\*(\w+ [\d.]+\d) \(", text(made), re.M)
        assert numbered == [names[block.label] for block in stated] != []
        assert code(made) == cells

    def test_slides_show_every_figure_and_explorer_with_its_caption_and_no_other_code(
        self, path, names
    ):
        cells = handout.slides(nbformat.read(path, as_version=4), path, names).cells
        for cell, after in pairwise(cells):
            shown = cell.metadata["slideshow"]["slide_type"] != "skip"
            pictured = "figure" in cell.metadata.get("mystnb", {}) or "lu.explore(" in cell.source
            assert shown == (cell.cell_type == "markdown" or pictured)
            caption = after.metadata["slideshow"]["slide_type"] == "-"
            assert caption == (cell.cell_type == "code" and pictured)


class TestCommand:
    def run(self, *words):
        command = [sys.executable, str(BOOK / "tools" / "handout.py"), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True)

    def test_refuses_with_the_place_and_writes_nothing(self, tmp_path):
        nbformat.write(notebook(f"**Solution.** {SECRET}"), tmp_path / "one.ipynb")
        ran = self.run("homework", tmp_path / "one.ipynb", tmp_path / "made.ipynb")
        assert ran.returncode == 1 and "one.ipynb, cell 1, line 1: " in ran.stderr
        assert not (tmp_path / "made.ipynb").exists()

    def test_writes_a_chapter_that_belongs_to_no_book(self, tmp_path):
        nbformat.write(notebook("# T", "```{prf:lemma}\nIt holds.\n```"), tmp_path / "one.ipynb")
        assert self.run("slides", tmp_path / "one.ipynb", tmp_path / "made.ipynb").returncode == 0
        assert "**Lemma.** It" in text(nbformat.read(tmp_path / "made.ipynb", as_version=4))

    @pytest.mark.parametrize("kind", ["homework", "slides"])
    def test_begins_with_a_cell_that_finds_what_the_chapter_imports(self, kind, tmp_path):
        assert self.run(kind, CHAPTERS[0], tmp_path / "made.ipynb").returncode == 0
        first, *rest = code(nbformat.read(tmp_path / "made.ipynb", as_version=4))
        assert 'find_spec("lin_utils")' in first.replace("'", '"')
        assert not [source for source in rest if "find_spec" in source]

    def test_names_the_chapters_where_one_is_unknown(self):
        ran = self.run("homework", BOOK / "chapters" / "none.ipynb", "made.ipynb")
        assert ran.returncode and "none.ipynb'; found: " in ran.stderr
        assert str(CHAPTERS[0]) in ran.stderr and "Traceback" not in ran.stderr
