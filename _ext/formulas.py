"""KaTeX sets the formulas at build time: no program to load, and MathML for screen readers."""

import pathlib

from sphinxcontrib import katex


def use_the_installed_katex(app, config):
    """One pinned package gives the program that sets the formulas and the styles that show them."""
    config.katex_js_path = str(pathlib.Path(app.srcdir, "_assets", "katex", "katex.min.js"))
    config.katex_css_path = "katex/katex.min.css"
    config.katex_prerender = True
    # A formula that KaTeX cannot set stops the build; by default it is printed in red.
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True


def setup(app):
    app.setup_extension("sphinxcontrib.katex")
    app.connect("config-inited", use_the_installed_katex)
    return {"parallel_read_safe": True}
