"""What instructors hand out: a chapter as homework, the key to it, and an assignment for nbgrader.

homework    the chapter without its solutions
key         its exercises with solutions, the right answers in the code, and the rubrics
assignment  the exercises for nbgrader, with points and hidden checks, in the course folder TARGET

All are in plain Markdown, install what they import, and run.
"""

import argparse
import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat

from living_book.buttons import ask_git, read_remote
from living_book.cells import CHECKS, answer_lines
from living_book.dependencies import ancestors
from living_book.homework import homework
from living_book.plain import Plain, book_of, fitted, new_cell, packages_of, with_installs
from living_book.statements import NotUnderstood, blocks

# What an exercise is worth, by the word that begins it. Where a cell checks a part and a person
# reads another, each has half of it.
POINTS = {"Easy": 2, "Medium": 4, "Hard": 6, "Research-like": 8}
MARKED = re.compile(rf"\(({'|'.join(POINTS)})[,.]")
RUBRIC = re.compile(r"^\{ref\}`(ex-[\w-]+)`:?\n(.*?)(?=^\{ref\}`ex-|^#|\Z)", re.M | re.S)
COURSE = """\
# The folder of a course: run `nbgrader generate_assignment NAME` here.
c = get_config()  # noqa: F821
c.ClearSolutions.code_stub = {"python": "# Your answer takes the place of the dots."}
c.Execute.timeout = 120  # seconds for a cell, as in the book
"""
HIDDEN = """\
### BEGIN HIDDEN TESTS
# Compared with the solution's, whatever the cells above have made of the functions that check.
import numpy as np

{points}given_answer = np.asarray({given}, dtype=float)
{answer}
right_answer = np.asarray({given}, dtype=float)
assert given_answer.shape == right_answer.shape
assert np.allclose(given_answer, right_answer, rtol={tolerance}, atol=1e-9)
### END HIDDEN TESTS"""
AT_RANDOM = "random_points = np.random.default_rng().uniform(-2, 2, size=(20, {}))\n"


