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


def handed_in(name):
    return [student for student in STUDENTS if student != "cheat" or name == CHEATED]


class Course:
    """The folder of a course with one chapter as its assignment, handed in and graded."""

    def __init__(self, path, folder):
        self.name, self.folder = path.stem, folder
        handout.main(["assignment", str(path), str(folder)])
        run_nbgrader(folder, "generate_assignment", self.name)
        self.hand_in()
        run_nbgrader(folder, "autograde", self.name)
        run_nbgrader(folder, "export")

    def paper(self, *kind):
        return self.folder.joinpath(*kind, self.name, f"{self.name}.ipynb")

    def read(self, *kind):
        return nbformat.read(self.paper(*kind), as_version=4)

    def hand_in(self):
        parts = {}
        for cell in self.read("source").cells:
            if BEGIN in cell.source:
                place, _, answer = cell.source.removesuffix(END).partition(BEGIN)
                parts[cell.id] = place, answer, re.search(r"^(?:def )?(\w+)", place)[1]
        assert parts
        for student in handed_in(self.name):
            made = self.read("release")
            for cell in made.cells:
                if cell.id in parts:
                    cell.source = STUDENTS[student](*parts[cell.id])
            target = self.paper("submitted", student)
            target.parent.mkdir(parents=True)
            nbformat.write(made, target)

    def said_by_checks(self, student):
        """Return whether each check of the chapter says that a student's answer is right."""
        cells = self.read("autograded", student).cells
        tests = [cell for cell in cells if cell.id.endswith("-test")]
        said = ["".join(output.get("text", "") for output in cell.outputs) for cell in tests]
        return {"Right." in words for words in said}


@pytest.fixture(scope="module", params=CHAPTERS, ids=lambda path: path.stem)
def course(request, tmp_path_factory):
    return Course(request.param, tmp_path_factory.mktemp("course"))


def run(program, *words, **options):
    ran = subprocess.run([program, *words], capture_output=True, text=True, **options)
    assert ran.returncode == 0, ran.stderr


def run_nbgrader(folder, *words):
    scripts = Path(sys.executable).parent
    path = os.pathsep.join([str(scripts), os.environ["PATH"]])
    places = {"PATH": path, "PYTHONPATH": str(BOOK)}
    run(scripts / "nbgrader", *words, cwd=folder, env=os.environ | places)


def test_what_students_get_has_no_solution_and_no_hidden_check(course):
    source, released = course.read("source"), course.read("release")
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


def test_right_answers_get_all_points_and_others_none(course):
    with open(course.folder / "grades.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    cells = course.read("source").cells
    graded = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    points = {"code": 0, "markdown": 0}
    for cell in graded:
        points[cell.cell_type] += cell.metadata.nbgrader.points
    scores = {row["student_id"]: float(row["raw_score"]) for row in rows}
    assert {*scores} == {*handed_in(course.name)}
    assert {name: score for name, score in scores.items() if score} == {"right": points["code"]}
    assert {float(row["max_score"]) for row in rows} == {sum(points.values())}


def test_the_check_of_the_chapter_says_the_same(course):
    """The solution's answer is right by the chapter's own check, which computes it."""
    assert course.said_by_checks("right") == {True}
    assert course.said_by_checks("wrong") == {False}
    if course.name == CHEATED:  # told that it is right, and no points all the same
        assert True in course.said_by_checks("cheat")
