"""Lectures: a deck of slides for each notebook of a book, cut from its finished page.

A deck has what the page has, with its numbers, captions, explorers and cells: a slide for each
opening of a section, statement, picture, table, open cell and exercise. Below a statement stand
its proof, its certificates and its knock-outs; below an exercise its solution. The rest of the
prose is for the speaker, as notes. reveal.js turns the slides, and is a part of the site.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from docutils import nodes
from selectolax.lexbor import LexborHTMLParser
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

from .cells import cells_of
from .finish import DONE

ENDING = ".slides.html"
REVEAL = ("reveal.css", "reveal.js", "plugin/notes.js")
SHEETS = ("site.css", "reveal/reveal.css", "deck.css")
OWN = ("reveal/reveal.js", "reveal/notes.js", "deck.js")
# The scripts that a page's text needs; the others are those of its frame.
SCRIPTS = re.compile(r"/(copy-tex|scrollable|anchor|explorers|cards|cells|computed|hero|poles)\b")
DROPPED = "script, style, .code-switch, .deck-link, .live-all, .headerlink"
# What a part of a section is for a deck; of several words the last one holds. What is told has the
# paragraph before it on its slide, as figures have their captions.
KINDS = {
    "section": "section > section",
    "heading": "section > h1, section > h2, section > h3, section > h4",
    "left out": "div.cell",
    "told": ".math[id], div:has(> table), .cell:has(.explorer), .cell:has(> .cell_input)",
    "shown": ".cell:has(figure), div.proof, div.exercise",
    "below": "div.proof:has(> details > summary), .solution",
    "certificate": ".cell:has(> details.certificate)",
    "place": "[data-instead]",
}
KNOCK_OUT = re.compile(r"<p>(<strong>)?Knock-out\b")
SHORT = 4000  # an opening with less markup stands above what follows
INSTEAD = re.compile(r'data-instead="([^"]*)"')
STATED = re.compile(r'<div class="proof [^>]*id="([^"]*)"')
NAMED = re.compile(r' id="([^"]*)"')
SECTION = re.compile(r"<(/?)section\b")
HERE = re.compile(r'href="#([^"]*)"')
PAGE = """<!DOCTYPE html>
<html lang="{language}" data-content_root="{root}"><head>{signed}<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: slides</title>
<meta name="description" content="Slides of the chapter {title}.">
<link rel="icon" href="{root}_static/favicon.svg">
{sheets}
{scripts}
</head><body class="deck"><main><div class="reveal bd-content"><div class="slides bd-article">
{slides}
</div></div></main>
{data}
</body></html>
"""
TITLE = """<section id="on-title"><h1>{heading}</h1><p>{book}</p><ol>{contents}</ol>
<p class="deck-help">Right and left turn the slides; down leads to proofs, certificates, knock-outs
and solutions. S opens the notes, Escape the overview, F fills the screen.</p></section>"""


@dataclass
class Slide:
    """A slide: its heading, where that is in the chapter, what is shown and what is said."""

    heading: str
    place: str
    parts: list[str]
    notes: list[str] = field(default_factory=list)
    below: list[Slide] = field(default_factory=list)

    @property
    def last(self) -> Slide:
        return self.below[-1] if self.below else self


def slides_of(article) -> list[Slide]:
    """Return the slides of a chapter; each has those below it."""
    for node in article.css(DROPPED):
        node.decompose()
    for node in article.css(".solution"):
        node.attrs["open"] = ""
    kinds = {n.mem_id: k for k, selector in KINDS.items() for n in article.css(selector)}
    return cut(article.css_first("section"), kinds)


def cut(section, kinds: dict[int, str]) -> list[Slide]:
    """Return the slides of a section, and of those within it."""
    slides: list[Slide] = []
    heading, slide, before = "", None, ""
    for node in section.iter():
        kind = kinds.get(node.mem_id, "prose")
        if kind == "prose" and KNOCK_OUT.match(node.html):
            kind = "knock-out"
        if kind == "heading":
            heading = node.inner_html
        elif kind == "section":
            slides += cut(node, kinds)
            slide = None
        elif kind == "left out" or kind == "told" and only_imports(node):
            continue
        elif slide and kind == "certificate":
            certified(slides, node.id).parts.append(node.html)
        elif slide and joins(slide, node, kind):
            slide.parts.append(node.html)
        elif slide and kind in ("below", "knock-out"):
            put_below(slide, Slide(heading, section.id, [node.html]), before == kind)
        elif slide and kind == "prose":
            slide.last.notes.append(node.html)
        else:
            introduced = kind == "told" and before == "prose"
            words = [slide.last.notes.pop()] if introduced else []
            slide = Slide(heading, section.id, [*words, node.html])
            slides.append(slide)
        before = kind
    return slides


def certified(slides: list[Slide], name: str) -> Slide:
    """Return the slide of the statement that a certificate is of, or else the last one."""
    for slide in reversed(slides):
        stated = STATED.findall("".join(slide.parts))
        if any(re.fullmatch(rf"certificate-{label}(-\d+)?", name) for label in stated):
            return slide
    return slides[-1]


def joins(slide: Slide, node, kind: str) -> bool:
    """Tell whether a part belongs to what the slide shows already."""
    first, last = slide.parts[0], slide.parts[-1]
    instead = INSTEAD.search(last) or INSTEAD.search(node.html)
    if instead and f'id="{instead[1]}"' in last + node.html:
        return True  # a computed picture, and the figure whose place it takes
    if slide.below or slide.notes:
        return False
    asks = 'class="exercise' in first[:60]
    if last.startswith("<p>") and kind != "prose":
        return kind == "told" or len(last) < SHORT
    return asks and kind in ("told", "prose")


def put_below(slide: Slide, lower: Slide, shared: bool) -> None:
    """Put a slide below another, or on the last one there if it is of the same kind."""
    if shared and not slide.last.notes:
        slide.last.parts += lower.parts
    else:
        slide.below.append(lower)


def only_imports(cell) -> bool:
    code = cell.css_first("pre")
    return code is not None and code.text().startswith(("import ", "from "))


def spoken(parts: list[str]) -> str:
    """Return parts of the text as a speaker's notes, which have no styles: formulas are MathML."""
    tree = LexborHTMLParser("".join(parts))
    for drawn in tree.css(".katex-html"):
        drawn.decompose()
    return NAMED.sub("", tree.body.inner_html)


