"""Homework has no solutions, the key has all of them, each proof a rubric."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from test_statements import every_spelling, notebook, spell

from living_book import statements
from living_book.homework import homework as without_solutions
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
    return without_solutions(notebook(*sources), PATH)


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


CHECKED = ">>> area = ...\nprint(lu.check_answer(area, 4, lambda a: 'Square 2.', tolerance=0.5))"
ASKED = "```{exercise}\n:label: ex-area\n\n(Easy.) Which area?\n```"
SOLVED = "```{solution} ex-area\nFour.\n\n~~~python\narea = 4\n~~~\n```"
RUBRIC = "{ref}`ex-area`\n\n- 1 point: the area.\n- Wrong turns: the perimeter.\n"


def keyed(folder, *sources, rubric=""):
    (folder / "rubrics.md").write_text(rubric, encoding="utf-8")
    return handout.exercises(notebook(*sources), folder / "one.ipynb")


@pytest.mark.parametrize(
    "said, sources",
    [
        (
            "one block of python in it must answer",
            (ASKED, CHECKED, SOLVED.replace("~~~python", "~~~")),
        ),
        ("a key needs a solution", (ASKED, CHECKED)),
        ("it can have one", (ASKED, CHECKED, CHECKED.replace("area", "other"), SOLVED)),
        ("begin with one of Easy", (ASKED.replace("(Easy.)", ""), CHECKED, SOLVED)),
    ],
)
def test_a_key_refuses_an_exercise_that_lacks_what_it_needs(tmp_path, said, sources):
    with pytest.raises(statements.NotUnderstood, match=said):
        keyed(tmp_path, *sources)


@pytest.mark.parametrize(
    "rubric, cell, machine, person",
    [("", True, 2, 0), (RUBRIC, True, 1, 1), (RUBRIC, False, 0, 2), ("", False, 0, 2)],
)
def test_points_are_split_where_a_cell_and_a_person_read(tmp_path, rubric, cell, machine, person):
    sources = (ASKED, *[CHECKED] * cell, SOLVED)
    (exercise,) = keyed(tmp_path, *sources, rubric=rubric)
    assert (exercise.points - exercise.by_hand, exercise.by_hand) == (machine, person)
    assert ("the area" in exercise.rubric) == bool(rubric)


def test_a_cell_brings_what_it_needs_and_nothing_else(tmp_path):
    before = (">>> side = 2", ">>> other = 3", ">>> def square(x):\n    return x * x")
    check = ">>> twice = 2 * side\narea = ...\nprint(lu.check_answer(area, square(side), str))"
    (exercise,) = keyed(tmp_path, *before, ASKED, check, SOLVED)
    assert exercise.needs == ("side = 2", "def square(x):\n    return x * x")
    place, last = "area = ...", "print(lu.check_answer(area, square(side), str))"
    assert exercise.code == ("twice = 2 * side", place, last)


@pytest.mark.parametrize(
    "area, accepted", [("4", True), ("4.0004", True), ("4.3", True), ("9", False), ("...", False)]
)
def test_a_hidden_check_compares_within_the_tolerance_of_the_open_one(tmp_path, area, accepted):
    (exercise,) = keyed(tmp_path, ASKED, CHECKED, SOLVED)
    names = {}
    exec(f"area = {area}", names)
    try:
        exec(handout.hidden(*exercise.code[1:], exercise.answer), names)
    except (AssertionError, TypeError):
        assert not accepted
    else:
        assert accepted


@pytest.fixture(scope="module")
def names():
    return book_of(BOOK)[0]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_homework_has_every_exercise_and_no_solution(self, path, names):
        made = without_solutions(nbformat.read(path, as_version=4), path, names)
        before = statements.statements(path)
        asked = [names[block.label] for block in before if block.kind == "exercise"]
        assert re.findall(r"^\*\*(Exercise [\d.]+\d)\b", text(made), re.M) == asked != []
        solved = [block for block in before if block.kind == "solution"]
        lines = [line for block in solved for line in block.body.splitlines() if len(line) > 20]
        assert solved and not [line for line in lines if line in text(made)]

    def test_the_key_has_every_solution_every_rubric_and_no_dots(self, path, names):
        made = handout.key(nbformat.read(path, as_version=4), path, names)
        before = statements.statements(path)
        asked = [names[block.label] for block in before if block.kind == "exercise"]
        assert re.findall(r"^\*\*(Exercise [\d.]+\d)\b", text(made), re.M) == asked
        assert text(made).count("**Solution.**") == len(asked)
        plain = [exercise for exercise in made.cells if exercise.id.endswith("-rubric")]
        assert len(plain) == len(asked) - sum(not e.rubric for e in keys(path))
        assert not [cell for cell in made.cells if "\n```{" in cell.source]
        assert "= ...\n" not in "\n".join(code(made))

    def test_every_proof_has_a_rubric_whose_points_add_up(self, path):
        for exercise in keys(path):
            proof = not exercise.code or re.search(r"\b(Show|Prove)\b", exercise.text)
            assert bool(exercise.rubric) >= bool(proof), exercise.label
            given = re.findall(r"^- (\d+) points?: ", exercise.rubric, re.M)
            assert not exercise.rubric or sum(map(int, given)) == exercise.by_hand, exercise.label
            assert not exercise.rubric or "- Wrong turns: " in exercise.rubric, exercise.label

    def test_an_assignment_has_names_that_stay_and_points_that_add_up(self, path):
        made = handout.assignment(nbformat.read(path, as_version=4), path)
        roles = [cell.metadata.nbgrader for cell in made.cells if "nbgrader" in cell.metadata]
        names = [role.grade_id for role in roles]
        assert len(names) == len(set(names))
        for exercise in keys(path):
            graded = {role.grade_id: role.points for role in roles if role.grade}
            of_it = [graded.get(exercise.label, 0), graded.get(f"{exercise.label}-test", 0)]
            assert of_it == [exercise.by_hand, exercise.points - exercise.by_hand]
        assert all(role.locked != role.solution for role in roles)
        assert all(role.locked == cell_is_code for role, cell_is_code in graded_kinds(made))


def keys(path):
    return handout.exercises(nbformat.read(path, as_version=4), path)


def graded_kinds(made):
    """Return the role of each graded cell and whether it is code."""
    cells = [cell for cell in made.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return [(cell.metadata.nbgrader, cell.cell_type == "code") for cell in cells]


def test_every_rubric_is_one_of_an_exercise():
    known = [exercise.label for path in CHAPTERS for exercise in keys(path) if exercise.rubric]
    assert sorted(known) == sorted(handout.rubrics(CHAPTERS[0]))


def command(*words):
    run = [sys.executable, str(BOOK / "tools" / "handout.py"), *map(str, words)]
    return subprocess.run(run, capture_output=True, text=True)


class TestCommand:
    def test_refuses_with_the_place_and_writes_nothing(self, tmp_path):
        nbformat.write(notebook(f"**Solution.** {SECRET}"), tmp_path / "one.ipynb")
        ran = command("homework", tmp_path / "one.ipynb", tmp_path / "made.ipynb")
        assert ran.returncode == 1 and "one.ipynb, cell 1, line 1: " in ran.stderr
        assert not (tmp_path / "made.ipynb").exists()

    def test_writes_a_chapter_that_belongs_to_no_book(self, tmp_path):
        nbformat.write(notebook("# T", "```{prf:lemma}\nIt holds.\n```"), tmp_path / "one.ipynb")
        assert command("homework", tmp_path / "one.ipynb", tmp_path / "made.ipynb").returncode == 0
        assert "**Lemma.** It" in text(nbformat.read(tmp_path / "made.ipynb", as_version=4))

    @pytest.mark.parametrize("kind", ["homework", "key"])
    def test_begins_with_a_cell_that_finds_what_the_chapter_imports(self, kind, tmp_path):
        assert command(kind, CHAPTERS[0], tmp_path / "made.ipynb").returncode == 0
        first, *rest = code(nbformat.read(tmp_path / "made.ipynb", as_version=4))
        assert 'find_spec("lin_utils")' in first.replace("'", '"')
        assert not [source for source in rest if "find_spec" in source]

    def test_names_the_chapters_where_one_is_unknown(self):
        ran = command("homework", BOOK / "chapters" / "none.ipynb", "made.ipynb")
        assert ran.returncode and "none.ipynb'; found: " in ran.stderr
        assert str(CHAPTERS[0]) in ran.stderr and "Traceback" not in ran.stderr
