"""A hub, rehearsed: students follow the link of the teaching page, and what they cost is measured.

``make hub`` starts JupyterHub on loopback, with an account for each name that comes and their
servers as processes of whoever starts it, and serves the last commit of this repository by git over
HTTP. Students follow the pull link in Chromium, alone and side by side, and run the chapters; one
of them follows it again after the instructor changed what that student changed. Whatever does not
work is a failure. Memory is the proportional set size: a page that processes share is counted once.
"""

import argparse
import contextlib
import email
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import yaml
from playwright.sync_api import sync_playwright

from living_book.buttons import Repository, pull_link
from tools.rehearse import binder

BOOK = Path(__file__).parents[2]
SCRIPTS = BOOK / ".venv-hub" / "bin"
PROXY = BOOK / "tools" / "rehearse" / "node_modules" / ".bin" / "configurable-http-proxy"
TOKEN = "rehearsal"
CONFIG = """
c.JupyterHub.bind_url = "{address}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{home}/{{username}}"
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True"]
c.Spawner.environment = {{"JUPYTER_PLATFORM_DIRS": "0"}}
c.Spawner.default_url = "/lab"
c.JupyterHub.services = [{{"name": "rehearsal", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [
    {{"name": "rehearsal", "services": ["rehearsal"], "scopes": ["admin:users", "admin:servers"]}}
]
"""
WRITE = """([index, text]) => {
  const cell = jupyterapp.shell.currentWidget.content.model.cells.get(index).sharedModel;
  cell.setSource(text + cell.getSource());
}"""
SAVE = "() => jupyterapp.shell.currentWidget.context.save()"
CLEAR = "() => jupyterapp.commands.execute('notebook:clear-all-cell-outputs')"
SOURCES = """() => [...jupyterapp.shell.currentWidget.content.model.cells]
  .map(cell => cell.sharedModel.getSource())"""


def git(folder, *words):
    """Let git do something in a folder, as somebody; return what it says."""
    command = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", folder, *words)
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


