"""The claims of a chapter: where each is stated, proved, certified, computed, tested and shown.

``{claims} NOTEBOOK…`` makes their list. A claim without a label, a proof or a certificate, and a
certificate that belongs to no statement, are faults, and a fault fails the build.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from docutils import nodes
from IPython.core.inputtransformer2 import TransformerManager
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx_proof.nodes import NODE_TYPES, proof_node, unenumerable_node
from sphinx_proof.proof_type import PROOF_TYPES

from . import buttons
from .places import CELL, spell
from .reference import public
from .statements import (
    CLAIMS,
    EXTENSIONS,
    PROVED,
    Block,
    NotUnderstood,
    blocks,
    figures,
    notebook_of,
)

FAULTS = "living_book_faults"  # in Sphinx's metadata of a page, which it forgets with the page
STATED = (*NODE_TYPES.values(), unenumerable_node)
DOT = "\N{NO-BREAK SPACE}· "  # never begins a line
WORD = re.compile(r"(?<![\w-])([a-z]+)(?:-[a-z0-9]+)+(?![\w-])")


@dataclass
class Claim:
    """A statement that could be doubted, and the cells and figures that belong to it."""

    statement: Block
    proof: Block | None = None
    certificates: list[int] = field(default_factory=list)  # the cells
    results: list[str] = field(default_factory=list)  # what they printed
    figures: list[str] = field(default_factory=list)  # their names


def certified(code: str) -> dict[str, int]:
    """Return the labels that a cell's code certifies, each with its first line.

    >>> certified("%time\\nprint(lu.certify_equal('thm-a', 1, x)); certify(label, 0, 1)")
    {'thm-a': 2}
    """
    try:
        tree = ast.parse(TransformerManager().transform_cell(code))
    except SyntaxError:  # another language
        return {}
    found = {}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            values = [*call.args, *(keyword.value for keyword in call.keywords)]
            labels = [v.value for v in values if isinstance(getattr(v, "value", None), str)]
            if name.startswith("certify") and labels:
                found.setdefault(labels[0], call.lineno)
    return found


def proof_id(label: str) -> str:
    """Return the anchor of a claim's proof."""
    return f"proof-of-{nodes.make_id(label)}"


def certificate_id(label: str, number: int) -> str:
    """Return the anchor of a claim's certificate; there may be several."""
    return f"certificate-{nodes.make_id(label)}" + f"-{number}" * (number > 1)


def proof_of(classes, current: str) -> str:
    """Return the anchor of a proof: that of the claim before it, or what its class says."""
    return next((name for name in classes if name.startswith("proof-of-")), proof_id(current))


def unlabeled(found: list[Block]) -> list[str]:
    """Return the faults of claims that nothing can refer to."""
    return [
        f"{block.place}: this {block.kind} has no label; put ':label: NAME' below its first line"
        for block in found
        if block.kind in CLAIMS and not block.label
    ]


def collect(path, extensions=EXTENSIONS) -> tuple[dict[str, Claim], list[str]]:
    """Return the claims of a notebook by their labels, and what is missing or belongs to none.

    A figure belongs to the claims that its caption names, or else to those that were stated or
    certified last before it in the same section of the chapter.
    """
    notebook = notebook_of(path)
    try:
        found = blocks(path, notebook, extensions)
    except NotUnderstood as error:
        return {}, str(error).split("\n")
    labels = {block.label for block in found}
    claims = {b.label: Claim(b) for b in found if b.kind in CLAIMS and b.label}
    by_proof = {proof_id(label): claim for label, claim in claims.items()}
    faults, current, recent, grows = unlabeled(found), "", [], False
    for number, cell in enumerate(notebook.cells, 1):
        for block in (block for block in found if block.cell == number):
            if block.options.get("level", 9) < 3:  # a new section
                recent = []
            elif block.kind in CLAIMS:
                current = block.label
                recent = [*(recent if grows else ()), current]
                grows = True  # until a cell runs: claims that are stated together
            elif block.kind == "proof":
                claim = by_proof.get(proof_of(block.options.get("class", ()), current))
                if claim and not claim.proof:
                    claim.proof = block
        if cell.cell_type != "code":
            continue
        marks = certified(cell.source)
        recent, grows = [label for label in marks if label in claims] or recent, False
        printed = "".join("".join(output.get("text", "")) for output in cell.outputs)
        for label, line in marks.items():
            if label in claims:
                claims[label].certificates.append(number)
                claims[label].results += re.findall(rf"^{re.escape(label)}: (.+)$", printed, re.M)
            elif label not in labels:
                place = spell(path, CELL * number + line)
                faults.append(f"{place}: certifies '{label}', which labels no statement here")
        for where, name, caption in figures(notebook):
            if where == number and name:
                owners = [label for label in claims if names(label, caption)] or recent
                for label in filter(claims.get, owners):
                    claims[label].figures.append(name)
    return claims, faults + lacks(claims)


