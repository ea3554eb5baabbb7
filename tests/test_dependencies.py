"""Which cells a cell needs: enough for it to run and to give the same, and not everything."""

import ast
import importlib
import pathlib
from textwrap import indent
from types import SimpleNamespace

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt

from living_book.dependencies import TRANSFORM, ancestors, bound_twice, read

NOTEBOOKS = sorted((pathlib.Path(__file__).parents[1] / "chapters").glob("*.ipynb"))

# The cells of small books, and which earlier ones each needs.
BOOKS = {
    "an import": (["import math", "import re as r", "math.pi", "r.I"], "- - 0 1"),
    "a module and its part": (["import os.path", "import os", "os.path.sep"], "- 0 01"),
    "part of a module": (["from math import pi as π, e", "π", "math"], "- 0 -"),
    "a function": (["a = 1", "b = 2", "def f(): return a", "f()"], "- - 0 02"),
    "a global bound after its function": (["def f(): return a", "a = 1", "f()"], "- - 01"),
    "a global rebound after its function": (
        ["a = 1", "def f(): return a", "a = 2", "f()", "a"],
        "- 0 - 012 2",
    ),
    "a function by another name": (
        ["def f(): return a", "g = f", "a = 1", "g()", "f"],
        "- 0 - 012 02",
    ),
    "a function that changes a list": (
        ["log = []", "def add(x): log.append(x)", "add(3)", "print(log)"],
        "- 0 01 012",
    ),
    "a lambda that changes a list": (
        ["log = []", "add = lambda x: log.append(x)", "add(3)", "print(log)"],
        "- 0 01 012",
    ),
    "a global statement": (
        ["n = 0", "def count():\n    global n\n    n += 1", "count()", "n", "n = 5", "n"],
        "- 0 01 012 - 4",
    ),
    "a closure": (
        ["a = b = 1", "def f(b):\n    def g(): return a + b\n    return g", "f(2)"],
        "- 0 01",
    ),
    "a closure over nothing global": (
        ["b = 1", "def f(b):\n    def g(): return b\n    return g", "f(2)"],
        "- - 1",
    ),
    "a lambda": (["a = 1", "x = 2", "f = lambda x: a + x", "f"], "- - 0 02"),
    "a decorator": (["def d(f): return f", "@d\ndef g(): pass", "g"], "- 0 01"),
    "a default value": (["x = 1", "y = 2", "def f(y=x): return y"], "- - 0"),
    "a default value that hides": (["a = 1", "def f(a=2): return a", "f()"], "- - 1"),
    "a comprehension": (["i = 1", "r = [2]", "[i for i in r]", "i"], "- - 1 0"),
    "all comprehensions": (
        ["i = 1", "x = {i: i for i in 'a'}, {i for i in 'a'}, list(i for i in 'a')", "i"],
        "- - 0",
    ),
    "a comprehension's own use": (["i = 1", "a = 2", "[a for i in 'a']"], "- - 1"),
    "a generator's late use": (["a = 1", "g = (a for i in 'a')", "a = 2", "list(g)"], "- 0 - 012"),
    "a loop": (["r = [1]", "for i in r:\n    t = i", "t", "i", "r"], "- 0 01 01 0"),
    "a loop that may bind nothing": (["i = 0", "for i in []: pass", "i"], "- 0 01"),
    "with": (["p = 1", "with open(p) as f:\n    t = f.read()", "t", "f"], "- 0 01 01"),
    "a walrus": (["a = 1", "if (n := a) > 0: pass", "n"], "- 0 01"),
    "a walrus in a comprehension": (["[last := i for i in 'ab']", "last", "i"], "- 0 -"),
    "a walrus that may not happen": (["x = 1", "y = 0 and (x := 2)", "x"], "- 0 01"),
    "except as": (
        ["x = 1", "try:\n    y = x\nexcept ValueError as e:\n    y = e", "y"],
        "- 0 01",
    ),
    "augmented": (["x = 1", "x += 1", "x", "x = 3", "x"], "- 0 01 - 3"),
    "augmented, then bound anew": (["x = 1", "x += 1\nx = 5", "x"], "- 0 01"),
    "del": (["x = 1", "del x", "x = 2", "x"], "- 0 - 2"),
    "del of an item": (["x = {1: 2}", "del x[1]", "x"], "- 0 01"),
    "an item": (["x = [1]", "x[0] = 2", "x"], "- 0 01"),
    "an item of an item": (["x = [[1]]", "i = 0", "x[i][0] = 2", "i", "x"], "- - 01 1 012"),
    "an attribute": (["class A: pass", "A.x = 3", "A"], "- 0 01"),
    "an item in a loop": (["x = [1]", "for x[0] in (2, 3): pass", "x"], "- 0 01"),
    "append": (["x = []", "x.append(1)", "x", "x.clear()", "x"], "- 0 01 01 013"),
    "append in the cell itself": (["x = []", "x = []\nx.append(1)", "x"], "- - 1"),
    "pop": (["x = [1]", "y = x.pop()", "x"], "- 0 01"),
    "append in a comprehension": (["x = []", "[x.append(i) for i in 'a']", "x"], "- 0 01"),
    "setdefault": (["x = {}", "x.setdefault(1, []).append(2)\n1", "x"], "- 0 01"),
    "through a call": (["import ax", "ax.get().hide()\nax.show()", "ax"], "- 0 01"),
    "a function of a module": (["import np", "y = np.sort([1])", "np.sort(y)", "np"], "- 0 01 0"),
    "a shown call": (["x = 'a'", "x.upper()", "x"], "- 0 0"),
    "a call that is not shown": (["x = Thing()", "x.change()\n1", "x"], "- 0 01"),
    "a call in a loop": (["x = Thing()", "for _ in '12': x.change()", "x"], "- 0 01"),
    "a change of a local name": (["x = []", "def f(x):\n    x.append(1)", "x"], "- - 0"),
    "a class": (["a = 1", "class A:\n    x = a\n    def f(self): return self.x", "A"], "- 0 01"),
    "a class name of the same name": (["x = 1", "class A:\n    x = x", "A"], "- 0 01"),
    "a class's own name": (["x = 1", "class A:\n    x = 2", "x"], "- - 0"),
    "a method": (["class A:\n    def f(self): return a", "a = 1", "A().f()"], "- - 01"),
    "a subclass": (["class A: pass", "class B(A): pass", "B()"], "- 0 01"),
    "an f-string": (["x = 1", "w = 5", "f'{x:{w}}'", "'{x}'"], "- - 01 -"),
    "a star": (["x = 1", "from math import *", "pi"], "- 0 01"),
    "a star that may fail": (
        ["x = 1", "try:\n    from a import *\nfinally:\n    pass", "pi"],
        "- 0 01",
    ),
    "exec": (["x = 1", "exec('y = x')", "y", "2"], "- 0 01 01"),
    "exec in a function": (["x = 1", "def f(code): exec(code)", "f('')"], "- 0 01"),
    "a syntax error": (["x = 1", "x = = 2", "3"], "- 0 01"),
    "an error of scopes": (["x = 1", "nonlocal x", "3"], "- 0 01"),
    "settings": (["x = 1", "%config A.b = 2", "%matplotlib inline", "x"], "- - 1 012"),
    "a setting that uses a name": (["x = 1", "%config A.b = x", "2"], "- 0 01"),
    "a line magic": (["x = 1", "%time y = x", "y", "3"], "- 0 01 01"),
    "a shell command": (["x = 1", "!ls {x}", "2"], "- 0 01"),
    "a shell command's answer": (["x = 1", "y = !ls {x}", "2"], "- 0 01"),
    "a cell magic": (["x = 1", "%%time\ny = x", "y"], "- 0 01"),
    "help": (["x = 1", "x?", "2"], "- 0 01"),
    "an earlier output": (["x = 1", "x", "Out[2]"], "- 0 01"),
    "names like those of magics": (["system = 1", "a.system", "os.system(1)", "2"], "- - - -"),
    "a future": (["from __future__ import annotations", "x = 1"], "- 0"),
    "a name rebound": (["x = 1", "x", "x = 2", "x", "y = 3"], "- 0 - 2 -"),
    "a conditional binding": (["x = 1", "c = 0", "if c: x = 2", "x"], "- - 01 012"),
    "both branches": (["c = 0", "if c: x = 1\nelse: x = 2", "x"], "- 0 01"),
    "match": (
        ["p = [1, 2]", "match p:\n    case [a, *b]: pass\n    case {'k': c, **d}: pass", "b", "d"],
        "- 0 01 01",
    ),
    "a class in match": (["class A: pass", "match 1:\n    case A(): pass"], "- 0"),
    "type hints": (["T = int", "x: T = 1", "def f(a: T) -> T: return a", "x"], "- 0 0 01"),
    "a hint without a value": (["x = 1", "x: int", "x"], "- 0 01"),
    "async": (["a = 1", "async def f(): return a", "await f()"], "- 0 01"),
    "async for and with": (
        ["a = 1", "async with a as b:\n    async for c in b: pass", "c"],
        "- 0 01",
    ),
    "a parameter": (["x = 1", "def f(x, *y, **z): return x", "f"], "- - 1"),
    "a local name": (["x = 1", "def f():\n    x = 2\n    return x", "f"], "- - 1"),
    "builtins": (["len([1])", "sum = 3", "sum", "len"], "- - 1 -"),
    "unpacking": (["a, *(b, c) = 1, 2, 3", "c", "a = 4", "a", "b"], "- 0 - 2 0"),
    "through others": (["a = 1", "b = a", "c = b", "d = 4", "c"], "- 0 01 - 012"),
    "nothing": (["", "# x", "'x'"], "- - -"),
}


