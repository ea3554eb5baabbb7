"""A book whose pages are alive without a server: a Sphinx extension, and the weight off its pages.

Another book installs this package and names it in its configuration, ``extra_extensions:
[living_book]`` or ``extensions = ["living_book"]``; nothing else is needed. What the extension
mends in the output of others is in `mends.MENDS`, each with its reason; ``living_book_mends_off``
switches a mend off by its name.
"""

from __future__ import annotations

import gc
import hashlib
import os
from pathlib import Path

from . import (
    buttons,
    cells,
    citations,
    claims,
    codelinks,
    decks,
    downloads,
    execution,
    explorers,
    finish,
    folds,
    formulas,
    node,
    pictures,
    printed,
    reference,
    search,
)
from .mends import mends_on

__version__ = "1.0.0"
HERE = Path(__file__).parent
EXTENSIONS = [
    "myst_nb",
    "sphinx_proof",
    "sphinx_exercise",
    "sphinxext.opengraph",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
]
LOOKS = "book explorers cells cards computed hero poles folds paper"
STYLES = [f"{name}.css" for name in LOOKS.split()]
SCRIPTS = [f"{name}.js" for name in "scrollable anchor explorers cards folds paper".split()]
# What the extension needs of others; what a book sets itself comes first.
DEFAULTS = {
    "html_math_renderer": "living_book",
    "nb_merge_streams": True,
    "bibtex_reference_style": citations.NAME,
    "bibtex_default_style": citations.NAME,
    "ogp_social_cards": {"enable": False},
    "copybutton_prompt_text": r">>> |\.\.\. |\$ ",
    "copybutton_prompt_is_regexp": True,
    "autosummary_generate": False,
    "autodoc_inherit_docstrings": False,
    "autodoc_typehints": "none",
    "numpydoc_show_class_members": False,
    "numpydoc_xref_param_type": True,
    "numpydoc_xref_ignore": "all",  # types in docstrings are words; ours among them link
}


def work_folder(app) -> Path:
    """Return the folder of what a build keeps for the next one, beside Sphinx's own."""
    return Path(app.doctreedir, "living_book")


def digest(*patterns: str) -> str:
    """Return a name for the content of this package's files."""
    paths = sorted(path for pattern in patterns for path in HERE.glob(pattern) if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def configure(app, config) -> None:
    """Bring what the pages load, and mend what would load more."""
    if "project" not in {*config.overrides, *config._raw_config}:
        config.project = config.html_title or config.project
    # Whoever publishes knows the address, the book does not: in a fork it is another.
    config.html_baseurl = config.html_baseurl or os.environ.get("HTML_BASEURL", "")
    config.exclude_patterns.append("**/node_modules")  # npm's packages bring Markdown files
    config.living_book_looks = digest("static/*", "*.mjs", "*.cjs", "package-lock.json")
    config.html_static_path.append(str(HERE / "static"))
    for mend in mends_on(config, "app"):
        mend.act(app)
    modules = node.install(HERE, work_folder(app) / "node")
    app.typesetter = formulas.Typesetter(modules, config.living_book_macros)


def connect_last(app) -> None:
    """Connect what must come after the theme, which connects when the builder is made."""
    if app.builder.format == "html":
        formulas.serve(app.typesetter.modules, Path(app.outdir, "_static"))
    app.connect("html-page-context", buttons.add_buttons)
    app.connect("build-finished", finish.finish_site)
    app.connect("build-finished", search.write_index)
    app.connect("build-finished", decks.write_decks)


def setup(app):
    """Connect everything: no other place knows the order of events."""
    # Sphinx loads all pages as trees of objects that stay; to look for garbage among them is slow.
    gc.set_threshold(200_000, 50, 50)
    for name in EXTENSIONS:
        app.setup_extension(name)
    for name, value in DEFAULTS.items():  # before the values are read, some of them at once
        app.config._raw_config.setdefault(name, value)

    app.add_config_value("living_book_mends_off", [], "html", [list, tuple])
    app.add_config_value("living_book_packages", {}, "env", [dict])
    app.add_config_value("living_book_macros", {}, "html", [dict])  # of formulas, for KaTeX
    app.add_config_value("living_book_hosts", {}, "html", [dict])
    app.add_config_value("living_book_colab_branch", "", "html", [str])  # else the page's own
    app.add_config_value("living_book_repository", None, "html")  # found, not written by the book
    app.add_config_value("living_book_python", True, "html", [bool])  # cells run in the page
    app.add_config_value("living_book_folds", True, "html", [bool])  # code and proofs fold
    app.add_config_value("living_book_decks", False, "html", [bool])  # notebooks have slides
    app.add_config_value("living_book_synonyms", "", "html", [str])  # PAGE#SECTION with a table
    app.add_config_value("living_book_looks", "", "html")  # written anew when the looks change

    app.add_directive("claims", claims.Claims)
    app.add_directive("decks", decks.Decks)
    app.add_directive("reference", reference.Reference)
    app.add_directive("pull-link", buttons.PullLink)
    app.add_directive("printed", printed.Printed)
    skipped = (printed.skip_place, None)
    app.add_node(printed.printed, html=(printed.write_place, None), latex=skipped, text=skipped)
    app.add_node(explorers.explorer, html=(explorers.write_explorer, None))
    app.add_node(cells.bar, html=(cells.write_bar, None))
    app.add_post_transform(formulas.KeepPunctuation)
    app.add_post_transform(buttons.ShowPullLink)
    app.add_html_math_renderer("living_book", *formulas.RENDERERS)
    for name in (formulas.STYLES, *STYLES):
        app.add_css_file(name)
    for name in (formulas.COPY, *SCRIPTS):
        app.add_js_file(name, loading_method="defer")

    app.connect("config-inited", configure)
    app.connect("config-inited", buttons.find_repository)
    app.connect("builder-inited", connect_last)
    app.connect("builder-inited", search.replace_search)
    app.connect("html-collect-pages", search.write_page)
    app.connect("env-get-outdated", execution.outdated)
    app.connect("env-before-read-docs", execution.execute)
    app.connect("env-before-read-docs", reference.link_types)
    app.connect("source-read", reference.name_package)
    app.connect("autodoc-process-docstring", reference.link_citations)  # numpydoc's is above
    app.connect("doctree-read", explorers.settle_widgets)
    app.connect("env-purge-doc", explorers.drop_frames)
    app.connect("doctree-read", cells.read_page)
    app.connect("doctree-read", claims.read_page)
    app.connect("env-updated", claims.raise_faults)
    app.connect("env-updated", cells.install)
    app.connect("doctree-resolved", claims.link_tests)
    app.connect("doctree-resolved", formulas.set_formulas)
    app.connect("doctree-resolved", folds.fold_page)
    app.connect("doctree-resolved", decks.add_link)
    app.connect("doctree-resolved", decks.list_decks)
    app.connect("doctree-resolved", pictures.open_pictures)
    app.connect("doctree-resolved", cells.add_bars)
    app.connect("html-page-context", codelinks.link_code)
    app.connect("html-page-context", cells.add_script)
    app.connect("html-page-context", pictures.add_computed)
    app.connect("build-finished", downloads.write_downloads)
    app.connect("build-finished", cells.shrink_script)
    return {"parallel_read_safe": True, "env_version": digest("*.py")}
