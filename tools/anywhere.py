"""The chapters on other machines: ``python -m tools.anywhere [--list] [--only ROW]``.

A row of the matrix is a machine: another processor's BLAS kernels, no vector instructions, the
oldest and the newest packages, another Python, WebAssembly. On each, nbval runs every chapter and
compares all that it prints with what is recorded; ``make test`` does so on this one as it is.
Environments are kept below ``_build/anywhere/``; the rows that differ in variables only use the
environment that runs this.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import functools
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from packaging.requirements import Requirement

BOOK = pathlib.Path(__file__).parents[1]
HOME = BOOK / "_build" / "anywhere"
CHAPTERS = sorted((BOOK / "chapters").glob("*.ipynb"), key=lambda p: -p.stat().st_size)
CORES = ("Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
TOOLS = ("ipykernel", "nbval", "pytest")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
LONGEST = 1200  # seconds; what takes longer hangs


def this_python() -> str:
    """Return the Python of the pinned environment, which runs this."""
    return sys.executable


@dataclasses.dataclass
class Row:
    """A machine: its name, what it sets, the way to its Python, or why it is not to be had."""

    name: str
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    python: Callable[[], str] = this_python
    words: tuple[str, ...] = ()
    missing: str = ""


def requirements() -> list[Requirement]:
    """Return what the notebooks need, as pyproject.toml says."""
    project = tomllib.loads((BOOK / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(text) for text in project["dependencies"]]


def lowest(requirement: Requirement) -> str:
    """Pin a requirement to its lower bound."""
    bounds = [part.version for part in requirement.specifier if part.operator == ">="]
    if len(bounds) != 1:
        raise ValueError(f"pyproject.toml: {requirement} needs one lower bound, '>=…'")
    return f"{requirement.name}=={bounds[0]}"


def find_python(version: str) -> str | None:
    """Return a Python of this version that starts: one on the PATH, or one of pyenv's."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    found = [shutil.which(f"python{version}"), *root.glob(f"versions/{version}.*/bin/python3")]
    for python in filter(None, found):
        if subprocess.run([python, "-c", ""], capture_output=True).returncode == 0:
            return str(python)
    return None


def environment(name: str, python: str, wanted: list[str], stamp: str = "") -> str:
    """Make an environment, unless one with the same stamp is there; return its Python.

    The lists are installed, not the book: its folder is on the path of every run.
    """
    home, stamp = HOME / name, f"{python} {' '.join(wanted)} {stamp}"
    own, note = str(home / "bin" / "python"), home / "stamp"
    if not note.exists() or note.read_text() != stamp:
        subprocess.run([python, "-m", "venv", "--clear", "--without-pip", home], check=True)
        pip = [sys.executable, "-m", "pip", "--python", own, "install", "--quiet", "--no-compile"]
        subprocess.run([*pip, "--disable-pip-version-check", *wanted, *TOOLS], check=True)
        note.write_text(stamp)
    return own


def webassembly() -> str:
    """Bring Pyodide; nbval runs here and speaks to it."""
    from tools.rehearse.pyodide import kernel

    kernel.install()
    return sys.executable


def rows() -> list[Row]:
    """Return all rows of the matrix for this machine."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    other = "" if x86 else f"a core of x86, and this is {platform.machine()}"
    vectors = " ".join(np.show_config("dicts")["SIMD Extensions"].get("found", []))
    none = "" if vectors else "NumPy found no vector instructions to turn off"
    pythons = {version: find_python(version) for version in PYTHONS}
    oldest = next(filter(None, pythons.values()))
    newest, today = [r.name for r in requirements()], str(datetime.date.today())

    def latest(version: str, python: str | None) -> Callable[[], str]:
        return lambda: environment(f"python{version}", str(python), newest, today)

    return [
        Row(
            "webassembly",
            python=webassembly,
            words=("-p", "tools.rehearse.pyodide.kernel"),
        ),
        *(Row(core, {"OPENBLAS_CORETYPE": core}, missing=other) for core in CORES),
        Row("no-vectors", {"NPY_DISABLE_CPU_FEATURES": vectors}, missing=none),
        Row(
            "oldest",
            python=lambda: environment("oldest", oldest, [lowest(r) for r in requirements()]),
        ),
        *(
            Row(
                f"newest-{version}",
                python=latest(version, python),
                missing="" if python else f"no python{version} on this machine",
            )
            for version, python in pythons.items()
        ),
    ]


def settings(row: Row) -> dict[str, str]:
    """Return the variables of a run: this machine's, with one thread, and the row's."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | ONE_THREAD | {"PYTHONPATH": str(BOOK)} | row.variables