@pytest.mark.parametrize("book", BOOKS)
def test_a_cell_needs_what_made_its_names(book):
    sources, expected = BOOKS[book]
    found = ["".join(map(str, cells)) or "-" for cells in ancestors(sources)]
    assert found == expected.split()


def test_cells_together_are_needed_as_apart():
    """A book whose cells stand for many statements needs no fewer than one of single statements."""
    for sources, _ in BOOKS.values():
        whole = ancestors(["first = 0", "\n".join(sources[:-1]), sources[-1]])[2]
        assert (1 in whole) >= bool(ancestors(sources)[-1]), sources


NUMBERS, LISTS, FUNCTIONS = "abc", "pqr", "fg"
START = ["a = 1", "b = 2", "c = 3", "p = [1]", "q = [2]", "r = [3]"]
START += ["def f(): return a", "def g(): return f() + len(p)"]
number, items, called = map(st.sampled_from, (NUMBERS, LISTS, FUNCTIONS))
value = st.one_of(
    number, st.sampled_from("0123"), items.map("{}[0]".format), called.map("{}()".format)
)
plain = st.one_of(
    st.builds("{} = {}".format, number, value),
    st.builds("{} = ({} + {}) % 7".format, number, value, value),
    st.builds("{} += {}".format, number, value),
    st.builds("{} = [{}, {}]".format, items, value, value),
    st.builds("{} = list({})".format, items, items),
    st.builds("{}.append({})".format, items, value),
    st.builds("{}[-1] = {}".format, items, value),
    st.builds("if {0}[1:]: {1} = {0}.pop()".format, items, number),
)
# What a function returns or does; g may call f, so that calls end.
simple = st.one_of(number, items.map("{}[-1]".format))
defined = st.one_of(
    st.builds("def f(): return {}".format, simple),
    st.builds("f = lambda: {}".format, simple),
    st.builds("def f():\n    {}.append({})\n    return 1".format, items, simple),
    st.builds("def f():\n    global {0}\n    {0} += 1\n    return {0}".format, number),
    st.builds("def g(x={}): return f() + x".format, simple),
    st.builds("def g(): return {} + f()".format, simple),
    st.just("g = f"),
)
conditional = st.builds(
    lambda test, yes, no: f"if {test} % 2:\n{indent(yes, '    ')}\nelse:\n{indent(no, '    ')}",
    value,
    st.one_of(plain, defined),
    plain,
)
loop = st.builds("for {} in range({} % 3):\n    {}".format, number, number, plain)
statement = st.one_of(plain, defined, conditional, loop)
cell = st.lists(statement, min_size=1, max_size=3).map("\n".join)


