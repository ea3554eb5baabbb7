"""Print the built site as one PDF: ``print_book.py SITE PDF``.

The pages are joined in the order of ``_toc.yml``: what the site numbered, typeset and linked stays
so. Chromium prints them twice: the contents name pages, known once the book is printed.
"""

import copy
import io
import json
import pathlib
import re
import shutil
import sys
from itertools import pairwise
from urllib.parse import urljoin, urlsplit

import matplotlib
import pikepdf
import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from sphinx_external_toc.parsing import FileItem, parse_toc_yaml

STYLES = pathlib.Path(__file__).with_suffix(".css")
HOST = "http://book/"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# What works on a screen only, and code that the site hides until a reader asks for it.
DROPPED = "script, button, .headerlink, .viewcode-link, details.above-input, .pdf-link"
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
PRINT = dict(prefer_css_page_size=True, print_background=True, tagged=True)
# Shrinks what is wider than its place, then returns what would still be cut off.
FIT = """() => {
  for (const element of document.querySelectorAll("div.math, table")) {
    const needed = Math.max(element.scrollWidth, element.offsetWidth);
    const ratio = element.parentElement.clientWidth / needed;
    if (ratio < 1) element.style.fontSize = `${Math.floor(99 * ratio)}%`;
  }
  const hides = (element) =>
    element.tagName === "HTML" || getComputedStyle(element).overflowX !== "visible";
  return [...document.querySelectorAll("html, article *:not(.katex *)")]
    .filter((e) => hides(e) && e.clientWidth && e.scrollWidth > e.clientWidth + 1)
    .map((element) => element.outerHTML.slice(0, 300));
}"""
# Chromium's count of all that it drew names the places; it differs from run to run.
NODE = re.compile(rb"\(node\d{8}\)")
WRITE_PAGES = "(rows, pages) => rows.forEach((row, i) => (row.lastChild.textContent = pages[i]))"


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


def page_numbers(pdf, places):
    """Return the number of the page that each place of the printed book is on."""
    with pikepdf.open(io.BytesIO(pdf)) as book:
        return [pikepdf.Page(book.Root.Dests[f"/{place}"][0]).index + 1 for place in places]


def add_outline(book, rows):
    """Write the bookmarks of a PDF from the rows of its contents: titles, levels and places.

    Chromium's own repeat the words of a heading that moved to the next page.
    """
    with book.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(str(book.docinfo["/Title"]), 0))
        for title, level, place in rows:
            item = pikepdf.OutlineItem(title, book.Root.Dests[f"/{place}"])
            (outline.root if level == 1 else outline.root[-1].children).append(item)


def print_pages(html, folders):
    """Return the PDF that Chromium prints of a document whose files lie in the folders."""
    missing = []

    def serve(route):
        path = urlsplit(route.request.url).path.lstrip("/")
        files = [folder / path for folder in folders if (folder / path).is_file()]
        if not route.request.url.startswith(HOST) or not (files or path == ""):
            missing.append(route.request.url)
            route.abort()
        elif path == "":
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        else:
            route.fulfill(path=files[0])

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        # As wide as the text on the paper: what fits here fits there.
        page = browser.new_page(viewport={"width": 642, "height": 900})
        page.emulate_media(media="print")
        page.route("**/*", serve)
        page.goto(HOST, wait_until="networkidle", timeout=120_000)
        cut = page.evaluate(FIT)
        if missing or cut:
            raise ValueError(f"the book must be whole; not found: {missing}; too wide: {cut}")
        rows = page.locator(".book-contents a")
        places = rows.evaluate_all("rows => rows.map((row) => row.getAttribute('href').slice(1))")
        rows.evaluate_all(WRITE_PAGES, page_numbers(page.pdf(**PRINT), places))
        pdf = page.pdf(**PRINT)
        browser.close()
    return pdf


def outline_rows(html):
    """Return the title, level and place of each row in the contents of the joined book."""
    return [
        (row.select_one(".text").get_text(), int(row["class"][0][-1]), row["href"][1:])
        for row in parse(html).select(".book-contents a")
    ]


def finish(pdf, rows, config):
    """Return a printed PDF packed, with bookmarks, title and authors, the same on every day."""
    nodes = {name: b"(node%08d)" % i for i, name in enumerate(sorted(set(NODE.findall(pdf))))}
    pdf = NODE.sub(lambda match: nodes[match[0]], pdf)
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as book:
        del book.docinfo
        with book.open_metadata(set_pikepdf_as_editor=False) as meta:
            meta["dc:title"] = config["title"]
            meta["dc:creator"] = [config["author"]]
            meta["dc:language"] = [config["sphinx"]["config"]["language"]]
            meta["dc:rights"] = parse(config["html"]["extra_footer"]).get_text()
        book.docinfo["/Title"], book.docinfo["/Author"] = config["title"], config["author"]
        add_outline(book, rows)
        packed = pikepdf.ObjectStreamMode.generate
        book.save(out, object_stream_mode=packed, recompress_flate=True, deterministic_id=True)
    return out.getvalue()


def main(site, target):
    if not shutil.which("chromium"):
        sys.exit("The PDF needs Chromium on the PATH (Debian: apt-get install chromium)")
    site, target = pathlib.Path(site), pathlib.Path(target)
    config = yaml.safe_load(pathlib.Path("_config.yml").read_text(encoding="utf-8"))
    order = reading_order(parse_toc_yaml("_toc.yml"))
    pages = {name: (site / f"{name}.html").read_text(encoding="utf-8") for name, _ in order}
    fonts = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
    html = join(pages, order, config)
    pdf = finish(print_pages(html, [site, fonts]), outline_rows(html), config)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(pdf)


if __name__ == "__main__":
    main(*sys.argv[1:])
