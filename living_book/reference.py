"""The reference: ``{reference} MODULE`` documents the public names of a module of the package."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, directives

logger = logging.getLogger(__name__)
NAME = r"[A-Z][\w-]+"
CITATION = re.compile(rf"{NAME}(?:,\s+{NAME})*(?:\s+and\s+{NAME})?\s+\(\d{{4}}\)")
STATEMENT = re.compile(r"(?<![\w`-])(?:thm|prop|lem|cor|def|conj)(?:-[a-z0-9]+)+(?![\w`-])")


def public(package: str) -> dict[str, object]:
    """Return what a package exports; imported late, for a build with no change needs it not."""
    module = import_module(package)
    return {name: getattr(module, name) for name in module.__all__}


def names_of(module) -> list[str]:
    """Return the public names that a module defines, as written after the package's alias."""
    exported = public(module.__package__)
    if module in exported.values():
        prefix = module.__name__.rpartition(".")[2]
        return [f"{prefix}.{name}" for name in module.__all__]
    return [name for name, value in exported.items() if inspect.getmodule(value) is module]


class Reference(SphinxDirective):
    """The entries of a module's public names, or with ``:table:`` their first lines."""

    required_arguments = 1
    option_spec = {"table": directives.flag}

    def run(self):
        first, *_ = self.config.living_book_packages.values()
        module = import_module(f"{first}.{self.arguments[0]}")
        self.env.note_dependency(module.__file__)
        exported, names = public(first), names_of(module)
        if "table" in self.options:
            lines = [".. autosummary::", "   :nosignatures:", "", *(f"   {n}" for n in names)]
        elif module in exported.values():
            lines = [f".. automodule:: {module.__name__}"]
        else:
            kinds = ("class" if inspect.isclass(exported[n]) else "function" for n in names)
            lines = [f".. auto{k}:: {name}\n" for k, name in zip(kinds, names, strict=True)]
        source = ["```{eval-rst}", *"\n".join(lines).split("\n"), "```"]
        container = nodes.container()
        self.state.nested_parse(StringList(source), self.content_offset, container)
        return container.children


def link_types(app, env, docnames) -> None:
    """Let the types of docstrings link to their entries if they are the package's own."""
    packages = app.config.living_book_packages.values() if docnames else ()
    app.config.numpydoc_xref_aliases_complete = {
        name: f"{package}.{name}"
        for package in packages
        for name, value in public(package).items()
        if inspect.isclass(value)
    }


def link_citations(app, what, name, obj, options, lines) -> None:
    """Link authors with a year to the bibliography, and labels of theorems to the theorems."""
    keys = {}
    domain = app.env.domains.get("cite")
    for key, entry in domain.bibdata.data.entries.items() if domain else ():
        *others, last = (" ".join(person.last_names) for person in entry.persons["author"])
        authors = f"{', '.join(others)} and {last}" if others else last
        keys[f"{authors} ({entry.fields['year']})"] = key

    def cite(match):
        words = " ".join(match[0].split())  # it may be broken at the end of a line
        if words in keys:
            return f":cite:t:`{keys[words]}`"
        logger.warning("the docstring of %s cites %s, which the bibliography lacks", name, words)
        return words

    text = STATEMENT.sub(r":prf:ref:`\g<0>`", "\n".join(lines))
    lines[:] = CITATION.sub(cite, text).split("\n")


def name_package(app, docname, source) -> None:
    """On every page, names that code is linked by are those of the documented package."""
    for package in list(app.config.living_book_packages.values())[:1]:
        app.env.ref_context["py:module"] = package
