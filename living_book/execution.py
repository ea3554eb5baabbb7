"""Rebuilding by meaning: outputs hold while what their code reaches holds; the rest runs at once.

jupyter-cache knows a document by its cells, not by the packages that they import. So each of its
records bears a fingerprint, too: of the definitions of the book's packages whose names the cells
reach, directly or through others, without comments and docstrings, and of what is installed.
A name is taken for every definition of that name, and what is not understood for everything: a
fingerprint can change without need, but not hold without reason. Nothing is imported to find it.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

import psutil
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_cache.cache.db import NbCacheRecord, session_context
from jupyter_cache.cache.main import JupyterCacheBase
from jupyter_core.utils import ensure_event_loop
from myst_nb.core.execute import NotebookClientCache, cache, create_client
from myst_nb.core.read import create_nb_reader
from nbclient.exceptions import CellExecutionError, DeadKernelError
from sphinx.errors import ExtensionError
from sphinx.util import logging

from .places import CELL, spell

logger = logging.getLogger(__name__)
STAMP = "living_book"  # the fingerprint's key in the data of a record
KERNEL = ("ipykernel", "ipython", "matplotlib-inline")
# Kernels side by side would each want all processors for a product of small matrices.
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# Code with these names may look at anything: names made at run time, docstrings, files.
EVERYTHING = set(
    "__annotations__ __dict__ __doc__ __file__ __import__ __subclasses__ annotation dir eval exec"
    " get_type_hints globals help import_module inspect pinfo pinfo2 pkgutil psource"
    " return_annotation vars".split()
)


TIMES: dict[int, float] = {}  # by the identity of a cell: when it began, then how long it took


def begin(cell, cell_index) -> None:
    TIMES[id(cell)] = monotonic()


def end(cell, cell_index, execute_reply) -> None:
    TIMES[id(cell)] = monotonic() - TIMES[id(cell)]


# MyST-NB hands no hooks on to nbclient; a cell that takes long is told before it runs in a page.
cache.single_nb_execution = partial(
    cache.single_nb_execution, on_cell_execute=begin, on_cell_executed=end
)


class Cache(JupyterCacheBase):
    """The cache, for several threads: one at a time adds a notebook.

    After each new record jupyter-cache removes what is not among those that it saw a moment before,
    which another thread's new record is not.
    """

    adding = Lock()

    def cache_notebook_bundle(self, *args, **kwargs):
        with self.adding:
            return super().cache_notebook_bundle(*args, **kwargs)


cache.get_cache = Cache  # where MyST-NB looks for it


MAGIC = r"^%+\w+(?: -\w+(?: \d+)?)* ?"
TRANSFORM = TransformerManager().transform_cell


def digest(*parts: object) -> str:
    """Return a short name of the parts, another one if any of them differs."""
    return sha256(repr(parts).encode()).hexdigest()


def is_remark(statement: ast.stmt) -> bool:
    """Tell whether a statement is a string alone, as docstrings are."""
    alone = isinstance(statement, ast.Expr) and getattr(statement.value, "value", None)
    return isinstance(alone, str)


def drop_remarks(tree: ast.AST) -> ast.AST:
    """Take the docstrings from a tree, and the annotations of functions, which nobody evaluates."""
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [statement for statement in body if not is_remark(statement)]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    return tree


def names_in(tree: ast.AST) -> set[str]:
    """Return the names that a tree may use; a string may name something for `getattr`."""
    # These read no words: an object that looks at itself, whose class is there; a signature.
    found, harmless = set(), set()
    for node in ast.walk(tree):  # a call before what is called, an attribute before its owner
        if isinstance(node, ast.Name) and id(node) not in harmless:
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found |= {node.attr} - ({"__dict__"} if is_self(node.value) else set())
            if is_named(node.value, "inspect") and node.attr == "signature":
                harmless.add(id(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {part for alias in node.names for part in alias.name.split(".")}
            found.add((getattr(node, "module", "") or "").partition(".")[0])
        elif isinstance(node, ast.Call) and is_named(node.func, "vars") and node.args:
            harmless |= {id(node.func)} if is_self(node.args[0]) else set()
        elif isinstance(node, ast.Call) and is_named(node.func, "getattr"):
            of, name = node.args[:2]
            if not isinstance(name, ast.Constant) and not is_self(of):
                found.add("eval")
    return found


def is_named(node: ast.AST, name: str) -> bool:
    return getattr(node, "id", "") == name


def is_self(node: ast.AST) -> bool:
    return is_named(node, "self")


class Packages:
    """The definitions of the book's packages by name: what each says, and which names it uses."""

    def __init__(self, packages: Iterable[str]) -> None:
        self.names, self.files, self.data = frozenset(packages), [], []
        self.parts: dict[str, list[tuple[str, set[str]]]] = defaultdict(list)
        for package in sorted(self.names):
            spec = find_spec(package)
            if spec is None or not spec.submodule_search_locations:
                raise ExtensionError(
                    f"living_book_packages names {package!r}, which is no package that this Python "
                    "can find: install it, or take it from the list"
                )
            for folder in spec.submodule_search_locations:
                self.files += sorted(Path(folder).rglob("*.py"))
                self.data += sorted(Path(folder).rglob("*.json"))
        # What a package reads counts for all who import it, as what runs on import does.
        self.parts[""].append((digest([path.read_bytes() for path in self.data]), set()))
        trees = [drop_remarks(ast.parse(path.read_bytes())) for path in self.files]
        self.imports = {top for tree in trees for top in imported(tree)}
        statements = [statement for tree in trees for statement in tree.body]
        ours = {getattr(statement, "name", "") for statement in statements}
        self.hooks = any("__init_subclass__" in path.read_text("utf-8") for path in self.files)
        for statement in statements:
            for name in self.bound(statement, ours):
                self.parts[name].append((digest(ast.dump(statement)), names_in(statement)))

    def bound(self, statement: ast.stmt, ours: set[str]) -> list[str]:
        """Return the names that a statement binds, or '' for one that does more on import."""
        if isinstance(statement, ast.Import | ast.ImportFrom):
            foreign = (getattr(statement, "module", "") or "").partition(".")[0] not in self.names
            foreign = foreign and not is_relative(statement)
            aliases = [alias for alias in statement.names if alias.asname or foreign]
            return [alias.asname or alias.name.partition(".")[0] for alias in aliases]
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            called = {name for call in statement.decorator_list for name in names_in(call)}
            hooked = self.hooks and getattr(statement, "bases", ())
            return [statement.name, ""] if called & ours or hooked else [statement.name]
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        if "__all__" in (getattr(target, "id", "") for target in targets):
            return []  # it matters to star imports only, and they reach everything
        assigns = isinstance(statement, ast.Assign | ast.AnnAssign)
        if assigns and all(isinstance(target, ast.Name) for target in targets):
            return [target.id for target in targets]
        return [""]

    def reached(self, names: Iterable[str]) -> str:
        """Return a digest of the definitions that names reach, or of all files."""
        seen, todo, found = set(), {"", *names}, set()
        while todo:
            name = todo.pop()
            seen.add(name)
            for part, used in self.parts.get(name, ()):
                found.add(part)
                todo |= used - seen
        if seen & EVERYTHING:
            return digest([(path.name, path.read_bytes()) for path in self.files + self.data])
        return digest(sorted(found))


