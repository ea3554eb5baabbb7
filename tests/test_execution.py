"""What executes again when the package changes: all that reaches the change, and nothing else."""

import logging
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import nbformat
import nbformat.v4 as nbf
import psutil
import pytest
from jupyter_cache.base import CacheBundleIn
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import docutils_namespace

from living_book import execution

CHAPTERS = sorted(Path(__file__).parents[1].glob("chapters/*.ipynb"))
PACKAGE = {
    "__init__.py": """
        '''The package.'''
        from . import shapes
        from .base import *
        from .late import helper as renamed
        """,
    "base.py": """
        from __future__ import annotations
        from dataclasses import dataclass
        from functools import cache
        from .late import LIMIT, helper, keep
        __all__ = ["Child", "Note", "bounded", "cached", "default", "kept", "note"]
        SCALE = 2.0

        class Base:
            '''A base.'''
            factor = SCALE
            def area(self):
                '''Its area.'''
                return self.factor
            def fields(self): return vars(self) | self.__dict__

        class Child(Base):
            pass

        @dataclass
        class Note:
            text: str = "note"

        def note(): return Note()
        def bounded(x: Base): return min(x, LIMIT)
        @cache
        def cached(x): return helper(x)
        def default(x=SCALE): return x
        @keep
        def kept(): return 5
        """,
    "late.py": """
        KEPT = []
        LIMIT = 10
        def keep(function): KEPT.append(function); return function
        def helper(x): return math_of(x)
        def math_of(x): return x + 100
        def inner(x): return x - 3
        def unused(): return 41
        """,
    "shapes/__init__.py": "from .round import circle\nfrom .square import side\n",
    "shapes/round.py": "def circle(): return 31\n",
    "shapes/square.py": "def side():\n    from ..late import inner\n    return inner(4)\n",
}
PAGES = {
    "method": "import pkg as p\np.Child().area()",
    "constant": "import pkg\npkg.bounded(3)",
    "renamed": "from pkg import renamed\nrenamed(1)",
    "decorated": "import pkg as p\np.cached(2)",
    "module": "from pkg import shapes as s\ns.side()",
    "through": "import pkg.shapes.round\npkg.shapes.circle()",
    "data": "import pkg as p\np.note()",
    "magic": "%%time\nimport pkg as p\np.default()",
    "magics": "import pkg\n\n%matplotlib inline\n%config InlineBackend.figure_formats = ['svg']",
    "whole": "import pkg as p\ngetattr(p, 'no' + 'te')",
    "other": "import math\nmath.pi",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A package `pkg` in a folder with an awkward name, found by Python and by its kernels."""
    folder = tmp_path / "a book (1) [é]"
    for name, text in PACKAGE.items():
        (folder / "pkg" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pkg" / name).write_text(dedent(text).lstrip(), encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def edit(folder, name, old, new):
    path = folder / "pkg" / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def mark(folder, code, tags=()):
    """Return the fingerprint of a page with this code."""
    cells = [nbf.new_code_cell(code, metadata={"tags": list(tags)})]
    return execution.fingerprint(cells, folder, execution.Packages(["pkg"]))


def changed(folder, *edits):
    """Return the pages whose fingerprints the edits change."""
    before = {page: mark(folder, code) for page, code in PAGES.items()}
    for change in edits:
        edit(folder, *change)
    return {page for page, code in PAGES.items() if mark(folder, code) != before[page]}


@pytest.mark.parametrize(
    "change",
    [
        ("base.py", "'''A base.'''", "'''Another\n    docstring.'''"),
        ("base.py", "        '''Its area.'''\n", ""),
        ("base.py", "return self.factor", "return (\n            self.factor)  # a comment"),
        ("base.py", "x: Base)", "x: int) -> Note"),
        ("late.py", "def helper(x): return", "\n\n# Words.\ndef helper(x):\n    return"),
        ("__init__.py", "'''The package.'''", "'''It.'''\n'''More.'''"),
    ],
)
def test_what_does_not_run_changes_no_page_that_is_understood(folder, change):
    assert changed(folder, change) <= {"whole"}


@pytest.mark.parametrize(
    "change, pages",
    [
        (("base.py", "return self.factor", "return 2 * self.factor"), "method"),
        (("base.py", "class Child(Base)", "class Child"), "method"),
        (("base.py", "SCALE = 2.0", "SCALE = 3.0"), "method magic"),
        (("base.py", "x=SCALE", "x=1"), "magic"),
        (("base.py", "@cache\n", ""), "decorated"),
        (("base.py", "import cache", "import lru_cache as cache"), "decorated"),
        (("base.py", '= "note"', '= "a note"'), "data"),
        (("late.py", "LIMIT = 10", "LIMIT = 11"), "constant"),
        (("late.py", "x + 100", "x + 99"), "renamed decorated"),
        (("late.py", "x - 3", "x - 2"), "module"),
        (("late.py", "41", "42"), ""),
        (("shapes/round.py", "31", "32"), "through"),
        (("__init__.py", "helper as", "inner as"), "renamed"),
        (("shapes/__init__.py", "round import", "square import side as"), "through"),
    ],
)
def test_a_change_reaches_exactly_the_pages_that_use_it(folder, change, pages):
    assert changed(folder, change) == {*pages.split(), "whole"}


@pytest.mark.parametrize(
    "change",
    [
        ("base.py", "return 5", "return 6"),  # `keep` stores it where any function may find it
        ("late.py", "KEPT.append(function)", "KEPT.insert(0, function)"),
        ("late.py", "KEPT = []", "KEPT = []\nKEPT.append(1)"),
        ("late.py", "KEPT = []", "KEPT = []\nif LIMIT: KEPT = [1]"),
        ("shapes/round.py", "def", "import warnings\nwarnings.simplefilter('error')\ndef"),
    ],
)
def test_what_runs_on_import_counts_for_all_who_import(folder, change):
    assert changed(folder, change) == PAGES.keys() - {"other"}


def test_data_of_a_package_count_for_all_who_import(folder):
    (folder / "pkg" / "record.json").write_text("[1]")
    assert changed(folder, ("record.json", "1", "2")) == PAGES.keys() - {"other"}


def test_a_class_that_its_base_registers_counts_for_all_who_import(folder):
    plugins = """
        ALL = []
        class Plugin:
            def __init_subclass__(cls): ALL.append(cls)
        class One(Plugin):
            value = 1
        """
    (folder / "pkg" / "plugins.py").write_text(dedent(plugins))
    assert changed(folder, ("plugins.py", "value = 1", "value = 2")) == PAGES.keys() - {"other"}


def test_a_moved_function_is_the_same_function(folder):
    body = "def circle(): return 31\n"
    moved = ("shapes/round.py", body, ""), ("shapes/square.py", "def side", f"{body}def side")
    relinked = ("shapes/__init__.py", ".round import circle", ".square import circle")
    assert changed(folder, *moved, relinked) == {"whole"}


UNKNOWN = [
    "from pkg import *",
    "import pkg as p\nnames = p",
    "import pkg as p\np.__dict__",
    "import pkg.base\nvars(pkg.base)",
    "import pkg as p\np.note( = 3",
    "import pkg as p\neval('p.note()')",
]


@pytest.mark.parametrize("code", UNKNOWN)
def test_what_is_not_understood_counts_as_all(folder, code):
    before = mark(folder, code)
    edit(folder, "late.py", "41", "42")
    assert mark(folder, code) != before


@pytest.mark.parametrize(
    "code, tags",
    [
        ("import pkg as p\nhelp(p.Child)", []),
        ("import pkg as p\np.Child.__doc__", []),
        ("import pkg as p\np.Child?", []),
        ("import inspect\nimport pkg as p\ninspect.getsource(p.Child)", []),
        ("import inspect\nimport pkg as p\ninspect.findsource(p.Child)", []),
        ("from inspect import getsource as g\nimport pkg as p\ng(p.Child)", []),
        ("import inspect\nimport pkg as p\ninspect.signature(p.Child)", []),
        ("import pkg as p\np.bounded()", ["raises-exception"]),
    ],
)
def test_pages_that_show_source_depend_on_its_words(folder, code, tags):
    before = mark(folder, code, tags)
    edit(folder, "base.py", "A base.", "The base.")
    assert mark(folder, code, tags) != before


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_words_of_a_docstring_execute_no_chapter_of_this_book(path):
    cells = execution.executed(nbformat.read(path, as_version=4))
    packages = execution.Packages(["lin_utils"])
    before = execution.fingerprint(cells, path.parent, packages)
    packages.files = []  # which count as they are, words and all, for what is not understood
    assert execution.fingerprint(cells, path.parent, packages) == before


@pytest.mark.parametrize("code, counts", [("import numpy", True), ("import json", False)])
def test_another_version_of_what_is_imported_changes_a_page(folder, monkeypatch, code, counts):
    before = mark(folder, code)
    real = execution.version
    monkeypatch.setattr(execution, "version", lambda n, f: "0" if n == "numpy" else real(n, f))
    assert (mark(folder, code) != before) is counts


def test_a_module_beside_the_page_counts(folder):
    (folder / "besides.py").write_text("A = 1")
    before = mark(folder, "import besides")
    (folder / "besides.py").write_text("A = 2")
    assert mark(folder, "import besides") != before


def test_a_package_that_is_not_there_is_named(folder):
    with pytest.raises(ExtensionError, match="'nowhere'"):
        execution.Packages(["nowhere"])


CONF = """
extensions = ["myst_nb"]
exclude_patterns = ["_*", "pkg"]
nb_execution_mode = "cache"
living_book_packages = {"p": "pkg"}

def setup(app):
    from living_book import execution

    app.add_config_value("living_book_packages", {}, "env", [dict])
    app.connect("env-get-outdated", execution.outdated)
    app.connect("env-before-read-docs", execution.execute)
"""
TEXT_PAGE = """---
file_format: mystnb
kernelspec: {{name: python3}}
---
# Text

```{{code-cell}} python3
{}
```
"""


class Book:
    """A book of three pages, whose pages write down when they are executed."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "conf.py").write_text(CONF)
        (folder / "index.rst").write_text("Book\n====\n\n.. toctree::\n   :glob:\n\n   page*\n")
        self.write("page one.ipynb", "import pkg as p\np.bounded(99)", "print('in', 'one')")
        self.write("page two.ipynb", "import pkg as p", "p.cached(1)")
        code = f"{self.noting('text')}\nimport pkg as p\np.Child().area()"
        (folder / "page text.md").write_text(TEXT_PAGE.format(code), encoding="utf-8")

    def noting(self, name):
        return f"print(file=open({str(self.folder / '_ran')!r}, 'a'), end={name + '#'!r})"

    def write(self, name, *cells):
        cells = [self.noting(name.removeprefix("page ").partition(".")[0]), *cells]
        notebook = nbf.new_notebook(
            cells=[nbf.new_markdown_cell(f"# {name}"), *map(nbf.new_code_cell, cells)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, self.folder / name)

    def build(self):
        """Build the book, and return which pages were executed, and what Sphinx warned of."""
        ran = self.folder / "_ran"
        ran.write_text("")
        log, place, out = StringIO(), str(self.folder), str(self.folder / "_build" / "html")
        handlers = logging.getLogger("sphinx").handlers
        try:
            with docutils_namespace():
                trees = f"{out}/../.doctrees"
                Sphinx(place, place, out, trees, "html", status=None, warning=log).build()
        finally:
            handlers.clear()
        return sorted(ran.read_text().split("#")[:-1]), log.getvalue()

    def html(self, page):
        return (self.folder / "_build" / "html" / f"{page}.html").read_text(encoding="utf-8")


@pytest.fixture
def book(folder):
    return Book(folder)


def test_a_build_executes_what_a_change_reaches_and_shows_it(book, folder):
    assert book.build() == (["one", "text", "two"], "")
    assert "in one" in book.html("page one")
    assert book.build() == ([], "")
    edit(folder, "late.py", "LIMIT = 10", "LIMIT = 11  # more")
    assert book.build() == (["one"], "")
    assert "<span></span>11\n" in book.html("page one")
    edit(folder, "base.py", "Its area.", "The area.")
    assert book.build() == ([], "")
    book.write("page two.ipynb", "import pkg as p", "p.cached(2)")
    assert book.build() == (["two"], "")


def test_equal_pages_are_executed_once_and_both_show_it(book):
    name = "page one.ipynb"
    (book.folder / "page one again.ipynb").write_text((book.folder / name).read_text())
    assert book.build() == (["one", "text", "two"], "")
    assert "in one" in book.html("page one") and "in one" in book.html("page one again")
    assert book.build() == ([], "")


def test_how_long_each_cell_took_is_kept_for_the_page_to_tell(book):
    book.write("page one.ipynb", "import time", "time.sleep(0.5)")
    book.build()
    path = str(next(book.folder.rglob(".jupyter_cache")))
    config = SimpleNamespace(execution_mode="cache", execution_cache_path=path)
    notebook = nbformat.read(book.folder / "page one.ipynb", 4)
    env = SimpleNamespace(mystnb_config=config)
    noting, importing, sleeping = execution.seconds_of(env, notebook)
    assert 0 < importing < 0.5 <= sleeping
    notebook.cells[1].source = "import os"
    assert execution.seconds_of(env, notebook) == [0, 0, 0]


def test_a_failing_cell_is_named_and_the_others_are_kept(book):
    book.write("page two.ipynb", "x = 1", "y = x + 1\nassert y < 0, 'y must be small'", "z = 1")
    with pytest.raises(ExtensionError) as error:
        book.build()
    assert "page two.ipynb, cell 4, line 2: AssertionError: y must be small" in str(error.value)
    assert "page one" not in str(error.value)
    book.write("page two.ipynb", "x = 1", "y = x + 1")
    assert book.build() == (["two"], "")


@pytest.mark.parametrize(
    "code, words",
    [
        ("import time\ntime.sleep(60)", "cell 3, line 1: CellTimeoutError"),
        ("import os\nos._exit(1)", r"cell [23], line 1: DeadKernelError: .*, here or in the next"),
        ("1 +", "cell 3, line 1: SyntaxError"),
    ],
)
def test_a_cell_that_never_ends_is_named(book, code, words):
    (book.folder / "conf.py").write_text(f"{CONF}\nnb_execution_timeout = 3\n")
    book.write("page two.ipynb", code, "z = 1")
    with pytest.raises(ExtensionError, match=f"page two.ipynb, {words}"):
        book.build()


def test_a_failing_text_page_is_named_with_its_line(book):
    page = book.folder / "page text.md"
    page.write_text(page.read_text().replace("Child().area()", "nothing"))
    with pytest.raises(ExtensionError, match=r"page text.md, line 8.*AttributeError"):
        book.build()


def test_records_without_a_fingerprint_are_not_trusted(book):
    book.build()
    store = execution.Cache(book.folder / "_build" / ".jupyter_cache")
    with execution.session_context(store.db) as session:
        for record in session.query(execution.NbCacheRecord):
            record.data = {"execution_seconds": 1.0}
        session.commit()
    store.db.dispose()
    assert book.build()[0] == ["one", "text", "two"]


def test_an_interrupt_ends_the_kernels(book):
    pid = book.folder / "_pid"
    note = f"import os, time\nprint(os.getpid(), file=open({str(pid)!r}, 'w'), flush=True)"
    book.write("page one.ipynb", note, "time.sleep(600)", "#" * 999)  # the longest comes first
    command = [sys.executable, "-m", "sphinx", "-Q", book.folder, book.folder / "_build" / "html"]
    with subprocess.Popen(command) as build:
        try:
            while not (pid.exists() and pid.read_text()):
                assert build.poll() is None
                time.sleep(0.1)
            build.send_signal(signal.SIGINT)
            assert build.wait(60) != 0
        finally:
            build.kill()
    assert not psutil.pid_exists(int(pid.read_text()))


def test_notebooks_that_threads_cache_at_once_are_all_kept(tmp_path):
    """jupyter-cache alone loses some: its limit takes away what came between its two looks."""
    notebooks = [nbf.new_notebook(cells=[nbf.new_code_cell(str(i))]) for i in range(40)]

    def add(notebook):
        bundle = CacheBundleIn(notebook, "page.ipynb")
        execution.Cache(tmp_path).cache_notebook_bundle(bundle, check_validity=False)

    execution.Cache(tmp_path).list_cache_records()  # makes the tables
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, notebooks))
    store = execution.Cache(tmp_path)
    assert all(store.match_cache_notebook(notebook) for notebook in notebooks)


def test_what_ends_early_ends_its_kernels_and_no_other_process(monkeypatch):
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    codes = []
    monkeypatch.setattr(execution, "run", lambda client: client.waits and codes.append(run(sleep)))
    run = subprocess.call
    clients = [SimpleNamespace(notebook="#" * length, waits=length > 1) for length in (1, 2)]
    documents = [SimpleNamespace(name=client.notebook, client=client) for client in clients]
    with subprocess.Popen(sleep) as other:
        jobs = execution.side_by_side(documents)
        assert next(jobs)[0].name == "#"
        jobs.close()
        assert (other.poll(), codes) == (None, [-signal.SIGKILL])
        other.kill()
