"""The matrix of machines: what it installs, and what it lets pass."""

import subprocess
import sys

import nbformat
import pytest
from packaging.requirements import Requirement

from tools import anywhere


def test_the_lowest_release_is_pinned_and_a_missing_bound_is_refused():
    assert anywhere.lowest(Requirement("numpy>=2.0,<3")) == "numpy==2.0"
    with pytest.raises(ValueError, match="numpy needs one lower bound"):
        anywhere.lowest(Requirement("numpy"))


def test_an_environment_is_made_again_when_its_requirements_change(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(anywhere, "HOME", tmp_path)
    monkeypatch.setattr(anywhere.subprocess, "run", lambda words, **_: calls.append(words))
    (tmp_path / "old").mkdir()
    for wanted, expected in [(["numpy==1"], 2), (["numpy==1"], 2), (["numpy==2"], 4)]:
        anywhere.environment("old", sys.executable, wanted)
        assert len(calls) == expected


def notebook_of(source, printed):
    """Return a recorded notebook of one cell."""
    output = nbformat.v4.new_output("stream", name="stdout", text=printed)
    cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output])
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})


@pytest.mark.parametrize("printed", ["0.25\n", "0.75\n"])
def test_a_line_that_differs_is_a_failure_that_names_cell_and_line(tmp_path, monkeypatch, printed):
    (tmp_path / "chapters").mkdir()
    chapter = tmp_path / "chapters" / "small.ipynb"
    nbformat.write(notebook_of("print(1 / 4)", printed), chapter)
    monkeypatch.setattr(anywhere, "BOOK", tmp_path)
    _, failure = anywhere.run(anywhere.Row("here"), anywhere.this_python, chapter)
    assert bool(failure) == (printed != "0.25\n")
    assert not failure or ("small.ipynb::Cell 0" in failure and "0.75" in failure)


def test_rows_and_their_reasons_are_listed_without_running_them():
    words = [sys.executable, "-m", "tools.anywhere", "--list"]
    said = subprocess.run(words, cwd=anywhere.BOOK, capture_output=True, text=True, check=True)
    names = [line.split()[0] for line in said.stdout.splitlines()]
    assert {"webassembly", "oldest", *anywhere.CORES} <= set(names) and "passed" not in said.stdout