class GitServer(http.server.BaseHTTPRequestHandler):
    """Answers by git's own CGI program; subclasses name the folder of the repositories."""

    folder = None

    def answer(self):
        path, _, query = self.path.partition("?")
        words = {
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        said = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        backend = subprocess.run(
            ["git", "http-backend"], input=said, env=os.environ | words, stdout=subprocess.PIPE
        )
        head, _, body = backend.stdout.partition(b"\r\n\r\n")
        headers = email.message_from_bytes(head)
        self.send_response(int(headers.get("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *words):
        """Say nothing."""


@contextlib.contextmanager
def git_server(folder):
    """Serve the repositories in a folder over HTTP on loopback; yield the address."""
    handler = type("Handler", (GitServer,), {"folder": folder})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Hub:
    """JupyterHub on loopback with its proxy; its students' servers are its children."""

    def __init__(self, home):
        self.home, self.log = home / "students", home / "hub.log"
        self.home.mkdir()
        self.address = f"http://127.0.0.1:{binder.free_port()}"
        ports = {"hub_port": binder.free_port(), "api_port": binder.free_port()}
        config = home / "jupyterhub_config.py"
        words = {"address": self.address, "proxy": PROXY, "home": self.home, "token": TOKEN}
        config.write_text(CONFIG.format(**words, **ports))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON"))}
        kept["PATH"] = f"{SCRIPTS}{os.pathsep}{kept['PATH']}"
        command = [SCRIPTS / "jupyterhub", "--config", config]
        started = time.monotonic()
        with open(self.log, "w") as log:
            self.process = psutil.Popen(command, cwd=home, env=kept, stdout=log, stderr=log)
        binder.wait_for(f"{self.address}/hub/health", self.log)
        self.seconds = time.monotonic() - started

    def ask(self, method, path):
        """Return what the hub's own interface answers."""
        address = f"{self.address}/hub/api/{path}"
        headers = {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(address, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def stop(self, name):
        """Stop a student's server, as the hub does when nobody uses it, and wait for its end."""
        self.ask("DELETE", f"users/{name}/server")
        while self.ask("GET", f"users/{name}")["servers"]:
            time.sleep(0.5)

    def proxy(self):
        """Return the proxy's process; its Node can be started by another program, which waits."""
        family = self.process.children(recursive=True)
        named = [p for p in family if str(PROXY) in " ".join(p.cmdline())]
        return next(p for p in named if not p.children())

    def server(self, name):
        """Return the process of a student's server."""
        return next(
            p for p in self.process.children() if p.environ().get("JUPYTERHUB_USER") == name
        )

    def close(self):
        """Stop the hub, which stops its proxy and the servers."""
        family = self.process.children(recursive=True)
        self.process.terminate()
        psutil.wait_procs([self.process], timeout=60)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def megabytes(process):
    """Return what a process has of the memory, in MB; a page that several share is divided."""
    return process.memory_full_info().pss / 1e6


def largest(process):
    """Return the largest resident set that a process ever had, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.M)[1]) * 1024 / 1e6


def processor(process):
    """Return the processor time that a process had, its own and the system's for it, in seconds."""
    return sum(process.cpu_times()[:2])


def disk(folder):
    """Return what a folder takes on the disk, in MB."""
    said = subprocess.run(["du", "-sk", folder], check=True, capture_output=True, encoding="utf-8")
    return int(said.stdout.split()[0]) * 1024 / 1e6


class Student:
    """A student in a browser of their own; Playwright's objects belong to one thread."""

    def __init__(self, hub, name, link, stack):
        self.hub, self.name, self.link = hub, name, link
        self.clone = hub.home / name / "book"
        binder.choose(hub.home / name, {"apputils-extension/notification": {"fetchNews": "false"}})
        self.browser = binder.launch(stack.enter_context(sync_playwright()))
        stack.callback(self.browser.close)
        self.pages = self.browser.new_context(viewport={"width": 1280, "height": 900})
        self.page = None

    def go(self, address, place):
        """Open an address in a new tab; return how long until a notebook is open in it."""
        if self.page:
            self.page.close()
        self.page = self.pages.new_page()
        self.page.set_default_timeout(600_000)
        started = time.monotonic()
        self.page.goto(address)
        if self.page.locator("#username_input").count():
            self.page.fill("#username_input", self.name)
            self.page.fill("#password_input", "any")
            self.page.click("#login_submit")
        self.page.wait_for_function(
            "path => window.jupyterapp?.shell.currentWidget?.context?.path === path",
            arg=f"book/{place}",
        )
        binder.wait_idle(self.page)
        return time.monotonic() - started

    def follow(self):
        """Follow the link; return how long until the first chapter is open."""
        return self.go(self.link, first_chapter())

    def open(self, place):
        """Open another chapter, as by a click on the file."""
        self.go(f"{self.hub.address}/user/{self.name}/lab/tree/book/{place}?reset", place)

    def run(self):
        """Run the open notebook; return how long it took, and what no student should see."""
        self.page.evaluate(CLEAR)  # numbers of an earlier run would look like those of this one
        started = time.monotonic()
        cells = binder.run_all(self.page)
        return time.monotonic() - started, list(binder.troubles(cells))

    def kernel(self):
        """Return the process of the open notebook's kernel."""
        session = "jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"
        name = self.page.evaluate(session)
        family = self.hub.server(self.name).children(recursive=True)
        return next(p for p in family if name in " ".join(p.cmdline()))


def first_chapter():
    """Return the path of the first chapter, as the table of contents has it."""
    parts = yaml.safe_load((BOOK / "_toc.yml").read_text())["parts"]
    return f"{parts[0]['chapters'][0]['file']}.ipynb"


def chapters():
    """Return the paths of all chapters that are notebooks, in their order."""
    parts = yaml.safe_load((BOOK / "_toc.yml").read_text())["parts"]
    places = [f"{chapter['file']}.ipynb" for part in parts for chapter in part["chapters"]]
    return [place for place in places if (BOOK / place).exists()]


def row(what, *numbers):
    """Print a row of the table, with what else the machine does."""
    load = f"load {os.getloadavg()[0]:.1f}"
    print(f"{what:<40}" + "".join(f"{number:>16}" for number in (*numbers, load)), flush=True)


def alone(hub, link):
    """One student after another: how long, what is open, all chapters; yield the troubles."""
    with contextlib.ExitStack() as stack:
        first = Student(hub, "first", link, stack)
        row("first student, from link to notebook", f"{first.follow():.1f} s")
        opened = {"the server, a chapter open": hub.server("first"), "its kernel": first.kernel()}
        for what, process in opened.items():
            row(what, f"{megabytes(process):.0f} MB", f"{processor(process):.1f} s processor")
        row("the student's copy of the book", f"{disk(first.clone):.1f} MB")
        row("chapter", "kernel", "at most", "private", "processor", "time")
        for place in chapters():
            first.open(place)
            seconds, troubles = first.run()
            yield from (f"{place}: {trouble}" for trouble in troubles)
            kernel = first.kernel()
            memory = kernel.memory_full_info()
            row(
                Path(place).stem,
                *(f"{memory.pss / 1e6:.0f} MB", f"{largest(kernel):.0f} MB"),
                f"{memory.uss / 1e6:.0f} MB",
                *(f"{processor(kernel):.0f} s", f"{seconds:.0f} s"),
            )
        row("the server after the chapters", f"{megabytes(hub.server('first')):.0f} MB")
        row("first again, server running", f"{first.follow():.1f} s")
        hub.stop("first")
        row("first again, server stopped", f"{first.follow():.1f} s")
        hub.ask("POST", "users/idle")
        hub.ask("POST", "users/idle/server")
        binder.wait_for(f"{hub.address}/user/idle/api", hub.log)
        row("a server that nobody uses", f"{megabytes(hub.server('idle')):.0f} MB")


def side_by_side(hub, link, number):
    """All at once: follow the link, run the first chapter; return the troubles."""
    names = [f"student-{index}" for index in range(1, number + 1)]
    seen, opened, ran = [], [], []

    def count(what, seconds):
        family = [p for name in names for p in (hub.server(name), *hub.server(name).children())]
        memory = sum(map(megabytes, family)) / number
        times = f"{min(seconds):.1f}–{max(seconds):.1f} s"
        row(what, times, f"{memory:.0f} MB each")

    all_open = threading.Barrier(number, lambda: count(f"{number} at once, open", opened))
    all_ran = threading.Barrier(number, lambda: count(f"{number} at once, chapter run", ran))

    def attend(name):
        try:
            with contextlib.ExitStack() as stack:
                student = Student(hub, name, link, stack)
                opened.append(student.follow())
                all_open.wait()
                seconds, troubles = student.run()
                ran.append(seconds)
                seen.extend(f"{name}: {trouble}" for trouble in troubles)
                all_ran.wait()
        except BaseException:
            all_open.abort()
            all_ran.abort()
            raise

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(attend, names))
    return seen


def edit_as_instructor(home, served, place, cells):
    """Commit what an instructor changes in a chapter and beside it, and push it."""
    desk = home / "desk"
    git(home, "clone", "--quiet", served, desk)
    notebook = nbformat.read(desk / place, 4)
    for index, text in cells.items():
        notebook.cells[index].source = text + notebook.cells[index].source
    notebook.cells.append(nbformat.v4.new_markdown_cell("A cell more."))
    nbformat.write(notebook, desk / place)
    (desk / "README.md").write_text("The instructor's.\n")
    (desk / "notes.md").write_text("The instructor's.\n")
    git(desk, "add", "--all")
    git(desk, "commit", "--quiet", "--message", "A correction")
    git(desk, "push", "--quiet")


def again(hub, link, home, served):
    """A student and the instructor change the same chapter; yield what the link loses."""
    place = first_chapter()
    original = nbformat.read(BOOK / place, 4)
    words = [i for i, cell in enumerate(original.cells) if cell.cell_type == "markdown"]
    code = [i for i, cell in enumerate(original.cells) if cell.cell_type == "code"]
    mine, both, theirs, corrected = words[2], words[3], words[4], code[3]
    with contextlib.ExitStack() as stack:
        student = Student(hub, "second", link, stack)
        row("second student, from link to notebook", f"{student.follow():.1f} s")
        student.run()
        for index in (mine, both):
            student.page.evaluate(WRITE, [index, "The student's.\n"])
        student.page.evaluate(SAVE)
        (student.clone / "README.md").unlink()
        (student.clone / "notes.md").write_text("The student's.\n")
        corrections = {both: "The instructor's.\n", theirs: "The instructor's.\n"}
        edit_as_instructor(home, served, place, corrections | {corrected: "# Corrected.\n"})
        hub.stop("second")  # days later
        row("the same link, after a change", f"{student.follow():.1f} s")
        shown = student.page.evaluate(SOURCES)
        merged = nbformat.read(student.clone / place, 4)
        nbformat.validate(merged)
        kept = sorted(path.read_text() for path in student.clone.glob("notes*.md"))
        outputs = [bool(cell.get("outputs")) for cell in original.cells]
        promises = {
            "what the student wrote": merged.cells[mine].source.startswith("The student's."),
            "the student's words where both wrote": merged.cells[both].source
            == "The student's.\n" + original.cells[both].source,
            "what the instructor wrote": merged.cells[theirs].source.startswith("The instr"),
            "a correction of a cell that was run": merged.cells[corrected].source
            == "# Corrected.\n" + original.cells[corrected].source,
            "a new cell": merged.cells[-1].source == "A cell more.",
            "the outputs": [bool(cell.get("outputs")) for cell in merged.cells[:-1]] == outputs,
            "both files of one name": kept == ["The instructor's.\n", "The student's.\n"],
            "a file that was deleted": (student.clone / "README.md").exists(),
            "all that in the open page": shown == [cell.source for cell in merged.cells],
        }
        yield from (f"lost: {what}" for what, held in promises.items() if not held)
        yield from student.run()[1]


def rehearse(number):
    """Start all, let the students come, print what they cost; return the troubles."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        home = Path(folder)
        served = home / "served" / "book"
        git(home, "clone", "--quiet", "--bare", "--no-local", BOOK, served)
        branch = git(served, "branch", "--show-current").strip()
        address = stack.enter_context(git_server(served.parent))
        git(home, "clone", "--quiet", f"{address}/book", home / "whole")
        hub = Hub(home)
        stack.callback(hub.close)
        link = pull_link(Repository(f"{address}/book", branch=branch), first_chapter(), hub.address)
        print(f"{link}\n{os.cpu_count()} cores, {psutil.virtual_memory().total / 1e9:.0f} GB")
        row("the hub's start", f"{hub.seconds:.1f} s")
        row("the book with its history", f"{disk(home / 'whole'):.1f} MB")
        try:
            troubles = list(alone(hub, link))
            troubles += again(hub, link, home, served)
            troubles += side_by_side(hub, link, number)
            row(
                "the hub, its proxy",
                *(f"{megabytes(p):.0f} MB" for p in (hub.process, hub.proxy())),
            )
        except BaseException:
            print(hub.log.read_text()[-5000:], file=sys.stderr)
            raise
        return troubles


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=4, help="how many come at once")
    if failures := rehearse(parser.parse_args().students):
        sys.exit("\n".join(failures))
    print("The link works, and what students wrote is kept.")
