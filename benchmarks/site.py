"""Measure what the book costs, beside a plain Jupyter Book and thebe-lite: ``make costs``.

All in one run, in turns, so that whatever else the machine does strikes all alike; it can only
slow things down, so the least of the rounds counts. The record is chapters/costs.json, from which
the table in chapters/costs.md is written; a missed limit ends it with exit code 1.
"""

import argparse
import datetime
import functools
import gzip
import json
import math
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from xml.etree import ElementTree

from playwright.sync_api import sync_playwright

from tools.chromium import FLAGS
from tools.rehearse import lighthouse
from tools.rehearse.newcomer import copy_book

from . import costs, others
from .others import BOOK, KEPT, WORK

SITE = BOOK / "_build" / "html"
TESTS = BOOK / "_build" / "tests.xml"
JUPYTER_BOOK = pathlib.Path(sys.executable).with_name("jupyter-book")
FRONT = "index.html"
CHAPTERS = [f"chapters/{path.stem}.html" for path in sorted(BOOK.glob("chapters/*.ipynb"))]
#: The first cell that draws: it imports NumPy, SciPy and Matplotlib, and shows a curve.
DRAWS = "chapters/optimality-conditions.html", 2


def read_clocks():
    """Return the seconds that programs which have ended took of the processors, and the time."""
    used = os.times()
    return used.children_user + used.children_system, used.elapsed


def take_turns(rounds, **jobs):
    """Do all jobs, in rounds; return the least of each figure that each returns."""
    results = [{name: job() for name, job in jobs.items()} for _ in range(rounds)]
    print(results, file=sys.stderr, flush=True)
    figures = {name: zip(*(result[name] for result in results), strict=True) for name in jobs}
    return {name: [min(values) for values in block] for name, block in figures.items()}


class Source:
    """The sources of a book in a folder of its own, which is built again and again."""

    def __init__(self, folder, words, page):
        self.folder, self.words, self.page = folder, words, folder / page
        self.site, self.cache = folder / "_build" / "html", folder / "_build" / ".jupyter_cache"

    def build(self):
        """Build, and return how many seconds of the processors and of the clock that took."""
        # What is imported is the copy; nothing that is on the machine already is downloaded.
        kept = os.environ | {"PYTHONPATH": str(self.folder), "PYODIDE_PACKAGES": f"{KEPT}/pyodide"}
        command, start = [JUPYTER_BOOK, "build", *self.words, "."], read_clocks()
        answer = subprocess.run(command, cwd=self.folder, env=kept, capture_output=True, text=True)
        if answer.returncode:
            sys.exit(answer.stdout + answer.stderr)
        return [now - then for now, then in zip(read_clocks(), start, strict=True)]

    def build_cold(self):
        """Build as if for the first time."""
        shutil.rmtree(self.folder / "_build", ignore_errors=True)
        return self.build()

    def build_executed(self):
        """Build as if for the first time, but for what the notebooks have printed."""
        aside = self.folder / "aside"
        self.cache.rename(aside)
        shutil.rmtree(self.folder / "_build")
        self.cache.parent.mkdir()
        aside.rename(self.cache)
        return self.build()

    def build_word(self):
        """Build after a word was added to a page."""
        text = self.page.read_text(encoding="utf-8")
        if self.page.suffix == ".ipynb":
            notebook = json.loads(text)
            cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "markdown")
            next(cells)["source"].append(" Indeed.")
            text = json.dumps(notebook)
        else:
            text = text.replace("a slider.", "a slider. Indeed.")
        self.page.write_text(text, encoding="utf-8")
        return self.build()

    def build_docstring(self):
        """Build after a word was added to the docstring of a function."""
        module = self.folder / "lin_utils" / "descent.py"
        text, opening = module.read_text(encoding="utf-8"), r'def gradient_descent\(.*?"""'
        changed = re.sub(opening, r"\g<0>Indeed: ", text, count=1, flags=re.DOTALL)
        module.write_text(changed, encoding="utf-8")
        return self.build()


def measure_builds(book, plain, rounds):
    """Return the seconds of each kind of build, of the book and of the plain one."""
    return {
        "cold build": take_turns(1, book=book.build_cold, plain=plain.build_cold),
        # The plain book keeps nothing of what it executed, as it is by default.
        "without execution": take_turns(1, book=book.build_executed),
        "no change": take_turns(rounds, book=book.build, plain=plain.build),
        "one word": take_turns(rounds, book=book.build_word, plain=plain.build_word),
        "one docstring": take_turns(rounds, book=book.build_docstring),
    }


