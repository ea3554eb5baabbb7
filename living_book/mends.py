"""What the build mends in the output of others: each mend has a name and a reason.

``living_book_mends_off: [NAME]`` in a book's configuration switches a mend off. A mend that does
not find what it mends where it should be stops the build: the theme or the library has changed,
and the mend must follow it or go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser
from sphinx.errors import ExtensionError

THEME_SCRIPT = "scripts/pydata-sphinx-theme.js"
# What makes the theme's script lay out the whole page; scrollable.js does the same when it is time.
LAYOUT_OF_ALL = re.compile(r'document\.querySelectorAll\(\["pre",[^\]]*\]\.join\(", "\)\)')
SPHINX_SEARCH = "no-search-of-sphinx"
SLIM = "/* slim */[]"
SIZE = re.compile(r'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"')


@dataclass(frozen=True)
class Page:
    """A page of the built site: its name, its tree, and the folder of the site."""

    name: str
    tree: LexborHTMLParser
    site: Path

    def all(self, selector: str) -> list:
        return self.tree.css(selector)


@dataclass(frozen=True)
class Mend:
    """One mend: where it applies, and what it does there.

    `to` is what it mends: the application before the build, a page, or the site's static folder.
    A mend of a page acts where its selector `where` finds something, and must find `pattern` there.
    """

    name: str
    reason: str
    to: str
    act: Callable
    where: str = "html"
    pattern: str = ""
    themes: tuple[str, ...] = field(default=())

    def on_page(self, page: Page) -> None:
        if not page.all(self.where):
            return
        found = page.all(self.pattern or self.where)
        if not found:
            raise ExtensionError(
                f"mend {self.name!r} finds no {self.pattern!r} on the page {page.name!r}: what "
                f"wrote it has changed. Adapt living_book/mends.py, or switch the mend off with "
                f"living_book_mends_off: [{self.name}]"
            )
        self.act(page, found)


def drop_thebe(app) -> None:
    for listener in list(app.events.listeners.get("env-before-read-docs", ())):
        if listener.handler.__module__ == "sphinx_thebe" and "core" in listener.handler.__name__:
            app.disconnect(listener.id)
            return
    if "sphinx_thebe" in app.extensions:
        raise ExtensionError("mend 'no-thebe' finds no listener of sphinx_thebe that loads it")


def drop(page: Page, found: list) -> None:
    for element in found:
        element.decompose()


def defer(page: Page, found: list) -> None:
    for script in found:
        script.attrs["defer"] = "defer"


def make_list_item(page: Page, found: list) -> None:
    for entry in found:
        entry.attrs["role"] = "listitem"


def drop_label(page: Page, found: list) -> None:
    for element in found:
        for name in ("aria-label", "title"):
            if name in element.attrs:
                del element.attrs[name]


def make_landmark(page: Page, found: list) -> None:
    for brand in found:
        brand.parent.attrs["role"] = "navigation"
        brand.parent.attrs["aria-label"] = "Home"


def name_arrow(page: Page, found: list) -> None:
    for arrow in found:
        arrow.attrs["aria-label"] = "Pages of this part"


def fold_natively(page: Page, found: list) -> None:
    for box in found:
        details, summary = page.tree.create_node("details"), page.tree.create_node("summary")
        for name, value in box.attributes.items():
            details.attrs[name] = value or ""
        details.attrs["class"] = box.attrs["class"].replace("dropdown", "folded")
        title = box.css_first("p.admonition-title")
        title.unwrap_tags(["a"])  # a link in what a click unfolds would take the click
        summary.attrs["class"] = "admonition-title"
        for child in title.iter(include_text=True):
            summary.insert_child(child)
        title.decompose()
        details.insert_child(summary)
        for child in box.iter(include_text=True):
            details.insert_child(child)
        box.replace_with(details)


def keep_place(page: Page, found: list) -> None:
    """Let a picture wait for a reader, in a place of its size if it is an SVG."""
    for picture in found:
        picture.attrs["loading"] = "lazy"
        source = (page.site / page.name).parent / picture.attrs["src"]
        size = source.suffix == ".svg" and SIZE.search(source.read_text("utf-8"))
        if size and "width" not in picture.attrs:
            for name, points in zip(("width", "height"), size.groups(), strict=True):
                picture.attrs[name] = str(round(float(points) * 4 / 3))


def make_light(page: Page, found: list) -> None:
    for html in found:
        html.attrs["data-theme"] = "light"


def link_to_itself(page: Page, found: list) -> None:
    for title in found:
        link = page.tree.create_node("a")
        link.attrs["class"] = "headerlink"
        link.attrs["href"] = f"#{title.parent.attrs['id']}"
        link.attrs["title"] = "Link to this statement"
        link.insert_child("#")
        title.insert_child(link)


def describe(page: Page, found: list) -> None:
    head = page.tree.head
    if not page.all('meta[name="description"]'):
        description = page.tree.create_node("meta")
        description.attrs["name"] = "description"
        description.attrs["content"] = page.tree.css_first("title").text(strip=True)
        head.insert_child(description)


def drop_layout_of_all(static: Path) -> None:
    script = static / THEME_SCRIPT
    text = script.read_text(encoding="utf-8")
    slim, count = LAYOUT_OF_ALL.subn(SLIM, text)
    if count != 1 and SLIM not in text:
        raise ExtensionError(
            f"mend 'layout-when-near' must find one search for scrolling blocks in {THEME_SCRIPT}, "
            f"found {count}. Adapt living_book/mends.py, or switch the mend off."
        )
    if count:
        script.write_text(slim, encoding="utf-8")


PYDATA = ("pydata_sphinx_theme", "sphinx_book_theme")
MENDS = [
    Mend(
        "no-thebe",
        "Thebe runs cells on a foreign host and loads its scripts on every page.",
        *("app", drop_thebe),
    ),
    Mend(
        "light-without-scripts",
        "Only a script says that 'auto' is light or dark; without one, code has no colors.",
        *("page", make_light),
        where="html[data-theme=auto]",
        themes=PYDATA,
    ),
    Mend(
        SPHINX_SEARCH,
        "Every page loads Sphinx's index of the book. Ours waits for a search, and knows places.",
        *("page", drop),
        where='script[src*="searchindex.js"], script[src*="searchtools.js"], '
        'script[src*="language_data.js"]',
    ),
    Mend(
        "icons-by-font",
        "Icons come from a font; the scripts that would draw them, and preloads of what the foot "
        "loads, are weight.",
        *("page", drop),
        pattern='script[src*="scripts/fontawesome.js"], link[rel="preload"][as="script"]',
        themes=PYDATA,
    ),
    Mend(
        "text-before-scripts",
        "Scripts in the head keep the text from showing. Inline ones read the options at once.",
        *("page", defer),
        pattern='script[src]:not([src*="documentation_options"])',
        themes=PYDATA,
    ),
    Mend(
        "bibliography-role",
        "The role doc-biblioentry is deprecated and makes its entries no items of their list.",
        *("page", make_list_item),
        where="[role=doc-biblioentry]",
    ),
    Mend(
        "fold-named-by-its-words",
        "The label of a folded cell hides the words that are seen, 'Show code cell source'.",
        *("page", drop_label),
        where="details.hide",
        pattern="details.hide > summary[aria-label]",
    ),
    Mend(
        "home-landmark",
        "The title lies in no landmark.",
        *("page", make_landmark),
        where=".bd-sidebar-primary",
        pattern="a.navbar-brand",
        themes=PYDATA,
    ),
    Mend(
        "named-arrows",
        "The arrow that unfolds a part of the contents has no name.",
        *("page", name_arrow),
        where="nav.bd-links details",
        pattern="nav.bd-links details > summary",
        themes=PYDATA,
    ),
    Mend(
        "search-button-named-by-its-words",
        "The label of the search button lacks the shortcut that is seen.",
        *("page", drop_label),
        where=".search-button-field",
        pattern=".search-button-field[aria-label]",
        themes=PYDATA,
    ),
    Mend(
        "no-button-on-the-text",
        "The button 'Back to top' lies on the text as soon as a reader scrolls up.",
        *("page", drop),
        where="#pst-back-to-top",
        themes=PYDATA,
    ),
    Mend(
        "native-folds",
        "A script folds what is marked as a dropdown, so find in page does not see it.",
        *("page", fold_natively),
        where="div.admonition.dropdown",
    ),
    Mend(
        "statements-link-to-themselves",
        "Sections, figures and equations have links to themselves, statements and exercises none.",
        *("page", link_to_itself),
        where="div.proof[id], div.exercise[id]",
        pattern="div.proof[id] > p.admonition-title, div.exercise[id] > p.admonition-title",
    ),
    Mend(
        "pictures-keep-their-place",
        "Pictures load before a reader comes near, and move the text when they come.",
        *("page", keep_place),
        where='img[src*="_images/"]',
    ),
    Mend(
        "described-pages",
        "Pages without a text of their own have no description.",
        *("page", describe),
    ),
    Mend(
        "layout-when-near",
        "The theme's script asks every block for its size, which lays out the whole page at once.",
        *("static", drop_layout_of_all),
        themes=PYDATA,
    ),
]


def mends_on(config, to: str) -> list[Mend]:
    """Return the mends of one kind that a book has on, for its theme."""
    names, off = {mend.name for mend in MENDS}, set(config.living_book_mends_off)
    if unknown := off - names:
        raise ExtensionError(
            f"living_book_mends_off names {sorted(unknown)}; the mends are {sorted(names)}"
        )
    return [
        mend
        for mend in MENDS
        if mend.to == to
        and mend.name not in off
        and (not mend.themes or config.html_theme in mend.themes)
    ]
