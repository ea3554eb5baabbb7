"""Cells that run in the page, in Chromium and in Firefox, below a path, all other hosts blocked."""

import functools
import gzip
import http.server
import json
import threading
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from living_book import cells

STATIC = Path(cells.__file__).parent / "static"
AXE = Path(__file__).parents[1] / "tools" / "rehearse" / "node_modules" / "axe-core" / "axe.min.js"
# What suffices; README.md says so.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="90pt" height="60pt"><path d="M0 0"/></svg>'
FIGURE = {
    "mystnb": {
        "image": {"alt": "A rising line."},
        "figure": {"name": "fig-line", "caption": "It *rises*."},
    },
}
PRINTED = [
    new_output("stream", text="area 9\n"),
    new_output("execute_result", {"text/plain": "'printed'"}, execution_count=3),
]
EXERCISE = "```{exercise}\n:label: ex-area\n\nWhat is the area?\n```"
SOLUTION = """```{hint}
:class: dropdown

All sides of a square are equal.
```

```{solution} ex-area
:class: dropdown

It is 9.
```"""
SETUP = "import lin_utils as lu"
AREA = 'print("area", side**2)\n"printed"'
LINE = 'lu.figures.curves([0, 1], {"y": [0, 1]}, xlabel="x", ylabel="y")'
EXPLORER = """def line(slope):
    return lu.figures.curves([0, 1], {"y": [0, slope]}, xlabel="x", ylabel="y")


lu.explore(line, description="a line", slope=[1, 2])"""
ANSWER = 'answer = ...\n\nprint(lu.check_answer(answer, side**2, lambda a: "Square the side."))'
CELLS = [
    new_markdown_cell("# A page that lives"),
    new_code_cell(SETUP),
    new_code_cell("side = 3"),
    new_code_cell(AREA, outputs=PRINTED),
    new_code_cell(
        LINE, metadata=FIGURE, outputs=[new_output("display_data", {"image/svg+xml": SVG})]
    ),
    new_code_cell(EXPLORER, metadata={"tags": ["hide-input"]}),
    new_markdown_cell(EXERCISE),
    new_code_cell(ANSWER),
    new_markdown_cell(SOLUTION),
]
PAGE = new_notebook(
    cells=CELLS,
    metadata={
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
    },
)
FILES = {
    "index.md": "# Home\n\n```{toctree}\nlive\n```\n",
    "live.ipynb": nbformat.writes(PAGE),
}
THEME = {
    "html_theme": "sphinx_book_theme",
    "html_context": {"default_mode": "auto"},
    "html_title": "A small book",
    "numfig": True,
    "living_book_packages": {"lu": "lin_utils"},
    "living_book_python": True,
    "exclude_patterns": ["_build"],
}


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder with the policy of a careful site, notes what is asked, and can fail."""

    def __init__(self, folder):
        self.asked, self.fails = [], lambda path: None
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.page = f"http://127.0.0.1:{self.server_port}/_build/html/live.html"


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def do_GET(self):
        self.server.asked.append(self.path)
        failure = self.server.fails(self.path) or (204 if "favicon" in self.path else None)
        if failure == "cut":  # half of the file comes
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"0" * 1000)
            self.close_connection = True
        elif failure:
            self.send_response(failure)
            self.end_headers()
        else:
            super().do_GET()


# The book's archives have what these cells import; test_foreign_book.py bakes others.
BAKED = """
import pathlib
from living_book import pyodide

