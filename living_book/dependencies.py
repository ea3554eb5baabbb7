"""Which earlier cells a cell needs, by its code: those that bind or change names that it uses.

Nothing is run to find it. A name stands for whatever was bound to it last, and for all that was
changed of it since; what cannot be read, such as ``exec``, is taken to need everything and to be
needed by everything. So a cell may run with more than it needs, but not with less, unless one cell
changes what another name of a second cell refers to, or what it passes to a function, or draws
random numbers, or reads files.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType

from IPython.core.inputtransformer2 import TransformerManager

TRANSFORM = TransformerManager().transform_cell
# What may bind any name, or use it.
UNREADABLE = {"eval", "exec", "globals", "locals", "vars", "In", "Out", "get_ipython"}
UNREADABLE |= {"run_cell", "run_cell_magic", "run_line_magic"}
SETTING = re.compile(r"get_ipython\(\)\.run_line_magic\('(config|matplotlib)', ")
# The methods by which lists, dictionaries and sets change.
CHANGING = {name for kind in (list, dict, set) for name in dir(kind)}
CHANGING -= {name for kind in (tuple, frozenset, MappingProxyType) for name in dir(kind)}
AT_ONCE = {"listcomp", "setcomp", "dictcomp"}


@dataclass
class Cell:
    """What a cell does with names.

    It uses some, binds some whatever happens, may bind others, and changes what they name. Its
    functions use some, and bind or change some, when they are called.
    """

    uses: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    may_bind: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    used_later: set[str] = field(default_factory=set)
    changed_later: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    sets_up: bool = False
    unreadable: bool = False


@dataclass
class Name:
    """A global name of a piece of code, and what the code does with it."""

    name: str
    bound: bool
    used: bool
    later: bool  # in a function, which is called at another time


def names_of(table: symtable.SymbolTable, later: bool = False) -> Iterator[Name]:
    """Return the global names of a piece of code."""
    kind = table.get_type()
    later |= kind == "function" and table.get_name() not in AT_ONCE
    for symbol in table.get_symbols():
        if kind == "module" or symbol.is_global():
            bound = symbol.is_assigned() or symbol.is_imported()
            yield Name(symbol.get_name(), bound, symbol.is_referenced(), later)
        elif kind == "class" and symbol.is_local():  # until the class binds it, it is the global
            yield Name(symbol.get_name(), False, symbol.is_referenced(), later)
    for child in table.get_children():
        yield from names_of(child, later)


def surely_bound(statement: ast.stmt) -> set[str]:
    """Return what a statement binds whatever happens, so that it matters no more what it was.

    Imports are not among it: ``import a`` leaves what ``import a.b`` added to the module.
    """
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.ImportFrom):
        return {alias.asname or alias.name for alias in statement.names}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign) and statement.value:
        targets = [statement.target]
    nodes = [node for target in targets for node in ast.walk(target)]
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def root(node: ast.AST) -> str | None:
    """Return the name at the beginning of ``name.attribute[index]…``, if there is more than it."""
    inside = node
    while isinstance(inside, ast.Attribute | ast.Subscript | ast.Call):
        inside = inside.func if isinstance(inside, ast.Call) else inside.value
    return inside.id if isinstance(inside, ast.Name) and inside is not node else None


def changed_in(statement: ast.stmt, shown: bool, modules: Set[str]) -> set[str]:
    """Return what a statement changes in place; the value of the last one of a cell is shown."""
    found = set()
    for node in ast.walk(statement):
        if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            found.add(root(node))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in CHANGING and root(node.func) not in modules:  # as np.sort is
                found.add(root(node.func))
        if isinstance(node, ast.Expr) and not (shown and node is statement):
            if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
                found.add(root(node.value.func))
    return found - {None}


def read(source: str, modules: Set[str] = frozenset()) -> Cell:
    """Return what the code of a cell does with names, some of which are modules before it."""
    cell = Cell()
    try:
        statements = ast.parse(TRANSFORM(source)).body
        codes = [ast.unparse(statement) for statement in statements]
        tables = [symtable.symtable(code, "<cell>", "exec") for code in codes]
    except SyntaxError:
        return Cell(unreadable=True)
    for statement, code, table in zip(statements, codes, tables, strict=True):
        names, nodes = list(names_of(table)), list(ast.walk(statement))
        here, later = {n.name for n in names}, {n.name for n in names if n.later}
        bound = {n.name for n in names if n.bound}
        surely = surely_bound(statement)
        shown = statement is statements[-1]
        changed = changed_in(statement, shown, modules | cell.modules) & here
        cell.used_later |= later
        cell.changed_later |= (changed & later) | {n.name for n in names if n.later and n.bound}
        cell.uses |= ({n.name for n in names if n.used} | (bound - surely)) - cell.binds
        cell.changes |= changed - cell.binds
        cell.binds |= surely
        cell.may_bind |= bound - surely
        if isinstance(statement, ast.Import):
            cell.modules |= bound
        imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        cell.sets_up |= any(node.module == "__future__" for node in imports)
        stars = any(alias.name == "*" for node in imports for alias in node.names)
        if SETTING.match(code):
            cell.sets_up = True
            cell.uses |= set(re.findall(r"\w+", code)) - cell.binds
        else:
            words = here | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
            cell.unreadable |= stars or bool(UNREADABLE & words)
    return cell


def ancestors(sources: Sequence[str]) -> list[list[int]]:
    """Return for each cell which earlier ones it needs, directly or through others, in order.

    >>> ancestors(["import math", "x = 2", "y = x + 1", "x = [3]", "x.append(4)", "print(x)"])
    [[], [], [1], [], [3], [3, 4]]
    """
    cells: list[Cell] = []
    makers: dict[str, set[int]] = defaultdict(set)  # of what a name now stands for
    needed_by_all: set[int] = set()
    modules: set[str] = set()
    found: list[list[int]] = []
    for index, source in enumerate(sources):
        cell = read(source, modules)
        cells.append(cell)
        needs: set[int] = set()
        todo = set(range(index)) if cell.unreadable else set(needed_by_all)
        todo |= {maker for name in cell.uses | cell.changes for maker in makers[name]}
        while todo:  # what is needed may be called, and then uses what its names stand for now
            need = todo.pop()
            needs.add(need)
            todo |= {maker for name in cells[need].used_later for maker in makers[name]} - needs
            todo |= set(found[need]) - needs
        found.append(sorted(needs))
        for name in cell.binds:
            makers[name] = {index}
        called = {name for need in needs for name in cells[need].changed_later}
        for name in cell.may_bind | cell.changes | called:
            makers[name].add(index)
        modules = (modules - cell.binds) | cell.modules
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
