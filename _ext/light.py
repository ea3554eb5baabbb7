"""Keep the pages self-contained and light: what the theme loads and this book does not need."""

import functools
import json
import logging
import pathlib
import posixpath
import re
import subprocess

from fontTools import subset
from markupsafe import Markup

LINK = re.compile(r'<link[^>]*href="([^"?]*_static/)([^"?]+)[^>]*>\n?')
SCRIPT = re.compile(r"<script[^>]*src=[^>]*></script>\n?")
IMPORT = re.compile(r"""@import (?:url\()?["']?([^"');]+)["']?\)?;""")
ADDRESS = re.compile(r"""url\(["']?(?!data:|#)([^"')]+)["']?\)""")
ICON = re.compile(r"\\(f[0-9a-f]{3})|([\uf000-\uf8ff])")  # escaped, or the character itself
IMAGE = re.compile(r'<img [^>]*src="[^"]*_images/([^"/]+)"')
SIZE = re.compile(r'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"')
THEME_SCRIPT = "scripts/pydata-sphinx-theme.js"
# What makes the theme's script lay out the whole page; scrollable.js does the same when it is time.
LAYOUT_OF_ALL = re.compile(r'document\.querySelectorAll\(\["pre",[^\]]*\]\.join\(", "\)\)')
ICON_FONT = "vendor/fontawesome/webfonts/fa-solid-900"
logging.getLogger("fontTools").setLevel(logging.WARNING)


def drop_thebe(app, config):
    """Thebe runs cells on a foreign host; the explorers here need no kernel."""
    for listener in list(app.events.listeners["env-before-read-docs"]):
        if listener.handler.__module__ == "sphinx_thebe" and "core" in listener.handler.__name__:
            app.disconnect(listener.id)


def one_stylesheet(sheets, head):
    """Note the style sheets of a page, and link one in their place.

    The scripts and preloads that the theme adds go: icons come from a font, and the scripts
    of the foot load by themselves.
    """
    head = str(head)
    links = LINK.findall(head)
    if not links:
        raise ValueError(f"the theme must link its style sheets, found none in {head!r}")
    sheets.update(dict.fromkeys(name for _, name in links if name.endswith(".css")))
    slim = SCRIPT.sub("", LINK.sub("", head))
    return Markup(f'{slim}<link rel="stylesheet" href="{links[0][0]}site.css" />\n')


def with_imports(static, sheet):
    """Return a style sheet behind those that it imports."""
    imports = IMPORT.findall(pathlib.Path(static, sheet).read_text(encoding="utf-8"))
    return [
        posixpath.normpath(posixpath.join(posixpath.dirname(sheet), name)) for name in imports
    ] + [sheet]


def purge(root, sheets):
    """Return the rules of style sheets that the site in `root` uses, as one sheet."""
    sheets = [name for sheet in sheets for name in with_imports(root / "_static", sheet)]
    command = ["node_modules/.bin/purgecss", "--font-face", "--keyframes", "--variables"]
    command += ["--content", f"{root}/**/*.html", f"{root}/_static/**/*.js"]
    command += ["--css", *(f"{root}/_static/{sheet}" for sheet in sheets)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return "\n".join(
        ADDRESS.sub(
            lambda match, sheet=sheet: (
                f"url({posixpath.normpath(posixpath.join(posixpath.dirname(sheet), match[1]))})"
            ),
            IMPORT.sub("", result["css"]),
        )
        for sheet, result in zip(sheets, json.loads(answer), strict=True)
    )


def subset_icons(static, codes):
    """Write the font of those icons that the site shows: a hundredth of the whole."""
    options = subset.Options(flavor="woff")
    font = subset.load_font(static / f"{ICON_FONT}.ttf", options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    subset.save_font(font, static / "icons.woff", options)


def drop_layout_of_all(script):
    slim, count = LAYOUT_OF_ALL.subn("[]", script.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{script.name} must look for scrolling blocks once, found {count}")
    script.write_text(slim, encoding="utf-8")


def slim_static(app, exception):
    if exception or not app.stylesheets:  # no page was written: the files are as they were
        return
    static = pathlib.Path(app.outdir, "_static")
    drop_layout_of_all(static / THEME_SCRIPT)
    css = purge(app.outdir, app.stylesheets)
    icons = [int(code, 16) if code else ord(character) for code, character in ICON.findall(css)]
    subset_icons(static, icons)
    css = css.replace(f"{ICON_FONT}.woff2", "icons.woff")
    (static / "site.css").write_text(css, encoding="utf-8")


def keep_place(images, match):
    """Let a picture wait for a reader, in a place of its size if it is an SVG."""
    source = images.get(match[1], "")
    size = source.endswith(".svg") and SIZE.search(pathlib.Path(source).read_text("utf-8"))
    place = ""
    if size:
        width, height = (round(float(points) * 4 / 3) for points in size.groups())
        place = f' width="{width}" height="{height}"'
    return f'<img loading="lazy"{place}{match[0].removeprefix("<img")}'


def text_first(app, pagename, templatename, context, doctree):
    """Let the text show before the scripts and the pictures are there."""
    images = {name: str(app.srcdir / source) for source, name in app.builder.images.items()}
    place = functools.partial(keep_place, images)
    context["body"] = IMAGE.sub(place, context.get("body", ""))
    for script in context.get("script_files", []):
        name = str(getattr(script, "filename", None) or "")
        # Inline scripts read the options, and those of the search page call others, at once.
        if pagename == "search":
            getattr(script, "attributes", {}).pop("defer", None)
        elif name and "documentation_options" not in name:
            script.attributes["defer"] = "defer"


def start(app):
    app.stylesheets = {}
    if app.builder.format == "html":
        filters = app.builder.templates.environment.filters
        filters["one_stylesheet"] = functools.partial(one_stylesheet, app.stylesheets)


def setup(app):
    app.connect("config-inited", drop_thebe)
    app.connect("builder-inited", start)
    app.connect("html-page-context", text_first, priority=950)
    # After the theme, which writes its colors for code last.
    app.connect("build-finished", slim_static, priority=900)
    return {"parallel_read_safe": True}