class Served:
    """A site on loopback that notes what is asked of it."""

    def __init__(self, folder):
        self.folder, self.asked = folder, []
        self.address = lighthouse.serve(folder, log_function=self.note)

    def note(self, handler):
        self.asked.append(handler.request.path.lstrip("/") or FRONT)

    def weigh(self):
        """Return the bytes of what was asked, each file once, compressed; and how many files."""
        files = {self.folder / path for path in self.asked}
        contents = [file.read_bytes() for file in files if file.is_file()]
        return sum(min(len(c), len(gzip.compress(c, 6))) for c in contents), len(contents)


def weigh_page(browser, site, name, read=False):
    """Return the bytes and files that a page loads before the first click, or until it is read."""
    site.asked.clear()
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(site.address + name, wait_until="networkidle")
        for explorer in page.locator(".explorer").all() if read else ():
            explorer.evaluate("place => place.scrollIntoView()")
            explorer.locator("input, select").first.wait_for()
    return site.weigh()


def weigh_folder(folder):
    """Return the bytes of a site on the disk, without the PDF and what serves the next build."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pdf")
    kept = (path for path in files if ".doctrees" not in path.parts)
    return sum(path.stat().st_size for path in kept)


def measure_weights(browser, book, plain):
    """Return the bytes and numbers of files of pages, and the bytes of whole sites."""
    found = {f"weight of {name}": {"book": weigh_page(browser, book, name)} for name in CHAPTERS}
    least = weigh_page(browser, plain, FRONT)
    found[f"weight of {FRONT}"] = {"book": weigh_page(browser, book, FRONT)}
    found = {name: cost | {"plain": least} for name, cost in found.items()}
    read = max(weigh_page(browser, book, name, read=True) for name in CHAPTERS)
    found["weight when read"] = {"book": read, "plain": least}
    found["whole site"] = {"book": weigh_folder(book.folder), "plain": weigh_folder(plain.folder)}
    return found


def draw_in_book(page, address):
    """Run the cell that draws first, in a page of the book; return the seconds until it has."""
    name, number = DRAWS
    page.goto(address + name, wait_until="load")
    bar = page.locator(f'.live-bar[data-cell="{number}"]')
    bar.evaluate("bar => bar.closest('details')?.setAttribute('open', '')")
    button, start = bar.locator(".live-run"), time.perf_counter()
    button.click()
    page.locator(f".cell:has([data-cell='{number}']) .live-output svg").wait_for()
    return time.perf_counter() - start


def draw_in_lite(page, address):
    """Do the same in a page of thebe-lite, where a first click brings the buttons."""
    page.goto(address, wait_until="load")
    start = time.perf_counter()
    page.locator(".thebe-activate button").first.click()
    page.locator(".thebe-run-button").first.click()
    page.locator(".jp-OutputArea-output img").wait_for()
    return time.perf_counter() - start


def visit_twice(browser, draw, site):
    """Return the seconds of a first visit and of a second one, and the bytes of the first."""
    site.asked.clear()
    with browser.new_context() as context:
        context.set_default_timeout(120_000)
        seconds, weights = [], []
        for _ in range(2):
            page = context.new_page()
            seconds.append(draw(page, site.address))
            weights.append(site.weigh())
            page.close()
    return *seconds, *weights[0]


def measure_python(browser, book, lite, rounds):
    """Return the seconds from the first click to the first picture, and the bytes until then."""
    kinds = {"book": (draw_in_book, book), "plain": (draw_in_lite, lite)}
    jobs = {name: functools.partial(visit_twice, browser, *kind) for name, kind in kinds.items()}
    visits = take_turns(rounds, **jobs)
    places = {"Python, first visit": 0, "Python, second visit": 1, "weight of Python": slice(2, 4)}
    return {
        name: {kind: visit[place] for kind, visit in visits.items()}
        for name, place in places.items()
    }


def view(url):
    """Return the figures of Lighthouse on a page: times in ms, and what the scores lack of 100.

    What it could not find out is infinite, or lacks all: an overloaded machine can fail it.
    """
    try:
        result = lighthouse.report(url, lighthouse.CATEGORIES)
    except subprocess.CalledProcessError:
        return [math.inf] * len(costs.VIEWS), [100] * len(lighthouse.CATEGORIES)
    scores = [result["categories"][name]["score"] or 0 for name in lighthouse.CATEGORIES]
    times = [result["audits"][name].get("numericValue", math.inf) for name in costs.VIEWS]
    return times, [100 - round(100 * score) for score in scores]


def measure_views(book, plain, rounds):
    """Return the best figures of Lighthouse on each page, and what the worst chapter has."""
    pages = {name: book.address + name for name in (FRONT, *CHAPTERS)}
    pages["plain"] = plain.address + FRONT
    seen = [{name: view(url) for name, url in pages.items()} for _ in range(rounds)]

    def best(page, part, place):
        return min(figures[page][part][place] for figures in seen)

    found = {}
    for place, name in enumerate(costs.VIEWS):
        worst = max(best(page, 0, place) for page in CHAPTERS)
        found[name] = {"book": worst, "plain": best("plain", 0, place)}
    for place, name in enumerate(lighthouse.CATEGORIES):
        lowest = 100 - max(best(page, 1, place) for page in (FRONT, *CHAPTERS))
        found[f"score: {name}"] = {"book": lowest, "plain": 100 - best("plain", 1, place)}
    return found


def measure_ratios():
    """Return the rows of ``make bench``, run here and now."""
    python, output = BOOK / ".venv-bench" / "bin" / "python", WORK / "bench"
    command = [python, "-m", "benchmarks", "--output", output]
    subprocess.run(command, cwd=BOOK, check=True, stdout=subprocess.DEVNULL)
    return json.loads((output / "speed.json").read_text(encoding="utf-8"))


def read_tests():
    """Return the seconds and the number of tests of the newest `make test`."""
    suites = ElementTree.parse(TESTS).getroot().findall("testsuite")
    seconds = sum(float(suite.get("time")) for suite in suites)
    return [seconds, sum(int(suite.get("tests")) for suite in suites)]


def say(*words):
    """Return the answer of a program in one line, empty where it has none."""
    answer = subprocess.run(words, cwd=BOOK, capture_output=True, text=True)
    return answer.stdout.strip()


def describe_machine(browser):
    """Return what the figures depend on."""
    model = re.search(r"model name\s*: (.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.date.today().isoformat(),
        "commit": say("git", "rev-parse", "--short", "HEAD"),
        "machine": f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}, "
        f"{memory:.0f} GB",
        "software": f"{platform.system()}, Python {platform.python_version()}, "
        f"Chromium {browser.version.partition('.')[0]}",
    }


def measure(rounds, wanted):
    """Return the whole record, or wanted parts of it."""
    os.environ.setdefault("PYODIDE_PACKAGES", f"{KEPT}/pyodide")
    load, start = [os.getloadavg()[0]], time.monotonic()
    found, record = {}, {}

    def tell(part):
        print(f"{time.monotonic() - start:5.0f} s  {part}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        folders = {name: pathlib.Path(folder, name) for name in ("book", "plain", "lite")}
        for place in folders.values():
            place.mkdir()
        copy_book(folders["book"])
        others.write_plain(folders["plain"])
        page = "chapters/optimality-conditions.ipynb"
        book = Source(folders["book"], ["-W", "--keep-going"], page)
        plain = Source(folders["plain"], [], "index.md")
        if "builds" in wanted:
            tell("builds")
            found |= measure_builds(book, plain, rounds)
        if not plain.site.exists():
            plain.build()
        # Before any connection to a browser is open: the server is a thread of this process.
        site, least = Served(SITE), Served(others.settle_plain(plain.site))
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        if "weights" in wanted:
            tell("weights")
            found |= measure_weights(browser, site, least)
        if "python" in wanted:
            tell("Python in the page")
            lite = Served(others.make_lite(folders["lite"]))
            found |= measure_python(browser, site, lite, rounds)
        record |= describe_machine(browser)
        browser.close()
        if "views" in wanted:
            tell("first views and scores")
            found |= measure_views(site, least, rounds)
        if "ratios" in wanted:
            tell("ratios of lin_utils")
            record["ratios"] = measure_ratios()
    tell("done")
    return record | {"load": [*load, os.getloadavg()[0]], "rounds": rounds, "costs": found}


PARTS = ["builds", "weights", "python", "views", "ratios"]


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="show these, record nothing")
    arguments = parser.parse_args()
    record = measure(arguments.rounds, arguments.only or PARTS)
    if arguments.only:
        print(json.dumps(record, indent=1))
        return
    if TESTS.exists():
        record["costs"]["tests"] = {"book": read_tests()}
    record = costs.rounded(record)
    costs.FILE.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")
    costs.write_table(record)
    missed = costs.missed(record)
    if missed.keys() != costs.MISSED.keys():
        known = ", ".join(costs.MISSED)
        sys.exit(f"over the limit: {'; '.join(missed.values())}. Known to be: {known}")


if __name__ == "__main__":
    main()
