"""Runs in the page: cells as a notebook runs them, and their outputs as messages to the page.

Its name there is ``living_page``; it is Matplotlib's backend, too, so that figures are shown at the
end of the cell that makes them, or by ``plt.show``.
"""

import ast
import base64
import builtins
import contextlib
import importlib.abc
import importlib.util
import io
import json
import linecache
import pathlib
import pprint
import re
import sys
import time
import traceback
import types
import zipfile

import __main__

SITE = "/lib/python3.12/site-packages"
INK = "#767676"  # figures in this gray are in the color of the page's text, as explorers are
MOST = 200_000  # characters of a stream in one run: an endless loop must not fill the page
PAUSE = 0.05  # seconds between messages of a stream
IGNORED = ("%matplotlib", "%config", "%load_ext", "%autoreload")
state = {"id": None, "silent": False, "figures": 0}


def send(kind, data):
    """Send an output of the cell that runs; of a silent one only errors."""
    if kind == "error" or not state["silent"]:
        state["say"](state["id"], kind, json.dumps(data))


class Stream(io.TextIOBase):
    """What a cell prints, sent in pieces that a page can follow."""

    def __init__(self, kind):
        self.kind, self.text, self.left, self.sent = kind, "", MOST, 0.0

    def writable(self):
        return True

    def write(self, text):
        self.text += text[: max(self.left, 0)]
        if self.left > 0 >= self.left - len(text):
            self.text += "\n… more is not shown\n"
        self.left -= len(text)
        whole = self.text.endswith("\n") or len(self.text) > 1000
        if whole and time.monotonic() - self.sent > PAUSE:
            self.flush()
        return len(text)

    def flush(self):
        if self.text:
            send(self.kind, self.text)
            self.text, self.sent = "", time.monotonic()


class Rest(importlib.abc.MetaPathFinder):
    """Brings the files that the page did not load at its start, when a module in them is wanted."""

    def __init__(self, files, load):
        self.load = load
        self.sizes = {file: size for file, (size, _) in files.items()}
        self.files = {name: file for file, (_, names) in files.items() for name in names}

    def bring(self, file):
        """Load a file, and unpack it."""
        try:
            content = self.load(file, self.sizes[file]).to_bytes()
        except Exception as error:
            text = f"{file} did not come ({error}): run the cell again, or reload the page"
            raise ImportError(text) from None
        del self.sizes[file]
        if file.endswith(".whl"):
            zipfile.ZipFile(io.BytesIO(content)).extractall(SITE)
        else:
            from living_archives import unpack

            for name, part in unpack(content).items():
                place = pathlib.Path("/", name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(part)
        importlib.invalidate_caches()

    def bring_all(self, package):
        """Load all that there is of a package."""
        for file in list(self.sizes):
            if file.startswith(f"{package}-"):
                self.bring(file)

    def find_spec(self, name, path=None, target=None):
        if (file := self.files.get(name)) not in self.sizes:
            return None
        self.bring(file)
        return importlib.util.find_spec(name)


def start(packages, say, load):
    """Get ready for cells; the worker gives the names of packages and the ways to the page."""
    files = json.loads(pathlib.Path(__file__).with_suffix(".json").read_bytes())
    state.update(packages=list(packages), say=say, rest=Rest(files, load))
    sys.meta_path.append(state["rest"])
    sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    builtins.display = display
    imitate_ipython()


class Rich:
    """What IPython.display makes of data: it is shown as it is."""

    def __init__(self, data):
        self.data = data


class HTML(Rich):
    def _repr_html_(self):
        return self.data


class SVG(Rich):
    def _repr_svg_(self):
        return self.data


def clear_output(wait=False):
    """Take away what the cell has shown."""
    send("clear", "")


def imitate_ipython():
    """Let cells import what they mostly want of IPython, which is not in the page."""
    package, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    vars(module).update(display=display, clear_output=clear_output, HTML=HTML, SVG=SVG)
    package.display, package.get_ipython = module, lambda: None
    sys.modules.update({"IPython": package, "IPython.display": module})


def parse(code, name):
    """Return the tree of a cell; lines with magics do nothing here."""
    with contextlib.suppress(SyntaxError):
        return ast.parse(code, name)
    lines = code.split("\n")
    magics = [line for line in lines if line.lstrip().startswith(("%", "!"))]
    tree = ast.parse("\n".join("" if line in magics else line for line in lines), name)
    for line in magics:
        if not line.lstrip().startswith(IGNORED):
            print(f"{line.split()[0]} does nothing in a page", file=sys.stderr)
    return tree


def execute(code, name):
    """Run a cell and show the value of its last expression, unless a semicolon ends it."""
    linecache.cache[name] = (len(code), None, f"{code}\n".splitlines(True), name)
    tree, last = parse(code, name), None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, name, "exec"), __main__.__dict__)
    if last:
        value = eval(compile(last, name, "eval"), __main__.__dict__)
        if value is not None and not code.rstrip().endswith(";"):
            __main__._ = value
            display(value)
    show_figures()


