"""The claims of a chapter, read from its notebook: ``{claims} NOTEBOOK…`` makes their table."""

import json
import pathlib
import re
from dataclasses import dataclass

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

STATEMENT = re.compile(r"\{prf:(?:theorem|proposition|corollary|lemma)\} *(.*)\n:label: (\S+)")
RESULT = re.compile(r"^(\S+): ((?:held|equal) in all .*)$", re.MULTILINE)


@dataclass
class Claim:
    """A statement with its label, its title, and what its certificates printed."""

    label: str
    title: str
    results: list[str]


def collect(notebook):
    """Return the claims of a recorded notebook, and the results whose label is no statement's."""
    cells = json.loads(pathlib.Path(notebook).read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    outputs = (o for c in cells if c["cell_type"] == "code" for o in c["outputs"])
    printed = "\n".join("".join(output.get("text", [])) for output in outputs)
    claims = {label: Claim(label, title, []) for title, label in STATEMENT.findall(text)}
    strays = []
    for label, result in RESULT.findall(printed):
        (claims[label].results if label in claims else strays).append(result)
    return list(claims.values()), strays


def table(claims):
    """Return the claims as a MyST table."""
    rows = ["```{list-table}", ":header-rows: 1", ":widths: 20 30 50", ""]
    rows += ["* - Statement", "  - Title", "  - What its certificates saw"]
    for claim in claims:
        rows += [f"* - {{prf:ref}}`{claim.label}`", f"  - {claim.title}"]
        rows += ["  - " + "\\\n    ".join(claim.results)]
    return "\n".join([*rows, "```"]).split("\n")


class Claims(SphinxDirective):
    required_arguments = 1

    def run(self):
        path = pathlib.Path(self.env.srcdir) / self.arguments[0]
        self.env.note_dependency(str(path))
        container = nodes.container()
        self.state.nested_parse(StringList(table(collect(path)[0])), self.content_offset, container)
        return container.children


def setup(app):
    app.add_directive("claims", Claims)
    return {"parallel_read_safe": True}
