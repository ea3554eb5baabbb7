"""Corrections for screen readers of what docutils and MyST-NB write; axe-core checks the pages."""

MENDED = {
    # A deprecated role, which does not make the entries items of the list around them.
    'role="doc-biblioentry"': 'role="listitem"',
    # The label hid the words that are seen, "Show code cell source".
    '<summary aria-label="Toggle hidden content">': "<summary>",
}


def mend(app, pagename, templatename, context, doctree):
    for written, right in MENDED.items():
        context["body"] = context.get("body", "").replace(written, right)


def setup(app):
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True}
