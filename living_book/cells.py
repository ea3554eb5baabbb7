"""Cells that run in the page: Python in the reader's browser, with no server.

The build computes which earlier cells each cell needs, writes a bar with a button below the code
of each, and bundles the editor. ``static/cells.js`` does the rest. Where the files of Python have
no source, a page has none of this.
"""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.util.osutil import relative_uri

from . import node as nodejs
from . import pyodide
from .dependencies import ancestors
from .execution import executed, open_notebook, seconds_of
from .explorers import PAGES

HERE = Path(__file__).parent
KEY = "living_cells"  # of a page in the environment's metadata
EDITOR = "editor/editor.js"
CHECKS = {"check_answer", "check_gradient_answer"}
REMOVED = {"remove-cell", "remove-input"}  # the tags of cells whose code a page does not show
FOLDED = "<details class='live-check'><summary>The code that checks</summary>"
SLOWER, LONG = 2, 5  # a page over the build's Python; the seconds from which a page tells


class Cell(NamedTuple):
    """A code cell: its index in the notebook, its code, and how long it takes in a page."""

    index: int
    code: str
    seconds: float


class bar(nodes.General, nodes.Element):
    """The place of a cell's buttons."""


def read_page(app, doctree) -> None:
    """Remember the code cells of a page, those among them that the page does not show."""
    env = app.env
    opened = open_notebook(env, env.docname)
    if opened is None or not is_python(opened[0].metadata):
        return
    notebook = opened[0]
    if all(REMOVED & {*cell.metadata.get("tags", ())} for cell in executed(notebook)):
        return  # there is nothing to run
    seconds = dict(zip(map(id, executed(notebook)), seconds_of(env, notebook), strict=True))
    env.metadata[env.docname][KEY] = [
        Cell(index, cell.source, SLOWER * seconds[id(cell)])
        for index, cell in enumerate(notebook.cells)
        if id(cell) in seconds
    ]


def is_python(metadata: dict) -> bool:
    """Tell whether a notebook is one of Python's."""
    spec = metadata.get("kernelspec", {})
    return str(spec.get("language") or spec.get("name", "python")).startswith("python")


def cells_of(env) -> dict[str, list[Cell]]:
    return {name: data[KEY] for name, data in sorted(env.metadata.items()) if data.get(KEY)}


def install(app, env) -> list[str]:
    """Bring Python and the editor into the site; return the pages to write anew if they changed."""
    app.living_python = None
    pages = cells_of(env)
    if app.builder.name not in PAGES or not pages or not app.config.living_book_python:
        return []
    static, work = Path(app.outdir, "_static"), Path(app.doctreedir, "living_book")
    sources = {name: [cell.code for cell in cells] for name, cells in pages.items()}
    packages = [*app.config.living_book_packages.values()]
    app.living_python = pyodide.install(static, sources, packages, work)
    if app.living_python:
        shutil.copy(HERE / "editor.mjs", work / "node")  # beside the packages that it imports
        words = ("--bundle", "--format=esm", "--legal-comments=eof")
        shrink(app.typesetter.modules, "editor.mjs", static / EDITOR, *words)
    was, now = getattr(env, "living_python", None), megabytes(app)
    env.living_python = now
    return list(pages) if was != now else []


def megabytes(app) -> int | None:
    """Return all that pages say of Python: that it is there, and how much a reader loads."""
    return round(app.living_python["bytes"] / 1e6) if app.living_python else None


def shrink(modules: Path, source: object, target: Path, *words: str) -> None:
    """Write a script as few bytes."""
    options = ["--minify", "--target=es2022", "--log-level=error", "--allow-overwrite"]
    program = modules / "esbuild" / "bin" / "esbuild"
    nodejs.run(program, source, *options, *words, f"--outfile={target}", cwd=modules.parent)


def shrink_script(app, exception) -> None:
    """Let the pages load the script without what only its readers need."""
    script = Path(app.outdir, "_static", "cells.js")
    if exception is None and getattr(app, "living_python", None) and script.exists():
        shrink(app.typesetter.modules, script, script)


