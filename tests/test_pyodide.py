"""Python for the pages: which files are trusted and served, and the worker alone in Chromium."""

import functools
import hashlib
import http.server
import json
import pathlib
import re
import threading

import pytest

from lin_utils.figures import INK
from living_book import archives, pyodide

BOOK = pathlib.Path(__file__).parents[1]


@pytest.fixture
def core(tmp_path):
    """Return the folder of a core whose lock knows two packages, one of which needs the other."""

    def entry(name, depends):
        content = hashlib.sha256(name.encode()).hexdigest()
        return {"file_name": f"{name}.whl", "sha256": content, "depends": depends}

    known = {"scipy": entry("scipy", ["Num_Py"]), "num-py": entry("num-py", [])}
    lock = {"info": {"version": "0"}, "packages": known}
    (tmp_path / "pyodide-lock.json").write_text(json.dumps(lock))
    return tmp_path


def right(version):
    yield lambda name: name.removesuffix(".whl").encode()


def wrong(version):
    yield lambda name: b"something else"


def absent(version):
    yield lambda name: pathlib.Path("/nowhere", name).read_bytes()


@pytest.mark.parametrize("sources", [(right,), (wrong, right), (absent, right)])
def test_a_package_is_taken_with_what_it_needs_from_any_source_that_has_it(core, sources):
    pyodide.fetch(core, ["scipy"], core / "files", sources)
    assert {file.name for file in (core / "files").iterdir()} == {"scipy.whl", "num-py.whl"}


def test_other_content_is_refused_also_when_it_is_there_already(core):
    pyodide.fetch(core, ["scipy"], core / "files", (right,))
    (core / "files" / "scipy.whl").write_bytes(b"something else")
    with pytest.raises(FileNotFoundError, match="scipy.whl has another SHA-256"):
        pyodide.fetch(core, ["scipy"], core / "files", (wrong,))


def test_a_source_is_asked_only_for_what_is_missing(core):
    pyodide.fetch(core, ["scipy"], core / "files", (right,))
    pyodide.fetch(core, ["scipy"], core / "files", (absent,))


def broken(version):
    """Give one file, and then no other."""
    asked = iter([lambda name: name.removesuffix(".whl").encode()])

    def read(name):
        for answer in asked:
            return answer(name)
        raise ConnectionResetError(name)

    yield read


def test_what_came_before_a_download_broke_is_kept(core):
    asked = []

    def last(version):
        yield lambda name: asked.append(name) or name.removesuffix(".whl").encode()

    pyodide.fetch(core, ["scipy"], core / "files", (broken, last))
    assert len(asked) == 1 and len(list((core / "files").iterdir())) == 2


@pytest.fixture
def build(core, monkeypatch, tmp_path):
    """Return a way to install from sources, which gives the result, what it said and was baked."""
    said, baked = [], []
    lock = json.loads((core / "pyodide-lock.json").read_text())
    for name, package in lock["packages"].items():
        package["imports"] = [name.replace("-", "_")]
    (core / "pyodide").mkdir()
    (core / "pyodide" / "pyodide-lock.json").write_text(json.dumps(lock))
    monkeypatch.setattr(pyodide.node, "install", lambda source, target: core)
    monkeypatch.setattr(pyodide.log, "info", lambda text, *words, **_: said.append(text % words))
    monkeypatch.setattr(pyodide, "bake", lambda core, wheels, *_: baked.extend(wheels))
    monkeypatch.setattr(
        pyodide,
        "collect",
        lambda core, baked, wheels, needs: ({"bytes": 0, "packages": needs.there()}, {}),
    )

    def run(*sources, cell="import scipy, num_py"):
        said.clear()
        monkeypatch.setattr(pyodide, "SOURCES", sources)
        manifest = pyodide.install(tmp_path / "_static", {"page": [cell]}, [], tmp_path / "work")
        return manifest, said[0], baked

    return run


def test_without_any_source_the_build_says_so_and_goes_on(build, tmp_path):
    manifest, said, _ = build(absent, wrong)
    assert manifest is None and not (tmp_path / "_static").exists()
    assert "cannot run Python: no source has scipy.whl" in said
    assert "wrong: scipy.whl has another SHA-256" in said


