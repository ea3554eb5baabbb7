"""A newcomer's machine, rehearsed: the book's files in a new folder, `requirements.txt` installed.

``make newcomer`` then does what the README promises: it builds the book by ``jupyter-book build
.``, checks it by ``pytest --nbval``, where what is not installed may skip, and runs every chapter
in JupyterLab, as Binder would.
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from tools.rehearse import binder

BOOK = pathlib.Path(__file__).parents[2]


def copy_book(target):
    """Copy the book's own files: no environment, no build, no repository."""
    left = shutil.ignore_patterns(
        ".git", ".venv*", "_build", "build", "node_modules", "*cache*", "*.egg-info"
    )
    shutil.copytree(BOOK, target, ignore=left, dirs_exist_ok=True)


def find_python(book):
    """Return the Python that ``runtime.txt`` names."""
    version = (book / "runtime.txt").read_text().strip().removeprefix("python-")
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    return found or sys.exit(f"runtime.txt needs python{version} on the PATH, found none")


def install(book, home):
    """Install what ``requirements.txt`` names, as repo2docker does; return the scripts' folder."""
    subprocess.run([find_python(book), "-m", "venv", home / "env"], check=True)
    pip = [home / "env" / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", "requirements.txt"], cwd=book, check=True)
    return home / "env" / "bin"


@contextlib.contextmanager
def machine():
    """Yield a new folder with the book, its environment's scripts, and a home for both."""
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        started = time.monotonic()
        copy_book(home / "book")
        scripts = install(home / "book", home)
        print(f"environment: {time.monotonic() - started:.0f} s", flush=True)
        yield home / "book", scripts, home


def gestures(book, scripts):
    """Build and check the book as the README says; end with what went wrong."""
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "NOTHING_SKIPS")}
    build, check = ["jupyter-book", "build", "-W", "--keep-going", "."], ["pytest", "--nbval", "-q"]
    for words in (build, check):
        started = time.monotonic()
        command = [scripts / words[0], *words[1:]]
        answer = subprocess.run(command, cwd=book, env=kept, capture_output=True, encoding="utf-8")
        said = [line for line in answer.stdout.splitlines() if re.search("passed|succeeded", line)]
        print(f"{' '.join(words)}: {time.monotonic() - started:.0f} s; {said[-1:]}", flush=True)
        if answer.returncode:
            sys.exit(answer.stdout + answer.stderr)


if __name__ == "__main__":
    with machine() as (book, scripts, home):
        gestures(book, scripts)
        if failures := binder.rehearse(book, scripts, home):
            sys.exit("\n".join(failures))
    print("A newcomer's machine builds, checks and runs the book.")
