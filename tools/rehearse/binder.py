"""Binder, rehearsed: every chapter run and read in JupyterLab, and every slider moved.

JupyterLab is served on loopback from an environment made from ``requirements.txt``, and Chromium
runs each chapter. Any error, warning, raw Markdown or still slider is a failure.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

from matplotlib.image import imread
from playwright.sync_api import expect, sync_playwright

from tools.chromium import FLAGS

TOKEN = "rehearsal"
SETTINGS = {
    # All cells are drawn, also those that are off the screen; and no question covers them.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false"},
}
# Fences, roles, options, targets, TeX, labels and unknown names that a reader should not see.
RAW = re.compile(
    r"`{3}|:{3}|~{3}|\{[\w:.+-]+\}`|\{(?:prf|cite|eq|ref|numref|py|doc)\b|^\s*:\w+:|:label:|\$\$"
    r"|\\[a-zA-Z]{2,}|(?<![\w)])\([\w:.-]+\)=|\b(?:thm|prop|lem|cor|def|ex|eq|fig)-[a-z]"
    r"|Unknown Directive|\[\?\]",
    re.M,
)
# What the Markdown cells say without their formulas, and what jupyterlab-myst marks as broken.
READ = """() => jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.model.type === 'markdown')
  .map(cell => {
    const broken = [...cell.node.querySelectorAll('.myst [title*="Not Found"], .katex-error')]
      .map(mark => `${mark.title}: ${mark.textContent}`);
    const copy = cell.node.querySelector('.myst').cloneNode(true);
    copy.querySelectorAll('.katex').forEach(formula => formula.remove());
    return {text: copy.textContent, broken};
  })"""


def free_port():
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address, log):
    """Wait until a server answers; end with what it logged if it does not."""
    for _ in range(120):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=5)
            return
        time.sleep(0.5)
    sys.exit(f"{address} did not answer:\n{log.read_text()}")


def choose(home, settings):
    """Write settings of JupyterLab into a user's home."""
    for name, chosen in settings.items():
        path = home / f".jupyter/lab/user-settings/@jupyterlab/{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(chosen))