def test_a_package_that_no_source_has_is_left_out_and_asked_for_once_a_day(build):
    asked = []

    def some(version):
        yield lambda name: asked.append(name) or {"num-py.whl": b"num-py"}[name]

    for _ in range(2):
        manifest, said, baked = build(some)
        assert manifest["packages"] == ["num_py"] and "lacks scipy" in said
        assert {wheel.name for wheel in baked} == {"num-py.whl"}
    assert sorted(asked) == ["num-py.whl", "scipy.whl"]


LOCK = {
    "cycler": {"imports": ["cycler"]},
    "numpy": {"imports": ["numpy"]},
    "pillow": {"imports": ["PIL"]},
    "tqdm": {"imports": ["tqdm"]},
}


def test_cells_and_the_book_s_packages_say_what_is_needed():
    cells = [
        "%matplotlib inline\nimport numpy as np, json\nnp.random.rand()",
        "from PIL import Image",
    ]
    needs = pyodide.Needs([*cells, "import nowhere", "no Python"], ["lin_utils"], LOCK)
    known = {"numpy": "numpy", "PIL": "pillow", "cycler": "cycler"}
    assert needs.packages == known  # tqdm is imported late, by who asks for it
    assert needs.there() == ["PIL", "cycler", "lin_utils", "numpy"]
    assert {"nowhere", "scipy"} <= set(needs.missing) and "json" not in needs.missing
    assert "lin_utils/deep_linear.py" in needs.files and "np.random.rand" in needs.then
    assert (
        "from scipy import signal" in needs.then and "from scipy import signal" not in needs.first
    )


@pytest.mark.parametrize("package", ["numpy", "nowhere", "sys", "_json"])
def test_a_package_is_taken_from_this_machine_only_if_it_is_python(package):
    assert pyodide.sources_of(package, [package]) is None
    assert "lin_utils/__init__.py" in pyodide.sources_of("lin_utils")


def test_an_installed_package_is_taken_if_the_book_names_it():
    assert pyodide.sources_of("tqdm") is None
    assert "tqdm/std.py" in pyodide.sources_of("tqdm", ["tqdm"])


def test_archives_are_the_same_for_the_same_files_in_any_order():
    files = {"b": b"2" * 1000, "a/ü": b""}
    assert archives.pack(files) == archives.pack(dict(reversed(files.items())))
    assert archives.unpack(archives.pack(files)) == files


POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'"
ASK = """(message) => new Promise((resolve) => {
  const said = [];
  worker.onmessage = ({ data }) => {
    said.push(data);
    if (["ready", "done", "failed"].includes(data.say)) resolve(said);
  };
  worker.onerror = (event) => resolve([{ say: "failed", why: event.message }]);
  worker.postMessage(message);
})"""


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves a site below a path, with a strict policy; `breaks` names what it sends half, once."""

    breaks = set()

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def copyfile(self, source, output):
        name = pathlib.PurePosixPath(self.path).name
        content = source.read()
        output.write(content[: len(content) // 2] if name in self.breaks else content)
        self.breaks.discard(name)

    def log_message(self, *words):
        pass


class Python:
    """A worker in a bare page, and what it says."""

    def __init__(self, page, home):
        self.page, self.number = page, 0
        get = "home => fetch(home + 'manifest.json').then(a => a.json())"
        self.manifest = page.evaluate(get, home)
        self.base = f"{home}{self.manifest['folder']}/"
        page.evaluate("base => { window.worker = new Worker(base + 'python.js'); }", self.base)

    def load(self):
        ask = {"do": "load", "base": self.base, "manifest": self.manifest}
        return self.page.evaluate(ASK, ask)

    def run(self, code, cell=3, silent=False):
        """Return the outputs of a cell, as pairs of kind and data, and whether it ended well."""
        self.number += 1
        ask = {"do": "run", "id": self.number, "cell": cell, "code": code, "silent": silent}
        said = self.page.evaluate(ASK, ask)
        assert said[-1]["say"] == "done" and said[-1]["id"] == self.number, said[-1]
        outputs = [(s["kind"], s["data"]) for s in said if s["say"] == "output"]
        return outputs, said[-1]["ok"]


@pytest.fixture(scope="module")
def manifest(site):
    """Return the path of the list of what the book's site serves."""
    manifest = site / "_static" / "python" / "manifest.json"
    if not manifest.exists():
        pytest.skip("the book was built without a source of Pyodide's packages")
    return manifest


