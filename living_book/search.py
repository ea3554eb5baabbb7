"""Search that finds: statements, figures, sections and functions, each at its own place.

The finished pages are read at the end of each build, so that what is found is what is read, and
pages that were not written again stay. What a reader's first search loads is one script: the index
and what looks into it, so it works from a disk, too. ``living_book_synonyms``, for example
``notation#other-names``, names a page and a section whose table has other names for a thing in its
first column, separated by commas, and in its second what the book calls it, or a link to it.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import unicodedata
from pathlib import Path
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser
from sphinx.errors import ExtensionError

from .cells import shrink
from .claims import proof_id
from .mends import SPHINX_SEARCH

HERE = Path(__file__).parent
INDEX = "search-index.js"
BUNDLE = ("--bundle", "--charset=utf8", "--legal-comments=eof")
BODY = "article.bd-article, [role=main]"
LEFT_OUT = (
    "a.headerlink, script, style, button, noscript, .live-bar, summary:not(.admonition-title)"
)
BLOCKS = "p, div, section, figcaption, summary, pre, li, dt, dd, td, th, h1, h2, h3, .classifier"
# What is found at its own place: the place of its title, the title's form, a word that finds it
# beside its title and its label, and its weight.
TARGETS = {
    "section": ("h1, h2, h3, h4, h5, h6", "{}", "section", 1.0),
    "div.definition": (".admonition-title", "{}", "statement", 2.2),
    "div.proof": (".admonition-title", "{}", "statement", 1.6),
    "div.exercise": (".admonition-title", "{}", "", 1.3),
    ".solution": (".admonition-title", "{}", "", 0.5),
    "figure": (".caption-number", "{}", "figure", 1.2),
    "div.math": (".eqno", "Equation {}", "formula", 0.8),
    "div.citation": (".label", "Reference {}", "", 0.8),
    "dt.sig": (".sig-name", "{}", "function", 0.8),
    ".glossary dt": ("", "{}", "", 1.3),
}
PROOF, OF_PROOF, OF_COURSE = proof_id(""), 0.5, 1.3  # the course: pages with a number
SMALL = {"_": {}, "^": {"∗": "*", "⊤": "ᵀ", "′": "′"}}
for letter in map(chr, range(0x2C7D)):
    kind, _, code = unicodedata.decomposition(letter).partition(" ")
    if kind in ("<sub>", "<super>") and " " not in code:
        SMALL["_" if kind == "<sub>" else "^"][chr(int(code, 16))] = letter
SCRIPTS = {"msub": "_", "munder": "_", "msup": "^", "msubsup": "_^", "munderover": "_^"}
ACCENTS = {"^": "\u0302", "~": "\u0303", "ˉ": "\u0304", "˙": "\u0307", "¨": "\u0308"}
APART = re.compile(r"\s*(:=|[=≠<>≤≥≈≡∼→←↦∈∉⊂⊆⇒⟹⟺∪∩])\s*")
OPENED = re.compile(r"([(\[{⟨]) ")


def formula(node) -> str:
    """Return a formula of MathML as a line of text."""
    parts = [formula(child) for child in node.iter() if child.tag != "annotation"]
    if not parts:
        text = " " if node.tag == "mspace" else node.text().replace("\u2061", " ")
        return f" {text}" if node.tag == "mi" and len(text) > 1 else text
    if node.tag == "math":
        return OPENED.sub(r"\1", " ".join(APART.sub(r" \1 ", "".join(parts)).split()))
    if node.tag == "mfrac":
        return "/".join(map(enclosed, parts))
    if node.tag in ("msqrt", "mroot"):
        return f"√{enclosed(parts[0] if node.tag == 'mroot' else ''.join(parts))}"
    if kinds := SCRIPTS.get(node.tag):
        return parts[0].rstrip() + "".join(map(small, kinds, parts[1:]))
    if node.tag == "mover" and parts[1] in ACCENTS:
        return parts[0] + ACCENTS[parts[1]]
    return ("; " if node.tag == "mtable" else " " if node.tag == "mtr" else "").join(parts)


def enclosed(text: str) -> str:
    text = text.strip()
    return text if len(text) < 2 or text.isdecimal() else f"({text})"


def small(kind: str, text: str) -> str:
    """Return an index or an exponent in small letters, if there are such.

    >>> small("_", "k") + small("^", "2q") + small("_", "F")
    'ₖ^(2q)_F'
    """
    text = text.strip()
    letters = [SMALL[kind].get(letter) for letter in text]
    return "".join(letters) if all(letters) else kind + enclosed(text)


def words(node) -> str:
    return " ".join(node.text().split()) if node else ""


def body_of(path: Path):
    """Return the main part of a page as text without buttons and outputs, each formula once."""
    body = LexborHTMLParser(path.read_text(encoding="utf-8")).css_first(BODY)
    for extra in body.css(LEFT_OUT) if body else ():
        extra.decompose()
    for output in body.css(".cell_output") if body else ():
        if not output.css("figure"):
            output.decompose()
    for typeset in body.css(".katex") if body else ():
        typeset.replace_with(formula(typeset.css_first("math")))
    for block in body.css(BLOCKS) if body else ():
        block.insert_before(" ")
        block.insert_after(" ")
    return body


def titled(body) -> dict:
    """Return the targets of a page in order, by their identity: node, title, words, weight."""
    kinds = {node.mem_id: TARGETS[name] for name in reversed(TARGETS) for node in body.css(name)}
    found, labels = {}, {}
    for node in body.css(", ".join(TARGETS)):
        place, form, more, weight = kinds[node.mem_id]
        label, named = node.attributes.get("id") or "", node.css_first(place) if place else node
        title = form.format(words(named)) if named else ""
        if label.startswith(PROOF) and not named:
            title, weight = f"Proof of {labels.get(label.removeprefix(PROOF), '')}", OF_PROOF
        if not label or not title:
            continue  # a section of a directive is inside what it numbers
        if node.tag != "dt" and named:
            named.decompose()
        labels[label] = title.partition(" (")[0]
        also = f"{label} {more}" if "/" not in label else more  # such labels are Sphinx's
        found[node.mem_id] = (node, label, title, also, weight)
    return found


def entries_of(body, address: str) -> list[dict]:
    """Return what a page has to find; a text belongs to the innermost target around it."""
    targets, entries = titled(body), []
    page = next((title for _, _, title, *_ in targets.values()), "")
    for node, label, title, also, weight in reversed(targets.values()):
        around, parent, after = [], node.parent, node.next if node.tag == "dt" else None
        while parent:
            around += [targets[parent.mem_id][2]] if parent.mem_id in targets else []
            parent = parent.parent
        while after and after.tag == "-text":
            after = after.next
        parts = [node, after] if after and after.tag == "dd" else [node]  # which says what it is
        blocks = [block for part in parts for block in part.css("pre")]
        code = " ".join(map(words, blocks))
        pictures = [i.attributes.get("alt") or "" for i in node.css("figure img")]
        for block in blocks:
            block.decompose()
        entries.append(
            {
                "title": title,
                "url": f"{address}#{label}" if around else address,
                "where": " › ".join(reversed(around)),
                "also": also,
                "weight": weight * (OF_COURSE if page[:1].isdigit() else 1),
                "text": " ".join(filter(None, [*map(words, parts), *pictures])),
                "code": code,
            }
        )
        for part in parts:
            part.decompose()
    return entries[::-1]


def synonyms_of(body, section: str, address: str) -> tuple[list, dict[str, list[str]]]:
    """Return the table's names with what the book says instead, and the names of what it links."""
    instead, linked = [], {}
    for row in body.css(f"[id='{section}'] tr"):
        cells = row.css("td")
        if len(cells) < 2:
            continue
        names = [name.strip() for name in words(cells[0]).split(",")]
        links = [link.attributes["href"] for link in cells[1].css("a.internal")]
        for link in links:
            url = posixpath.normpath(posixpath.join(posixpath.dirname(address), unquote(link)))
            linked.setdefault(url, []).extend(names)
        for formulas in cells[1].css(".math"):
            formulas.decompose()
        said = words(cells[1]).partition(":")[0].split(",")
        instead += [[names, [s.strip() for s in said if s.strip()]]] * (not links)
    return instead, linked


