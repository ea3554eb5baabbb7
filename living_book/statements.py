"""The one grammar of what a book states: theorems, proofs, exercises and solutions, parsed.

The book's own Markdown parser reads the pages, and its own directives read their options, so every
spelling that the book understands is understood here. What looks like one of these directives and
is none raises `NotUnderstood`: whoever counts claims or leaves solutions out must not overlook one.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
import yaml
from docutils.parsers.rst.directives import misc
from docutils.parsers.rst.states import MarkupError
from markdown_it.renderer import RendererHTML
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.directives import parse_directive_text
from myst_parser.parsers.mdit import create_md_parser
from sphinx_exercise import directive as exercises
from sphinx_proof.directive import ProofDirective
from sphinx_proof.proof_type import PROOF_TYPES

from .places import CELL, spell

UNCLAIMED = {"definition", "example", "remark", "assumption", "notation", "algorithm", "axiom"}
CLAIMS = set(PROOF_TYPES) - UNCLAIMED  # what somebody could doubt
PROVED = {"theorem", "lemma", "proposition", "corollary"}
DIRECTIVES = {
    **{f"prf:{kind}": directive for kind, directive in PROOF_TYPES.items()},
    "prf:proof": ProofDirective,
    "exercise": exercises.ExerciseDirective,
    "exercise-start": exercises.ExerciseStartDirective,
    "exercise-end": exercises.ExerciseEndDirective,
    "solution": exercises.SolutionDirective,
    "solution-start": exercises.SolutionStartDirective,
    "solution-end": exercises.SolutionEndDirective,
}
KNOWN = ", ".join(f"{{{name}}}" for name in DIRECTIVES)
KINDS = {*PROOF_TYPES, "proof", "exercise", "solution"}
EXTENSIONS = ("amsmath", "colon_fence", "deflist", "dollarmath", "fieldlist", "substitution")
# Directives whose content is not Markdown.
VERBATIM = set(
    "code code-block sourcecode code-cell raw-cell raw math eval-rst literalinclude parsed-literal "
    "csv-table mermaid graphviz digraph doctest testcode testoutput".split()
)
LOOKS = r"(?<!\{)\{\s*\.?(?:prf:(?!ref\b)|solution|exercise(?:-start|-end)?(?![\w-]))[^\s}]*\}?"
LIKE = re.compile(LOOKS, re.I)
BARE = re.compile(rf"\{{(?:{'|'.join(sorted(PROVED))}|conjecture|proof)\}}", re.I)
OPENING = re.compile(rf"[\s>]*(?:(?:[-*+]|\d+[.)])\s+)*(`{{3,}}|~{{3,}}|:{{3,}})\s*{LOOKS}", re.I)
SHORT = re.compile(rf"\s*`{{1,2}}\s*{LOOKS}[^`]*$", re.I)
COMMENT = re.compile(r"\s*<!--")
IN_RST = re.compile(r"\s*\.\. (?:prf:|solution|exercise)")


class NotUnderstood(ValueError):
    """What looks like a statement, an exercise or a solution and cannot be read as one."""


class AnyDirective(misc.TestDirective):
    """A directive of which nothing is known: MyST accepts every option of a TestDirective."""


@dataclass(frozen=True)
class Block:
    """A directive, a heading or a labeled formula of a page, and where it stands.

    Cells and lines are counted from 1; ``cell`` is 0 on a page that is no notebook. ``within``
    has the kind and the place of each directive, list item and quote around it.
    """

    kind: str
    title: str
    body: str
    path: object
    cell: int
    line: int
    last_cell: int
    last_line: int
    label: str = ""
    options: dict = field(default_factory=dict)
    within: tuple = ()

    @property
    def depth(self) -> int:
        return len(self.within)

    @property
    def key(self) -> object:
        """What names it: its label, or where it stands."""
        return self.label or (Path(self.path).resolve(), self.cell, self.line)

    @property
    def place(self) -> str:
        return spell(self.path, CELL * self.cell + self.line)


class Reader:
    """Reads the text of a page, cell by cell, into ``found`` and ``faults``."""

    def __init__(self, path, extensions):
        config = MdParserConfig(enable_extensions={*extensions, "colon_fence"})
        self.parser = create_md_parser(config, RendererHTML)
        self.path, self.found, self.faults, self.gate = path, [], [], None

    def fault(self, cell, line, words):
        self.faults.append(f"{spell(self.path, CELL * cell + line)}: {words}")

    def text(self, text, cell, start=1, within=()):
        """Read Markdown whose first line is the line ``start`` of the cell."""
        line, title = start, None
        for token in self.parser.parse(text + "\n"):
            line = start + token.map[0] if token.map else line
            last = start + token.map[1] - 1 if token.map else line
            if token.type in ("fence", "colon_fence"):
                self.fence(token, cell, line, last, within)
            elif token.type in ("html_block", "code_block") and not COMMENT.match(token.content):
                self.leftovers(token.content, cell, line)
            elif token.type == "inline":
                self.inline(token, cell, line)
                title = token.content
            elif token.type == "heading_close":
                level = {"level": int(token.tag[1:])}
                self.add("heading", title, "", cell, line, last, within, options=level)
            elif token.type == "math_block_label":
                self.add("equation", "", token.content, cell, line, last, within, token.info)
            elif token.nesting == 1 and re.match("blockquote|list_item|dd|footnote", token.type):
                within = (*within, (token.type.removesuffix("_open"), cell, line))
            elif token.nesting == -1 and re.match("blockquote|list_item|dd|footnote", token.type):
                within = within[:-1]

    def add(self, kind, title, body, cell, line, last, within, label="", options=None):
        if self.gate:
            within = (*within, (self.gate.kind, self.gate.cell, self.gate.line))
        self.found.append(
            Block(
                *(kind, title, body, self.path, cell, line, cell, last),
                label=label or (options or {}).get("label", ""),
                options=options or {},
                within=within,
            )
        )

    def fence(self, token, cell, line, last, within):
        """Read a fence: one of our directives, another one, or code."""
        info = token.info.strip()
        name, title = [*info.split(maxsplit=1), "", ""][:2]
        braced = name.startswith("{") and name.endswith("}")
        name = name[1:-1].lower() if braced else "div"
        directive = DIRECTIVES.get(name)
        if directive is None and (LIKE.match(info) or BARE.match(info)):
            return self.fault(cell, line, f"'{info}' is not understood, only {KNOWN}")
        closed = last - line == token.content.count("\n") + 1
        code = name in VERBATIM if braced else token.type == "fence"
        if code:
            self.shown(token, name, closed, cell, line)
        if directive and not closed:
            self.fault(cell, line, f"{{{name}}} is not closed: end it with a line {token.markup}")
        # As MyST does, so that a nested fence is not taken for an option.
        nested = token.type == "colon_fence" and token.content.startswith(":::")
        content = "\n" * nested + token.content
        try:
            parsed = parse_directive_text(directive or AnyDirective, title, content)
        except MarkupError as error:
            return self.fault(cell, line, f"{{{name}}}: {error}")
        for warning in parsed.warnings if directive else ():
            self.fault(cell, line, f"{{{name}}}: {warning.msg}")
        self.directive(name, title if braced else info, parsed, cell, line, last, within)
        if not code:
            start = line + 1 + token.content.count("\n") - len(parsed.body)
            self.text("\n".join(parsed.body), cell, start, (*within, (name, cell, line)))
        return None

    def directive(self, name, title, parsed, cell, line, last, within):
        """Note a directive; of the gated forms, the start opens and the end completes one."""
        kind, gate = name.removeprefix("prf:"), ""
        if name in DIRECTIVES:
            kind, _, gate = kind.partition("-")
        if gate == "end":
            start, self.gate = self.gate, None
            if start is None or (start.kind, start.within) != (kind, within):
                words = f"{{{name}}} ends nothing: it needs a {{{kind}-start}} before it"
                return self.fault(cell, line, f"{words}, in the same list, quote or directive")
            self.found[self.found.index(start)] = replace(start, last_cell=cell, last_line=last)
            return None
        if gate and self.gate:
            words = f"{{{name}}} begins before the {{{self.gate.kind}-start}} at {self.gate.place}"
            self.fault(cell, line, f"{words} has ended: put {{{self.gate.kind}-end}} above")
            self.gate = None
        body = "\n".join(parsed.body)
        self.add(kind, title, body, cell, line, last, within, options=parsed.options)
        if gate:
            self.gate = self.found[-1]
        return None

    def shown(self, token, name, closed, cell, line):
        """Refuse code that swallows a directive: it is not closed, or its fence is too short."""
        for number, text in enumerate(token.content.split("\n"), line + 1):
            match = OPENING.match(text)
            same = match and match[1][0] == token.markup[0] and len(match[1]) >= len(token.markup)
            if match and (same or not closed):
                words = f"'{text.strip()}' is in the code that begins on line {line}"
                self.fault(cell, number, f"{words}: close that first, or show it in longer fences")
            if name == "eval-rst" and IN_RST.match(text):
                self.fault(cell, number, f"'{text.strip()}': write this directive in Markdown")

    def inline(self, token, cell, line):
        """Refuse what looks like a directive in running text; code and comments may show it."""
        breaks = 0
        for child in token.children:
            breaks += child.type in ("softbreak", "hardbreak")
            role = child.type == "myst_role" and f"{{{child.meta['name']}}}"
            comment = child.type == "html_inline" and COMMENT.match(child.content)
            if child.type in ("text", "html_inline", "myst_role") and not comment:
                self.leftovers(role or child.content, cell, line + breaks)
        for number, text in enumerate(token.content.split("\n"), line):
            if SHORT.match(text):
                self.leftovers(text, cell, number)

    def leftovers(self, text, cell, line):
        for number, words in enumerate(text.split("\n"), line):
            for found in LIKE.findall(words):
                advice = "begin a line with ``` and this, less than four spaces from the margin"
                self.fault(cell, number, f"'{found}' is no directive here: {advice}, or quote it")


def notebook_of(path) -> nbformat.NotebookNode:
    """Return a page as a notebook; a page of Markdown is one cell."""
    text = Path(path).read_text(encoding="utf-8")
    if Path(path).suffix == ".ipynb":
        return nbformat.reads(text, as_version=4)
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])


def blocks(path, notebook=None, extensions=EXTENSIONS) -> list[Block]:
    """Return the directives, headings and labeled formulas of a page, in order.

    ``path`` is read unless its ``notebook`` is given; it names the page in messages.
    """
    reader = Reader(path, extensions)
    in_cells = Path(path).suffix == ".ipynb"
    for number, cell in enumerate((notebook or notebook_of(path)).cells, 1):
        if cell.cell_type == "markdown":
            reader.text(cell.source, number * in_cells)
    if gate := reader.gate:
        words = f"{{{gate.kind}-start}} is not ended: put {{{gate.kind}-end}} after it"
        reader.fault(gate.cell, gate.line, f"{words}, in the same list, quote or directive")
    if reader.faults:
        raise NotUnderstood("\n".join(reader.faults))
    return reader.found


def statements(path, notebook=None, extensions=EXTENSIONS) -> list[Block]:
    """Return the statements, proofs, exercises and solutions of a page, in order."""
    return [b for b in blocks(path, notebook, extensions) if b.kind in KINDS]


def pages(root) -> list[tuple[str, list[Path]]]:
    """Return the book's chapters in the order of its contents: the number, and its pages."""
    from sphinx_external_toc.parsing import parse_toc_yaml  # Jupyter Book's; others lack it

    site = parse_toc_yaml(Path(root, "_toc.yml"))

    def below(name):
        stem = Path(root, name)
        found = [p for p in (stem, *(Path(f"{stem}{s}") for s in (".ipynb", ".md"))) if p.is_file()]
        trees = site[name].subtrees if name in site else []
        return found[:1] + [page for tree in trees for n in tree.files() for page in below(n)]

    chapters, number = [], 0
    for tree in site.root.subtrees:
        for name in tree.files():
            number += bool(tree.numbered)
            chapters.append((f"{number}." if tree.numbered else "", below(name)))
    return chapters


