"""Explorers on the site: the first picture is in the page, the others wait for a reader."""

import hashlib
import json
import pathlib
import re

from sphinx.util.osutil import relative_uri

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = re.compile(r'<script type="application/vnd.jupyter.widget-view\+json">(.*?)</script>')


def first_picture(models, key):
    """Return as HTML what an explorer shows first: the values of its sliders and a frame."""
    kind, state = models[key]["model_name"], models[key]["state"]
    if kind == "HTMLModel":
        return state["value"]
    if kind == "SelectionSliderModel":
        value = state["_options_labels"][state["index"]]
        return f'<p class="explorer-slider">{state["description"]}: {value}</p>'
    shown = state["children"]
    if kind == "StackModel":
        shown = [shown[state["selected_index"]]]
    return "".join(first_picture(models, child.removeprefix("IPY_MODEL_")) for child in shown)


def place_explorers(app, pagename, templatename, context, doctree):
    scripts = context.get("script_files", [])
    stored = [s for s in scripts if getattr(s, "attributes", {}).get("type") == STATE]
    if not stored:
        return
    context["script_files"] = [script for script in scripts if script not in stored]
    state = stored[0].attributes["body"]
    models = json.loads(state)["state"]
    name = f"_static/explorers/{pathlib.PurePosixPath(pagename).name}.js"
    target = pathlib.Path(app.outdir, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"window.explorerModels = {json.dumps(models)};\n", encoding="utf-8")
    version = hashlib.sha256(target.read_bytes()).hexdigest()[:8]
    source = f"{relative_uri(app.builder.get_target_uri(pagename), name)}?v={version}"

    def placeholder(view):
        key = json.loads(view[1])["model_id"]
        picture = first_picture(models, key)
        return f'<div class="explorer" data-model="{key}" data-source="{source}">{picture}</div>'

    context["body"] = VIEW.sub(placeholder, context["body"])


def setup(app):
    app.connect("html-page-context", place_explorers, priority=900)
    return {"parallel_read_safe": True}
