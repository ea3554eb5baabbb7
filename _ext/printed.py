"""``{printed} TEXT``: a link to the PDF of the book, where ``make pdf`` has made it."""

import pathlib

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

PRINTED = "_build/pdf/geometry-of-linearized-networks.pdf"


class Printed(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        return [printed("", text=self.arguments[0])]


class printed(nodes.General, nodes.Element):
    """The place of the link: the writer knows whether there is a PDF, the reader did not."""


def size(count):
    """Return a number of bytes in words.

    >>> size(1_980_213)
    '2.0 MB'
    """
    return f"{count / 1e6:.1f} MB"


def write_link(writer, node):
    if pdf := writer.config.printed_pdf:
        name, count = pdf
        text = writer.encode(f"{node['text']} ({size(count)})")
        link = f'<a class="reference external" href="{name}" type="application/pdf">{text}</a>'
        writer.body.append(f'<p class="pdf-link">{link}</p>\n')
    raise nodes.SkipNode


def serve_pdf(app, config):
    """Put the PDF, if there is one, at the top of the site, and note its name and size."""
    pdf = pathlib.Path(app.srcdir, PRINTED)
    if pdf.exists():
        config.html_extra_path = [*config.html_extra_path, str(pdf)]
        config.printed_pdf = [pdf.name, pdf.stat().st_size]


def setup(app):
    # The pages are written again when it changes.
    app.add_config_value("printed_pdf", [], "html")
    app.add_directive("printed", Printed)
    app.add_node(printed, html=(write_link, None))
    app.connect("config-inited", serve_pdf)
    return {"parallel_read_safe": True}
