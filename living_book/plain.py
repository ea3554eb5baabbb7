"""A chapter as plain Markdown, for readers that know no MyST: Colab, GitHub, homework, decks.

The book's own parser says where directives, roles and formulas stand; only these places change,
and all else stays as the author wrote it. What is not understood raises `NotUnderstood`.
"""

from __future__ import annotations

import ast
import json
import re
from copy import deepcopy
from pathlib import Path

import nbformat
from docutils.nodes import make_id
from markdown_it.renderer import RendererHTML
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from pybtex.database import parse_file

from .places import CELL, spell
from .statements import (
    EXTENSIONS,
    PROOF_TYPES,
    NotUnderstood,
    blocks,
    configuration,
    figures,
    notebook_of,
    numbers,
    pages,
)

NOTES = set("attention caution danger error hint important note seealso tip warning".split())
TITLED = set("admonition card dropdown margin sidebar tab tab-item topic".split())
OPEN = set("div grid tab-set tabs".split())  # what only holds others
PROGRAM = {"code", "code-block", "code-cell", "sourcecode"}
CODE = set("attr class code command const data exc file func kbd meth mod obj".split())
CITES = {"cite", "cite:p", "cite:ps", "cite:t", "cite:ts"}
REFERENCES = {"any", "doc", "eq", "math:numref", "numref", "prf:ref", "ref"}
STAYS = re.compile(
    r"(paragraph|heading|(bullet|ordered)_list|list_item|blockquote|table|thead|tbody|tr|t[dh]|dl"
    r"|dt|dd)_(open|close)|footnote_reference_close|hr|code_block|html_block|fence"
)
STAYS_INLINE = re.compile(r"text|text_special|softbreak|hardbreak|html_inline|(em|strong|s)_.*")
GONE = {"myst_target": "(", "myst_line_comment": "%", "myst_block_break": "+++"}
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
NO_PARAGRAPH = re.compile(r"\s|[-+*>]\s|\$\$|\d+[.)]\s|`{3}|~{3}|<|\||#|!\[")
WEB = re.compile(r"(?!project:|path:|inv:)[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
# MathJax wants no environment of amsmath's own displays within $$.
WITHIN = {"align": "aligned", "gather": "gathered", "multline": "gathered"}
INSTALL = """\
# This notebook imports {package}: where it is missing, this installs it, once.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec({package!r}) is None:
    source = {source!r}
    pip = [sys.executable, "-m", "pip", "install", "--quiet", source]
    if subprocess.run(pip).returncode:
        raise ModuleNotFoundError(f"pip could not install {package} from {{source}}, see above")
    importlib.invalidate_caches()"""
MISSING = """\
# This notebook imports {package}, which comes with the book.
import importlib.util

if importlib.util.find_spec({package!r}) is None:
    raise ModuleNotFoundError(
        "{package} is missing: run 'pip install .' in the book's folder, then this cell again"
    )"""


def flexible(text: str) -> str:
    """Return a pattern for text that may be broken across lines, in a quote or a table, too."""
    words = r"[\s>]+".join(re.escape(word) for word in text.split())
    return words.replace(r"\|", r"\\?\|")


def quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


class Plain:
    """Turns the text of one page into plain Markdown.

    ``names`` says what the book calls a label, a key or a page, and ``links`` its web address.
    """

    def __init__(self, path, found=(), names=None, links=None, extensions=EXTENSIONS):
        config = MdParserConfig(enable_extensions={*extensions, "colon_fence"})
        self.parser = create_md_parser(config, RendererHTML)
        self.path, self.names, self.links, self.cell = Path(path), names or {}, links or {}, 0
        places = [b for b in found if b.kind not in ("heading", "equation")]
        self.found = {(b.cell, b.line): b for b in places}

    def refuse(self, line, words):
        raise NotUnderstood(f"{spell(self.path, CELL * self.cell + line)}: {words}")

    # Blocks.

    def text(self, text, start=1):
        """Return as plain Markdown what begins on the line ``start`` of the cell."""
        lines, inlines, changes, verbatim, done = text.split("\n"), {}, {}, set(), 0
        for token in self.parser.parse(text + "\n"):
            first, last = token.map or (0, 0)
            last += token.type == "amsmath"  # alone of all, it names its own last line
            if token.map and first < done or not token.map and token.nesting != 1:
                continue
            if token.type == "inline":
                inlines.setdefault((first, max(last, first + 1)), []).extend(token.children)
                continue
            if token.type == "dd_open":
                lines[first] = re.sub(r"^((?:[\s>]|[-*+]\s)*)[:~](?=\s)", r"\1-", lines[first])
            mark, new = self.block_of(token, lines[first:last], start + first)
            if new is not None:
                changes[first], done = (last, mark, new), last
            elif token.type in ("fence", "code_block"):
                verbatim.update(range(first, last))
        for (first, last), children in inlines.items():
            source = "\n".join(lines[first:last])
            lines[first:last] = self.inline(source, children, start + first).split("\n")
        return self.spliced(lines, changes, verbatim)

    def spliced(self, lines, changes, verbatim):
        """Return the lines with the changed blocks, which stand apart as paragraphs do."""
        out, at = [], 0
        while at < len(lines):
            blank = not lines[at].strip(" >")
            if at not in changes:
                if not blank or at in verbatim or out and out[-1].strip(" >"):
                    out.append(lines[at])
                at += 1
                continue
            last, mark, new = changes[at]
            before = lines[at][: lines[at].find(mark)]
            rest = re.sub(r"[^\s>]", " ", before)
            if out and out[-1].strip(" >") and before == rest:
                out.append(rest.rstrip())
            shown = new.split("\n") if new else []
            out += [(before + shown[0]).rstrip()] if shown or before != rest else []
            out += [(rest + line).rstrip() for line in shown[1:]]
            if shown and last < len(lines) and lines[last].strip(" >"):
                out.append(rest.rstrip())
            at = last
        return "\n".join(out).strip("\n")

    def block_of(self, token, lines, line):
        """Return where a block begins in its line, and what takes its place, or None."""
        kind = token.type
        if kind in GONE or kind == "front_matter":
            return GONE.get(kind, "---"), ""
        if kind in ("math_block", "math_block_label"):
            return "$$", self.display(token.content, line, token.info)
        if kind == "amsmath":
            if not token.meta["numbered"]:
                name = token.meta["environment"]
                self.refuse(line, f"{name} gets a number: write $$ … $$ (label), or {name}*")
            return r"\begin", self.display(token.content, line)
        if kind == "footnote_reference_open":
            label = token.meta["label"]
            inner = "\n".join(re.sub(r"^[\s>]{1,4}", "", text) for text in lines[1:])
            first = lines[0].partition("]:")[2].strip()
            note = self.text(f"{first}\n{inner}", line)
            return "[^", self.run_in(f"<sup>{label}</sup>", note)
        if kind == "html_block" and "<!--" in token.content:
            return token.content.strip()[0], COMMENT.sub("", token.content).strip()
        info = token.info.strip()
        if kind == "colon_fence" or kind == "fence" and info.startswith("{"):
            return token.markup, self.directive(info, line)
        if not STAYS.fullmatch(kind):
            self.refuse(line, f"{kind.removesuffix('_open')} has no plain form")
        return "", None

    def directive(self, info, line):
        if re.match(r"\{(exercise|solution)-end\}", info, re.IGNORECASE):
            return ""
        block = self.found.get((self.cell, line))
        if block is None:
            self.refuse(line, f"'{info}' is not understood, or not closed")
        return self.block(block, gated=re.match(r"\{\w+-start\}", info.lower()))

    def block(self, block, gated=False):
        """Return a directive of `statements.blocks` as plain Markdown."""
        self.cell, kind, title = block.cell, block.kind, block.title
        if kind in {"math", *PROGRAM}:
            return self.shown(block)
        body = self.text(block.body, block.last_line - 1 - block.body.count("\n"))
        if kind == "proof":
            return self.proof(body)
        if kind in PROOF_TYPES or kind == "exercise":
            return self.run_in(self.heading(block), body)
        if kind == "solution":
            of = f" to {self.name(title)}" * (title in self.names)
            if gated:  # what spans cells cannot be folded
                return f"**Solution{of}.**"
            return f"<details>\n<summary>Solution{of}</summary>\n\n{body}\n\n</details>"
        if kind in ("figure", "image"):
            return self.picture(block, body)
        if kind in NOTES:
            words = self.text(title, block.line)
            return quote(self.run_in(f"**{kind.title()}.**", f"{words}\n{body}".strip()))
        if kind in TITLED:
            return quote(f"**{self.text(title, block.line)}**\n\n" * bool(title) + body)
        if kind not in OPEN and kind[0] not in ".#":  # a division by its class or its name
            self.refuse(block.line, f"{{{kind}}} has no plain form")
        return body

    def name(self, label):
        return self.names.get(label) or str(label).replace("-", " ")

    def heading(self, block):
        title = f" ({self.text(block.title, block.line)})" * bool(block.title)
        return f"**{self.names.get(block.key, block.kind.title())}{title}.**"

    def run_in(self, lead, body):
        gap = "\n\n" if NO_PARAGRAPH.match(body) else " "
        return f"{lead}{gap}{body}".strip()

    def proof(self, body):
        last = body.rpartition("\n\n")[2]
        apart = NO_PARAGRAPH.match(last) or last.endswith("$$")
        return self.run_in("*Proof.*", body) + ("\n\n∎" if apart else " ∎")

    def picture(self, block, body):
        alt = block.options.get("alt") or ""
        words = f"*Picture: {alt or block.title}*"
        shown = f"![{alt}]({block.title})" if WEB.match(block.title) else words
        name = self.names.get(block.options.get("name"), "Figure")
        return f"{shown}\n\n{self.run_in(f'**{name}.**', body)}" if body else shown

    def shown(self, block):
        if block.kind == "math":
            return self.display(f"{block.title} {block.body}", block.line, block.label)
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", block.body)), 3)
        return f"{fence}{block.title}\n{block.body}\n{fence}"

    def display(self, content, line, label=""):
        """Return a displayed formula on one line, which no reader takes for a list."""
        if r"\label" in content or r"\tag" in content and label:
            self.refuse(line, r"a formula's label goes behind it, $$ … $$ (label), without \label")
        content = re.sub(r"(?<!\\)%.*", "", content)
        content = re.sub(r"\\(?:begin|end)\{equation\*?\}", "", content)

        def within(match):
            return rf"\{match[1]}{{{WITHIN[match[2]]}}}"

        content = re.sub(rf"\\(begin|end)\{{({'|'.join(WITHIN)})\*?\}}", within, content)
        if match := re.search(r"\\begin\{(alignat|eqnarray|flalign)\*?\}", content):
            self.refuse(line, f"{match[1]} within $$ … $$ is not typeset everywhere: use aligned")
        number = self.names.get(label, "").strip("()")
        tag = rf"\tag{{{number}}}" if number else ""
        return " ".join(f"$$ {content} {tag} $$".split())

    # Running text.

    def inline(self, source, children, line):
        out, at, links = [], 0, []
        for child, after in zip(children, [*children[1:], None], strict=True):
            line += child.type in ("softbreak", "hardbreak")
            pattern, word = self.piece(child, after, links, line)
            if pattern is None:
                continue
            match = re.compile(pattern, re.DOTALL).search(source, at)
            if match is None:
                self.refuse(line, f"'{child.content or child.type}' is not found in its line")
            out += [source[at : match.start()], match.expand(word) if word else ""]
            at = match.end()
        return "".join([*out, source[at:]])

    def piece(self, child, after, links, line):
        """Return the pattern of a piece of running text and its replacement, or None."""
        kind, content = child.type, child.content
        if kind == "code_inline":
            return rf"(?<!`){child.markup}\s?{flexible(content)}\s?{child.markup}(?!`)", r"\g<0>"
        if kind == "math_inline":
            return rf"\$\s*({flexible(content)})\s*\$", r"$\1$"
        if kind == "myst_role":
            name = child.meta["name"]
            pattern = rf"\{{{re.escape(name)}\}}(`+)\s?{flexible(content)}\s?\1"
            return pattern, self.role(name, content, line, bool(links)).replace("\\", r"\\")
        if kind == "footnote_ref":
            label = child.meta["label"]
            return rf"\[\^{re.escape(label)}\]", f"<sup>{label}</sup>"
        if kind == "image" and not WEB.match(child.attrs["src"]):
            if child.attrs["src"].startswith("attachment:"):
                return None, ""
            return r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])?", f"*Picture: {content}*"
        if kind == "link_open":
            return self.link(child, after, links)
        if kind == "link_close":
            url = links.pop()
            if url is None:
                return None, ""
            return r"\](?:\([^)]*\)|\[[^\]]*\])?", f"]({url})" if url else ""
        if kind == "html_inline" and content.startswith("<!--"):
            return flexible(content), ""
        if kind != "image" and not STAYS_INLINE.fullmatch(kind):
            self.refuse(line, f"{kind} '{content}' has no plain form")
        return None, ""

    def link(self, child, after, links):
        """Open a link; one within the book goes to the site, or is words where there is none."""
        href = child.attrs["href"]
        if WEB.match(href):
            links.append(None)
            return None, ""
        target = re.sub(r"^(project:|path:)?#?", "", href)
        target = self.page(target) if re.search(r"\.(md|ipynb)$", target) else target
        if child.markup == "autolink":
            links.append(None)
            return flexible(f"<{href}>"), self.refer(target)
        url = self.links.get(target, "")
        links.append(url)
        words = self.name(target) if after.type == "link_close" else ""
        pattern = rf"\[(?=(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?{re.escape(href)})"
        return pattern, "[" * bool(url) + words

    def page(self, target):
        """Return the key of a page that is named from this one."""
        target = re.sub(r"\.(md|ipynb)$", "", target)
        return target if target.startswith("/") else (self.path.parent / target).resolve()

    def refer(self, target, words="", linked=False):
        words, url = words or self.name(target), self.links.get(target)
        return f"[{words}]({url})" if url and not linked else words

    def role(self, role, text, line, linked):
        """Return what a role says: words, and a link where the address is known."""
        name = role.removeprefix("py:")
        said = re.fullmatch(r"(.+?)\s*<(.+)>", text, re.DOTALL)
        title, target = said.groups() if said else ("", text)
        if name in CITES:
            keys = [key.strip() for key in text.split(",")]
            words = [self.name(key) for key in keys]
            if "cite:t" not in name:
                words = [re.sub(r" \(([^)]*)\)$", r", \1", word) for word in words]
            words = [self.refer(k, w, linked) for k, w in zip(keys, words, strict=True)]
            return ", ".join(words) if "cite:t" in name else f"({'; '.join(words)})"
        if name in CODE:
            return f"`{title or (target.rpartition('.')[2] if target[0] == '~' else target)}`"
        if name in REFERENCES:
            key = self.page(target.strip()) if name == "doc" else target.strip()
            said = self.name(key if key in self.names else target)
            number = said.rpartition(" ")[2]
            words = re.sub(r"%s|\{number\}", number, title).replace("{name}", said) or said
            return self.refer(key, words, linked)
        if name in ("sub", "sup"):
            return f"<{name}>{text}</{name}>"
        if name == "math":
            return f"${text.strip()}$"
        if name in ("term", "abbr"):
            return title or text
        return self.refuse(line, f"the role {{{role}}} has no plain form")

    def caption(self, cell):
        """Return what stands under a figure, or what an explorer shows."""
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if figure.get("caption"):
            name = self.names.get(figure.get("name"), "Figure")
            return self.run_in(f"**{name}.**", self.text(figure["caption"].strip()))
        description = described(cell.source)
        return f"**Explorer.** {self.text(description)}." if description else ""


