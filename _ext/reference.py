"""The reference: ``{reference} MODULE`` documents the public names of a module of lin_utils."""

import inspect
import re
from importlib import import_module

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, directives

logger = logging.getLogger(__name__)
DOT = '<span class="o">.</span>'
CODE_NAME = re.compile(rf'<span class="n">lu</span>(?:{re.escape(DOT)}<span class="n">\w+</span>)+')
NAME = r"[A-Z][\w-]+"
CITATION = re.compile(rf"{NAME}(?:,\s+{NAME})*(?:\s+and\s+{NAME})?\s+\(\d{{4}}\)")


def public():
    """Return what lin_utils exports; imported late, for a build with no change needs it not."""
    package = import_module("lin_utils")
    return {name: getattr(package, name) for name in package.__all__}


def names_of(module):
    """Return the public names that a module of lin_utils defines, as written after ``lu.``."""
    if module in public().values():
        prefix = module.__name__.removeprefix("lin_utils.")
        return [f"{prefix}.{name}" for name in module.__all__]
    return [name for name, value in public().items() if inspect.getmodule(value) is module]


class Reference(SphinxDirective):
    """The entries of a module's public names, or with ``:table:`` their first lines."""

    required_arguments = 1
    option_spec = {"table": directives.flag}

    def run(self):
        module = import_module(f"lin_utils.{self.arguments[0]}")
        self.env.note_dependency(module.__file__)
        names = names_of(module)
        if "table" in self.options:
            lines = [".. autosummary::", "   :nosignatures:", "", *(f"   {n}" for n in names)]
        elif module in public().values():
            lines = [f".. automodule:: {module.__name__}"]
        else:
            kinds = ("class" if inspect.isclass(public()[name]) else "function" for name in names)
            lines = [f".. auto{k}:: {name}\n" for k, name in zip(kinds, names, strict=True)]
        source = ["```{eval-rst}", *"\n".join(lines).split("\n"), "```"]
        container = nodes.container()
        self.state.nested_parse(StringList(source), self.content_offset, container)
        return container.children


def keep_types(app, config):
    """Types in docstrings are words; Jupyter Book's configuration cannot say so."""
    config.numpydoc_xref_ignore = "all"


def link_types(app, env, docnames):
    """The types among them that are ours link to their entries."""
    if docnames:
        ours = (name for name, value in public().items() if inspect.isclass(value))
        app.config.numpydoc_xref_aliases_complete = {name: f"lin_utils.{name}" for name in ours}


def link_citations(app, what, name, obj, options, lines):
    """Authors with a year become citations of the bibliography."""
    keys = {}
    for key, entry in app.env.get_domain("cite").bibdata.data.entries.items():
        *others, last = (" ".join(person.last_names) for person in entry.persons["author"])
        authors = f"{', '.join(others)} and {last}" if others else last
        keys[f"{authors} ({entry.fields['year']})"] = key

    def cite(match):
        words = " ".join(match[0].split())  # it may be broken at the end of a line
        if words not in keys:
            logger.warning("%s cites %s, which references.bib lacks", name, words)
        return f":cite:t:`{keys.get(words, words)}`"

    lines[:] = CITATION.sub(cite, "\n".join(lines)).split("\n")


def name_package(app, docname, source):
    """On every page, names that code is linked by are those of lin_utils."""
    app.env.ref_context["py:module"] = "lin_utils"


def link_code(app, pagename, templatename, context, doctree):
    """In highlighted code, ``lu.NAME`` links to the entry of the name."""
    objects = app.env.get_domain("py").objects

    def link(match):
        parts = match[0].split(DOT)
        names = re.findall(r">(\w+)<", match[0])
        for end in range(len(names), 1, -1):
            entry = objects.get(".".join(["lin_utils", *names[1:end]]))
            if entry:
                page = app.builder.get_relative_uri(pagename, entry.docname)
                anchor = f'<a href="{page}#{entry.node_id}">{DOT.join(parts[:end])}</a>'
                return DOT.join([anchor, *parts[end:]])
        return match[0]

    context["body"] = CODE_NAME.sub(link, context.get("body", ""))


def setup(app):
    app.add_directive("reference", Reference)
    app.connect("config-inited", keep_types)
    app.connect("env-before-read-docs", link_types)
    app.connect("source-read", name_package)
    app.connect("autodoc-process-docstring", link_citations, priority=600)  # after numpydoc
    app.connect("html-page-context", link_code)
    return {"parallel_read_safe": True}
