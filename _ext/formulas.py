"""KaTeX sets the formulas at build time: no program to load, and MathML for screen readers."""

import pathlib
import re
import socket
import subprocess
import time

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinxcontrib import katex

OPENING, CLOSING = re.compile(r"[(\[“]+$"), re.compile(r"^[,.;:!?)\]”]+")


def start_server(folder, timeout):
    """Start KaTeX and connect once it listens; its socket file is there a moment before that."""
    address, until = folder / "katex.sock", time.monotonic() + timeout
    command = katex.KaTeXServer.build_command(socket=address)
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    while True:
        try:
            connection.connect(str(address))
            return server, connection
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > until:
                server.kill()
                raise katex.KaTeXServer.timeout_error(timeout) from None
            time.sleep(0.01)


def use_the_installed_katex(app, config):
    """One pinned package gives the program that sets the formulas and the styles that show them."""
    config.katex_js_path = str(pathlib.Path(app.srcdir, "_assets", "katex", "katex.min.js"))
    config.katex_css_path = "katex/katex.min.css"
    config.katex_prerender = True
    katex.KaTeXServer.start_server_process = start_server
    # A formula that KaTeX cannot set stops the build; by default it is printed in red.
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True


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


def setup(app):
    app.setup_extension("sphinxcontrib.katex")
    app.add_post_transform(KeepPunctuation)
    app.connect("config-inited", use_the_installed_katex)
    return {"parallel_read_safe": True}