def described(code: str) -> str:
    """Return what the call of ``explore`` in a cell says that it shows."""
    if "explore(" not in code:
        return ""
    try:
        calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    except SyntaxError:  # IPython's own commands
        return ""
    words = [
        word.value.value
        for call in calls
        if getattr(call.func, "attr", getattr(call.func, "id", "")) == "explore"
        for word in call.keywords
        if word.arg == "description" and isinstance(word.value, ast.Constant)
    ]
    return words[-1][:1].upper() + words[-1][1:] if words else ""


def plain(notebook, path, names=None, links=None, extensions=EXTENSIONS):
    """Return a notebook whose text is plain Markdown; code and outputs stay."""
    found = blocks(path, notebook, extensions)
    writer = Plain(path, found, names, links, extensions)
    made, cells = deepcopy(notebook), []
    for writer.cell, cell in enumerate(made.cells, 1):
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = writer.text(cell.source)
        elif cell.cell_type == "code" and (words := writer.caption(cell)):
            cells.append(new_cell("markdown", words, f"{cell.get('id', writer.cell)}-caption"))
    made.cells = [cell for cell in cells if cell.source]
    return fitted(made)


def new_cell(kind, source, name):
    """Return a cell with a name that is the same in each build."""
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    return make(source, id=name[-64:])


