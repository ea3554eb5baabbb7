"""Join the pages of the built site into one document, in the order of ``_toc.yml``.

What the site numbered, typeset and linked stays so.
"""

import copy
import json
import pathlib
from itertools import pairwise
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup
from sphinx_external_toc.parsing import FileItem

STYLES = pathlib.Path(__file__).with_name("press.css")
HOST = "http://book/"
# What works on a screen only, and code that draws what is seen.
DROPPED = (
    "script, button, .headerlink, .viewcode-link, details.drawing, .pdf-link, .live-bar, "
    ".code-switch"
)
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]


def parse(html):
    return BeautifulSoup(html, "html.parser")


def element(soup, name, text="", **attributes):
    """Return a new element; a trailing underscore in an attribute's name is dropped."""
    made = soup.new_tag(name, attrs={key.rstrip("_"): value for key, value in attributes.items()})
    made.append(text)
    return made


def reading_order(toc):
    """Return the pages of a site map in order, each with its depth: 0 for a chapter."""

    def below(name, depth):
        yield name, max(depth - 1, 0)
        for tree in toc[name].subtrees:
            for item in tree.items:
                if isinstance(item, FileItem):
                    yield from below(str(item), depth + 1)

    return list(below(toc.root.docname, 0))


def anchor(name, fragment=""):
    """Return the id, in the joined book, of a place on a page."""
    return f"{name}/{fragment}" if fragment else name


def moved_link(href, name, names):
    """Return where a link on the page `name` leads in the joined book: None if to no page of it."""
    address = urljoin(f"{HOST}{name}.html", href)
    if not address.startswith(HOST):
        return href
    target = urlsplit(address)
    page = target.path.lstrip("/").removesuffix(".html")
    return f"#{anchor(page, target.fragment)}" if page in names else None


def caption_explorer(soup, explorer):
    """Say below an explorer's first picture what moves it on the site."""
    sliders = [slider.extract() for slider in explorer.select(".explorer-slider")]
    values = ", ".join(slider.get_text().replace(": ", " = ") for slider in sliders)
    subject = "a slider moves" if len(sliders) == 1 else "sliders move"
    text = f"On the site, {subject} this picture. Here: {values}."
    explorer.append(element(soup, "p", text, class_="explorer-caption"))


def describe_formula(formula):
    """Make a formula a picture in words, its TeX: Chromium's PDF knows no MathML."""
    formula.attrs |= {"role": "img", "aria-label": formula.annotation.get_text()}
    formula.select_one(".katex-mathml").decompose()
    del formula.select_one(".katex-html")["aria-hidden"]


def article(html, name, depth, names):
    """Return the article of the page `name`, with ids and links that hold in the joined book."""
    soup = parse(html)
    found = soup.select_one("article.bd-article")
    for dropped in found.select(DROPPED):
        dropped.decompose()
    for details in found.select("details"):
        details["open"] = ""
    for explorer in found.select(".explorer"):
        caption_explorer(soup, explorer)
    for formula in found.select(".katex"):
        describe_formula(formula)
    for tag in found.select("[id]:not(svg *)"):
        tag["id"] = anchor(name, tag["id"])
    for link in found.select("a[href]"):
        target = moved_link(link["href"], name, names)
        if target is None:
            link.unwrap()
        else:
            link["href"] = target
    for image in found.select("img[src]"):
        image["src"] = urljoin(f"{HOST}{name}.html", image["src"])
        del image["loading"]
    for heading in found(HEADINGS):
        heading.name = f"h{min(int(heading.name[1]) + depth, 6)}"
    found["id"] = anchor(name)
    return found


def plain(heading):
    """Return the words of a heading, its formulas as TeX."""
    words = copy.copy(heading)
    for formula in words.select(".katex"):
        formula.replace_with(formula["aria-label"])
    return words.get_text()


def contents(soup, articles):
    """Return the table of contents: chapters and their sections, with room for page numbers.

    A page with pages of its own is an overview of them; only its title is listed.
    """
    rows = [element(soup, "h1", "Contents")]
    for heading in (h for found in articles for h in found.select("h1, article:not(.overview) h2")):
        place = heading.find_parent(id=True)["id"]
        row = element(soup, "a", href=f"#{place}", class_=f"level-{heading.name}")
        row.append(element(soup, "span", plain(heading), class_="text"))
        row.append(element(soup, "span", class_="page"))
        rows.append(row)
    nav = element(soup, "nav", class_="book-contents")
    nav.extend(rows)
    return nav


def make_cover(soup, cover, config):
    """Make the front page the title page: authors and license in, the list of pages out."""
    for tree in cover.select(".toctree-wrapper"):
        tree.decompose()
    cover["class"].append("cover")
    cover.h1.insert_after(element(soup, "p", config["author"], class_="byline"))
    cover.append(element(soup, "div", parse(config["html"]["extra_footer"]), class_="rights"))


def running_heads(book, titles):
    """Return the styles that print a chapter's title above its pages."""
    return "\n".join(
        f"article.chapter-{number} {{ page: chapter-{number} }}"
        f" @page chapter-{number} {{ @top-left {{ content: {json.dumps(book)} }}"
        f" @top-right {{ content: {json.dumps(title, ensure_ascii=False)} }} }}"
        for number, title in enumerate(titles, 1)
    )


def dead_links(soup):
    """Return the links within the joined book that lead to no place in it."""
    places = {f"#{tag['id']}" for tag in soup.select("[id]")}
    return sorted({link["href"] for link in soup.select('a[href^="#"]')} - places)


def join(pages, order, config):
    """Return the pages of the site, a mapping from names to HTML, as one document."""
    soup = parse("<!DOCTYPE html><html><head><meta charset='utf-8'></head><body></body></html>")
    soup.html.attrs = {"lang": config["sphinx"]["config"]["language"], "data-theme": "light"}
    articles = [article(pages[name], name, depth, dict(order)) for name, depth in order]
    cover, *chapters = articles
    make_cover(soup, cover, config)
    titles, depths = [], [*(depth for _, depth in order[1:]), 0]
    for found, (depth, following) in zip(chapters, pairwise(depths), strict=True):
        if depth == 0:
            titles.append(plain(found.h1))
        found["class"].append(f"chapter-{len(titles)}")
        if following > depth:
            found["class"].append("overview")
    front = order[0][0]
    sheets = [sheet["href"] for sheet in parse(pages[front]).select('link[rel="stylesheet"]')]
    # What stands in no layer wins over the site's styles, whatever they select.
    styles = ["@layer first, site;"]
    styles += [f'@import url("{urljoin(HOST, sheet)}") layer(site);' for sheet in sheets]
    styles += [STYLES.read_text(encoding="utf-8"), running_heads(config["title"], titles)]
    soup.head.append(element(soup, "title", config["title"]))
    soup.head.append(element(soup, "style", "\n".join(styles)))
    soup.body.extend([cover, contents(soup, chapters), *chapters])
    if dead := dead_links(soup):
        raise ValueError(f"links within the book must lead to a place in it, got {dead}")
    return str(soup)
