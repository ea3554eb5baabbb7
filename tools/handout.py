"""What instructors hand out and show: a chapter as homework or as slides, in plain Markdown.

homework leaves the solutions out, and stops if anything still looks like one. slides marks what
nbconvert shows: headings, statements, figures and explorers; proofs and prose stay in the book.
Both keep all code that is not part of a solution, and install what it imports; so both run.
"""

import argparse
import re
import sys
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import nbformat

from living_book.buttons import ask_git, read_remote
from living_book.places import CELL, spell
from living_book.plain import Plain, book_of, fitted, new_cell, packages_of, plain, with_installs
from living_book.statements import KINDS, PROOF_TYPES, NotUnderstood, blocks

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


def is_shown(cell):
    """Tell whether a code cell makes a figure or an explorer."""
    return "lu.explore(" in cell.source or "figure" in cell.metadata.get("mystnb", {})


def slides(notebook, path, names=None, links=None):
    """Mark what nbconvert shows: a slide for each heading, statement, figure and explorer."""
    found = blocks(path, notebook)
    shown = [
        block
        for block in found
        if (block.kind in PROOF_TYPES or block.kind == "heading" and block.options["level"] < 4)
        and not any(name.removeprefix("prf:") in KINDS for name, *_ in block.within)
    ]
    writer, made = Plain(path, found, names, links), deepcopy(notebook)
    cells = []

    def show(words, kind):
        cells.append(new_cell("markdown", words, f"slide-{len(cells)}"))
        cells[-1].metadata["slideshow"] = {"slide_type": kind}

    for writer.cell, cell in enumerate(made.cells, 1):
        if cell.cell_type == "code":
            kind = "slide" if is_shown(cell) else "skip"
            cell.metadata["slideshow"] = {"slide_type": kind}
            cells.append(cell)
            if words := writer.caption(cell):
                show(words, "-")  # on the slide of its figure
        for block in (block for block in shown if block.cell == writer.cell):
            if block.kind == "heading":
                words = f"{'#' * block.options['level']} {block.title}"
                show(writer.text(words, block.line), "slide")
            else:
                show(writer.block(block), "slide")
    made.cells = cells
    return fitted(made)


def repository_of(book):
    """Return the address, the branch or commit and the folder of a book in git, else nothing."""
    known = ask_git(book)
    _, address, _ = read_remote(known["remote"], {})
    return (address, known["branch"] or known["commit"], known["folder"]) if address else ()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("kind", choices=["homework", "slides"])
    parser.add_argument("chapter", type=Path, help="the chapter's notebook, chapters/NAME.ipynb")
    parser.add_argument("target", type=Path, help="the notebook to write")
    asked = parser.parse_args()
    if not asked.chapter.is_file() or asked.chapter.suffix != ".ipynb":
        near = sorted(str(path) for path in asked.chapter.parent.glob("*.ipynb"))
        parser.error(f"there is no notebook '{asked.chapter}'; found: {', '.join(near) or 'none'}")
    notebook, folders = nbformat.read(asked.chapter, as_version=4), asked.chapter.resolve().parents
    book = next((folder for folder in folders if (folder / "_toc.yml").exists()), None)
    make = homework if asked.kind == "homework" else slides
    try:
        made = make(notebook, asked.chapter, *(book_of(book) if book else ()))
    except NotUnderstood as error:
        sys.exit(f"{error}\n{asked.target} is not written.")
    if book:
        made = with_installs(made, packages_of(book), *repository_of(book))
    if asked.kind == "slides":
        made.cells[0].metadata.setdefault("slideshow", {"slide_type": "skip"})
    nbformat.write(made, asked.target)


if __name__ == "__main__":
    main()