def fitted(notebook):
    """Take away the cells' names in a format that knows none."""
    if notebook.nbformat_minor < 5:
        for cell in notebook.cells:
            cell.pop("id", None)
    return notebook


def install_cell(package, address="", ref="", folder=""):
    """Return the cell that installs a package from the repository, or says what is missing."""
    if not address:
        return new_cell("code", MISSING.format(package=package), "install")
    source = f"git+{address}" + f"@{ref}" * bool(ref) + f"#subdirectory={folder}" * bool(folder)
    return new_cell("code", INSTALL.format(package=package, source=source), "install")


def with_installs(notebook, packages, address="", ref="", folder=""):
    """Return a notebook that begins with what it imports of the book's own packages."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    wanted = [p for p in packages if re.search(rf"^\s*(import|from) {p}\b", code, re.MULTILINE)]
    installs = [install_cell(package, address, ref, folder) for package in wanted]
    return fitted(nbformat.from_dict({**notebook, "cells": [*installs, *notebook.cells]}))


def packages_of(root) -> list[str]:
    """Return the book's own packages, as its configuration names them."""
    options = configuration(root).get("sphinx", {}).get("config", {})
    return list(options.get("living_book_packages", {}).values())


def book_of(root, site="", bibfiles=None):
    """Return what the book calls its labels, keys and pages, and the web address of each.

    Without the address of the site only works have one, at arXiv or with their publisher.
    """
    known, root = (Path(root) / "_toc.yml").is_file(), Path(root).resolve()
    names, links, library = numbers(root) if known else {}, {}, ""
    names.pop("", None)  # figures without a name
    for chapter, files in pages(root) if known else ():
        for number, path in enumerate(files):
            url = f"{site.rstrip('/')}/{path.relative_to(root).with_suffix('').as_posix()}.html"
            found = blocks(path)
            title = next((b.title for b in found if b.kind == "heading"), path.stem)
            key = path.resolve().with_suffix("")
            of = f"chapter {chapter.rstrip('.')}, " if chapter and not number else ""
            called = {key: of + title, f"/{key.relative_to(root).as_posix()}": of + title}
            names |= called
            sections = headings_of(path)
            names |= sections
            if site:
                links |= dict.fromkeys(called, url)
                links |= {label: f"{url}#{make_id(label)}" for label in sections}
                links |= {label: url + anchor for label, anchor in anchors(path, found)}
                library = url if any(b.kind == "bibliography" for b in found) else library
    if bibfiles is None:
        bibfiles = configuration(root).get("bibtex_bibfiles", ())
    for path in bibfiles:
        for key, entry in parse_file(root / path).entries.items():
            names[key] = work(key, entry)
            links |= {key: url} if (url := address_of(entry) or library) else {}
    return names, links


