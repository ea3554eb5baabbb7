"""Where something stands, said as its author counts: page, cell, line."""

from __future__ import annotations

import os
from pathlib import Path

CELL = 10_000  # MyST-NB gives line l of cell k, both counted from 1, the number k times this plus l


def spell(path: object, line: int | None) -> str:
    """Return a place in a source file in words.

    >>> spell("chapters/one.ipynb", 30011), spell("index.md", 7), spell("index.md", None)
    ('chapters/one.ipynb, cell 3, line 11', 'index.md, line 7', 'index.md')
    """
    if line is None:
        return str(path)
    if Path(str(path)).suffix == ".ipynb" and line > CELL:
        return f"{path}, cell {line // CELL}, line {line % CELL}"
    return f"{path}, line {line}"


def place_of(node) -> str:
    """Return where a node of a document was written, or the nearest place that is known."""
    source, line = node.source, node.line
    while line is None and node.parent is not None:
        node = node.parent
        source, line = source or node.source, node.line
    name = source or (node.document and node.document["source"]) or "?"
    return spell(os.path.relpath(name) if os.path.isabs(name) else name, line)
