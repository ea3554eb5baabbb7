"""Which earlier cells a cell needs, read from the code: those that bind or change names that it uses.

Nothing is run to find it. A name stands for whatever was bound to it last, and for all that was
changed of it since; what cannot be read, such as ``exec``, is taken to need everything and to be
needed by everything. So a cell may run with more than it needs, but not with less, unless one cell
changes what another name of a second cell refers to.
"""

from __future__ import annotations

import ast
import symtable
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from IPython.core.inputtransformer2 import TransformerManager

TRANSFORM = TransformerManager().transform_cell
# What may bind any name, or use it.
UNREADABLE = {"eval", "exec", "globals", "locals", "vars", "run_cell_magic", "system", "getoutput"}
# The methods by which lists, dictionaries and sets change.
CHANGING = {name for kind in (list, dict, set) for name in dir(kind)}
CHANGING -= {name for kind in (tuple, frozenset, MappingProxyType) for name in dir(kind)}
TARGETS = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass
class Cell:
    """The names that a cell uses, binds whatever happens, may bind, and changes what they name."""

    uses: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    may_bind: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    sets_up: bool = False
    unreadable: bool = False


def names_of(table: symtable.SymbolTable) -> Iterator[tuple[str, bool, bool]]:
    """Return the global names of a piece of code, and whether it binds and whether it uses each."""
    outermost = table.get_type() == "module"
    for symbol in table.get_symbols():
        if outermost or symbol.is_global():
            binds = symbol.is_assigned() or symbol.is_imported()
            yield symbol.get_name(), binds, symbol.is_referenced()
    for child in table.get_children():
        yield from names_of(child)


def root(node: ast.AST) -> str | None:
    """Return the name at the beginning of ``name.attribute[index]…``, if there is more than it."""
    inside = node
    while isinstance(inside, ast.Attribute | ast.Subscript):
        inside = inside.value
    return inside.id if isinstance(inside, ast.Name) and inside is not node else None


def changed_in(statement: ast.stmt, shown: bool) -> set[str]:
    """Return what a statement changes in place; the value of the last one of a cell is shown."""
    found = set()
    for node in ast.walk(statement):
        if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            found.add(root(node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            method = node.value.func
            if isinstance(method, ast.Attribute):
                if not (shown and node is statement) or method.attr in CHANGING:
                    found.add(root(method))
    return found - {None}


def read(source: str) -> Cell:
    """Return what the code of a cell does with names."""
    cell = Cell()
    try:
        statements = ast.parse(TRANSFORM(source)).body
    except SyntaxError:
        return Cell(unreadable=True)
    for statement in statements:
        code = ast.unparse(statement)
        names = list(names_of(symtable.symtable(code, "<cell>", "exec")))
        whatever_happens = isinstance(statement, (*TARGETS, *DEFINITIONS))
        cell.uses |= {name for name, _, uses in names if uses} - cell.binds
        bound = {name for name, binds, _ in names if binds}
        (cell.binds if whatever_happens else cell.may_bind).update(bound)
        cell.changes |= changed_in(statement, statement is statements[-1])
        cell.sets_up |= "run_line_magic" in code
        stars = isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
        words = {node.attr for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
        cell.unreadable |= stars or bool(UNREADABLE & ({name for name, *_ in names} | words))
    return cell


def ancestors(sources: Sequence[str]) -> list[list[int]]:
    """Return for each cell which earlier ones it needs, directly or through others, in order.

    >>> ancestors(["import math", "x = 2", "y = x + 1", "x = [3]", "x.append(4)", "print(x)"])
    [[], [], [1], [], [3], [3, 4]]
    """
    makers: dict[str, set[int]] = defaultdict(set)  # of what a name now stands for
    needed_by_all: set[int] = set()
    found: list[list[int]] = []
    for index, cell in enumerate(map(read, sources)):
        names = cell.uses | cell.changes
        needs = set(range(index)) if cell.unreadable else set(needed_by_all)
        needs |= {maker for name in names for maker in makers[name]}
        found.append(sorted(needs.union(*(found[need] for need in needs))))
        for name in cell.binds:
            makers[name] = {index}
        for name in cell.may_bind | cell.changes:
            makers[name].add(index)
        if cell.unreadable or cell.sets_up:
            needed_by_all.add(index)
    return found


def bound_twice(sources: Sequence[str]) -> dict[str, list[int]]:
    """Return the names that more than one cell binds, and which cells those are.

    >>> bound_twice(["x = 1", "y = x", "x = 2"])
    {'x': [0, 2]}
    """
    binders: dict[str, list[int]] = defaultdict(list)
    for index, cell in enumerate(map(read, sources)):
        for name in sorted((cell.binds | cell.may_bind) - {"_"}):  # which nobody reads
            binders[name].append(index)
    return {name: cells for name, cells in sorted(binders.items()) if len(cells) > 1}
