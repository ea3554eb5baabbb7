"""A plugin of pytest: ``pytest -p tools.rehearse.pyodide.kernel --nbval`` runs cells in Pyodide.

nbval stays what it is, with its comparison and its report; only the kernel that it talks to is
Pyodide, in a Node process of its own.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import pathlib
import subprocess

import nbval.plugin

from living_book import node, pyodide

HERE = pathlib.Path(__file__).parent
BOOK = HERE.parents[2]
HOME = BOOK / "_build" / ".doctrees" / "living_book"  # where the build of the book keeps the same
PACKAGES = ["numpy", "scipy", "matplotlib", "ipython"]
PURE = ["lin_utils", "ipywidgets", "comm"]  # what Pyodide lacks is taken as it is here


def install() -> pathlib.Path:
    """Bring Pyodide's core and packages to this machine, unless they are there."""
    core = node.install(pyodide.HERE, HOME / "node") / "pyodide"
    pyodide.fetch(core, PACKAGES, HOME / "pyodide")
    return core


def folder_of(name: str) -> str:
    """Return the folder of a Python package of this environment."""
    return str(pathlib.Path(importlib.util.find_spec(name).origin).parent)


class Kernel:
    """The part of nbval's RunningKernel that nbval calls, for cells that run one after another."""

    language = "python"

    def __init__(self, kernel_name, cwd=None, startup_timeout=60):
        site = "/lib/python3.12/site-packages"
        mounts = {f"{site}/{name}": folder_of(name) for name in PURE}
        settings = {
            "core": str(install()),
            "wheels": str(HOME / "pyodide"),
            "packages": PACKAGES,
            "mounts": {**mounts, "/chapters": str(cwd)},
            "folder": "/chapters",
        }
        command = [node.NODE, HERE / "kernel.mjs", json.dumps(settings)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self.numbers, self.messages = itertools.count(), []

    def execute_cell_input(self, source, allow_stdin=None):
        """Run a cell to its end, and keep its messages for nbval to read."""
        number = next(self.numbers)
        print(json.dumps(source), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        streams = {name: text for name, text in answer["streams"].items() if text}
        self.messages += [("stream", {"name": n, "text": t}) for n, t in streams.items()]
        self.messages += [("display_data", shown) for shown in answer["shown"]]
        self.messages += [("error", answer["failure"])] if answer["failure"] else []
        self.messages += [("status", {"execution_state": "idle"})]
        return number

    def get_message(self, stream, timeout=None):
        """Return the next message of the cell that ran last."""
        kind, content = self.messages.pop(0)
        parent = {"msg_id": self.last}
        return {"msg_type": kind, "content": content, "parent_header": parent}

    def await_reply(self, msg_id, timeout=None):
        """Cells have been run when their number is known."""
        self.last = msg_id

    def await_idle(self, msg_id, timeout):
        """Drop what is left of a cell that failed."""
        self.messages.clear()

    def is_alive(self):
        """Say whether Node still runs."""
        return self.process.poll() is None

    def stop(self):
        """End Node, which ends where its input does."""
        self.process.communicate()


def pytest_configure():
    """Let nbval start this kernel instead of Jupyter's."""
    nbval.plugin.RunningKernel = Kernel
