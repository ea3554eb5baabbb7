"""What instructors hand out and show: ``handout.py {homework,slides} CHAPTER TARGET``.

``homework`` leaves the solutions out. ``slides`` marks what nbconvert shows: headings, statements,
figures and explorers; proofs and prose stay in the book. Both keep every code cell, so both run.
"""

import re
import sys

import nbformat

SOLUTION = re.compile(r"^(`{3,})\{solution\}.*?^\1 *$\n?", re.MULTILINE | re.DOTALL)
STATEMENT = re.compile(
    r"^(?P<fence>`{3,})\{prf:(?P<kind>definition|theorem|proposition|corollary|lemma)\}"
    r" *(?P<title>[^\n]*)\n(?::[^\n]*\n)*(?P<body>.*?)^(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)
HEADING = re.compile(r"^#{1,3} .*$", re.MULTILINE)
ROLE = re.compile(r"\{[\w:]+\}`([^`]*)`")


def homework(notebook):
    """Leave the solutions out."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = SOLUTION.sub("", cell.source).strip()
    notebook.cells = [cell for cell in notebook.cells if cell.source]
    return notebook


def plain(markdown):
    """Return MyST as the Markdown that nbconvert knows."""
    without_labels = re.sub(r"^(\$\$.*\$\$|\$\$) \([\w-]+\)$", r"\1", markdown, flags=re.MULTILINE)
    return ROLE.sub(r"\1", without_labels)


def statements(markdown):
    """Return the headings and the statements of a text cell, in order."""
    parts = [(match.start(), match[0]) for match in HEADING.finditer(markdown)]
    for match in STATEMENT.finditer(markdown):
        title = f"**{match['kind'].capitalize()}** ({match['title']})."
        parts.append((match.start(), f"{title}\n\n{match['body'].strip()}"))
    return [plain(text) for _, text in sorted(parts)]


def is_shown(cell):
    """Tell whether a code cell makes a figure or an explorer."""
    return "lu.explore(" in cell.source or "figure" in cell.metadata.get("mystnb", {})


def slides(notebook):
    """Mark what nbconvert shows: a slide for each heading, statement, figure and explorer."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            kind = "slide" if is_shown(cell) else "skip"
            cell.metadata["slideshow"] = {"slide_type": kind}
            cells.append(cell)
        else:
            for text in statements(cell.source):
                show = {"slideshow": {"slide_type": "slide"}}
                cells.append(nbformat.v4.new_markdown_cell(text, metadata=show))
    notebook.cells = cells
    return notebook


if __name__ == "__main__":
    makers = {"homework": homework, "slides": slides}
    if len(sys.argv) != 4 or sys.argv[1] not in makers:
        sys.exit(__doc__)
    made = makers[sys.argv[1]](nbformat.read(sys.argv[2], as_version=4))
    nbformat.write(made, sys.argv[3])