@contextlib.contextmanager
def jupyterlab(scripts, book, home):
    """Serve JupyterLab on loopback, with none of this user's settings; yield its address."""
    port = free_port()
    settings = {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "JUPYTER_PLATFORM_DIRS": "0",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON", "MPL"))}
    words = [scripts / "jupyter", "lab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    words += ["--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    words += [f"--IdentityProvider.token={TOKEN}"]
    choose(home, SETTINGS)
    with open(home / "lab.log", "w") as log:
        server = subprocess.Popen(words, cwd=book, env=kept | settings, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api?token={TOKEN}", home / "lab.log")
        yield address
    finally:
        server.terminate()
        server.wait()


def launch(playwright):
    """Return Chromium, started."""
    chromium = shutil.which("chromium") or sys.exit("chromium is needed on the PATH, found none")
    return playwright.chromium.launch(executable_path=chromium, args=FLAGS)


def wait_idle(page):
    """Wait until a notebook is open and its kernel does nothing."""
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )


def run_all(page):
    """Run the notebook that is open, and return its cells as Jupyter would save them."""
    wait_idle(page)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    # A cell has its number when it is done; after an error the cells that follow get none.
    page.wait_for_function(
        """() => {
          const panel = jupyterapp.shell.currentWidget;
          const cells = [...panel.content.model.cells].filter(cell => cell.type === 'code');
          const failed = cells.some(
            cell => cell.outputs.toJSON().some(output => output.output_type === 'error'));
          const done = failed || cells.every(cell => cell.executionCount);
          return done && panel.sessionContext.session.kernel.status === 'idle';
        }"""
    )
    cells = "[...jupyterapp.shell.currentWidget.content.model.cells].map(cell => cell.toJSON())"
    return page.evaluate(cells)


def troubles(cells):
    """Return what a reader should not see: errors, warnings, cells that were not run in order."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    for number, cell in enumerate(code, start=1):
        if cell["execution_count"] != number:
            yield f"cell {number} has the number {cell['execution_count']}"
        for output in cell["outputs"]:
            if output["output_type"] == "error" or output.get("name") == "stderr":
                yield f"cell {number}: {json.dumps(output)[:2000]}"


def raw(text):
    """Return the raw Markdown in what a reader sees, each with the words around it."""
    found = [match.span() for match in RAW.finditer(text)]
    return [text[max(start - 40, 0) : end + 40] for start, end in found]


def unreadable(page):
    """Wait until every Markdown cell is drawn, and yield what a reader cannot read."""
    page.wait_for_function(
        """() => jupyterapp.shell.currentWidget.content.widgets.every(
          cell => cell.model.type !== 'markdown' || cell.node.querySelector('.myst *'))"""
    )
    for number, cell in enumerate(page.evaluate(READ), start=1):
        for trouble in raw(cell["text"]) + cell["broken"]:
            yield f"Markdown cell {number} shows {trouble!r}"


def picture_theorem(page, path):
    """Take a picture of the first theorem with a title; yield what is wrong with it."""
    title = re.compile(r"^Theorem \d+\s+\(\w.+\)")
    header = page.locator(".myst-proof-header").filter(has_text=title)
    theorem = page.locator(".myst-proof").filter(has=header).first
    theorem.scroll_into_view_if_needed()
    path.parent.mkdir(parents=True, exist_ok=True)
    theorem.screenshot(path=path)
    formula = theorem.locator(".katex-html").first.bounding_box()
    gray = imread(path)[..., :3].mean(axis=-1)
    ink = (gray < 0.5).mean()
    if not formula or min(formula["width"], formula["height"]) < 5:
        yield "the theorem has no typeset formula"
    # Letters are dark and few, on a page that is light.
    if min(gray.shape) < 60 or not 0.005 < ink < 0.3 or (gray > 0.9).mean() < 0.6:
        yield f"{path.name} is no page with words: {gray.shape}, {ink:.1%} dark"


def move_sliders(page, cells):
    """Move every slider by one step and see that the picture follows; return their number."""
    moved = 0
    for index, cell in enumerate(cells):
        if "lu.explore(" not in cell["source"]:
            continue
        page.evaluate("index => jupyterapp.shell.currentWidget.content.scrollToItem(index)", index)
        explorer = page.locator(f".jp-Cell[data-windowed-list-index='{index}']")
        picture = explorer.locator(".widget-html svg:visible")
        expect(picture).to_have_count(1)
        for slider in explorer.get_by_role("slider").all():
            before = picture.get_attribute("aria-label")
            is_last = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
            slider.press("ArrowLeft" if is_last else "ArrowRight")
            expect(picture).not_to_have_attribute("aria-label", before)
            moved += 1
    if not moved:
        raise AssertionError("a chapter should have a slider, found none")
    return moved


def rehearse(book, scripts, home):
    """Run every chapter as a reader on Binder would; return the lines to print for the troubles."""
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(jupyterlab(scripts, book, home))
        playwright = stack.enter_context(sync_playwright())
        browser = launch(playwright)
        stack.callback(browser.close)
        found = []
        picture = book / "_build" / "rehearsal" / "theorem.png"
        picture.unlink(missing_ok=True)
        for notebook in sorted((book / "chapters").glob("*.ipynb")):
            started = time.monotonic()
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(180_000)
            page.goto(f"{address}/lab/tree/chapters/{notebook.name}?reset&token={TOKEN}")
            cells = run_all(page)
            seen = [*troubles(cells), *unreadable(page)]
            if not picture.exists():
                seen += picture_theorem(page, picture)
            found += [f"{notebook.stem}: {trouble}" for trouble in seen]
            moved = "not tried" if found else move_sliders(page, cells)
            page.close()
            seconds = time.monotonic() - started
            print(f"{notebook.stem}: {seconds:.0f} s, sliders moved: {moved}", flush=True)
        return found