def is_relative(statement: ast.stmt) -> bool:
    return getattr(statement, "level", 0) > 0


def imported(tree: ast.AST) -> set[str]:
    """Return the packages that a tree imports from."""
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    paths = [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]
    paths += [n.module for n in nodes if isinstance(n, ast.ImportFrom) and not is_relative(n)]
    return {path.partition(".")[0] for path in paths}


def version(name: str, folder: Path) -> str:
    """Return what is installed of a package; a module beside the document counts by its text."""
    if (beside := folder / f"{name}.py").is_file():
        return digest(beside.read_bytes())
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def fingerprint(cells: Iterable, folder: Path, packages: Packages) -> str:
    """Return a name of what is outside of its cells that a document's outputs depend on."""
    names, tops = set(), {*KERNEL}
    for tree in trees_of(cells):
        names |= names_in(tree) if tree else {"eval"}
        tops |= imported(tree) if tree else set()
        names |= {"eval"} if tree and passes_on(tree, packages.names) else set()
    names |= {"eval"} if "signature" in names else set()  # it shows annotations
    ours = ""
    if tops & packages.names or "eval" in names:
        ours, tops = packages.reached(names), tops | packages.imports
    installed = [(top, version(top, folder)) for top in sorted(tops - sys.stdlib_module_names)]
    return digest(sys.version, installed, ours)