pyodide.bake = lambda *_: pathlib.Path({!r})
"""


@pytest.fixture(scope="module")
def book(shared_book, site):
    baked = next((site.parent / ".doctrees").glob("living_book/pyodide/baked-*"), None)
    if baked is None:
        pytest.skip("no source of Pyodide's files here, see living_book/pyodide.py")
    more = BAKED.format(str(baked))
    answer = shared_book.build(FILES, more=more, **THEME)
    assert answer.returncode == 0, answer.stderr
    return shared_book


@pytest.fixture(scope="module")
def server(book):
    server = Server(book.folder)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tabs():
    return pytest.importorskip("tabs")


HINT = "document.querySelector('.hint').checkVisibility()"


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def opened(request, server, tabs):
    """Return a tab that all tests of a browser share, and what its page asked for on opening."""
    if request.param == "firefox":
        tab = tabs.FirefoxTab(request.getfixturevalue("firefox"))
    else:
        tab = tabs.ChromiumTab(request.getfixturevalue("browser").new_context())
    server.asked.clear()
    tab.open(server.page)
    tab.wait("document.readyState === 'complete'")
    tab.asked, tab.hint = [*server.asked], tab.evaluate(HINT)
    yield tab
    tab.close()


RESET = """document.querySelectorAll(".live-bar button").forEach((button) => {
  if (button.textContent === "Reset") button.click();
})"""


@pytest.fixture
def tab(opened):
    """Return the tab with its page as printed; Python and its state may be there already."""
    opened.evaluate(RESET)
    return opened


chromium_alone = pytest.mark.parametrize("opened", ["chromium"], indirect=True)


def status(number):
    return f"document.querySelector('[data-cell=\"{number}\"] .live-status').textContent"


def output(tab, number):
    return tab.text(f".cell:has([data-cell='{number}']) .live-output")


def run(tab, number, word="Run"):
    """Run a cell to its end; return what the page shows below it, and says of it."""
    bar = f"document.querySelector('[data-cell=\"{number}\"]')"
    tab.evaluate(f"{bar}.closest('details')?.setAttribute('open', '')")
    tab.click(f"{word} cell {number}")
    said = tab.wait(f"/Done|error|fails|did not/.test({status(number)}) && {status(number)}")
    return output(tab, number), said


def edit(tab, number, code):
    """Replace the code of a cell as a reader does."""
    tab.click(f"Code of cell {number}")
    tab.wait(f"document.activeElement.matches('.cm-content[aria-label=\"Code of cell {number}\"]')")
    tab.press("Control+a")
    tab.write(code)


def test_before_the_first_click_nothing_of_python_is_loaded(opened):
    assert opened.asked and not [p for p in opened.asked if "/python/" in p or "/editor/" in p]


def test_a_cell_runs_after_those_that_it_needs_as_the_reader_has_them(tab):
    edit(tab, 2, "side = 5")
    shown, said = run(tab, 3)
    assert shown.split() == ["area", "25", "'printed'"]
    assert said.startswith("Ran cell 2 first. Done in ")  # the area needs no lin_utils
    assert run(tab, 3)[1].startswith("Done in ")
    tab.click("Reset cell 2")
    assert "area 9" in run(tab, 3)[0]


def test_the_printed_code_and_output_come_back(tab):
    run(tab, 3)
    edit(tab, 3, "1 + 1")
    assert run(tab, 3)[0].strip() == "2"
    assert tab.text(".cell_output") is None
    tab.click("Reset cell 3")
    assert output(tab, 3) is None
    assert tab.text(".cell_output").split() == ["area", "9", "'printed'"]
    assert tab.text(".cell:has([data-cell='3']) pre").strip() == AREA


def test_an_error_shows_the_line_of_the_cell(tab):
    edit(tab, 3, "side\nside / 0")
    shown, said = run(tab, 3)
    assert "side / 0" in shown and "ZeroDivisionError: division by zero" in shown
    assert "line 2" in shown and "pyodide" not in shown and said == "It ended with an error."
    edit(tab, 2, "side / 0")
    shown, said = run(tab, 3)
    assert said == "Cell 2, which this one needs, fails." and "<cell 2>" in shown


def test_a_package_that_is_not_there_is_named_with_what_there_is(tab):
    edit(tab, 2, "import torch")
    shown, _ = run(tab, 2)
    assert "torch" in shown and "numpy" in shown.lower()


def test_a_figure_is_drawn_in_the_ink_of_the_page_with_its_words(tab):
    run(tab, 4)
    figure = "document.querySelector('.live-output svg[role=img]')"
    assert tab.evaluate(f"{figure}.getAttribute('aria-label')") == "A rising line."
    ink = tab.evaluate(
        f"[...{figure}.querySelectorAll('path')].map((p) => getComputedStyle(p).stroke)"
    )
    assert tab.evaluate("getComputedStyle(document.body).color") in ink
    assert output(tab, 4).strip().endswith("It rises.")


def test_an_explorer_of_the_reader_moves(tab):
    run(tab, 5)
    folded = "document.querySelector('.live-output').closest('details')"
    assert tab.evaluate(folded) is None  # so that what is seen does not fold with the code
    label = "document.querySelector('.live-output .explorer svg').getAttribute('aria-label')"
    seen = [tab.evaluate(label)]
    tab.evaluate("document.querySelector('.live-output input[type=range]').focus()")
    tab.press("ArrowRight")
    assert [*seen, tab.evaluate(label)] == ["a line; slope = 1", "a line; slope = 2"]


def test_an_exercise_answers_and_gives_hints_only_after_a_try(tab):
    assert not tab.hint and tab.evaluate("document.querySelector('.live-check').open") is False
    edit(tab, 6, "answer = 8")
    assert run(tab, 6, "Check")[0].strip().endswith("Square the side.")
    assert tab.evaluate(HINT) is True
    edit(tab, 6, "answer = 9")
    assert run(tab, 6, "Check")[0].strip() == "Right."
    assert tab.evaluate("document.querySelector('.solution').open") is False


def test_an_endless_loop_is_stopped_and_the_page_lives(tab):
    edit(tab, 2, "while True: pass")
    tab.press("Shift+Enter")
    tab.wait(f"{status(2)} === 'Running.'")
    edit(tab, 3, "'the page answers while Python runs'")
    tab.click("Stop cell 2")
    assert tab.wait(f"{status(2)} !== 'Running.' && {status(2)}").startswith("Stopped.")
    tab.click("Reset cell 2")
    tab.click("Reset cell 3")
    assert "area 9" in run(tab, 3)[0]


def test_an_edit_is_there_in_another_tab_and_after_a_reload(tab, server):
    edit(tab, 2, "side = 7")
    run(tab, 2)
    other = tab.another()
    for _ in range(20):  # Firefox tells its other processes in its own time
        other.open(server.page)
        if other.evaluate(status(2)) == "This is your version.":
            break
    assert other.text(".cell:has([data-cell='2']) pre").strip() == "side = 7"
    other.click("Reset cell 2")
    other.open(server.page)
    assert other.text(".cell:has([data-cell='2']) pre").strip() == "side = 3"
    other.close()


def test_the_keyboard_alone_runs_and_edits_and_is_never_caught(tab):
    tab.evaluate("document.querySelector('[data-cell=\"1\"] button').focus()")
    at = "document.activeElement.getAttribute('aria-label')"
    while tab.evaluate(at) != "Code of cell 2":
        tab.press("Tab")
    tab.press("Enter")
    tab.wait("document.activeElement.matches('.cm-content')")
    tab.press("Tab")  # nothing is typed yet
    assert tab.evaluate(at) == "Run cell 2"
    tab.press("Shift+Tab")
    tab.press("Control+a")
    tab.write("print(6 / 2)")
    tab.press("Shift+Enter")
    tab.wait(f"{status(2)}.startsWith('Done')")
    assert output(tab, 2).strip() == "3.0"
    tab.press("Tab")
    assert tab.evaluate(at) == "Code of cell 2"
    tab.press("Escape")
    tab.press("Tab")
    assert tab.evaluate(at) == "Run cell 2"


# Each text of the button, also one that is there for a moment.
LISTEN = """(window.said = [],
  new MutationObserver((changes) => changes.forEach(({ addedNodes }) =>
    addedNodes.forEach((node) => said.push(node.data)))
  ).observe(document.querySelector(".live-all"), { childList: true }))"""


def test_all_cells_run_one_after_the_other_and_say_how_far_they_are(tab):
    edit(tab, 6, "answer = 9")
    tab.evaluate(LISTEN)
    tab.click("Run all")
    said = tab.wait("said.at(-1) === 'Run all' && said")
    assert said == [*(f"Cell {n} of 6" for n in range(1, 7)), "Run all"]
    assert tab.evaluate(status(1)) == "All cells ran.", tab.text("article")
    assert [output(tab, n) is not None for n in range(1, 7)] == [True] * 6


def test_memory_that_is_not_there_is_told_of_with_the_notebook(tab):
    edit(tab, 2, "raise MemoryError")
    shown, _ = run(tab, 2)
    assert "MemoryError" in shown and "Download the notebook" in shown


CHECK = """async () => (await axe.run(document.querySelector("article"))).violations.flatMap(
  ({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`))"""


@chromium_alone
def test_live_cells_are_accessible_in_light_and_in_dark(tab):
    if not AXE.exists():
        pytest.skip("needs axe-core: npm ci --prefix tools/rehearse")
    tab.page.add_script_tag(path=AXE)
    found = {"before": tab.page.evaluate(CHECK)}
    for number in (3, 4, 5):
        run(tab, number)
    edit(tab, 2, "side / 0  # a comment")
    run(tab, 2)
    edit(tab, 6, "answer = 9")
    for scheme in ("light", "dark"):
        tab.page.emulate_media(color_scheme=scheme)
        tab.page.wait_for_selector(f"html[data-theme={scheme}]")
        found[scheme] = tab.page.evaluate(CHECK)
    tab.page.emulate_media(color_scheme="light")
    assert found == {"before": [], "light": [], "dark": []}


@chromium_alone
def test_the_policy_suffices_and_no_script_fails(tab):
    assert tab.errors == []


@pytest.fixture(scope="module")
def phone(browser, server, tabs):
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    tab = tabs.ChromiumTab(context)
    tab.point = tab.page.touchscreen.tap
    tab.open(server.page)
    yield tab
    context.close()


def test_a_network_that_fails_half_way_can_be_tried_again(phone, server):
    failed = []

    def fail_once(path):
        if "/python/" in path and not path.endswith((".js", "manifest.json")) and not failed:
            failed.append(path)
            return "cut"

    server.fails = fail_once
    shown, said = run(phone, 3)
    assert said == "It did not run." and failed and shown
    shown, said = run(phone, 3)
    assert "area 9" in shown


def test_a_phone_runs_and_edits_by_touch(phone):
    edit(phone, 3, "print('a' * 3000)")
    assert "aaa" in run(phone, 3)[0]
    assert phone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    sizes = phone.evaluate("""[...document.querySelectorAll(".live-bar button")].map((button) => {
        const { width, height } = button.getBoundingClientRect();
        return Math.min(width, height);
    })""")
    assert min(sizes) >= 44
    phone.page.set_viewport_size({"width": 320, "height": 800})
    assert phone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.fixture
def fresh(browser, tabs):
    context = browser.new_context()
    yield tabs.ChromiumTab(context)
    context.close()


NO_STORAGE = """for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { get() { throw new DOMException("denied"); } });"""


def test_without_storage_a_cell_can_be_edited(fresh, server):
    fresh.open(server.page)
    fresh.page.evaluate(NO_STORAGE)
    edit(fresh, 2, "side = 4")
    assert fresh.text(".cell:has([data-cell='2']) .cm-content") == "side = 4"
    fresh.click("Reset cell 2")
    assert not [error for error in fresh.errors if "denied" in error]


def test_an_old_page_of_a_new_site_asks_to_be_reloaded(fresh, server, monkeypatch):
    monkeypatch.setattr(server, "fails", lambda path: 404 if "manifest" in path else None)
    fresh.open(server.page)
    assert "reload the page" in run(fresh, 2)[0]


def test_a_page_from_a_disk_says_what_it_needs(fresh, book):
    fresh.open((book.site / "live.html").as_uri())
    fresh.click("Run cell 2")
    assert "python -m http.server" in output(fresh, 2)


def test_a_page_that_the_browser_ended_says_so(fresh, server):
    fresh.open(server.page)
    fresh.page.evaluate("sessionStorage.setItem('living-book:busy', '1')")
    fresh.page.evaluate("addEventListener('pagehide', (event) => event.stopImmediatePropagation())")
    fresh.page.add_init_script("sessionStorage.setItem('living-book:busy', '1')")
    fresh.open(server.page)
    assert "too little memory" in fresh.text(".live-output")


@chromium_alone
def test_without_scripts_and_on_paper_there_is_nothing_to_press(browser, server, tab):
    page = browser.new_page(java_script_enabled=False)
    page.goto(server.page)
    assert page.locator(".live-bar").count() == len(CELLS) - 3
    assert page.get_by_role("button", name="cell").count() == 0
    page.close()
    tab.page.emulate_media(media="print")
    assert tab.page.get_by_role("button", name="Run").count() == 0
    tab.page.emulate_media(media="screen")


def test_without_a_source_there_is_nothing_to_press(small_book):
    more = "from living_book import pyodide\n\npyodide.install = lambda *places: None\n"
    answer = small_book.build(FILES, more=more, **THEME)
    assert answer.returncode == 0, answer.stderr
    assert 'class="live-' not in small_book.read("live.html")
    assert "cells.js" not in small_book.read("live.html")


def test_what_a_page_loads_for_its_cells_is_small(book):
    names = [book.site / "_static" / "cells.js", STATIC / "cells.css"]
    assert sum(len(gzip.compress(path.read_bytes())) for path in names) < 6000


def test_the_page_knows_which_cells_need_which(book):
    text = book.read("live.html").partition('id="live-page">')[2].partition("</script>")[0]
    assert json.loads(text)["needs"] == [[], [], [1], [0], [0], [0, 1]]


@pytest.mark.parametrize(
    "code, lines",
    [
        (ANSWER, 1),
        ("def f(z):\n    a = z\n    return ...\n\n\nprint(check_gradient_answer(g, f, dim=1))", 3),
        ("answer = 2\nprint(lu.check_answer(answer, 2))", None),
        ("x = array[..., 0]", None),
        ("%matplotlib inline", None),
    ],
)
def test_the_place_of_an_answer_is_found(code, lines):
    assert cells.answer_lines(code) == lines