def column(slide: Slide, chapter: str, seen: set[str]) -> str:
    """Return a slide with those below it; the first one of a section has the section's name."""
    made = []
    for level in [slide, *slide.below]:
        body = SECTION.sub(r"<\1div", "".join(level.parts))  # reveal.js takes sections for slides
        named = NAMED.search(body.partition("<svg")[0])
        name = level.place if level.place not in seen else named[1] if named else ""
        seen.add(level.place)
        label = f' id="on-{name}"' if name else ""
        made.append(
            f'<section{label} data-place="{level.place}">'
            f'<h2><a href="{chapter}#{level.place}">{level.heading}</a></h2>'
            f'<div class="slide-body">{body}</div>'
            f'<aside class="notes">{spoken(level.notes)}</aside></section>'
        )
    return f"<section>{''.join(made)}</section>" if slide.below else made[0]


def deck(page: str, name: str, codes: list[str], config) -> str:
    """Return the deck of a chapter, given its finished page and the code of its cells."""
    tree, chapter = LexborHTMLParser(page), posixpath.basename(name) + ".html"
    article, root = tree.css_first("article.bd-article"), "../" * name.count("/")
    heading, top = article.css_first("h1"), article.css_first("section")
    live = tree.css_first("#live-page")
    facts = json.loads(live.text()) if live else None
    seen: set[str] = set()
    slides = [column(slide, chapter, seen) for slide in slides_of(article)]
    parts = [part for part in top.iter() if part.tag == "section" and part.id in seen]
    links = (f'<li><a href="#on-{p.id}">{p.css_first("h2").inner_html}</a></li>' for p in parts)
    words = {"heading": heading.inner_html, "book": escape(config.html_title)}
    body = "\n".join([TITLE.format(**words, contents="".join(links)), *slides])
    names = set(NAMED.findall(body))
    body = HERE.sub(lambda m: m[0] if m[1] in names else f'href="{chapter}#{m[1]}"', body)
    loaded = [s.html for s in tree.css("script[src]") if SCRIPTS.search(s.attrs["src"])]
    own = (f'<script defer src="{root}_static/{path}"></script>' for path in OWN)
    sheets = (f'<link rel="stylesheet" href="{root}_static/{path}">' for path in SHEETS)
    return PAGE.format(
        language=config.language,
        signed=DONE,
        root=root,
        title=escape(heading.text()),
        sheets="\n".join(sheets),
        scripts="\n".join([*loaded, *own]),
        slides=body,
        data=live_data(facts, body, codes) if facts else "",
    )


def live_data(facts: dict, body: str, codes: list[str]) -> str:
    """Return what the script of the cells needs to know: here also the code that is on no slide."""
    shown = {int(number) for number in re.findall(r'data-cell="(\d+)"', body)}
    facts["hidden"] = {n: code for n, code in enumerate(codes, 1) if n not in shown}
    text = json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="live-page">{text}</script>'


def with_decks(app) -> dict[str, list[str]]:
    """Return the pages that have a deck, with the code of their cells."""
    if app.builder.name != "html" or not app.config.living_book_decks:
        return {}
    return {name: [cell.code for cell in cells] for name, cells in cells_of(app.env).items()}


def write_decks(app, exception) -> None:
    """Write the decks beside their chapters."""
    if exception is not None or not (decks := with_decks(app)):
        return
    site, reveal = Path(app.outdir), Path(app.outdir, "_static", "reveal")
    reveal.mkdir(exist_ok=True)
    for path in REVEAL:
        shutil.copy(app.typesetter.modules / "reveal.js" / "dist" / path, reveal)
    for name, codes in decks.items():
        page = (site / f"{name}.html").read_text(encoding="utf-8")
        text = deck(page, name, codes, app.config)
        (site / f"{name}{ENDING}").write_text(text, encoding="utf-8")


def add_link(app, doctree, page: str) -> None:
    """Lead from a chapter to its deck."""
    title = next(doctree.findall(nodes.title), None)
    if title and page in with_decks(app):
        link = f'<p class="deck-link"><a href="{posixpath.basename(page)}{ENDING}">Slides</a></p>'
        title.parent.insert(title.parent.index(title) + 1, nodes.raw("", link, format="html"))


class decks_node(nodes.General, nodes.Element):
    """The place of the list of decks."""


class Decks(SphinxDirective):
    """``{decks}`` lists the decks of the book."""

    def run(self):
        return [decks_node()]


def list_decks(app, doctree, page: str) -> None:
    """Write the list of decks, which is known when all pages are read."""
    for place in list(doctree.findall(decks_node)):
        items = nodes.bullet_list()
        for name in with_decks(app):
            link = relative_uri(app.builder.get_target_uri(page), name + ENDING)
            words = app.env.titles[name].astext()
            line = nodes.paragraph("", "", nodes.reference(words, words, refuri=link))
            items += nodes.list_item("", line)
        place.replace_self(items if items.children else [])