@pytest.mark.parametrize(
    "page, words", [("README.md", "loads it, {} MB;"), ("index.md", "{} MB to load")]
)
def test_the_book_says_how_much_is_loaded(manifest, page, words):
    size = round(json.loads(manifest.read_text(encoding="utf-8"))["bytes"] / 1e6)
    assert words.format(size) in (BOOK / page).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def address(manifest, tmp_path_factory):
    """Serve Python as the book's site has it, below a path, beside an empty page."""
    root = tmp_path_factory.mktemp("served")
    (root / "sub").mkdir()
    (root / "sub" / "index.html").write_text("<!doctype html><title>empty</title>")
    (root / "sub" / "python").symlink_to(manifest.parent)
    handler = functools.partial(Server, directory=root)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/sub/"
        server.shutdown()


def open_page(browser, address):
    """Open the empty page; what it asks of other hosts is blocked, and kept."""
    page = browser.new_page()
    page.strangers = []

    def answer(route):
        if route.request.url.startswith(address):
            return route.continue_()
        page.strangers.append(route.request.url)
        return route.abort()

    page.context.route("**/*", answer)
    page.goto(address)
    return page


@pytest.fixture(scope="module")
def python(browser, address):
    """Load Python once for the tests of this module, which leave each other's names alone."""
    page = open_page(browser, address)
    python = Python(page, f"{address}python/")
    said = python.load()
    assert said[-1]["say"] == "ready" and said[-1]["memory"] > 1e7
    yield python
    assert [url for url in page.strangers if not url.endswith("favicon.ico")] == []
    page.close()


@pytest.mark.parametrize(
    ("code", "outputs"),
    [
        ("1 + 1", [("text", "2")]),
        ("1 + 1;", []),
        ("None", []),
        ("a = 1", []),
        ("print('ä'); 'b'", [("stdout", "ä\n"), ("text", "'b'")]),
        ("import sys; print(1, file=sys.stderr)", [("stderr", "1\n")]),
        ("display(1); print(2)", [("text", "1"), ("stdout", "2\n")]),
        ("%config A.b = 1\n%matplotlib inline\n3", [("text", "3")]),
        ("class H:\n  def _repr_html_(self):\n    return '<b>h</b>'\nH()", [("html", "<b>h</b>")]),
        ("import numpy as np\nnp.arange(3)", [("text", "array([0, 1, 2])")]),
        ("from IPython.display import HTML, display\ndisplay(HTML('<i>'))", [("html", "<i>")]),
        ("import asyncio, statistics, unittest.mock", []),
    ],
)
def test_a_cell_shows_what_a_notebook_shows(python, code, outputs):
    assert python.run(code) == (outputs, True)


def test_names_live_from_cell_to_cell_and_a_silent_cell_shows_errors_only(python):
    assert python.run("kept = 7; print(kept); kept", silent=True) == ([], True)
    assert python.run("kept") == ([("text", "7")], True)
    (((kind, text),), ok) = python.run("kept / 0", cell=5, silent=True)
    assert kind == "error" and not ok and 'File "<cell 5>", line 1' in text


def test_an_error_shows_the_lines_of_cells_alone(python):
    python.run("def product(x):\n    return np.linalg.multi_dot([x])", cell=1)
    (((kind, text),), ok) = python.run("import numpy as np\nproduct(np.zeros((2, 2)))", cell=2)
    lines = [line.split(", in")[0].strip() for line in text.splitlines() if "File" in line]
    assert (kind, ok) == ("error", False)
    assert lines == ['File "<cell 2>", line 2', 'File "<cell 1>", line 2']
    assert "product(np.zeros((2, 2)))" in text
    assert text.endswith("ValueError: Expecting at least two arrays.\n")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import pandas", "Package pandas is not in this page; there are: "),
        ("x = (", "SyntaxError: '(' was never closed"),
        ("def g(): g()\ng()", "RecursionError"),
        ("raise SystemExit", "SystemExit"),
        ("import numpy as np\n[np.ones(10**8) for _ in range(9)]", "Unable to allocate"),
        ("input()", "EOFError"),
    ],
)
def test_what_goes_wrong_is_told_and_python_lives(python, code, said):
    (((kind, text), *_), ok) = python.run(code)
    assert kind == "error" and said in text and not ok
    assert python.run("1") == ([("text", "1")], True)


