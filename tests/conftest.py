"""What pytest needs to know of this book's tests: examples, and tools that may be missing."""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest
from lent import BOOK, WORK, lend_packages

try:
    from hypothesis import settings
except ImportError:  # then the tests that use it skip, as below
    pass
else:
    # The same examples on every machine: a test that fails here fails there.
    settings.register_profile("book", derandomize=True, deadline=None)
    settings.load_profile("book")

SITE = BOOK / "_build" / "html"
PYTHON = WORK / "pyodide"
OURS = ("benchmarks", "lin_utils", "living_book", "tools")


if PYTHON.exists():  # what the book has, no book of the tests downloads again
    os.environ.setdefault("PYODIDE_PACKAGES", str(PYTHON))


# What takes longest starts first, so that processes that share the tests end together.
LONGEST = (
    "tests/test_site.py",
    "chapters/",
    "tests/test_plain_build.py",
    "tests/test_cells.py",
    "tests/test_assignments.py",
    "tests/test_execution.py",
    "tests/test_foreign_book.py",
    "tests/test_release.py",
    "tests/test_plain.py",
    "tests/test_finish.py",
    "tests/test_dependencies.py",
    "tests/test_pyodide.py",
    "tests/test_formulas.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Put the tests of the longest files first; the others stay as they are."""

    def place(item):
        return next((i for i, file in enumerate(LONGEST) if item.nodeid.startswith(file)), 99)

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Skip a test file that needs a tool which is not installed, and say what to install."""
    report = yield
    missing = re.search(r"No module named '(\w+)", str(report.longrepr)) if report.failed else None
    if missing and missing[1] not in OURS:
        said = f"Skipped: no {missing[1]} here: pip install -c constraints.txt -e '.[dev]'"
        report.outcome, report.longrepr = "skipped", (str(collector.path), 0, said)
    return report


def pytest_sessionfinish(session):
    """Let `make test` fail where anything was skipped."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("NOTHING_SKIPS") and terminal and terminal.stats.get("skipped"):
        terminal.write_line("Tests were skipped, and make test lets nothing skip.", red=True)
        for report in terminal.stats["skipped"]:
            terminal.write_line(f"{report.nodeid}: {report.longrepr[2]}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def site():
    """Return the folder of the built site."""
    if not (SITE / "index.html").exists():
        pytest.skip("the book is not built: jupyter-book build .")
    return SITE


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address(site):
    """Serve the built site; return where."""
    handler = functools.partial(Quiet, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    """Start Chromium without a window."""
    why = "needs pip install -c constraints.txt -e '.[dev]'"
    playwright = pytest.importorskip("playwright.sync_api", reason=why)
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on the PATH (Debian: apt-get install chromium)")
    from tools.chromium import FLAGS

    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    """Start Firefox without a window."""
    tabs = pytest.importorskip("tabs")
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("no firefox on the PATH (Debian: apt-get install firefox-esr)")
    firefox = tabs.Firefox(program, tmp_path_factory.mktemp("profile"))
    yield firefox
    firefox.close()


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Return variables without Node and UTF-8, and with a long name of the temporary folder."""
    tools = tmp_path_factory.mktemp("bin")
    long = tmp_path_factory.mktemp("temporary" * 12)
    for name in ("env", "sh", "uname"):
        (tools / name).symlink_to(shutil.which(name))
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    return kept | {"PATH": str(tools), "LC_ALL": "C", "TMPDIR": str(long)}


# Loads once what all builds load, and is then a new Sphinx for each.
SPHINX = """
import json, os, sys
import living_book, myst_nb, numpydoc, sphinx_book_theme, sphinx_exercise, sphinx_proof
from sphinx.cmd.build import main
from sphinx.ext import autosummary
from sphinxext import opengraph
for line in sys.stdin:
    words, *files = json.loads(line)
    if not (child := os.fork()):
        for number, file in enumerate(files, start=1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.exit(main(words))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="session")
def sphinx():
    """Start what builds the small books."""
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", SPHINX], text=True, **pipes) as sphinx:
        yield sphinx


class SmallBook:
    """A small book in a folder, built strictly by Sphinx alone."""

    def __init__(self, folder, sphinx):
        self.folder, self.site, self.sphinx = folder, folder / "_build" / "html", sphinx

    def build(self, files, *words, more="", **settings):
        """Write files, settings and more of them, build, and return the answer and its words."""
        lines = {"extensions": ["living_book"], "nb_execution_mode": "off"}
        lines |= {"living_book_python": False, **settings}
        conf = "\n".join([more, *(f"{name} = {value!r}" for name, value in lines.items())])
        for name, text in ({"conf.py": conf} | files).items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, encoding="utf-8")
        self.site.parent.mkdir(exist_ok=True)
        lend_packages(self.site / ".doctrees" / "living_book" / "node")
        words = ["-W", "--keep-going", "--no-color", *words, str(self.folder), str(self.site)]
        said = [self.folder / "_build" / name for name in ("stdout", "stderr")]
        print(json.dumps([words, *map(str, said)]), file=self.sphinx.stdin, flush=True)
        code = int(self.sphinx.stdout.readline())
        texts = (path.read_text(encoding="utf-8") for path in said)
        return subprocess.CompletedProcess(words, code, *texts)

    def read(self, name):
        """Return the text of a file of the built site."""
        return (self.site / name).read_text(encoding="utf-8")


@pytest.fixture
def small_book(tmp_path, sphinx):
    """Return a small book of this test alone."""
    return SmallBook(tmp_path, sphinx)


@pytest.fixture(scope="module")
def shared_book(tmp_path_factory, sphinx):
    """Return a small book that the tests of a module share."""
    return SmallBook(tmp_path_factory.mktemp("book"), sphinx)
