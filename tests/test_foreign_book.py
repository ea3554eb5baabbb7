"""Another book, in another theme, that installs the extension and shows widgets of all kinds."""

import contextlib
import functools
import http.server
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

HEAD = """---
kernelspec: {name: python3, display_name: Python 3}
jupytext: {text_representation: {extension: .md, format_name: myst}}
---
"""
LINE = """import lin_utils as lu

def line(slope, rise=0):
    return lu.figures.curves([0, 1], {"y": [rise, slope]}, xlabel="x", ylabel="y")

"""
ONE = 'lu.explore(line, description="a line", slope=[1, 2, 3], start={"slope": 2})'
TWO = 'lu.explore(line, description="a rising line", slope=[1, 2], rise=[5, 6, 7])'
FOREIGN = {  # kind -> cell
    "IntSlider": "import ipywidgets\nipywidgets.IntSlider(3)",
    "HBox of HTML, FloatProgress": (
        "ipywidgets.HBox([ipywidgets.HTML('state'), ipywidgets.FloatProgress()])"
    ),
    "VBox of IntSlider, Output": "ipywidgets.interact(lambda x: x, x=3);",
    "Tab of VBox of SelectionSlider, Stack of HTML": (
        f"{LINE}import ipywidgets\nipywidgets.Tab([{ONE}.widget])"
    ),
}
CONF = """
project = "Another book"
extensions = ["living_book"]
html_theme = "alabaster"
exclude_patterns = ["_build"]
nb_execution_mode = "cache"
nb_execution_cache_path = {cache!r}
"""
CONFIG = """
title: Another book
execute: {{execute_notebooks: cache, cache: {cache}}}
sphinx: {{extra_extensions: [living_book], config: {{living_book_python: false}}}}
"""
TREE = "# Home\n\n```{toctree}\none/page\ntwo/page\nwidgets\n```\n"
TOC = (
    "format: jb-book\nroot: index\nchapters: [{file: one/page}, {file: two/page}, {file: widgets}]"
)
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
DOORS = {
    "sphinx": (
        {"conf.py": CONF, "index.md": TREE},
        [sys.executable, "-m", "sphinx", "-M", "html", ".", "_build", "-W"],
    ),
    "jupyter-book": (
        {"_config.yml": CONFIG, "_toc.yml": TOC, "index.md": "# Home\n"},
        [JUPYTER_BOOK, "build", "-W", "."],
    ),
}


@contextlib.contextmanager
def serving(folder):
    """Serve a folder on loopback, and give its address."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def page(title, *cells):
    fences = (f"```{{code-cell}}\n{cell}\n```\n" for cell in cells)
    return f"{HEAD}\n# {title}\n\n" + "\n".join(fences)


def build(book, command, environment):
    """Build a book as strictly as can be; return what the build says."""
    answer = subprocess.run(
        command, cwd=book, env=environment, capture_output=True, encoding="utf-8"
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("executed"))


@pytest.fixture(scope="module", params=DOORS)
def book(request, cache, environment, tmp_path_factory):
    """Return the folder of a built book, what its build said, and how to build it again."""
    folder = tmp_path_factory.mktemp("another (1) [book] für andere")
    files, command = DOORS[request.param]
    for name in ("conf.py", "_config.yml"):
        if name in files:
            files = files | {name: files[name].format(cache=cache)}
    files = files | {"one/page.md": page("One", LINE + ONE), "two/page.md": page("Two", LINE + TWO)}
    files = files | {"widgets.md": page("Widgets", *FOREIGN.values())}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder, build(folder, command, environment), command


def address(book, name):
    return (book[0] / "_build" / "html" / f"{name}.html").as_uri()


@pytest.mark.parametrize("name, frames", [("one/page", 3), ("two/page", 6)])
def test_explorer_moves_in_a_page_opened_from_a_disk(name, frames, book, browser):
    tab, errors = browser.new_page(), []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(address(book, name))
    shown = tab.locator(".explorer svg")
    first = shown.get_attribute("aria-label")
    tab.get_by_role("slider").first.wait_for()
    assert shown.get_attribute("aria-label") == first
    seen = set()
    outer, inner = (tab.get_by_role("slider").all() * 2)[:2]
    outer.press("Home")
    for _ in range(int(outer.get_attribute("max")) + 1):
        inner.press("Home")
        for _ in range(int(inner.get_attribute("max")) + 1):
            label = shown.get_attribute("aria-label")
            assert f"= {inner.get_attribute('aria-valuetext')}" in label
            seen.add(label)
            inner.press("ArrowRight")
        outer.press("ArrowRight")
    tab.close()
    assert len(seen) == frames and not errors


def test_explorer_shows_its_start_without_scripts(book, browser):
    tab = browser.new_page(java_script_enabled=False)
    tab.goto(address(book, "one/page"))
    explorer = tab.locator(".explorer")
    assert explorer.locator("svg").get_attribute("aria-label") == "a line; slope = 2"
    assert explorer.locator("p").all_inner_texts() == ["slope: 2"]
    tab.close()


@pytest.mark.parametrize("book", ["sphinx"], indirect=True)
def test_a_cell_runs_in_the_page(book, browser):
    tabs = pytest.importorskip("tabs")
    with serving(book[0] / "_build") as server:
        tab = tabs.ChromiumTab(browser.new_context())
        tab.open(f"{server}/html/one/page.html")
        tab.click("Run cell 1")
        label = "document.querySelector('.live-output svg')?.getAttribute('aria-label')"
        assert tab.wait(label) == "a line; slope = 2"
        tab.close()


@pytest.mark.parametrize("book", ["jupyter-book"], indirect=True)
def test_a_book_can_do_without_python_in_its_pages(book):
    text = (book[0] / "_build" / "html" / "one" / "page.html").read_text(encoding="utf-8")
    assert "live-" not in text and not (book[0] / "_build" / "html" / "_static" / "python").exists()


def test_other_widgets_are_told_of_and_shown_in_words(book):
    folder, said, _ = book
    text = (folder / "_build" / "html" / "widgets.html").read_text(encoding="utf-8")
    for kind in FOREIGN:
        assert re.search(rf"widgets\.md, line \d+: .*: {kind}(\x1b.*)?$", said, re.MULTILINE)
    assert text.count("<p>This widget needs a kernel: run the notebook to use it.</p>") == 4
    assert "vnd.jupyter.widget" not in text and "model_id" not in text


def test_frames_go_when_a_page_has_its_explorer_no_more(book, environment):
    folder, _, command = book
    (folder / "one" / "page.md").write_text("# One\n", encoding="utf-8")
    build(folder, command, environment)
    left = (folder / "_build" / "html" / "_static" / "explorers").rglob("*.js")
    assert {path.parent.parent.name for path in left} == {"two"}
