"""Runs in Pyodide when the book is built: finds the files that the book's imports open.

Those of Pyodide's packages are kept, with bytecode instead of sources, which loads faster; of
Matplotlib's fonts those that a plain figure needs. The rest stays in the packages' wheels.
"""

import contextlib
import pathlib
import py_compile
import sys
import warnings
import zipfile

SITE = "/lib/python3.12/site-packages"
STDLIB = "/lib/python312.zip"
FIGURE = """
import io
import matplotlib.pyplot as plt
figure, (axes, other) = plt.subplots(1, 2, layout="constrained")
figure.colorbar(other.contour([[1, 2], [3, 4]]))
axes.plot([1, 10, 100], [1, 2, 3], label="x")
axes.set(xscale="log", yscale="log", title=r"$x_1^2 \\leq \\alpha$, plain")
axes.legend(loc="best")
for kind in ("path", "none"):
    with plt.rc_context({"svg.fonttype": kind}):
        figure.savefig(io.BytesIO(), format="svg", bbox_inches="tight")
plt.close(figure)
"""
opened = set()


def note(event, words):
    """Remember the files that are opened, and the extension modules that are loaded."""
    if event in ("open", "import"):
        opened.update(str(word) for word in words[:2] if str(word).startswith(SITE))


def run(lines):
    """Run lines one by one, each whether or not another one fails."""
    scope = {"__name__": "__main__"}
    for line in lines:
        with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
            exec(line, scope)


def leave_fonts():
    """Return the fonts that Matplotlib looks at when it starts, but opens for no plain figure."""
    fonts = {name for name in opened if "/mpl-data/fonts/" in name}
    opened.difference_update(fonts)
    run([FIGURE])
    return fonts - opened


def bytecode(source, shown, optimize=0):
    """Return the bytecode of a source, which no later Python compares with the source."""
    compiled = "/tmp/compiled.pyc"
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(source, compiled, shown, True, optimize, mode)
    return pathlib.Path(compiled).read_bytes()


def write(target, content):
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def bake_library(target):
    """Write the standard library as bytecode without docstrings, and not compressed twice."""
    with zipfile.ZipFile(STDLIB) as old, zipfile.ZipFile(target, "w") as new:
        for name in sorted(old.namelist()):
            content, date = old.read(name), (1980, 1, 1, 0, 0, 0)
            if name.endswith(".py"):
                write(pathlib.Path("/tmp/source.py"), content)
                content, name = bytecode("/tmp/source.py", f"{STDLIB}/{name}", 2), f"{name}c"
            new.writestr(zipfile.ZipInfo(name, date), content)


def part_of(path):
    """Return which part of a package a file is in: scipy/stats."""
    return "/".join(path.removeprefix(f"{SITE}/").split("/")[:2]).partition(".")[0]


def bake(first, then, out="/out"):
    """Run what a page imports at its start and what its cells import; write all that they open."""
    sys.addaudithook(note)
    run(first)
    for name in leave_fonts() if "matplotlib" in sys.modules else ():
        write(pathlib.Path(f"{out}/start/files{name}"), b"")  # Matplotlib looks whether it exists
    start = set(opened)
    run(then)
    for name in sorted(opened):
        path, folder = pathlib.Path(name), "start" if name in start else f"parts/{part_of(name)}"
        if not path.is_file():
            continue
        content, target = path.read_bytes(), f"{out}/{folder}/files{name}"
        if path.suffix == ".py":
            content, target = bytecode(name, name), f"{target}c"
        write(pathlib.Path(target), content)
    if (shared := pathlib.Path("/usr/lib/libopenblas.so")).exists():
        write(pathlib.Path(f"{out}/start/files{shared}"), shared.read_bytes())
    bake_library(f"{out}/python_stdlib.zip")