def is_on(app) -> bool:
    return (
        app.builder.name in ("html", "dirhtml")
        and SPHINX_SEARCH not in app.config.living_book_mends_off
    )


def replace_search(app) -> None:
    """Let Sphinx make no index of its own, and the pages load what searches."""
    if is_on(app):
        app.builder.search = False
        app.add_css_file("search.css")
        app.add_js_file("search.js", loading_method="defer")


def write_page(app):
    """Write the page that Sphinx writes with its index."""
    return [("search", {}, "search.html")] if is_on(app) else []


def write_index(app, exception) -> None:
    """Write what the first search of a reader loads."""
    if exception is not None or not is_on(app):
        return
    builder, static, entries = app.builder, Path(app.outdir, "_static"), []
    page, _, section = app.config.living_book_synonyms.partition("#")
    synonyms, linked, table = [], {}, ""
    for docname in sorted(app.env.found_docs):
        address = builder.get_target_uri(docname)
        body = body_of(Path(builder.get_outfilename(docname)))
        if docname == page:
            table = f"{address}#{section}"  # which has every name, and nothing about it
            synonyms, linked = synonyms_of(body, section, address)
            if not (synonyms or linked):
                raise ExtensionError(f"living_book_synonyms: no table in {page}#{section}")
        entries += entries_of(body, address) if body else []
    for entry in entries:
        entry["also"] += "".join(f" {name}" for name in linked.get(entry["url"], ()))
        entry["weight"] *= 0.05 if entry["url"] == table else 1
    node = app.typesetter.modules.parent
    data = json.dumps({"entries": entries, "synonyms": synonyms}, ensure_ascii=False)
    (node / "search.json").write_text(data, encoding="utf-8")
    shutil.copy(HERE / "search.mjs", node)  # beside the packages that it imports
    shrink(app.typesetter.modules, "search.mjs", static / INDEX, *BUNDLE)
    for name in ("searchindex.js", "_static/searchtools.js", "_static/language_data.js"):
        Path(app.outdir, name).unlink(missing_ok=True)