def run(id, cell, code, silent):
    """Run a cell; tell whether it came to its end."""
    state.update(id=id, silent=silent)
    sys.stdout.__init__("stdout")
    sys.stderr.__init__("stderr")
    ok, failure = False, None
    try:
        execute(code, f"<cell {cell}>")
        ok = True
    except BaseException as error:
        failure = explain(error)
    sys.stdout.flush()
    sys.stderr.flush()
    if failure:
        send("error", failure)
        close_figures()
    return ok


def explain(error):
    """Return the traceback of an error with the lines of cells, and what helps."""
    told = traceback.TracebackException.from_exception(error)
    todo = [told]
    while todo:
        part = todo.pop()
        cells = [frame for frame in part.stack if frame.filename.startswith("<cell ")]
        part.stack = traceback.StackSummary.from_list(cells)
        todo += filter(None, [part.__cause__, part.__context__, *(part.exceptions or ())])
    text = "".join(told.format())
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        if top not in state["packages"]:
            there = ", ".join(state["packages"]) or "none beside Python's own"
            text += f"Package {top} is not in this page; there are: {there}.\n"
    return text


def display(*values):
    """Show values as a notebook does: the richest form that the page can show."""
    for value in values:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        send(*form(value))


def form(value):
    """Return the kind of an output and its data.

    An explorer is known by its data, whose schema the page shows.
    """
    schema = getattr(value, "schema", None)
    if isinstance(schema, dict) and {"sliders", "frames"} <= schema.keys():
        return "explorer", schema
    if not isinstance(value, type):
        if "matplotlib" in sys.modules and is_figure(value):
            return "svg", svg(value)
        for kind, method in (("html", "_repr_html_"), ("svg", "_repr_svg_")):
            data = getattr(value, method, lambda: None)()
            if data:
                return kind, data
        if data := getattr(value, "_repr_png_", lambda: None)():
            code = base64.b64encode(data).decode()
            return "html", f'<img src="data:image/png;base64,{code}" alt="">'
    if isinstance(value, dict | list | tuple | set | frozenset):
        return "text", pprint.pformat(value, width=79, compact=False, sort_dicts=False)
    return "text", repr(value)


def is_figure(value):
    from matplotlib.figure import Figure

    return isinstance(value, Figure)


def svg(figure):
    """Return a figure as SVG in the page's ink; no two figures of a page share an id."""
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    state["figures"] += 1
    own = f"live{state['figures']}-"
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{own}", text)


def show_figures():
    """Show the figures that pyplot has, and close them."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        for number in pyplot.get_fignums():
            display(pyplot.figure(number))
        close_figures()


def close_figures():
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


def __getattr__(name):
    """Return the canvas that Matplotlib asks its backend for."""
    if name != "FigureCanvas":
        raise AttributeError(name)
    from matplotlib import font_manager
    from matplotlib.backend_bases import FigureManagerBase
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    class Manager(FigureManagerBase):
        @classmethod
        def pyplot_show(cls, *, block=None):
            show_figures()

    class FigureCanvas(FigureCanvasSVG):
        manager_class = Manager

    get_font = font_manager._get_font

    def bring_font(*words, **options):
        try:
            return get_font(*words, **options)
        except RuntimeError:  # an empty file: no plain figure needs it, so it is in the wheel
            state["rest"].bring_all("matplotlib")
            return get_font(*words, **options)

    font_manager._get_font = bring_font
    globals()["FigureCanvas"] = FigureCanvas
    return FigureCanvas
