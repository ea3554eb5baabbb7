"""The first cell of the copies for Colab, run where nothing of the book is installed."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tools import colab

BOOK = pathlib.Path(__file__).parents[1]
USE = """
import lin_utils as lu
print(lu.DeepLinear((1, 1, 1), [[1.0]]).value([2.0, 0.5]), lu.__file__)
"""


def git(*words, cwd):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *who, *words], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """A repository on disk that stands for the fork's on GitHub."""
    target = tmp_path / "fork"
    for name in ("lin_utils", "living_book"):
        shutil.copytree(BOOK / name, target / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(BOOK / name, target / name)
    git("init", "-q", "-b", "main", cwd=target)
    git("add", "-A", cwd=target)
    git("commit", "-q", "-m", "fork", cwd=target)
    return target


@pytest.mark.skipif(shutil.which("git") is None, reason="no git on the PATH")
def test_the_first_cell_installs_the_package_from_the_fork_once(tmp_path, repository):
    colab.copy_chapters(repository.as_uri(), "main", tmp_path)
    copy = json.loads((tmp_path / "chapters" / "optimality-conditions.ipynb").read_text())
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)

    def run():
        words = [tmp_path / "env" / "bin" / "python", "-c", copy["cells"][0]["source"] + USE]
        variables = {"PIP_CONSTRAINT": str(BOOK / "constraints.txt"), "HOME": os.environ["HOME"]}
        kept = os.environ | variables
        return subprocess.run(words, cwd=tmp_path, env=kept, capture_output=True, text=True)

    first = run()
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("0.0") and str(tmp_path / "env") in first.stdout
    shutil.rmtree(repository)  # what is there is not fetched again
    assert run().stdout == first.stdout


def test_the_chapters_themselves_have_no_such_cell_and_stay_as_they_are(tmp_path):
    colab.copy_chapters("https://host/someone/book", "abc", tmp_path)
    for path in (BOOK / "chapters").glob("*.ipynb"):
        chapter = json.loads(path.read_text(encoding="utf-8"))
        copy = json.loads((tmp_path / "chapters" / path.name).read_text(encoding="utf-8"))
        assert copy["cells"].pop(0)["source"].count("git+https://host/someone/book@abc") == 1
        assert copy == chapter
