"""Explorers: pictures that sliders choose, in a page without a kernel; other widgets are told of.

A notebook's output of the type `MIME` is a picture for each choice of values, as JSON that
``lin_utils.explore`` describes in full. The page shows the first one; the others wait in a file
of their own, which ``explorers.js`` loads when a reader comes near, and which a page opened from a
disk can load, too. Any other widget needs a kernel, so it cannot live in a page.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from urllib.parse import quote

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util import logging
from sphinx.util.osutil import relative_uri

from .places import place_of

MIME = "application/vnd.living-book.explorer+json"
VIEW = "application/vnd.jupyter.widget-view+json"
VERSION = 1
PAGES = ("html", "dirhtml", "readthedocs", "readthedocsdirhtml")  # others show text
SENTENCE = "This widget needs a kernel: run the notebook to use it."
log = logging.getLogger(__name__)


class explorer(nodes.General, nodes.Element):
    """The place of an explorer; its attribute `schema` is the whole output."""


def fault(schema: dict) -> str | None:
    """Return what is wrong with an explorer's data, or nothing.

    >>> slider = {"name": "a", "label": "a", "values": ["1", "2"], "start": 0}
    >>> fault({"version": 1, "description": "", "sliders": [slider], "frames": ["<svg/>"]})
    'an explorer with values for 2 frames has 1'
    """
    if schema.get("version") != VERSION:
        return f"an explorer must have version {VERSION}, got {schema.get('version')!r}"
    count = math.prod(len(slider["values"]) for slider in schema["sliders"])
    if count != len(schema["frames"]):
        return f"an explorer with values for {count} frames has {len(schema['frames'])}"
    return None


class Renderer:
    """MyST-NB's plugin for `MIME`: it answers in books that use this extension, and in no other."""

    mime_priority_overrides = [(builder, MIME, 1) for builder in PAGES]

    @staticmethod
    def handle_mime(renderer, data, inline):
        env = renderer.renderer.sphinx_env
        if data.mime_type != MIME or env is None or __package__ not in env.app.extensions:
            return None
        if inline:
            return []
        if found := fault(data.content):
            renderer.logger.warning(found, subtype="explorer", line=data.line)
            return []
        return [explorer("", schema=data.content)]


def kind(models: dict, key: str) -> str | None:
    """Return what a widget is and what is in it, or nothing where the notebook does not say.

    >>> models = {"1": {"model_name": "HBoxModel", "state": {"children": ["IPY_MODEL_2"]}}}
    >>> kind(models | {"2": {"model_name": "FloatProgressModel", "state": {}}}, "1")
    'HBox of FloatProgress'
    """
    if key not in models:
        return None
    name, state = models[key]["model_name"].removesuffix("Model"), models[key]["state"]
    children = (str(child).removeprefix("IPY_MODEL_") for child in state.get("children") or ())
    parts = [part for child in children if (part := kind(models, child))]
    return f"{name} of {', '.join(dict.fromkeys(parts))}" if parts else name


def settle_widgets(app, doctree) -> None:
    """Let no output ask for a kernel, and tell of the widgets that cannot live in a page.

    This is no warning of Sphinx's, which a strict build would take for an error.
    """
    scripts = NbMetadataCollector.get_js_files(app.env, app.env.docname)
    state = scripts.get("ipywidgets_state")
    models = json.loads(state[1]["body"])["state"] if state else {}
    for name in [name for name in scripts if name.startswith("ipywidgets")]:
        del scripts[name]
    containers = list(doctree.findall(nodes.container))
    for view in [node for node in containers if node.get("mime_type") == VIEW]:
        bundle = view.parent
        bundle.remove(view)
        others = {node["mime_type"]: node for node in bundle}
        if MIME in others:
            continue
        key = json.loads(view.astext().partition(">")[2].rpartition("<")[0]).get("model_id")
        text = others.get("text/plain", nodes.container(mime_type="text/plain"))
        what = kind(models, key) or text.astext().partition("(")[0] or "of an unknown kind"
        place = place_of(bundle)
        log.info("warning: %s: a page cannot run this widget: %s", place, what, color="red")
        if others.keys() <= {"text/plain"}:  # nothing else shows what a reader would see
            text.insert(0, nodes.paragraph(text=SENTENCE))
            bundle[:] = [text]


def folder(site: str, page: str) -> Path:
    """Return where the frames of a page are, named as the page is, so that none meets another's."""
    return Path(site, "_static", "explorers", page)


def drop_frames(app, env, page: str) -> None:
    """Remove the frames of a page that goes or is read again: then it writes those that it has."""
    for stale in folder(app.outdir, page).glob("*.js"):
        stale.unlink()


def write_explorer(writer, node) -> None:
    """Write the first picture with its values in words, and the whole beside the page."""
    schema, builder = node["schema"], writer.builder
    page = builder.current_docname
    script = f"document.currentScript.explorer = {json.dumps(schema, ensure_ascii=False)};\n"
    name = f"{hashlib.sha256(script.encode()).hexdigest()[:12]}.js"
    target = folder(builder.outdir, page) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(script, encoding="utf-8")
    address = f"_static/explorers/{page}/{name}"
    source = quote(relative_uri(builder.get_target_uri(page), address))
    shown, lines = 0, []
    for slider in schema["sliders"]:
        shown = shown * len(slider["values"]) + slider["start"]
        text = f"{slider['label']}: {slider['values'][slider['start']]}"
        lines.append(f'<p class="explorer-slider">{writer.encode(text)}</p>')
    lines.append(schema["frames"][shown])
    writer.body.append(f'<div class="explorer" data-source="{source}">{"".join(lines)}</div>\n')
    raise nodes.SkipNode
