"""Pictures that act: an SVG with links stands in the page itself, a computed one gets its script.

In an ``<img>`` links are dead. Matplotlib writes them where an artist has a URL, ``set_url``; here
such a picture is put into the page, in the color of its text, with its words for those who do not
see it.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from docutils import nodes

from .page import INK

LINK = re.compile(r'<a xlink:href="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
WORDS = re.compile(r"<!--\s*(.*?)\s*-->", re.DOTALL)  # what Matplotlib's outlines spell
NAMED = re.compile(r'\bid="([^"]*)"')
USED = re.compile(r'(?:xlink:href="#|url\(#)([^")]*)')
COMPUTED = re.compile(r'<div class="(hero|poles)"')  # the place of a picture, and its script
LEFT_OUT = re.compile(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", re.DOTALL)
MOUSE = 'aria-hidden="true" tabindex="-1"'
JOINS = "stroke-linejoin:round;stroke-linecap:butt"  # what that style says, for this picture alone


def open_pictures(app, doctree, page: str) -> None:
    """Put the pictures of a page that have links into the page."""
    if app.builder.format != "html":
        return
    for number, image in enumerate(doctree.findall(nodes.image)):
        path = Path(app.srcdir, image["uri"])
        if path.suffix == ".svg" and path.is_file():
            text = path.read_text(encoding="utf-8")
            if LINK.search(text):
                markup = opened(text, image.get("alt", ""), f"picture-{number}-")
                image.replace_self(nodes.raw("", markup, format="html"))


def add_computed(app, page, template, context, doctree) -> None:
    """Load what computes a picture on the pages that have a place for it, and on no other."""
    markup = (node.astext() for node in doctree.findall(nodes.raw)) if doctree else ()
    names = {name for text in markup for name in COMPUTED.findall(text)}
    for name in ["computed", *sorted(names)] if names else []:
        app.add_js_file(f"{name}.js", loading_method="defer")


def opened(text: str, alt: str, prefix: str) -> str:
    """Return an SVG as a part of a page: links that work, and names that are this picture's own.

    >>> svg = '<?xml?><svg><g id="a"/><a xlink:href="#b"><!-- B --><use xlink:href="#a"/></a></svg>'
    >>> print(opened(svg, "A & B", "p-").replace(JOINS, ""))
    <svg class="linked" role="group" aria-label="A &amp; B" style=""><g id="p-a"/>\
<a href="#b" aria-label="B"><use xlink:href="#p-a"/></a></svg>
    """
    text = LEFT_OUT.sub("", text[text.index("<svg") :]).replace(INK, "currentColor")
    text = LINK.sub(link, text)
    used = set(USED.findall(text))
    text = USED.sub(lambda m: m[0].removesuffix(m[1]) + prefix + m[1], text)
    text = NAMED.sub(lambda m: f'id="{prefix}{m[1]}"' if m[1] in used else "", text)
    words = f'class="linked" role="group" aria-label="{escape(alt, quote=True)}" style="{JOINS}"'
    return WORDS.sub("", text).replace("<svg", f"<svg {words}", 1)


def link(match: re.Match) -> str:
    """Return a link with its words for a name; one without words is for the mouse alone."""
    address, drawn = match.groups()
    words = " ".join(" ".join(WORDS.findall(drawn)).split())
    name = (
        f'aria-label="{escape(words, quote=True)}"' if words else 'aria-hidden="true" tabindex="-1"'
    )
    return f'<a href="{address}" {name}>{drawn}</a>'
