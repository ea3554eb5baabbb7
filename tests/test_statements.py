"""Every spelling that the book's Markdown parser takes for a directive is read, none overlooked."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from living_book import statements

BODY = "The body of it."
PATH = "chapters/one.ipynb"
# A directive {NAME} with an argument, the option 'label' and a body, in all legal spellings.
SPELLINGS = {
    "backticks": "```{NAME} ARGUMENT\n:label: LABEL\n\nBODY\n```",
    "long": "``````{NAME} ARGUMENT\n:label: LABEL\nBODY\n``````",
    "longer at the end": "```{NAME} ARGUMENT\n:label: LABEL\nBODY\n`````  ",
    "colons": ":::{NAME} ARGUMENT\n:label: LABEL\n\nBODY\n:::",
    "tildes": "~~~~{NAME} ARGUMENT\n:label: LABEL\n\nBODY\n~~~~",
    "space": "``` {NAME} ARGUMENT\n:label: LABEL\n\nBODY\n```",
    "spaces before and after": "   :::   {NAME}   ARGUMENT  \n   :label: LABEL\n\n   BODY\n   :::",
    "capitals": "```{Name} ARGUMENT\n:label: LABEL\n\nBODY\n```",
    "another option first": "```{NAME} ARGUMENT\n:class: dropdown\n:label: LABEL\n\nBODY\n```",
    "another option last": "```{NAME} ARGUMENT\n:label: LABEL\n:class: dropdown\nBODY\n```",
    "YAML": "```{NAME} ARGUMENT\n---\nclass: dropdown\nlabel: LABEL\n---\nBODY\n```",
    "quoted YAML": ":::{NAME} ARGUMENT\n---\nlabel: 'LABEL'\n---\n\nBODY\n:::",
    "in a list": "- First.\n\n  ```{NAME} ARGUMENT\n  :label: LABEL\n\n  BODY\n  ```\n\n- Last.",
    "as an item": "1. ```{NAME} ARGUMENT\n   :label: LABEL\n\n   BODY\n   ```\n2. Last.",
    "in a quote": "> ```{NAME} ARGUMENT\n> :label: LABEL\n>\n> BODY\n> ```",
    "in a list in a quote": "> - ~~~{NAME} ARGUMENT\n>   :label: LABEL\n>   BODY\n>   ~~~",
    "in an admonition": "````{note}\n```{NAME} ARGUMENT\n:label: LABEL\n\nBODY\n```\n````",
    "in colons": "::::{tip}\n:class: a\n\n:::{NAME} ARGUMENT\n:label: LABEL\nBODY\n:::\n::::",
    "in YAML": "````{card}\n---\nlink: a\n---\n```{NAME} ARGUMENT\n:label: LABEL\nBODY\n```\n````",
    "in a tab": "::::{tabs}\n:::{tab} T\n```{NAME} ARGUMENT\n:label: LABEL\nBODY\n```\n:::\n::::",
    "in a div": "::::{.wide}\n:::{NAME} ARGUMENT\n:label: LABEL\nBODY\n:::\n::::",
    "after text": "Some text.\n```{NAME} ARGUMENT\n:label: LABEL\n\nBODY\n```\nMore text.",
    "in a definition list": "Term\n: ```{NAME} ARGUMENT\n  :label: LABEL\n\n  BODY\n  ```",
    "in a footnote": "[^a]: Note\n\n    ```{NAME} ARGUMENT\n    :label: LABEL\n    BODY\n    ```",
    "Windows": "```{NAME} ARGUMENT\r\n:label: LABEL\r\n\r\nBODY\r\n```\r\n",
}
every_spelling = pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)


def spell(spelling, name, argument, label, body=BODY):
    named = spelling.replace("NAME", name).replace("Name", name.title())
    return named.replace("ARGUMENT", argument).replace("LABEL", label).replace("BODY", body)


def notebook(*sources):
    """Return a notebook of text cells, and of code cells where a source begins with '>>>'."""
    cells = [
        nbformat.v4.new_code_cell(source[3:].strip())
        if source.startswith(">>>")
        else nbformat.v4.new_markdown_cell(source)
        for source in sources
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})


def read(*sources):
    return statements.statements(PATH, notebook(*sources))


@every_spelling
@pytest.mark.parametrize("name", ["prf:theorem", "prf:remark", "exercise"])
def test_every_spelling_is_read(spelling, name):
    source = spell(spelling, name, "A title", "a-label")
    (block,) = read("# Text", source)
    assert (block.kind, block.title, block.label) == (name.split(":")[-1], "A title", "a-label")
    assert block.body.strip() == BODY
    assert block.cell == 2
    lines = source.splitlines()
    assert "{" + name in lines[block.line - 1].lower()
    assert any(BODY in line for line in lines[block.line - 1 : block.last_line])
    assert not any(mark in "".join(lines[block.last_line :]) for mark in (BODY, "label"))


@every_spelling
def test_every_spelling_may_lack_its_title(spelling):
    (block,) = read(spell(spelling, "prf:lemma", "", "a-label"))
    assert (block.title, block.label) == ("", "a-label")


@given(
    mark=st.sampled_from("`~:"),
    length=st.integers(3, 9),
    around=st.lists(st.sampled_from(["> ", "- ", "12) "]), max_size=4),
    options=st.permutations([":label: a-label", ":class: wide", ":nonumber:"]),
    gap=st.integers(0, 2),
)
@example(mark=":", length=3, around=["> ", "- "], options=[":label: a-label"], gap=0)
def test_fences_of_all_lengths_are_read_in_any_list_and_quote(mark, length, around, options, gap):
    fence = mark * length
    lines = [f"{fence}{' ' * gap}{{prf:theorem}}", *options, "", BODY, fence]
    for prefix in reversed(around):
        rest = prefix if prefix == "> " else " " * len(prefix)
        lines = [prefix + lines[0], *(rest + line for line in lines[1:])]
    (block,) = read("\n".join(lines))
    assert (block.label, block.body.strip(), block.depth) == ("a-label", BODY, len(around))
    assert (block.line, block.last_line) == (1, len(lines))


def test_proofs_have_no_label_and_may_begin_on_the_first_line():
    first, second = read(
        "```{prf:proof} Clear.\n```\n\n:::{prf:proof}\n:class: dropdown\n\nClear.\n:::"
    )
    assert (first.kind, first.body) == (second.kind, second.body) == ("proof", "Clear.")
    assert (second.line, second.options["class"]) == (4, ["dropdown"])


def test_what_is_nested_is_read_too_where_it_stands():
    source = (
        "`````{exercise}\n:label: a\nText.\n\n````{note}\n\n```{solution} a\nS\n```\n````\n`````"
    )
    outer, inner = read(source)
    assert [outer.kind, inner.kind] == ["exercise", "solution"]
    assert (inner.line, inner.last_line, inner.depth) == (7, 9, 2)


@pytest.mark.parametrize("kind", ["exercise", "solution"])
def test_gated_forms_span_cells(kind):
    start = f"Text\n\n```{{{kind}-start}} a-name\n:class: dropdown\n```\nIn it."
    first, second = read(start, ">>> x = 1", f":::{{{kind}-end}}\n:::\n\n```{{exercise}}\n```")
    assert (first.kind, first.title, second.kind) == (kind, "a-name", "exercise")
    assert (first.cell, first.line, first.last_cell, first.last_line) == (1, 3, 3, 2)
    assert (second.within, second.line) == ((), 4)


@pytest.mark.parametrize(
    "source",
    [
        "````md\n```{solution} a\nS\n```\n````",
        "~~~\n```{prf:theorem}\n```\n~~~",
        "````{code-block} md\n```{solution} a\n```\n````",
        "Write `{solution}` or `` ```{prf:theorem} `` for it.",
        "<!-- ```{solution} a\nS\n``` -->",
        "Text <!-- {solution} --> text.",
        "% ```{prf:theorem}",
        "$$\n\\text{solution}\n$$ (eq-a)",
        "$\\mathrm{solution}$ and {prf:ref}`a`",
        "::::{note} solution\n::::",
        "```{solve} a\n```",
    ],
)
def test_what_shows_or_hides_a_directive_is_none(source):
    assert read(source) == []


@pytest.mark.parametrize(
    "line, source",
    [
        (1, "```{prf:theorem} T\n:label: a\nNot closed"),
        (1, "> ```{solution} a\nNot closed in the quote"),
        (3, "Text\n\n:::{solution} a\nS\n::"),
        (2, "::::{note}\n:::{solution} a\nS\n::::"),
        (1, "```{prf:theorem}\n:labels: a\n\nBody\n```"),
        (1, "```{prf:theorem}\n---\nlabel a\n---\nBody\n```"),
        (1, "```{prf:theorm} T\n```"),
        (1, "```{theorem} T\n```"),
        (1, "```{solution}\nS\n```"),
        (1, "```{solutions} a\nS\n```"),
        (1, "```{ solution } a\nS\n```"),
        (1, "```{solution}a\nS\n```"),
        (1, "```{solution a\nS\n```"),
        (1, "::: {.solution}\nS\n:::"),
        (1, "``{solution} a\nS\n``"),
        (2, "Text\n::{solution} a\nS\n::"),
        (3, "Text\n\n    ```{solution} a\n    S\n    ```"),
        (1, "<p>{solution} a</p>"),
        (2, "<div>\n```{solution} a\nS\n```\n</div>"),
        (2, "```md\n```{solution} a\nS\n```\n"),
        (3, "```python\nx = 1\n```{solution} a\nS\n```\n"),
        (3, "~~~\nx\n```{solution} a\nS\n```\n"),
        (3, "```{eval-rst}\n\n.. solution:: a\n\n   S\n```"),
        (3, "| A | B |\n|---|---|\n| {solution} | b |"),
        (1, "A role: {solution}`a`"),
        (3, "Text\n\n```{solution-start} a\n```"),
        (1, "```{solution-end}\n```"),
        (4, "```{solution-start} a\n```\n\n```{exercise-end}\n```"),
        (4, "```{solution-start} a\n```\n\n- ```{solution-end}\n  ```"),
        (3, "```{solution-start} a\n```\n```{solution-start} b\n```\n```{solution-end}\n```"),
        (1, "```{exercise-end}\ncontent\n```"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(line, source):
    with pytest.raises(statements.NotUnderstood, match=f"one.ipynb, cell 2, line {line}: "):
        read("Before", source)


def test_all_places_are_named_at_once():
    with pytest.raises(statements.NotUnderstood) as caught:
        read("```{solution}\n```", "```{theorem}\n```")
    assert "cell 1, line 1" in str(caught.value) and "cell 2, line 1" in str(caught.value)


def test_pages_of_markdown_are_read_and_have_no_cells(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("---\ntitle: T\n---\n\n# A page\n\n:::{prf:axiom}\n:label: a\n:::\n", "utf-8")
    (block,) = statements.statements(page)
    assert block.place == f"{page}, line 7"


def test_what_can_be_doubted_is_a_claim():
    assert statements.PROVED < statements.CLAIMS < set(statements.PROOF_TYPES)
    assert {"conjecture", "observation"} < statements.CLAIMS
    assert not {"definition", "axiom"} & statements.CLAIMS


class TestNumbers:
    @pytest.fixture
    def book(self, tmp_path):
        def write(name, text):
            Path(tmp_path, name).write_text(text, "utf-8")

        write("_toc.yml", TOC)
        write("index.md", "# Index\n")
        theorem = "```{prf:theorem}\n:label: LABEL\nOPTION\nBody.\n```\n"
        for page in ("one", "two", "part", "end"):
            text = f"# {page}\n\n$$ x $$ (eq-{page})\n\n"
            for label, option in (
                (f"{page}-a", ""),
                (f"{page}-b", ":nonumber:"),
                (f"{page}-c", ""),
            ):
                text += theorem.replace("LABEL", label).replace("OPTION\n", option + "\n")
            write(f"{page}.md", text + "```{prf:lemma}\n:label: l-" + page + "\n```\n")
        return tmp_path

    def test_are_those_that_the_built_book_shows(self, book):
        names = statements.numbers(book)
        (book / "conf.py").write_text(CONF, "utf-8")
        build = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(book), str(book / "html")]
        subprocess.run(build, check=True)
        for page in ("one", "two", "part", "end"):
            text = (book / "html" / f"{page}.html").read_text("utf-8")
            shown = [s.strip() for s in re.findall(r'caption-number">([^<]*)<', text)]
            ours = [names[f"{page}-a"], names[f"{page}-b"], names[f"{page}-c"], names[f"l-{page}"]]
            assert ours == shown
            assert re.findall(r'eqno">([^<]*)<', text) == [names[f"eq-{page}"]]

    def test_kinds_may_share_a_counter(self, book):
        shared = "{sphinx: {config: {prf_realtyp_to_countertyp: {lemma: theorem}}}}"
        (book / "_config.yml").write_text(shared, "utf-8")
        assert statements.numbers(book)["l-part"] == "Lemma 2.6"


CONF = """
extensions = ["myst_parser", "sphinx_proof", "sphinx_external_toc"]
myst_enable_extensions = ["dollarmath"]
html_theme = "basic"
math_numfig = True
"""
TOC = """
format: jb-book
root: index
parts:
  - numbered: true
    chapters:
      - file: one
      - file: two
        sections:
          - file: part
  - chapters:
      - file: end
"""
