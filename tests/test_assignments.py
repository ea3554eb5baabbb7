"""nbgrader itself makes the students' versions, and grades what three students hand in."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools import handout

pytest.importorskip("nbgrader")

BOOK = Path(__file__).parents[1]
CHAPTERS = sorted((BOOK / "chapters").glob("*.ipynb"))
every_chapter = pytest.mark.parametrize("name", [path.stem for path in CHAPTERS])
BEGIN, END = "### BEGIN SOLUTION\n", "\n### END SOLUTION"
CHEAT = """
print("Right.")
import lin_utils
import lin_utils.exercises as theirs
for name in ("check_answer", "check_gradient_answer"):
    for module in (lin_utils, theirs, lu):
        setattr(module, name, lambda *given, **more: "Right.")
"""
# What the students make of the chapter's place of an answer and of the right one.
STUDENTS = {
    "right": lambda place, answer, name: answer,
    "wrong": lambda place, answer, name: (
        f"{answer}\nright = {name}\n"
        f"{name} = (lambda *z: 2 * right(*z)) if callable(right) else 2 * np.array(right) + 1"
    ),
    "cheat": lambda place, answer, name: place + CHEAT,
}
CHEATED = "recurrent-networks"  # it has numbers, gradients and other functions; one will do


def read(course, kind, name):
    return nbformat.read(course / kind / name / f"{name}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    for path in CHAPTERS:
        handout.main(["assignment", str(path), str(folder)])
        run_nbgrader(folder, "generate_assignment", path.stem)
        hand_in(folder, path.stem)
        run_nbgrader(folder, "autograde", path.stem)
    run_nbgrader(folder, "export")
    return folder


def run(program, *words, **options):
    ran = subprocess.run([program, *words], capture_output=True, text=True, **options)
    assert ran.returncode == 0, ran.stderr


def run_nbgrader(folder, *words):
    scripts = Path(sys.executable).parent
    path = os.pathsep.join([str(scripts), os.environ["PATH"]])
    places = {"PATH": path, "PYTHONPATH": str(BOOK)}
    run(scripts / "nbgrader", *words, cwd=folder, env=os.environ | places)


def hand_in(folder, chapter):
    parts = {}
    for cell in read(folder, "source", chapter).cells:
        if BEGIN in cell.source:
            place, _, answer = cell.source.removesuffix(END).partition(BEGIN)
            parts[cell.id] = place, answer, re.search(r"^(?:def )?(\w+)", place)[1]
    assert parts
    for student in [name for name in STUDENTS if name != "cheat" or chapter == CHEATED]:
        paper = read(folder, "release", chapter)
        for cell in paper.cells:
            if cell.id in parts:
                cell.source = STUDENTS[student](*parts[cell.id])
        target = folder / "submitted" / student / chapter / f"{chapter}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(paper, target)


@every_chapter
def test_what_students_get_has_no_solution_and_no_hidden_check(course, name):
    source, released = read(course, "source", name), read(course, "release", name)
    said = "\n".join(cell.source for cell in released.cells)
    assert "SOLUTION" not in said and "HIDDEN" not in said and "**Solution" not in said
    roles = {cell.id: cell.metadata.get("nbgrader", {}) for cell in source.cells}
    assert [cell.id for cell in released.cells] == list(roles)
    for cell in source.cells:
        if roles[cell.id].get("solution"):
            secret = cell.source.partition(BEGIN)[2].removesuffix(END) or cell.source
            assert secret not in said
    assert said.count("YOUR ANSWER HERE") == sum(
        bool(role.get("solution") and role["grade"]) for role in roles.values()
    )


@every_chapter
def test_right_answers_get_all_points_and_others_none(course, name):
    with open(course / "grades.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["assignment"] == name]
    cells = read(course, "source", name).cells
    graded = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    points = {"code": 0, "markdown": 0}
    for cell in graded:
        points[cell.cell_type] += cell.metadata.nbgrader.points
    scores = {row["student_id"]: float(row["raw_score"]) for row in rows}
    assert {*scores} == {*STUDENTS}
    assert {name: score for name, score in scores.items() if score} == {"right": points["code"]}
    assert {float(row["max_score"]) for row in rows} == {sum(points.values())}


def said_by_checks(course, student, name):
    cells = read(course, f"autograded/{student}", name).cells
    tests = [cell for cell in cells if cell.id.endswith("-test")]
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in tests]
    return {"Right." in words for words in said}


@every_chapter
def test_the_check_of_the_chapter_says_the_same(course, name):
    """The solution's answer is right by the chapter's own check, which computes it."""
    assert said_by_checks(course, "right", name) == {True}
    assert said_by_checks(course, "wrong", name) == {False}


def test_who_overwrites_the_checks_is_told_that_it_is_right(course):
    """And has no points all the same, as the test above says."""
    assert True in said_by_checks(course, "cheat", CHEATED)
