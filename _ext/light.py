"""Keep the site self-contained and light: what the theme loads and this book does not need."""

import re

from markupsafe import Markup

# The theme's style sheet draws the same icons from a font a quarter of this script's weight.
ICON_SCRIPT = re.compile(r"<script[^>]*/fontawesome\.js[^>]*></script>")
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def without_icon_script(head):
    slim, count = ICON_SCRIPT.subn("", str(head))
    if count != 1:
        raise ValueError(f"the theme must load fontawesome.js once, found {count}")
    return Markup(slim)


def drop_thebe(app, config):
    """Thebe runs cells on a foreign host; the explorers here need no kernel."""
    for listener in list(app.events.listeners["env-before-read-docs"]):
        if listener.handler.__module__ == "sphinx_thebe" and "core" in listener.handler.__name__:
            app.disconnect(listener.id)


def add_filter(app):
    if app.builder.format == "html":
        app.builder.templates.environment.filters["without_icon_script"] = without_icon_script


def move_widget_state(app, pagename, templatename, context, doctree):
    """Put the explorers' frames behind the text, so that the text shows first."""
    for script in list(context.get("script_files", [])):
        if getattr(script, "attributes", {}).get("type") == WIDGET_STATE:
            context["script_files"].remove(script)
            state = script.attributes["body"]
            context["body"] += f'<script type="{WIDGET_STATE}">{state}</script>'


def setup(app):
    app.connect("config-inited", drop_thebe)
    app.connect("builder-inited", add_filter)
    app.connect("html-page-context", move_widget_state, priority=900)
    return {"parallel_read_safe": True}
