"""Notebooks that the site offers for download: each chapter, and its homework."""

from __future__ import annotations

from pathlib import Path

from sphinx.util import logging

from .homework import homework
from .plain import book_of, plain, with_installs, write
from .statements import NotUnderstood, blocks, notebook_of

LOGGER = logging.getLogger(__name__)
FOLDER = "homework"  # of the site


def write_downloads(app, exception):
    """Write the chapters that the pages offer for download as plain notebooks, and homework.

    Each is made from its source, not from what an earlier build left, so that it is the same.
    """
    if exception or app.builder.format != "html":
        return
    sources = Path(app.outdir, "_sources")
    found = {
        path: copies
        for name in sorted(app.env.found_docs)
        if (path := Path(app.env.doc2path(name))).suffix == ".ipynb"
        and (copies := [p for p in sources.glob(f"{name}.ipynb*") if p.is_file()])
    }
    if not found:
        return
    config = app.config
    try:
        names, links = book_of(
            app.srcdir, config.html_baseurl, getattr(config, "bibtex_bibfiles", ())
        )
        home, packages = config.living_book_repository, config.living_book_packages.values()
        where = (home.address, home.branch or home.commit, home.folder) if home else ()
        for path, copies in found.items():
            made = plain(notebook_of(path), path, names, links, config.myst_enable_extensions)
            for copy in copies:
                write(with_installs(made, packages, *where), copy)
    except NotUnderstood as error:
        LOGGER.warning(f"A download stays as its author wrote it. {error}", type="living_book")
        return
    for path in found:
        target = Path(app.outdir, FOLDER, path.relative_to(app.srcdir))
        target.unlink(missing_ok=True)  # an earlier build's
        try:
            if any(block.kind == "exercise" for block in blocks(path)):
                made = homework(notebook_of(path), path, names, links)
                target.parent.mkdir(parents=True, exist_ok=True)
                write(with_installs(made, packages, *where), target)
        except NotUnderstood as error:  # only who hands it out needs it
            LOGGER.info(f"{path.name} has no homework to download. {error}")