def trees_of(cells: Iterable) -> Iterator[ast.AST | None]:
    """Yield what cells say, and None for what is not understood, or shows the lines that fail."""
    for cell in cells:
        if "raises-exception" in cell.metadata.get("tags", ()):
            yield None
        # What a magic is given is code, too.
        for code in {cell.source, re.sub(MAGIC, "", cell.source, flags=re.M)}:
            try:
                plain = "%" not in code and "?" not in code and "!" not in code
                yield ast.parse(code if plain else TRANSFORM(code))
            except SyntaxError:
                yield None


def passes_on(tree: ast.AST, packages: frozenset[str]) -> bool:
    """Tell whether code takes a package for a value, or all its names."""
    owners = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    aliases = {*packages}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {a.asname for a in node.names if a.name in packages}
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            return True
    loads = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return any(node.id in aliases and id(node) not in owners for node in loads)


@dataclass
class Document:
    """A document with code: MyST-NB's client for it, its key in the cache, its fingerprint."""

    name: str
    client: NotebookClientCache
    key: str
    fingerprint: str


def executed(notebook) -> list:
    """Return the cells of a notebook that a kernel gets."""
    skipped = "skip-execution"
    code = (cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip())
    return [cell for cell in code if skipped not in cell.metadata.get("tags", ())]


def open_notebook(env, name: str):
    """Return a document as MyST-NB reads it, with the reader, or None if it is no notebook."""
    path = str(env.doc2path(name))
    text = Path(path).read_text(encoding="utf-8-sig")
    reader = create_nb_reader(path, env.myst_config, env.mystnb_config, text)
    return (reader.read(text), reader) if reader else None


def open_client(env, name: str):
    """Return the client by which MyST-NB would execute a document, or None if it would not."""
    path, config = str(env.doc2path(name)), env.mystnb_config
    try:
        if (opened := open_notebook(env, name)) is None:
            return None
        notebook, reader = opened
        own = {**notebook.metadata.get(config.metadata_key, {}), "output_folder": ""}
        own |= {"execution_raise_on_error": True, "execution_show_tb": False}
        config = config.copy(**own)
    except Exception:  # MyST-NB will meet it too, and report it in its own way
        return None
    for cell in executed(notebook):
        cell.execution_count = None  # so that a failure shows how far it came
    client = create_client(notebook, path, config, logger, reader.read_fmt)
    return client if isinstance(client, NotebookClientCache) else None


def stale_documents(app, names: Iterable[str], store) -> list[Document]:
    """Return the documents whose outputs the cache lacks, or has and they no longer hold."""
    clients = {name: open_client(app.env, name) for name in sorted(names)}
    if not hasattr(app, "packages_read"):  # once a build
        app.packages_read = Packages(app.config.living_book_packages.values())
    records = {record.hashkey: record.data or {} for record in store.list_cache_records()}
    marks = {key: data.get(STAMP) for key, data in records.items() if "cells" in data}
    stale = []
    for name, client in clients.items():
        if client is None:
            continue
        key = store.create_hashed_notebook(client.notebook)[1]
        mark = fingerprint(executed(client.notebook), client.path.parent, app.packages_read)
        if marks.get(key) != mark:
            stale.append(Document(name, client, key, mark))
    return stale