def values_after(cells):
    """Run cells in an empty namespace; return it, without functions, which differ in each."""
    namespace = {}
    for source in cells:
        exec(source, namespace)
    return {name: repr(namespace[name]) for name in [*NUMBERS, *LISTS] if name in namespace}


@given(st.lists(cell, min_size=1, max_size=8))
def test_a_cell_gives_the_same_with_what_it_needs_alone(cells):
    """Compare all names in its text, whether it binds, changes or uses them."""
    sources = START + cells
    for index, needs in enumerate(ancestors(sources)):
        named = {n.id for n in ast.walk(ast.parse(sources[index])) if isinstance(n, ast.Name)}
        alone = values_after([sources[need] for need in [*needs, index]])
        whole = values_after(sources[: index + 1])
        assert {n: v for n, v in alone.items() if n in named} == {
            n: v for n, v in whole.items() if n in named
        }


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["x = 1", "y = x", "x += 2"], {"x": [0, 2]}),
        (["x = 1", "if x: x = 2"], {"x": [0, 1]}),
        (["x = 1\nx = 2", "x[0] = 1", "x.append(2)", "x.y = 3"], {}),
        (["import a", "import a.b", "from c import a"], {"a": [0, 1, 2]}),
        (["for i in x: pass", "[i for i in x]", "for i, j in x: pass"], {"i": [0, 2]}),
        (["def f(x): y = x", "y = 1", "x = 2", "class f: y = 3"], {"f": [0, 3]}),
        (["def f():\n    global n\n    n = 1", "n = 2"], {"n": [0, 1]}),
        (["with x as y: pass", "(y := 2)", "z = y"], {"y": [0, 1]}),
        (["a, (b, *c) = x", "c = b = 1"], {"b": [0, 1], "c": [0, 1]}),
        (["%config A.b = 2", "%config A.b = 3"], {}),
        ([], {}),
    ],
)
def test_names_bound_twice_are_found(sources, expected):
    assert bound_twice(sources) == expected


