"""What instructors hand out and show: a chapter as homework or as slides.

homework leaves the solutions out, and stops if anything still looks like one. slides marks what
nbconvert shows: headings, statements, figures and explorers; proofs and prose stay in the book.
Both keep all code that is not part of a solution, so both run.
"""

import argparse
import re
import sys
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import nbformat
from pybtex.database import parse_file

from living_book.places import CELL, spell
from living_book.statements import (
    KINDS,
    PROOF_TYPES,
    NotUnderstood,
    blocks,
    configuration,
    numbers,
)

BULLET = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+(?=[`~:]{3})")
COMMENT = re.compile(r"<!--|-->|^[ \t]*%", re.MULTILINE)
MARK = r"(?:[^\w<`{]|<[^>]*>)*"  # stars, number signs, HTML
NAMED = r"(?:Solution|SOLUTION)s?\b(?: (?:to|of) (?:the )?(?i:exercise|problem|question)\b.*)?"
TITLE = re.compile(rf"\s*(?:#|\*|_|<[^>]*>){MARK}{NAMED}{MARK}$|{NAMED}{MARK}$")
SAID = re.compile(rf"{MARK}Solution\b{MARK}[.:]\W.*\w|.*\\begin\{{solution|\s*\.\. solution")
IN_CODE = re.compile(r".*(?:`{3,}|~{3,}|:{3,})\s*\{solution", re.IGNORECASE)
NEXT = re.compile(r"#|[`~:]{3,}\s*\{exercise|\(.*\)=$")
ROLE = re.compile(r"\{([\w:-]+)\}`([^`]+)`")
CODE = {"func", "meth", "class", "obj", "mod", "attr", "data", "exc"}
REFERENCES = {"prf", "ref", "numref", "eq", "cite", "doc"}
DISPLAY = re.compile(r"\$\$[ \t]*\(([^()\s]+)\)[ \t]*$", re.MULTILINE)


def homework(notebook, path):
    """Leave the solutions out; raise NotUnderstood if something like one remains."""
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
    refuse_remains(notebook, path)
    for cell, lines in zip(notebook.cells, sources, strict=True):
        cell.source = "\n".join(line for line in lines if line is not None).strip()
    notebook.cells = [cell for cell in notebook.cells if cell.source]
    return notebook


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


def names_of(root):
    """Return what the book calls what its labels and keys name: 'Theorem 1.2', 'Polyak (1963)'."""
    names = numbers(root)
    for path in configuration(root).get("bibtex_bibfiles", ()):
        for key, entry in parse_file(Path(root, path)).entries.items():
            people = [" ".join(p.last_names) for p in entry.persons.get("author", ())] or [key]
            authors = " and ".join(filter(None, [", ".join(people[:-1]), people[-1]]))
            names[key] = f"{authors} ({entry.fields.get('year', 'no year')})"
    return names


def plain(markdown, names):
    """Return MyST as the Markdown that nbconvert knows: labels and roles become words."""

    def word(match):
        role, text = match[1].removeprefix("py:"), match[2]
        said = re.fullmatch(r"(.+?)\s*<(.+)>", text, re.DOTALL)
        title, target = said.groups() if said else ("", text)
        name = names.get(target, target.replace("-", " "))
        if title:
            return re.sub(r"%s|\{number\}", name.rpartition(" ")[2], title)
        if role in CODE:
            return f"`{target.rpartition('.')[2] if target[0] == '~' else target.lstrip('!')}`"
        return name if role.partition(":")[0] in REFERENCES else text

    def tag(match):
        return rf"\tag{{{names[match[1]].strip('()')}}} $$" if match[1] in names else "$$"

    return ROLE.sub(word, DISPLAY.sub(tag, markdown))


def shown(block, names):
    """Return the text of a heading's or a statement's slide."""
    if block.kind == "heading":
        return plain(f"{'#' * block.options['level']} {block.title}", names)
    name = names.get(block.key, block.kind.title())
    title = f" ({block.title})" * bool(block.title)
    return plain(f"**{name}**{title}.\n\n{block.body}", names)


def is_shown(cell):
    """Tell whether a code cell makes a figure or an explorer."""
    return "lu.explore(" in cell.source or "figure" in cell.metadata.get("mystnb", {})


def slides(notebook, path, names):
    """Mark what nbconvert shows: a slide for each heading, statement, figure and explorer."""
    found = [
        block
        for block in blocks(path, notebook)
        if (block.kind in PROOF_TYPES or block.kind == "heading" and block.options["level"] < 4)
        and not any(name.removeprefix("prf:") in KINDS for name, *_ in block.within)
    ]
    cells = []
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code":
            kind = "slide" if is_shown(cell) else "skip"
            cell.metadata["slideshow"] = {"slide_type": kind}
            cells.append(cell)
        for block in (block for block in found if block.cell == number):
            show = {"slideshow": {"slide_type": "slide"}}
            cells.append(nbformat.v4.new_markdown_cell(shown(block, names), metadata=show))
    notebook.cells = cells
    return notebook


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
    notebook = nbformat.read(asked.chapter, as_version=4)
    try:
        if asked.kind == "homework":
            made = homework(notebook, asked.chapter)
        else:
            folders = asked.chapter.resolve().parents
            book = next((folder for folder in folders if (folder / "_toc.yml").exists()), None)
            made = slides(notebook, asked.chapter, names_of(book) if book else {})
    except NotUnderstood as error:
        sys.exit(f"{error}\n{asked.target} is not written.")
    nbformat.write(made, asked.target)


if __name__ == "__main__":
    main()
