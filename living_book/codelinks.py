"""In highlighted code, ``lu.NAME`` links to the entry of the name in the reference."""

from __future__ import annotations

import re

DOT = '<span class="o">.</span>'


def link_code(app, pagename, templatename, context, doctree) -> None:
    """Link what a page's code names by the alias of a documented package."""
    objects = app.env.get_domain("py").objects
    packages = app.config.living_book_packages
    if not packages or "body" not in context:
        return
    aliases = "|".join(map(re.escape, packages))
    name = rf'<span class="n">(?:{aliases})</span>(?:{re.escape(DOT)}<span class="n">\w+</span>)+'

    def link(match):
        parts = match[0].split(DOT)
        alias, *names = re.findall(r">(\w+)<", match[0])
        for end in range(len(names), 0, -1):
            entry = objects.get(".".join([packages[alias], *names[:end]]))
            if entry:
                page = app.builder.get_relative_uri(pagename, entry.docname)
                anchor = f'<a href="{page}#{entry.node_id}">{DOT.join(parts[: end + 1])}</a>'
                return DOT.join([anchor, *parts[end + 1 :]])
        return match[0]

    context["body"] = re.sub(name, link, context["body"])
