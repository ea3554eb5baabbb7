"""The matrix of machines: what it installs, which files it trusts, and what it lets pass."""

import hashlib
import json
import pathlib
import subprocess
import sys

import nbformat
import pytest
from packaging.requirements import Requirement

from tools import anywhere
from tools.rehearse.pyodide import packages


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


@pytest.fixture
def core(tmp_path):
    """Return the folder of a core whose lock knows two packages, one of which needs the other."""

    def entry(name, depends):
        content = hashlib.sha256(name.encode()).hexdigest()
        return {"file_name": f"{name}.whl", "sha256": content, "depends": depends}

    known = {"scipy": entry("scipy", ["Num_Py"]), "num-py": entry("num-py", [])}
    lock = {"info": {"version": "0"}, "packages": known}
    (tmp_path / "pyodide-lock.json").write_text(json.dumps(lock))
    return tmp_path


def right(version):
    yield lambda name: name.removesuffix(".whl").encode()


def wrong(version):
    yield lambda name: b"something else"


def absent(version):
    yield lambda name: pathlib.Path("/nowhere", name).read_bytes()


@pytest.mark.parametrize("sources", [(right,), (wrong, right), (absent, right)])
def test_a_package_is_taken_with_what_it_needs_from_any_source_that_has_it(core, sources):
    packages.fetch(core, ["scipy"], core / "files", sources)
    assert {file.name for file in (core / "files").iterdir()} == {"scipy.whl", "num-py.whl"}


def test_other_content_is_refused_also_when_it_is_there_already(core):
    packages.fetch(core, ["scipy"], core / "files", (right,))
    (core / "files" / "scipy.whl").write_bytes(b"something else")
    with pytest.raises(FileNotFoundError, match="scipy.whl has another SHA-256"):
        packages.fetch(core, ["scipy"], core / "files", (wrong,))


def test_a_source_is_asked_only_for_what_is_missing(core):
    packages.fetch(core, ["scipy"], core / "files", (right,))
    packages.fetch(core, ["scipy"], core / "files", (absent,))


def test_rows_and_their_reasons_are_listed_without_running_them():
    words = [sys.executable, "-m", "tools.anywhere", "--list"]
    said = subprocess.run(words, cwd=anywhere.BOOK, capture_output=True, text=True, check=True)
    names = [line.split()[0] for line in said.stdout.splitlines()]
    assert {"webassembly", "oldest", *anywhere.CORES} <= set(names) and "passed" not in said.stdout
