"""A chapter as homework: without its solutions, in plain Markdown, and on the site to download.

It keeps all code that is not part of a solution, so it runs. It stops if anything still looks
like a solution.
"""

from __future__ import annotations

import re
from copy import deepcopy
from itertools import pairwise

from .places import CELL, spell
from .plain import plain
from .statements import KINDS, NotUnderstood, blocks

BULLET = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+(?=[`~:]{3})")
COMMENT = re.compile(r"<!--|-->|^[ \t]*%", re.MULTILINE)
MARK = r"(?:[^\w<`{]|<[^>]*>)*"  # stars, number signs, HTML
NAMED = r"(?:Solution|SOLUTION)s?\b(?: (?:to|of) (?:the )?(?i:exercise|problem|question)\b.*)?"
TITLE = re.compile(rf"\s*(?:#|\*|_|<[^>]*>){MARK}{NAMED}{MARK}$|{NAMED}{MARK}$")
SAID = re.compile(rf"{MARK}Solution\b{MARK}[.:]\W.*\w|.*\\begin\{{solution|\s*\.\. solution")
IN_CODE = re.compile(r".*(?:`{3,}|~{3,}|:{3,})\s*\{solution", re.IGNORECASE)
NEXT = re.compile(r"#|[`~:]{3,}\s*\{exercise|\(.*\)=$")


def homework(notebook, path, names=None, links=None):
    """Leave the solutions out; raise NotUnderstood if something like one remains."""
    notebook = deepcopy(notebook)
    solutions = [block for block in blocks(path, notebook) if block.kind == "solution"]
    sources = [cell.source.split("\n") for cell in notebook.cells]
    for block in reversed(solutions):
        for number in range(block.cell, block.last_cell + 1):
            lines = sources[number - 1]
            first = block.line - 1 if number == block.cell else 0
            last = block.last_line if number == block.last_cell else len(lines)
            bullet = BULLET.match(lines[first] or "")
            lines[first:last] = [None] * (last - first)
            rest = next((i for i in range(last, len(lines)) if (lines[i] or "").strip()), first)
            if bullet and (lines[rest] or "").startswith(" " * len(bullet[0])):
                # What follows in the same item of a list takes the solution's place.
                lines[first], lines[rest] = bullet[0] + lines[rest].lstrip(), None
    for cell, lines in zip(notebook.cells, sources, strict=True):
        cell.source = "\n".join(line or "" for line in lines)
        if not cell.source.strip():
            cell.source = ""
    refuse_remains(notebook, path)
    return plain(notebook, path, names, links)


def refuse_remains(notebook, path):
    """Raise NotUnderstood at what still looks like a solution: in comments, code, other words."""
    lines = [
        (CELL * number + k, text, cell.cell_type == "markdown")
        for number, cell in enumerate(notebook.cells, 1)
        for k, text in enumerate(cell.source.split("\n"), 1)
        if text.strip()
    ]
    found = []
    for (line, text, is_text), (_, after, _) in pairwise([*lines, (0, "#", True)]):
        # A title is left where solutions are gone; then nothing else stands under it.
        titled = TITLE.match(text) and not (is_text and NEXT.match(after))
        if titled or SAID.match(text) or IN_CODE.match(text) and not is_text:
            found.append((spell(path, line), text.strip()))
    read = deepcopy(notebook)
    for cell in read.cells:
        if cell.cell_type == "markdown":
            cell.source = COMMENT.sub("", cell.source)
    for block in blocks(path, read):
        says = block.kind not in {*KINDS, "heading"} and TITLE.match(block.title.capitalize())
        if block.kind == "solution" or says and block.body.strip():
            found.append((block.place, block.title))
    if found:
        places = [f"{place}: '{text}' still looks like a solution" for place, text in found]
        raise NotUnderstood("\n".join(places))