def lacks(claims: dict[str, Claim]) -> list[str]:
    """Return what claims lack of what each needs."""
    faults = []
    for label, claim in claims.items():
        said = f"{claim.statement.place}: the {claim.statement.kind} '{label}' has no"
        if claim.statement.kind in PROVED and claim.proof is None:
            faults.append(f"{said} proof; put a {{prf:proof}} after it, before the next claim")
        if not claim.certificates:
            faults.append(f"{said} certificate; call certify('{label}', …) in a cell after it")
    return faults


def names(label: str, text: str) -> bool:
    """Tell whether a text has a label as a whole word."""
    return re.search(rf"(?<![\w-]){re.escape(label)}(?![\w-])", text) is not None


def docstrings(packages) -> dict[str, str]:
    """Return the docstrings of what packages export, by full name, without examples and code."""
    found = {}

    def note(name, value):
        prose = re.split(r"\nExamples\n---", inspect.getdoc(value) or "")[0]
        found[name] = re.sub(r"``[^`]*``", "", prose)
        if inspect.isclass(value) or inspect.ismodule(value):
            exported = getattr(value, "__all__", [n for n in vars(value) if n[0] != "_"])
            for member in exported:
                if inspect.getdoc(getattr(value, member, None)):
                    note(f"{name}.{member}", getattr(value, member))

    for package in packages:
        for name, value in public(package).items():
            note(f"{package}.{name}", value)
    return found


@dataclass
class CodeTest:
    """A test function: its name, its place and its source, decorators included."""

    name: str
    path: Path
    line: int
    source: str


def find_tests(root, packages) -> list[CodeTest]:
    """Return the tests of packages below a book's source folder: of the files that import them."""
    imports = re.compile(rf"^\s*(?:import|from) (?:{'|'.join(packages)})\b", re.M)
    found = []

    def note(path, lines, body, inside=""):
        for node in body:
            if isinstance(node, ast.ClassDef):
                note(path, lines, node.body, f"{inside}{node.name}::")
            elif isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                source = "\n".join(lines[first - 1 : node.end_lineno])
                found.append(
                    CodeTest(inside + node.name, path.relative_to(root), node.lineno, source)
                )

    for path in sorted(Path(root, "tests").glob("**/*.py")):
        text = path.read_text(encoding="utf-8")
        if imports.search(text):
            note(path, text.split("\n"), ast.parse(text).body)
    return found


def loose_ends(root, notebooks, packages) -> list[str]:
    """Return the claims that no docstring and no test names, and the names of no statement.

    What looks like a label begins as one of the book's labels does: ``thm-…``.
    """
    stated = [block for path in notebooks for block in blocks(path) if block.kind in PROOF_TYPES]
    labels = {block.label for block in stated}
    kinds = {label.partition("-")[0] for label in labels}
    tests = {f"{test.path}::{test.name}": test.source for test in find_tests(root, packages)}
    texts = docstrings(packages) | tests
    missing = [
        f"{block.place}: no docstring and no test of {', '.join(packages)} names '{block.label}'"
        for block in stated
        if block.kind in CLAIMS and not any(names(block.label, text) for text in texts.values())
    ]
    strays = [
        f"{name} names '{match[0]}', which labels no statement"
        for name, text in texts.items()
        for match in WORD.finditer(text)
        if match[1] in kinds and match[0] not in labels
    ]
    return missing + list(dict.fromkeys(strays))


