"""The reference: every public name is in it, well documented, and the chapters link to it."""

import ast
import dataclasses
import inspect
import pathlib
import posixpath
import re

import nbformat
import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate
from sphinx.util.inventory import InventoryFile

import lin_utils as lu

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))
CHECKS = {
    *("GL03", "GL06", "GL07", "GL08", "GL10"),  # sections: known, in order, spaced
    *("SS01", "SS02", "SS03", "SS04", "SS05", "SS06"),  # a summary of one sentence, on one line
    *("PR01", "PR02", "PR03", "PR04", "PR05", "PR06", "PR10"),  # parameters as in the signature
    *("RT01", "SA02", "SA03", "SA04"),  # what is returned; what to see also
}


def members(name, value):
    """Yield what a public name brings: itself, a module's names, a class's own methods."""
    yield name, value
    if inspect.ismodule(value):
        yield from ((f"{name}.{key}", getattr(value, key)) for key in value.__all__)
    if inspect.isclass(value):
        for key, member in inspect.getmembers(value):
            bases = {lu.Landscape, lu.SquaredResidual} - {value}
            inherited = any(getattr(base, key, None) is member for base in bases)
            function = inspect.isroutine(member) or isinstance(member, property)
            if function and member.__doc__ and not key.startswith("_") and not inherited:
                yield f"{name}.{key}", member


PUBLIC = dict(item for name in lu.__all__ for item in members(name, getattr(lu, name)))
DOCUMENTED = {
    name: value
    for name, value in PUBLIC.items()
    if inspect.isroutine(value) or inspect.isclass(value) or isinstance(value, property)
}


@pytest.fixture(scope="module")
def addresses(site):
    """Return where the entry of each name is, by the inventory of the built site."""
    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", posixpath.join)
    return {
        name: entry[2]
        for kind in inventory
        if kind.startswith("py:")
        for name, entry in inventory[kind].items()
    }


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_has_an_entry(name, addresses, site):
    page, anchor = addresses[f"lin_utils.{name}"].split("#")
    assert page.startswith("reference/")
    assert f'id="{anchor}"' in (site / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCUMENTED)
def test_docstring_is_complete(name):
    docstring = get_doc_object(DOCUMENTED[name])
    faults = [fault for fault in validate(docstring)["errors"] if fault[0] in CHECKS]
    if dataclasses.is_dataclass(DOCUMENTED[name]):
        # The fields of a record are documented as what they are read as, its attributes.
        listed = ", ".join(attribute.name for attribute in docstring["Attributes"]).split(", ")
        assert listed == [field.name for field in dataclasses.fields(DOCUMENTED[name])]
        faults = [fault for fault in faults if fault[0] != "PR01"]
    assert faults == []


def used_names(path):
    """Return the dotted names after ``lu.`` in the code of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    tree = ast.parse(re.sub(r"^%.*$", "", code, flags=re.MULTILINE))
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    inner = {node.value for node in attributes}
    chains = {ast.unparse(node) for node in attributes if node not in inner}
    return sorted(chain[3:] for chain in chains if re.fullmatch(r"lu(\.\w+)+", chain))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_chapter_links_the_first_use_of_each_name(path, addresses, site):
    page = (site / "chapters" / f"{path.stem}.html").read_text(encoding="utf-8")
    names, unlinked, dot = used_names(path), [], '<span class="o">.</span>'
    for name in names:
        code = dot.join(f'<span class="n">{part}</span>' for part in ["lu", *name.split(".")])
        first = re.search(rf"{re.escape(code)}(?!{re.escape(dot)})", page)
        link = f'<a href="../{addresses[f"lin_utils.{name}"]}">'
        if not (first and page[: first.start()].endswith(link)):
            unlinked.append(name)
    assert names and not unlinked