@dataclass(frozen=True)
class Exercise:
    """An exercise in plain Markdown; where a cell checks it, ``code`` has this cell's parts.

    The parts are what comes before the place of the answer, this place, and what checks.
    ``needs`` has the cells that must run before and that no earlier exercise has.
    """

    label: str
    points: int
    text: str
    solution: str
    rubric: str = ""
    code: tuple[str, str, str] = ()
    answer: str = ""
    needs: tuple[str, ...] = ()

    @property
    def by_hand(self) -> int:
        """How many points a person gives."""
        return (self.points // 2 if self.rubric else 0) if self.code else self.points

    @property
    def worth(self) -> str:
        """What a student reads of the points."""
        parts = {"for the cell": self.points - self.by_hand, "for the proof": self.by_hand}
        said = [f"{n} point{'s' * (n > 1)} {what}" for what, n in parts.items() if n]
        return f"*{', '.join(said)}.*" if self.code else f"*{self.points} points.*"


def parted(code):
    """Return the parts of a cell that checks: before the place of the answer, this, and after.

    >>> parted("side = 2\\narea = ...\\nprint(lu.check_answer(area, side**2))")
    ('side = 2', 'area = ...', 'print(lu.check_answer(area, side**2))')
    """
    lines, last = code.split("\n"), answer_lines(code)
    first = next(s.lineno for s in ast.parse(code).body if s.end_lineno >= last) - 1
    parts = lines[:first], lines[first:last], lines[last:]
    return tuple("\n".join(part).strip("\n") for part in parts)


def hidden(place, check, answer):
    """Return the code that compares what a student wrote with the solution's answer.

    Gradients are compared at random points, numbers as far as the check's tolerance.
    """
    nodes = list(ast.walk(ast.parse(check)))
    call = next(n for n in nodes if isinstance(n, ast.Call) and name_of(n.func) in CHECKS)
    options = {word.arg: ast.unparse(word.value) for word in call.keywords}
    points, tolerance = "", options.get("tolerance", "1e-3")
    if name_of(call.func) == "check_gradient_answer":
        given = f"{ast.unparse(call.args[1])}(random_points)"
        points = AT_RANDOM.format(options.get("dim") or ast.unparse(call.args[2]))
        tolerance = "1e-6"
    else:
        bound = ast.parse(place).body[0]
        name = bound.name if isinstance(bound, ast.FunctionDef) else bound.targets[0].id
        names = {n.id for n in ast.walk(call.args[0]) if isinstance(n, ast.Name)}
        given = ast.unparse(call.args[0]) if name in names else name
    return HIDDEN.format(points=points, given=given, answer=answer, tolerance=tolerance)


def name_of(function):
    return getattr(function, "attr", getattr(function, "id", ""))


def rubrics(path):
    """Return the rubric of each exercise that the page of rubrics beside a chapter has."""
    page = Path(path).parent / "rubrics.md"
    return dict(RUBRIC.findall(page.read_text(encoding="utf-8"))) if page.is_file() else {}


def checks_of(asked, notebook):
    """Return the code of the cell that checks each exercise, and the cells that it needs.

    A cell checks the exercise before it. What an earlier one has needed is not named again.
    """
    numbered = [(n, c) for n, c in enumerate(notebook.cells, 1) if c.cell_type == "code"]
    sources, found = [cell.source for _, cell in numbered], {}
    needed, shown = ancestors(sources), set()
    for index, (number, cell) in enumerate(numbered):
        before = [block for block in asked if block.cell < number]
        if not before or not answer_lines(cell.source):
            continue
        if before[-1].label in found:
            raise NotUnderstood(f"{before[-1].place}: two cells check it; it can have one")
        shown.add(index)
        needs = [need for need in needed[index] if need not in shown]
        shown.update(needs)
        found[before[-1].label] = cell.source, tuple(sources[need] for need in needs)
    return found


def answer_in(solution, found):
    """Return the code in a solution that answers a cell."""
    within = ("solution", solution.cell, solution.line)
    answers = [block.body for block in found if block.title == "python" and within in block.within]
    if len(answers) != 1:
        words = f"one block of python in it must answer the cell of {solution.title}"
        raise NotUnderstood(f"{solution.place}: {words}, found {len(answers)}")
    return answers[0]


def exercises(notebook, path, names=None, links=None):
    """Return the exercises of a chapter; raise NotUnderstood where one lacks what a key needs."""
    found, points = blocks(path, notebook), rubrics(path)
    writer = Plain(path, found, names, links)
    asked = [block for block in found if block.kind == "exercise"]
    solved = {block.title: block for block in found if block.kind == "solution"}
    checks, made = checks_of(asked, notebook), []
    for block in asked:
        mark, solution = MARKED.match(block.body.strip()), solved.get(block.label)
        if not mark:
            raise NotUnderstood(f"{block.place}: begin with one of {', '.join(POINTS)}: (Easy.)")
        if not solution or solution.cell != solution.last_cell:
            raise NotUnderstood(f"{block.place}: a key needs a solution of it, in one cell")
        writer.cell, line = solution.cell, solution.last_line - solution.body.count("\n") - 1
        parts = {
            "solution": writer.text(solution.body, line),
            "rubric": Plain(path, (), names, links).text(points.get(block.label, "")),
        }
        if block.label in checks:
            source, needs = checks[block.label]
            parts |= {"code": parted(source), "answer": answer_in(solution, found), "needs": needs}
        made.append(Exercise(block.label, POINTS[mark[1]], writer.block(block), **parts))
    return made


def sheet(notebook, path, title, cells):
    """Return a notebook with the chapter's metadata, a title and cells, each (kind, id, source)."""
    first = next(block.title for block in blocks(path, notebook) if block.kind == "heading")
    cells = [("markdown", "title", f"# {title}: {first}"), *cells]
    made = [new_cell(kind, source, name) for kind, name, source in cells if source]
    return nbformat.from_dict({**notebook, "cells": made})


def key(notebook, path, names=None, links=None):
    """Return the exercises with solutions, rubrics, and the right answers where cells check."""
    cells = []
    for exercise in exercises(notebook, path, names, links):
        label, (before, _, check) = exercise.label, exercise.code or ("", "", "")
        cells.append(("markdown", label, f"{exercise.text}\n\n{exercise.worth}"))
        cells += [("code", f"{label}-{n}", need) for n, need in enumerate(exercise.needs, 1)]
        code = "\n\n".join(part for part in (before, exercise.answer, check) if part)
        cells.append(("code", f"{label}-check", code))
        cells.append(("markdown", f"{label}-solution", f"**Solution.** {exercise.solution}"))
        rubric = exercise.rubric and f"**What the points are for.**\n\n{exercise.rubric}"
        cells.append(("markdown", f"{label}-rubric", rubric))
    return fitted(sheet(notebook, path, "Key", cells))


def assignment(notebook, path, names=None, links=None):
    """Return the exercises as nbgrader wants the source of an assignment.

    Only the exercises and the cells that they need: what is graded runs once for each student.
    """
    cells, roles = [], {}

    def add(kind, name, source, points=None, solution=False):
        cells.append((kind, name, source))
        roles[name] = {"grade": points is not None, "solution": solution, "task": False}
        roles[name] |= {"locked": not solution, "grade_id": name, "schema_version": 3}
        roles[name] |= {"points": points} if points is not None else {}

    for exercise in exercises(notebook, path, names, links):
        label = exercise.label
        add("markdown", f"{label}-text", f"{exercise.text}\n\n{exercise.worth}")
        if exercise.code:
            before, place, check = exercise.code
            for number, need in enumerate((*exercise.needs, *filter(None, [before])), 1):
                add("code", f"{label}-needs-{number}", need)
            answer = f"{place}\n### BEGIN SOLUTION\n{exercise.answer}\n### END SOLUTION"
            add("code", f"{label}-answer", answer, solution=True)
            tests = f"{check}\n{hidden(place, check, exercise.answer)}"
            add("code", f"{label}-test", tests, exercise.points - exercise.by_hand)
        if exercise.by_hand:
            words = [f"**Solution.** {exercise.solution}", exercise.rubric]
            add("markdown", label, "\n\n".join(filter(None, words)), exercise.by_hand, True)
    made = sheet(notebook, path, "Exercises", cells)
    for cell in made.cells:
        cell.metadata.update({"nbgrader": roles[cell.id]} if cell.id in roles else {})
    return fitted(made)


def repository_of(book):
    """Return the address, the branch or commit and the folder of a book in git, else nothing."""
    known = ask_git(book)
    _, address, _ = read_remote(known["remote"], {})
    return (address, known["branch"] or known["commit"], known["folder"]) if address else ()


def main(words=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    kinds = {"homework": homework, "key": key, "assignment": assignment}
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("chapter", type=Path, help="the chapter's notebook, chapters/NAME.ipynb")
    parser.add_argument("target", type=Path, help="the notebook, or the course folder, to write")
    asked = parser.parse_args(words)
    if not asked.chapter.is_file() or asked.chapter.suffix != ".ipynb":
        near = sorted(str(path) for path in asked.chapter.parent.glob("*.ipynb"))
        parser.error(f"there is no notebook '{asked.chapter}'; found: {', '.join(near) or 'none'}")
    notebook, folders = nbformat.read(asked.chapter, as_version=4), asked.chapter.resolve().parents
    book = next((folder for folder in folders if (folder / "_toc.yml").exists()), None)
    try:
        made = kinds[asked.kind](notebook, asked.chapter, *(book_of(book) if book else ()))
    except NotUnderstood as error:
        sys.exit(f"{error}\n{asked.target} is not written.")
    if book:
        made = with_installs(made, packages_of(book), *repository_of(book))
    target = asked.target
    if asked.kind == "assignment":
        settings, name = target / "nbgrader_config.py", asked.chapter.stem
        target = target / "source" / name / f"{name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        if not settings.exists():
            settings.write_text(COURSE, encoding="utf-8")
    nbformat.write(made, target)


if __name__ == "__main__":
    main()