class Claims(SphinxDirective):
    """``{claims} NOTEBOOK…`` lists the claims of notebooks, given from the source folder."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        packages = list(self.config.living_book_packages.values())
        texts, tests = docstrings(packages), find_tests(self.env.srcdir, packages)
        folders = [Path(import_module(package).__file__).parent for package in packages]
        for file in (file for folder in folders for file in folder.glob("*.py")):
            self.env.note_dependency(str(file))
        for test in tests:
            self.env.note_dependency(str(Path(self.env.srcdir, test.path)))
        entries = nodes.definition_list(classes=["claims"])
        for name in self.arguments[0].split():
            path = Path(os.path.relpath(Path(self.env.srcdir, name)))
            if not path.is_file():
                raise self.error(f"there is no notebook '{name}' in {self.env.srcdir}")
            self.env.note_dependency(os.path.abspath(path))
            claims, faults = collect(path, self.config.myst_enable_extensions)
            note_faults(self.env, faults)
            entries += [self.entry(claim, texts, tests) for claim in claims.values()]
        return [entries]

    def entry(self, claim, texts, tests):
        """Return what a claim is called, where its parts are, and what its certificates saw."""
        label, title = claim.statement.label, claim.statement.title
        parts = {
            "proof": [f"{{ref}}`proof <{proof_id(label)}>`"] if claim.proof else [],
            "certificate": [
                f"{{ref}}`certificate{f' {n}' * (n > 1)} <{certificate_id(label, n)}>`"
                for n in range(1, 1 + len(claim.certificates))
            ],
            "figure": [f"{{numref}}`{name}`" for name in claim.figures],
            "code": [f"{{py:obj}}`~{name}`" for name, text in texts.items() if names(label, text)],
        }
        links = [", ".join(part) or f"no {kind}" for kind, part in parts.items()]
        where = nodes.paragraph("", "", *self.markdown(DOT.join(links)), classes=["links"])
        own = [test for test in tests if names(label, test.source)]
        for number, test in enumerate(own):
            path = test.path.as_posix()
            name = nodes.literal("", f"{path}::{test.name}", test=(path, test.line))
            where.extend([nodes.Text(", " if number else DOT), name])
        where.append(nodes.Text("" if own else f"{DOT}no test"))
        term = self.markdown(f"{{prf:ref}}`{label}`" + f" ({title})" * bool(title))
        saw = nodes.line_block("", *(nodes.line("", result) for result in claim.results))
        return nodes.definition_list_item(
            "", nodes.term("", "", *term), nodes.definition("", where, saw)
        )

    def markdown(self, text):
        return self.state.inline_text(text, self.lineno)[0]


def link_tests(app, doctree, docname) -> None:
    """Link tests to where they are on the web; a page is read once, and its remote can change."""
    for node in list(doctree.findall(nodes.literal)):
        url = "test" in node and buttons.source_url(app, *node["test"])
        if url:
            name = nodes.literal("", node.astext().rpartition("::")[2])
            node.replace_self(nodes.reference("", "", name, refuri=url, internal=False))


def note_faults(env, faults) -> None:
    """Keep the faults of the page that is being read."""
    if faults:
        env.metadata[env.docname].setdefault(FAULTS, []).extend(faults)


def read_page(app, doctree) -> None:
    """Give the proofs and certificates of a page their anchors, and note its faults."""
    env = app.env
    path = Path(os.path.relpath(env.doc2path(env.docname)))
    if path.suffix in (".ipynb", ".md"):
        try:
            note_faults(env, unlabeled(blocks(path, None, app.config.myst_enable_extensions)))
        except NotUnderstood as error:
            note_faults(env, str(error).split("\n"))
    current, seen, anchors = "", Counter(), env.get_domain("std").anonlabels

    def anchor(node, name):
        node["ids"].append(name)
        anchors[name] = env.docname, name

    for node in list(doctree.findall(nodes.Element)):
        if isinstance(node, STATED) and node["realtype"] in CLAIMS:
            current = node["label"]
        elif isinstance(node, proof_node):
            name = proof_of(node[0]["classes"], current)
            node[0]["ids"] = []  # all proofs of a page have the same
            if name != proof_id("") and anchors.get(name, ("",))[0] != env.docname:
                anchor(node[0], name)
        elif node.get("nb_element") == "cell_code":
            code = next(node.findall(nodes.literal_block), nodes.Text(""))
            for label in certified(code.astext()):
                seen[label] += 1
                anchor(node, certificate_id(label, seen[label]))


def raise_faults(app, env) -> None:
    """Fail the build if a page that was read now or before has faults.

    This is for ``env-updated``: a later event would find Sphinx's memory of the pages written,
    and the next build would read none of them again, and pass.
    """
    pages = (env.metadata[name].get(FAULTS, ()) for name in sorted(env.metadata))
    faults = list(dict.fromkeys(fault for page in pages for fault in page))
    if faults:
        raise ExtensionError("\n".join(faults))