def outdated(app, env, added, changed, removed) -> list[str]:
    """Name the documents whose outputs no longer hold, so that Sphinx reads them again."""
    if env.mystnb_config.execution_mode != "cache":
        return []
    store = Cache(env.mystnb_config.execution_cache_path)
    return [document.name for document in stale_documents(app, env.found_docs, store)]


def execute(app, env, docnames) -> None:
    """Execute what is to be read and has no outputs that hold, as many at once as processors.

    MyST-NB then finds all outputs in the cache. What fails stops the build when the rest is done.
    """
    if env.mystnb_config.execution_mode != "cache" or not docnames:
        return
    store, failures = Cache(env.mystnb_config.execution_cache_path), []
    stale = {document.key: document for document in stale_documents(app, docnames, store)}
    old = [record.pk for record in store.list_cache_records() if record.hashkey in stale]
    NbCacheRecord.remove_records(old, store.db)
    for document, error in side_by_side(stale.values()):
        if error:
            failures.append(tell_failure(env, document, error))
            continue
        with session_context(store.db) as session:
            record = session.query(NbCacheRecord).filter_by(hashkey=document.key).one()
            times = [TIMES.pop(id(cell), 0) for cell in executed(document.client.notebook)]
            record.data = {**record.data, STAMP: document.fingerprint, "cells": times}
            seconds = record.data["execution_seconds"]
            session.commit()
        logger.info("executed %s in %.1f s", document.name, seconds)
    if failures:
        raise ExtensionError("\n".join(["these cells fail:", *sorted(failures)]))


def seconds_of(env, notebook) -> list[float]:
    """Return how long each executed cell of a notebook took, 0 where that is not known."""
    cells, known = executed(notebook), []
    if env.mystnb_config.execution_mode == "cache":
        with suppress(KeyError):
            store = Cache(env.mystnb_config.execution_cache_path)
            known = store.match_cache_notebook(notebook).data.get("cells", [])
    return known if len(known) == len(cells) else [0.0] * len(cells)


def side_by_side(documents: Iterable[Document]) -> Iterator[tuple[Document, BaseException | None]]:
    """Execute documents, the longest first, and yield each with its error once it is done."""
    os.environ |= {name: os.environ.get(name, "1") for name in THREADS}
    length = {document.name: len(str(document.client.notebook)) for document in documents}
    others = psutil.Process().children()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        longest_first = sorted(documents, key=lambda document: -length[document.name])
        jobs = {pool.submit(run, document.client): document for document in longest_first}
        try:
            for job in as_completed(jobs):
                yield jobs[job], job.exception()
        except BaseException:  # Ctrl-C does not reach the kernels, and they would go on
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(job.done() for job in jobs):  # one may be about to start its kernel
                for kernel in {*psutil.Process().children()} - {*others}:
                    kernel.kill()
                sleep(0.1)
            raise


def run(client: NotebookClientCache) -> None:
    """Execute a document in this thread, into the cache."""
    try:
        client.start_client()
    finally:
        ensure_event_loop().close()  # it belongs to the thread, which runs no other


def tell_failure(env, document: Document, error: BaseException) -> str:
    """Say in which cell of which page the code failed, and how."""
    page, client = env.doc2path(document.name, base=False), document.client
    cause = error.__cause__ or error
    text = re.sub(r"\x1b\[[\d;]*m", "", str(cause))
    reason = f"{type(cause).__name__}: {text}"
    if isinstance(cause, CellExecutionError):
        reason = f"{cause.ename}: {cause.evalue}"
    elif isinstance(cause, DeadKernelError):  # before it could say what it began
        reason += ", here or in the next cell"
    reached = [cell for cell in executed(client.notebook) if cell.execution_count]
    if not reached:
        return f"{page}: {reason}"
    line = client.cell_line(client.notebook.cells.index(reached[-1]))
    if line > CELL and (inner := re.search(r"Cell In\[\d+\], line (\d+)", text)):
        line += int(inner[1]) - 1
    return f"{spell(page, line)}: {reason}"