def headings_of(path):
    """Return the headings of a page that have a label in front."""
    found = {}
    parser = create_md_parser(MdParserConfig(enable_extensions=set(EXTENSIONS)), RendererHTML)
    for cell in notebook_of(path).cells:
        labels = []
        for token in parser.parse(cell.source) if cell.cell_type == "markdown" else ():
            if token.type == "myst_target":
                labels.append(token.content)
            elif token.type == "inline" and labels:
                found |= dict.fromkeys(labels, token.content)
            if token.type not in ("myst_target", "heading_open"):
                labels = []
    return found


def anchors(path, found):
    """Yield the labels of a page and where they are on it."""
    for block in found:
        if block.kind in ("equation", "math") and block.label:
            yield block.label, f"#equation-{block.label}"
        elif block.label:
            yield block.label, f"#{block.label}"
    named = [name for _, name, _ in figures(notebook_of(path))]
    named += [block.options.get("name") for block in found if block.kind == "figure"]
    yield from ((name, f"#{make_id(name)}") for name in named if name)


def work(key, entry):
    """Return how a text names a work: 'Hardt and Ma (2017)'."""
    people = [
        " ".join(str(name) for name in (*person.rich_prelast_names, *person.rich_last_names))
        for person in entry.persons.get("author", ())
    ] or [key]
    authors = " and ".join(people) if len(people) < 3 else f"{people[0]} et al."
    return f"{authors} ({entry.fields.get('year', 'no year')})"


def address_of(entry):
    """Return where a work is on the web."""
    fields = entry.fields
    if "doi" in fields:
        return f"https://doi.org/{fields['doi']}"
    if fields.get("archiveprefix", "").lower() == "arxiv":
        return f"https://arxiv.org/abs/{fields['eprint']}"
    return fields.get("url", "")


def write(notebook, target):
    """Write a notebook; its keys keep their order, so that a difference is one of content."""
    text = json.dumps(notebook, ensure_ascii=False, indent=1)
    Path(target).write_text(text + "\n", encoding="utf-8")