FIGURES = """
import lin_utils as lu
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.title("$x_1$")
plt.show()
print("between")
plt.plot([2, 1])
lu.figures.curves([0, 1], {"y": [0, 1]}, xlabel="x", ylabel="y")
"""


def test_figures_are_in_the_page_s_ink_and_share_no_id(python):
    outputs, ok = python.run(FIGURES)
    assert ok and [kind for kind, _ in outputs] == ["svg", "stdout", "svg", "svg"]
    pictures = [data for kind, data in outputs if kind == "svg"]
    ids = [name for data in pictures for name in re.findall(r'\bid="([^"]*)"', data)]
    assert ids and len(ids) == len(set(ids))
    for data in pictures:
        used = set(re.findall(r'(?:href="|url\()#([^")]*)', data))
        assert used <= set(re.findall(r'\bid="([^"]*)"', data))
    assert "currentColor" in pictures[1] and INK not in pictures[1]


def test_an_explorer_comes_with_the_data_that_the_page_draws(python):
    code = """
def line(slope):
    return lu.figures.curves([0, 1], {"y": [0, slope]}, xlabel="x", ylabel="y")
lu.explore(line, slope=[1, 2, 3])
"""
    (((kind, schema),), ok) = python.run(f"import lin_utils as lu\n{code}")
    assert ok and kind == "explorer" and len(schema["frames"]) == 3
    assert schema["sliders"][0]["values"] == ["1", "2", "3"]


def test_what_is_not_there_at_the_start_comes_when_it_is_imported(python):
    outputs, ok = python.run("import scipy.cluster.hierarchy as h\nh.__name__")
    assert ok and outputs == [("text", "'scipy.cluster.hierarchy'")]


def test_a_part_that_does_not_come_whole_comes_when_the_cell_is_run_again(python, site):
    Server.breaks.update(wheel.name for wheel in (site / "_static").glob("python/*/pytz*.whl"))
    (((kind, text),), ok) = python.run("import pytz")
    assert kind == "error" and "run the cell again" in text and not ok
    assert python.run("import pytz\npytz.__name__") == ([("text", "'pytz'")], True)


def test_runs_wait_for_each_other(python):
    said = python.page.evaluate(
        """() => new Promise((resolve) => {
          const said = [];
          worker.onmessage = ({ data }) => {
            if (data.say === "output") said.push([data.id, data.data]);
            if (data.say === "done" && data.id === 102) resolve(said);
          };
          for (const [id, code] of [[101, "first = 1; first"], [102, "first + 1"]])
            worker.postMessage({ do: "run", id, cell: 1, code });
        })"""
    )
    assert said == [[101, "1"], [102, "2"]]


def test_a_flood_of_output_is_cut(python):
    outputs, ok = python.run("for i in range(200_000): print(i)")
    text = "".join(data for _, data in outputs)
    assert ok and text.startswith("0\n1\n") and text.endswith("… more is not shown\n")


def test_a_load_that_breaks_off_is_tried_again(browser, address):
    page = open_page(browser.new_context(), address)
    python = Python(page, f"{address}python/")
    Server.breaks.update({"start.bin", "core.bin"})
    assert python.load()[-1]["say"] == "failed"
    Server.breaks.clear()
    assert python.load()[-1]["say"] == "ready"
    assert python.run("1") == ([("text", "1")], True)
    page.close()


def test_a_browser_without_memory_for_python_is_told(browser, address):
    page = open_page(browser.new_context(), address)
    script = (
        "WebAssembly.instantiateStreaming = () => Promise.reject(new RangeError('no memory'));\n"
    )

    def answer(route):
        route.fulfill(response=(whole := route.fetch()), body=script + whole.text())

    page.route("**/python.js", answer)
    said = Python(page, f"{address}python/").load()
    assert said[-1] == {"say": "failed", "why": "no memory"}
    page.close()
