"""Binder, rehearsed: every chapter run in JupyterLab, and every slider moved.

JupyterLab is served on loopback from an environment made from ``requirements.txt``, and Chromium
runs each chapter. Any error, warning or still slider is a failure.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

from playwright.sync_api import expect, sync_playwright

from tools.chromium import FLAGS

TOKEN = "rehearsal"


@contextlib.contextmanager
def jupyterlab(scripts, book, home):
    """Serve JupyterLab on loopback, with none of this user's settings; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "JUPYTER_PLATFORM_DIRS": "0",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON", "MPL"))}
    words = [scripts / "jupyter", "lab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    words += ["--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    words += [f"--IdentityProvider.token={TOKEN}"]
    with open(home / "lab.log", "w") as log:
        server = subprocess.Popen(words, cwd=book, env=kept | settings, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=5)
                break
            time.sleep(0.5)
        else:
            sys.exit(f"JupyterLab did not start:\n{(home / 'lab.log').read_text()}")
        yield address
    finally:
        server.terminate()
        server.wait()


def run_all(page):
    """Run the notebook that is open, and return its cells as Jupyter would save them."""
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
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
        chromium = shutil.which("chromium") or sys.exit(
            "chromium is needed on the PATH, found none"
        )
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        stack.callback(browser.close)
        found = []
        for notebook in sorted((book / "chapters").glob("*.ipynb")):
            started = time.monotonic()
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(180_000)
            page.goto(f"{address}/lab/tree/chapters/{notebook.name}?reset&token={TOKEN}")
            cells = run_all(page)
            found += [f"{notebook.stem}: {trouble}" for trouble in troubles(cells)]
            moved = "not tried" if found else move_sliders(page, cells)
            page.close()
            seconds = time.monotonic() - started
            print(f"{notebook.stem}: {seconds:.0f} s, sliders moved: {moved}", flush=True)
        return found
