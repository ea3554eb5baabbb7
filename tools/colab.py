"""Copies of the chapters that install what they import: ``colab.py ADDRESS COMMIT TARGET``.

Colab opens one notebook from GitHub and nothing else of the repository, and a notebook cannot
know where it came from. So the publishing workflow, which knows, writes these copies to the
branch ``colab``, in a fork the fork's, and the chapters themselves need no such cell.
"""

import json
import pathlib
import sys

CHAPTERS = pathlib.Path(__file__).parents[1] / "chapters"
INSTALL = """\
# Colab has NumPy and the like; this installs the book's package, once.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("lin_utils") is None:
    package = "git+{address}@{commit}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", package]
    subprocess.run(pip, check=True)
"""


def with_install(notebook, address, commit):
    """Return a notebook whose first cell installs lin_utils from this commit."""
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "install",
        "metadata": {},
        "outputs": [],
        "source": INSTALL.format(address=address, commit=commit).strip(),
    }
    return {**notebook, "cells": [cell, *notebook["cells"]]}


def copy_chapters(address, commit, target):
    """Write the copies of all chapters below a folder."""
    (target / "chapters").mkdir(parents=True, exist_ok=True)
    for path in CHAPTERS.glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        copy = json.dumps(with_install(notebook, address, commit), ensure_ascii=False, indent=1)
        (target / "chapters" / path.name).write_text(copy + "\n", encoding="utf-8")


if __name__ == "__main__":
    copy_chapters(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]))
