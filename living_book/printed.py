"""``{printed} TEXT``: the place of the link to the PDF of the book, empty until it is printed.

The link is made in the built page, by the tool that prints, and `finish` takes it away with the
PDF when a page changes: the site links to a PDF of the text that it shows, or to none.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class printed(nodes.General, nodes.Element):
    """The place of the link."""


class Printed(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        return [printed("", text=self.arguments[0])]


def pdf_name(title: str) -> str:
    """Return the name of a book's PDF.

    >>> pdf_name("A book, printed")
    'a-book-printed.pdf'
    """
    return f"{nodes.make_id(title)}.pdf"


def write_place(writer, node) -> None:
    """Write the place: it shows nothing until the link is in it."""
    pdf, text = pdf_name(writer.config.html_title), writer.attval(node["text"])
    writer.body.append(f'<p class="pdf-link" data-pdf="{pdf}" data-text="{text}" hidden></p>\n')
    raise nodes.SkipNode


def skip_place(writer, node) -> None:
    """Leave the place out where there are no links to files beside the page."""
    raise nodes.SkipNode