def answer_lines(code: str) -> int | None:
    """Return how many lines of a cell are the place of an answer, if it is one that answers.

    >>> answer_lines("answer = ...\\n\\nprint(lu.check_answer(answer, 2))")
    1
    """
    try:
        statements = ast.parse(code).body
    except SyntaxError:  # IPython's own commands
        return None
    calls = {getattr(n, "attr", getattr(n, "id", "")) for n in ast.walk(ast.parse(code))}
    places = [s.end_lineno for s in statements for n in ast.walk(s) if is_open(n)]
    return places[0] if places and calls & CHECKS else None


def is_open(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def add_bars(app, doctree, page: str) -> None:
    """Put a bar below the code of each cell of a page, and fold the code that checks an answer."""
    cells = app.env.metadata[page].get(KEY)
    if not cells or not app.living_python:
        return
    sources = {node["cell_index"]: source_of(node) for node in doctree.findall(is_cell)}
    bars = []
    for number, cell in enumerate(cells, 1):
        if (source := sources.get(cell.index)) is None:
            continue
        if lines := answer_lines(cell.code):
            fold(source, lines)
        bars.append(bar("", number=number, check=bool(lines), seconds=cell.seconds, first=not bars))
        source.parent.insert(source.parent.index(source) + 1, bars[-1])
    shown = {made["number"] for made in bars}
    if bars:
        doctree.append(nodes.raw("", data(app, page, cells, shown), format="html"))


def is_cell(node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def source_of(cell: nodes.container) -> nodes.container | None:
    """Return the part of a cell that shows its code, if the page shows it."""
    parts = (node for node in cell.findall(nodes.container))
    return next((node for node in parts if node.get("nb_element") == "cell_code_source"), None)


def fold(source: nodes.container, lines: int) -> None:
    """Part the code of an exercise into the place of the answer and, folded, what checks it."""
    block = next(source.findall(nodes.literal_block))
    text = block.astext().split("\n")
    parts = ["\n".join(text[:lines]), "\n".join(text[lines:]).strip("\n")]
    answer, check = (type(block)(part, part, **block.attributes) for part in parts)
    folded = [nodes.raw("", markup, format="html") for markup in (FOLDED, "</details>")]
    block.parent.replace(block, [answer, folded[0], check, folded[1]])


def data(app, page: str, cells: list[Cell], shown: set[int]) -> str:
    """Return what the page's script needs to know, as an element of the page."""
    here = app.builder.get_target_uri(page)
    facts = {
        "python": relative_uri(here, "_static/python/"),
        "editor": relative_uri(here, f"_static/{EDITOR}"),
        "needs": ancestors([cell.code for cell in cells]),
        "hidden": {n: cell.code for n, cell in enumerate(cells, 1) if n not in shown},
    }
    text = json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="live-page">{text}</script>'


def write_bar(writer, node) -> None:
    """Write the buttons of a cell; the page's script knows what they do."""
    number, word = node["number"], "Check" if node["check"] else "Run"
    seconds = node["seconds"]
    note = f"takes about {5 * round(seconds / 5)} s here" if seconds >= LONG else ""
    writer.body.append(
        f'<div class="live-bar" data-cell="{number}">'
        f'<button type="button" class="live-run" aria-label="{word} cell {number}">{word}</button>'
    )
    if node["first"]:
        size = megabytes(writer.builder.app)
        writer.body.append('<button type="button" class="live-all">Run all</button>')
        note = f"loads Python into this page, {size} MB; click the code to change it"
    writer.body.append(f'<span class="live-note">{note}</span></div>\n')
    raise nodes.SkipNode


def add_script(app, page, template, context, doctree) -> None:
    """Load the script on the pages that have cells to run, and on no other."""
    if doctree is not None and any(doctree.findall(bar)):
        app.add_js_file("cells.js", loading_method="defer")
