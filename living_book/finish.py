"""Weight: one pass over the built pages, which finds a page finished and leaves it so.

Pages come with the theme's style sheets, scripts and labels. Here the mends of `mends` act on each
new page, one style sheet of the rules that the site uses takes the place of all, and the icon font
keeps the icons that are shown.
"""

from __future__ import annotations

import json
import logging
import posixpath
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset
from selectolax.lexbor import LexborHTMLParser
from sphinx.errors import ExtensionError

from . import formulas, node
from .mends import Page, mends_on

DONE = '<meta name="generator" content="living_book">'  # what signs a finished page
SHEET, ICONS = "site.css", "icons.woff"
ICON_FONT = "vendor/fontawesome/webfonts/fa-solid-900"
IMPORT = re.compile(r"""@import (?:url\()?["']?([^"');]+)["']?\)?;""")
ADDRESS = re.compile(r"""url\(["']?(?!data:|#)([^"')]+)["']?\)""")
ICON = re.compile(r"\\(f[0-9a-f]{3})|([\uf000-\uf8ff])")  # escaped, or the character itself
RULES = Path(__file__).with_name("purgecss.config.cjs")
PLACE = re.compile(r'(<p class="pdf-link" data-pdf="(.*?)" data-text=".*?")(.*?</p>)')
FROM = re.compile(r"/\* from (.*?) \*/")
LINKS = 'link[rel="stylesheet"][href*="_static/"]'
logging.getLogger("fontTools").setLevel(logging.WARNING)


def finish_site(app, exception) -> None:
    """Finish the pages that this build wrote; of a build that failed in between keep none."""
    if app.builder.format != "html":
        return
    site, phase = Path(app.outdir), app.phase.name
    try:
        if exception is None:
            formulas.require_all_set(app)
            finish_pages(site, app.config, app.typesetter.modules)
    except Exception as error:
        exception = error
        raise
    finally:
        if exception is not None and phase in ("WRITING", "RESOLVING"):
            shutil.rmtree(site, ignore_errors=True)


def unfinished(site: Path) -> list[Page]:
    """Return the pages that are not signed as finished."""
    pages = []
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        text = "" if name.startswith(("_", ".")) else path.read_text(encoding="utf-8")
        if "<head" in text and DONE not in text:
            pages.append(Page(name, LexborHTMLParser(text), site))
    return pages


def finish_pages(site: Path, config, modules: Path) -> None:
    pages, static = unfinished(site), site / "_static"
    if not pages:
        return
    for mend in mends_on(config, "static"):
        mend.act(static)
    sheets = dict.fromkeys(sheet for page in pages for sheet in take_sheets(page))
    for page in pages:
        for mend in mends_on(config, "page"):
            mend.on_page(page)
    known = known_sheets(static)  # some pages do not change the order of all
    write_sheet(site, known if sheets.keys() < known.keys() else sheets | known, modules)
    withdraw_pdf(site)
    for page in pages:
        signed = page.tree.html.replace("<head>", f"<head>{DONE}", 1)
        (site / page.name).write_text(signed, encoding="utf-8")


def take_sheets(page: Page) -> list[str]:
    """Return the style sheets of a page, and link one in their place."""
    links = page.all(LINKS)
    names = [link.attrs["href"].partition("_static/")[2].partition("?")[0] for link in links]
    for link in links[1:]:
        link.decompose()
    if links:
        links[0].attrs["href"] = (
            links[0].attrs["href"].partition("_static/")[0] + f"_static/{SHEET}"
        )
    return names


def known_sheets(static: Path) -> dict[str, None]:
    """Return what the site's one style sheet was made from, as it says itself."""
    sheet = static / SHEET
    found = FROM.match(sheet.read_text(encoding="utf-8")) if sheet.exists() else None
    return dict.fromkeys(s for s in found[1].split() if (static / s).exists()) if found else {}


def with_imports(static: Path, sheet: str) -> list[str]:
    """Return a style sheet behind those that it imports."""
    folder = posixpath.dirname(sheet)
    text = (static / sheet).read_text(encoding="utf-8")
    imports = [posixpath.normpath(posixpath.join(folder, i)) for i in IMPORT.findall(text)]
    return [*(s for i in imports for s in with_imports(static, i)), sheet]


def moved(css: str, sheet: str) -> str:
    """Return the rules of a style sheet as they read from the folder of all sheets."""
    folder = posixpath.dirname(sheet)

    def move(match):
        return f"url({posixpath.normpath(posixpath.join(folder, match[1]))})"

    return ADDRESS.sub(move, IMPORT.sub("", css))


def write_sheet(site: Path, sheets: Iterable[str], modules: Path) -> None:
    """Write the rules that the site uses as one sheet, and the font of the icons among them."""
    static = site / "_static"
    if lost := [sheet for sheet in sheets if not (static / sheet).exists()]:
        raise ExtensionError(f"pages load style sheets that are not in _static: {', '.join(lost)}")
    names = dict.fromkeys(s for sheet in sheets for s in with_imports(static, sheet))
    words = [modules / "purgecss" / "bin" / "purgecss.js", "--config", RULES, "--css"]
    results = json.loads(node.run(*words, *(f"_static/{name}" for name in names), cwd=site))
    css = "\n".join(moved(r["css"], name) for r, name in zip(results, names, strict=True))
    if (static / f"{ICON_FONT}.ttf").exists():
        codes = {int(escaped, 16) if escaped else ord(icon) for escaped, icon in ICON.findall(css)}
        write_icons(static, codes)
        css = css.replace(f"{ICON_FONT}.woff2", ICONS)
    (static / SHEET).write_text(f"/* from {' '.join(sheets)} */\n{css}", encoding="utf-8")


def write_icons(static: Path, codes: set[int]) -> None:
    """Write the font of those icons that the site shows: a hundredth of the whole."""
    options = subset.Options(flavor="woff")
    with subset.load_font(static / f"{ICON_FONT}.ttf", options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=codes)
        subsetter.subset(font)
        subset.save_font(font, static / ICONS, options)


def withdraw_pdf(site: Path) -> None:
    """Take the printed book and the link to it away: it is not what the site now says."""
    for path in site.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        for start, pdf, rest in PLACE.findall(text):
            (site / pdf).unlink(missing_ok=True)
            path.write_text(text.replace(start + rest, f"{start} hidden></p>"), encoding="utf-8")