@functools.cache
def find_fonts(python: str) -> None:
    """Let Matplotlib look for fonts once: it says so, and in a cell that is an output."""
    words = [python, "-c", "import lin_utils, matplotlib.font_manager"]
    subprocess.run(words, cwd=BOOK, env=settings(Row("")), check=True)


def prepare(row: Row) -> str:
    """Return a row's Python when it is ready."""
    python = row.python()
    find_fonts(python)
    return python


def shorten(said: str) -> str:
    """Return what nbval says of each cell that failed: its name, and what differs or went wrong."""
    sections = said.partition("= FAILURES =")[2].partition("= short test summary")[0]
    short = []
    for section in sections.split("\n____")[1:]:
        lines = [line for line in section.splitlines() if line.strip()]
        differ = [line for line in lines if line.startswith(("  - ", "  + "))]
        short += [lines[0].strip("_ "), *(differ or lines[-6:])]
    return "\n".join(short or said.splitlines()[-20:])


def run(row: Row, python: Callable[[], str], chapter: pathlib.Path) -> tuple[float, str]:
    """Run one chapter on one machine when it is ready; return the seconds and what failed."""
    # Differences in full; what old packages say of new ones is not the book's matter.
    words = ["-m", "pytest", "-vv", "-p", "no:cacheprovider", "--color=no", "--nbval", *row.words]
    words += ["-o", "filterwarnings=ignore"]
    started = time.monotonic()
    try:
        command, started = [python(), *words, str(chapter.relative_to(BOOK))], time.monotonic()
        answer = subprocess.run(
            command, cwd=BOOK, env=settings(row), capture_output=True, text=True, timeout=LONGEST
        )
        failure = shorten(answer.stdout + answer.stderr) if answer.returncode else ""
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        failure = str(error)
    return time.monotonic() - started, failure


def table(results: dict[tuple[str, str], tuple[float, str]]) -> str:
    """Return the seconds of each row and chapter, and whether all was as recorded."""
    chapters = [chapter.stem for chapter in CHAPTERS]
    lines = [" " * 14 + "".join(f"{chapter:>24}" for chapter in chapters)]
    for name in dict.fromkeys(row for row, _ in results):
        found = [results[name, chapter] for chapter in chapters]
        cells = [f"{seconds:.0f} s {'FAILED' if bad else 'ok'}" for seconds, bad in found]
        lines.append(f"{name:<14}" + "".join(f"{cell:>24}" for cell in cells))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="name the rows, and run nothing")
    parser.add_argument("--only", action="append", metavar="ROW", help="run this row; repeatable")
    asked, matrix = parser.parse_args(), rows()
    if unknown := set(asked.only or ()) - {row.name for row in matrix}:
        parser.error(f"no row {', '.join(unknown)}; --list names them")
    chosen = [row for row in matrix if not asked.only or row.name in asked.only]
    for row in chosen:
        if asked.list or row.missing:
            print(f"{row.name:<14}{row.missing and 'left out: ' + row.missing}", flush=True)
    if asked.list:
        return 0
    chosen = [row for row in chosen if not row.missing]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pythons = {row.name: pool.submit(prepare, row).result for row in chosen}
        # Longest first: WebAssembly is the first row, and the chapters are in order of size.
        jobs = {
            (row.name, chapter.stem): pool.submit(run, row, pythons[row.name], chapter)
            for row in chosen
            for chapter in CHAPTERS
        }
        results = {job: future.result() for job, future in jobs.items()}
    failed = {job: failure for job, (_, failure) in results.items() if failure}
    for (row, chapter), failure in failed.items():
        print(f"\n{row}, {chapter} (+ as recorded, - as printed here):\n{failure}")
    print(f"\n{table(results)}\n\n{len(results) - len(failed)} passed, {len(failed)} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
