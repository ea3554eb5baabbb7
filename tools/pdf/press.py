"""Print the built site as one PDF, to which its front page then links: ``press.py SITE``.

Chromium prints twice: the contents name pages, known once the book is printed.
"""

import html
import io
import pathlib
import re
import shutil
import sys
from urllib.parse import urlsplit

import matplotlib
import pikepdf
import yaml
from playwright.sync_api import sync_playwright
from sphinx_external_toc.parsing import parse_toc_yaml

from living_book.printed import pdf_name
from tools.chromium import FLAGS
from tools.pdf.join import HOST, join, parse, reading_order

BOOK = pathlib.Path(__file__).parents[2]
CONFIG = yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))
NAME = pdf_name(CONFIG["title"])
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


def size(count):
    """Return a number of bytes in words.

    >>> size(1_980_213)
    '2.0 MB'
    """
    return f"{count / 1e6:.1f} MB"


def link(site, pdf):
    """Fill the place that the front page keeps for the link."""
    front = site / "index.html"
    text = front.read_text(encoding="utf-8")
    places = re.findall(
        r'<p class="pdf-link" data-pdf=".*?" data-text="(.*?)" hidden=?"?"?></p>', text
    )
    if len(places) != 1:
        sys.exit(f"{front} must have one empty place for the link to the PDF, found {len(places)}")
    words = f"{html.escape(html.unescape(places[0]))} ({size(pdf.stat().st_size)})"
    anchor = f'<a class="reference external" href="{pdf.name}" type="application/pdf">{words}</a>'
    filled = re.sub(
        r'(<p class="pdf-link" .*? data-text=".*?") hidden=?"?"?>', rf"\1>{anchor}", text
    )
    front.write_text(filled, encoding="utf-8")


def main(site):
    """Print a site and link to the PDF, unless both is done."""
    site = pathlib.Path(site)
    if (site / NAME).exists():
        return
    if not shutil.which("chromium"):
        sys.exit("The PDF needs Chromium on the PATH (Debian: apt-get install chromium)")
    order = reading_order(parse_toc_yaml(BOOK / "_toc.yml"))
    pages = {name: (site / f"{name}.html").read_text(encoding="utf-8") for name, _ in order}
    fonts = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
    document = join(pages, order, CONFIG)
    pdf = finish(print_pages(document, [site, fonts]), outline_rows(document), CONFIG)
    (site / NAME).write_bytes(pdf)
    link(site, site / NAME)


if __name__ == "__main__":
    main(*sys.argv[1:])