def code_cells(path):
    """Return the code of a chapter's cells."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def only_settings(magic, line):
    """Stand for IPython's line magics: these set up what the test shows nowhere."""
    assert magic in ("config", "matplotlib"), f"%{magic} {line}"


SHELL = {"get_ipython": lambda: SimpleNamespace(run_line_magic=only_settings)}


@pytest.fixture
def unseen(monkeypatch):
    """Draw into memory, write no frame of an explorer, and leave no figure open."""
    module = importlib.import_module("lin_utils.explore")  # whose function has its name
    monkeypatch.setattr(module, "_frame", lambda figure, description: description)
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def run_alone(sources):
    """Run each cell once with what its ancestors made, and return the errors by cell."""
    made, failures = {}, {}
    for index, needs in enumerate(ancestors(sources)):
        if failures.keys() & set(needs):
            continue
        namespace = {"__name__": "__main__"} | SHELL
        for need in needs:
            namespace |= made[need]
        try:
            exec(compile(TRANSFORM(sources[index]), f"<cell {index + 1}>", "exec"), namespace)
        except Exception as error:
            failures[index] = f"{type(error).__name__}: {error}"
        cell = read(sources[index])
        names = cell.binds | cell.may_bind | cell.changes
        made[index] = {name: namespace[name] for name in names & namespace.keys()}
    return failures


def test_a_cell_that_lacks_a_name_fails():
    assert run_alone(["x = 1", "y = x", "y + z", "del x"]) == {
        2: "NameError: name 'z' is not defined"
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_two_cells_of_a_chapter_bind_a_name(path):
    assert bound_twice(code_cells(path)) == {}


# With these colons in its name, each is a scope, which pytest-xdist may run beside the others.
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.stem}::")
def test_every_cell_of_a_chapter_runs_with_what_it_needs(path, unseen):
    failures = run_alone(code_cells(path))
    assert [f"{path.name}, code cell {n + 1}: {why}" for n, why in failures.items()] == []