def configuration(root) -> dict:
    """Return what a book's _config.yml says, or nothing where there is none."""
    path = Path(root, "_config.yml")
    return (yaml.safe_load(path.read_text("utf-8")) or {}) if path.is_file() else {}


def numbers(root) -> dict[object, str]:
    """Return what the book calls its statements, exercises, figures and formulas: 'Theorem 1.2'.

    As in the book, each kind is counted by itself, chapter by chapter, unless the configuration
    lets kinds share a counter.
    """
    options = configuration(root).get("sphinx", {}).get("config", {})
    shared = options.get("prf_realtyp_to_countertyp", {})
    counters, names = Counter(), {}

    def count(kind, chapter):
        counters[chapter, shared.get(kind, kind)] += 1
        return f"{chapter}{counters[chapter, shared.get(kind, kind)]}"

    for chapter, files in pages(root):
        for path in files:
            notebook = notebook_of(path)
            found = blocks(path, notebook)
            pictures = figures(notebook) + [
                (block.cell, block.options.get("name", ""), block.body)
                for block in found
                if block.kind == "figure" and block.body
            ]
            for _, name, _ in sorted(pictures, key=lambda picture: picture[0]):
                names[name] = f"Fig. {count('figure', chapter)}"
            for block in found:
                if block.kind == "equation" or block.kind == "math" and block.label:
                    names[block.key] = f"({count('equation', chapter)})"
                elif block.kind in PROOF_TYPES or block.kind == "exercise":
                    numbered = "nonumber" not in block.options
                    number = f" {count(block.kind, chapter)}" if numbered else ""
                    names[block.key] = block.kind.title() + number
    return names


def figures(notebook) -> list[tuple[int, str, str]]:
    """Return the cell, the name and the caption of each figure that a code cell draws."""
    drawn = [
        (number, cell.metadata.get("mystnb", {}).get("figure", {}))
        for number, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "code"
    ]
    return [(n, f.get("name", ""), f["caption"]) for n, f in drawn if f.get("caption")]
