"""KaTeX sets the formulas at build time: no program to load, and MathML for screen readers.

A page's formulas are set by one call of Node and remembered from build to build.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.locale import _
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from . import node as nodejs
from .places import place_of

logger = logging.getLogger(__name__)
# What touches a formula; after a hyphen or a dash a line may break.
OPENING, CLOSING = re.compile(r"[^\s—–-]+$"), re.compile(r"^(?:[^\s—–-]+[—–-]?|[—–-])")
SCRIPT = Path(__file__).parent / "typeset.mjs"
STYLES = "katex/katex.min.css"
COPY = (
    "katex/contrib/copy-tex.min.js"  # KaTeX's: what a reader copies of a formula is its TeX, once
)


class Typesetter:
    """What KaTeX made of the formulas so far, kept in a folder beside KaTeX itself."""

    def __init__(self, modules: Path, macros: dict[str, str]) -> None:
        self.modules, self.macros, self.faults = modules, macros, []
        package = json.loads((modules / "katex" / "package.json").read_text(encoding="utf-8"))
        maker = SCRIPT.read_text(encoding="utf-8")
        self.maker = [package["version"], macros, hashlib.sha256(maker.encode()).hexdigest()]
        self.memory = modules.parent / "formulas.json"
        kept = json.loads(self.memory.read_text("utf-8")) if self.memory.exists() else {}
        self.known = kept["known"] if kept.get("maker") == self.maker else {}

    def set(self, formulas: list) -> None:
        """Set the formulas of a page that are new; note those that cannot be set."""
        found = {self.key(formula): formula for formula in formulas}
        new = [key for key in found if key not in self.known]
        asked = [(key[1:], key[0] == "d") for key in new]
        if not asked:
            return
        words = json.dumps({"macros": self.macros, "formulas": asked})
        answers = json.loads(nodejs.run(SCRIPT, cwd=self.modules.parent, given=words))
        for key, answer in zip(new, answers, strict=True):
            if "error" in answer:
                place = place_of(found[key])
                self.faults.append(place)
                what = (place, key[1:], answer["error"].removeprefix("KaTeX parse error: "))
                logger.error("%s: KaTeX cannot set %r: %s. Mend the formula.", *what)
            else:
                self.known[key] = answer["html"]

    @staticmethod
    def key(formula) -> str:
        return ("d" if isinstance(formula, nodes.math_block) else "i") + formula.astext().strip()

    def __getitem__(self, formula) -> str:
        if self.key(formula) not in self.known:  # in a title, which other pages show too
            self.set([formula])
        return self.known.get(self.key(formula), "")

    def save(self) -> None:
        """Keep the formulas for the next build."""
        kept = json.dumps({"maker": self.maker, "known": self.known})
        self.memory.write_text(kept, encoding="utf-8")


def serve(modules: Path, static: Path) -> None:
    """Copy KaTeX's styles to a site, and of each font the one format that all browsers read."""
    dist = modules / "katex" / "dist"
    for path in [
        dist / "contrib" / "copy-tex.min.js",
        *dist.glob("*.min.css"),
        *dist.glob("fonts/*.woff2"),
    ]:
        copy = static / "katex" / path.relative_to(dist)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def set_formulas(app, doctree, docname) -> None:
    """Set the formulas of a page, all at once."""
    if app.builder.format == "html":
        app.typesetter.set([*doctree.findall(nodes.math), *doctree.findall(nodes.math_block)])


def require_all_set(app) -> None:
    """Stop a build that has a formula which could not be set; keep the others."""
    app.typesetter.save()
    if faults := app.typesetter.faults:
        raise ExtensionError(f"{len(faults)} formulas cannot be set: {'; '.join(faults)}")


def write_inline(writer, node) -> None:
    formula = writer.builder.app.typesetter[node]
    writer.body.append(f"{writer.starttag(node, 'span', '', CLASS='math')}{formula}</span>")
    raise nodes.SkipNode


def write_display(writer, node) -> None:
    writer.body.append(writer.starttag(node, "div", CLASS="math"))
    if node["number"]:
        writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})')
        writer.add_permalink_ref(node, _("Link to this equation"))
        writer.body.append("</span>")
    writer.body.append(f"{writer.builder.app.typesetter[node]}</div>")
    raise nodes.SkipNode


RENDERERS = [(write_inline, None), (write_display, None)]


class KeepPunctuation(SphinxPostTransform):
    """No line begins with the comma after a formula: browsers would break there."""

    default_priority = 900
    formats = ("html",)

    def run(self):
        for formula in list(self.document.findall(nodes.math)):
            parent, place = formula.parent, formula.parent.index(formula)
            before = parent[place - 1] if place else None
            after = parent[place + 1] if place + 1 < len(parent) else None
            opening = isinstance(before, nodes.Text) and OPENING.search(before)
            closing = isinstance(after, nodes.Text) and CLOSING.search(after)
            if not opening and not closing:
                continue
            unbroken = nodes.inline(classes=["unbroken"])
            parent[place] = unbroken
            if opening:
                parent[place - 1] = nodes.Text(before[: opening.start()])
                unbroken += nodes.Text(opening[0])
            unbroken += formula
            if closing:
                parent[place + 1] = nodes.Text(after[closing.end() :])
                unbroken += nodes.Text(closing[0])
