"""A chapter in plain Markdown: nothing of MyST is left, nothing that it says is lost."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt
from test_statements import BODY, every_spelling, notebook, spell

from living_book import plain, statements

BOOK = Path(__file__).parents[1]
CHAPTERS = sorted((BOOK / "chapters").glob("*.ipynb"))
HOME = "https://someone.example/book"
PATH = Path("one.ipynb")
NAMES = {
    "thm-a": "Theorem 1.2",
    "fig-a": "Fig. 1.1",
    "eq-a": "(1.3)",
    "ex-a": "Exercise 1.4",
    "key": "Polyak (1963)",
    "two": "Hardt and Ma (2017)",
    Path("other").resolve(): "chapter 3, Residual networks",
}
LINKS = {name: f"{HOME}/#{name if isinstance(name, str) else 'page'}" for name in NAMES}
MYST = re.compile(
    r"```\s*\{|~~~\s*\{|:::|\{[\w:+-]+\}`|^\(.*\)=|^\s*:\w+:|^\+\+\+|\\label|\$\$ \([^\s()]+\)$",
    re.MULTILINE,
)


def made(*sources, **words):
    return plain.plain(notebook(*sources), PATH, **{"names": NAMES, **words})


def text(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def formulas(*texts):
    """Return the formulas in running text and between two dollars, without code."""
    words = re.sub(
        r"(?<!`)(``?)(?!`).*?(?<!`)\1(?!`)|\\tag\{.*?\}", "", "\n\n".join(texts), flags=re.DOTALL
    )
    return [
        " ".join(f.split())
        for f in re.findall(r"\$\$(.*?)\$\$|\$([^$]*)\$", words, re.S)
        for f in f
    ]


@every_spelling
@pytest.mark.parametrize("kind", ["theorem", "conjecture", "definition"])
def test_a_statement_in_every_spelling_has_its_number_and_title(spelling, kind):
    shown = text(made("Before.", spell(spelling, f"prf:{kind}", "A title", "thm-a")))
    assert f"**Theorem 1.2 (A title).** {BODY}" in shown
    assert not MYST.search(shown) and "thm-a" not in shown and "dropdown" not in shown
    source = spell(spelling, f"prf:{kind}", "A title", "thm-a")
    for around in ("First.", "Last.", "Some text.", "More text.", "Term", "Note"):
        assert around not in source or around in shown


@every_spelling
def test_a_solution_in_every_spelling_is_folded(spelling):
    shown = text(made(spell(spelling, "solution", "ex-a", "a-label")))
    tree = MarkdownIt("commonmark").render(shown)
    assert re.search(r"<details>\s*<summary>Solution to Exercise 1.4</summary>", tree)
    assert re.search(rf"<p>{BODY}</p>", tree) and tree.count("</details>") == 1
    assert not MYST.search(shown)


@pytest.mark.parametrize(
    "source, shown",
    [
        ("```{prf:proof}\nClear.\n```", "*Proof.* Clear. ∎"),
        ("```{prf:proof}\nSo\n\n$$ x $$\n```", "*Proof.* So\n\n$$ x $$\n\n∎"),
        ("```{prf:proof}\n1. One.\n```", "*Proof.*\n\n1. One.\n\n∎"),
        ("```{exercise} T\n:label: ex-a\nAsk.\n```", "**Exercise 1.4 (T).** Ask."),
        ("```{prf:lemma}\nLet.\n```", "**Lemma.** Let."),
        ("Text\n:::{note}\nMind.\n:::\nMore", "Text\n\n> **Note.** Mind.\n\nMore"),
        ("```{warning} Mind\nthis.\n```", "> **Warning.** Mind\n> this."),
        ("```{admonition} Title\nMind.\n```", "> **Title**\n>\n> Mind."),
        ("> ```{tip}\n> Mind.\n> ```\n> After.", "> > **Tip.** Mind.\n>\n> After."),
        ("```{math}\n:label: eq-a\nx\n```", "$$ x \\tag{1.3} $$"),
        ("```{code-block} python\nx = 1\n```", "```python\nx = 1\n```"),
        ("```{figure} https://a.b/c.png\n:alt: A\n:name: fig-a\nSee.\n```",
         "![A](https://a.b/c.png)\n\n**Fig. 1.1.** See."),
        ("```{image} c.png\n:alt: A hill\n```", "*Picture: A hill*"),
        ("(sec-a)=\n# Title\n\n% hidden\n\nText <!-- hidden -->.", "# Title\n\nText ."),
        ("Term\n: Words", "Term\n- Words"),
        ("Text[^a].\n\n[^a]: Note\n    more", "Text<sup>a</sup>.\n\n<sup>a</sup> Note\nmore"),
        ("```\n$ {ref}`a`\n\n\n+++\n```", "```\n$ {ref}`a`\n\n\n+++\n```"),
    ],
)  # fmt: skip
def test_blocks(source, shown):
    assert text(made(source)).replace(">\n>", ">\n>") == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("$$ x $$ (eq-a)", "$$ x \\tag{1.3} $$"),
        ("Text\n\n$$\nx\n+ y\n$$ (eq-a)\nmore", "Text\n\n$$ x + y \\tag{1.3} $$\n\nmore"),
        ("- $$\n  x\n  $$", "- $$ x $$"),
        ("> $$ x % hidden\n> $$", "> $$ x $$"),
        (r"\begin{align*}a &= b\\c\end{align*}", r"$$ \begin{aligned}a &= b\\c\end{aligned} $$"),
        ("$$\\begin{equation}\nx\n\\end{equation}$$", "$$ x $$"),
        ("The $ x $ and {math}`y`.", "The $x$ and $y$."),
        ("> A $a +\n> b$.", "> A $a +\n> b$."),
    ],
)
def test_formulas_are_such_as_all_readers_typeset(source, shown):
    assert text(made(source)) == shown


@pytest.mark.parametrize(
    "source, words, linked",
    [
        ("By {prf:ref}`thm-a`.", "By Theorem 1.2.", "By [Theorem 1.2](HOME#thm-a)."),
        ("By {prf:ref}`it <thm-a>`.", "By it.", "By [it](HOME#thm-a)."),
        ("{numref}`fig-a`", "Fig. 1.1", "[Fig. 1.1](HOME#fig-a)"),
        ("{numref}`Picture %s <fig-a>`", "Picture 1.1", "[Picture 1.1](HOME#fig-a)"),
        ("{numref}`No. {number} <fig-a>`", "No. 1.1", "[No. 1.1](HOME#fig-a)"),
        ("{cite:t}`key`", "Polyak (1963)", "[Polyak (1963)](HOME#key)"),
        ("({cite:p}`key, two`)", "((Polyak, 1963; Hardt and Ma, 2017))",
         "(([Polyak, 1963](HOME#key); [Hardt and Ma, 2017](HOME#two)))"),
        ("{doc}`other`", "chapter 3, Residual networks",
         "[chapter 3, Residual networks](HOME#page)"),
        ("{doc}`it <other>` [it](other.md)", "it it", "[it](HOME#page) [it](HOME#page)"),
        ("[it *is*](#thm-a) [](#thm-a)", "it *is* Theorem 1.2",
         "[it *is*](HOME#thm-a) [Theorem 1.2](HOME#thm-a)"),
        ("[0, 1] or [see {eq}`eq-a`](https://a.b)", *2 * ["[0, 1] or [see (1.3)](https://a.b)"]),
        ("<project:#thm-a>", "Theorem 1.2", "[Theorem 1.2](HOME#thm-a)"),
        ("{func}`~a.b`, {py:class}`C`, {obj}`d <a.d>`", *2 * ["`b`, `C`, `d`"]),
        ("{ref}`no-such-name`", *2 * ["no such name"]),
        ("`{ref}` and `` {eq}`eq-a` ``", *2 * ["`{ref}` and `` {eq}`eq-a` ``"]),
        ("`{eq}`{eq}`eq-a`", "`{eq}`(1.3)", "`{eq}`[(1.3)](HOME#eq-a)"),
        ("- {prf:ref}`the\n  one <thm-a>`", "- the one", "- [the one](HOME#thm-a)"),
        ("| a |\n|---|\n| {eq}`eq-a` |", "| a |\n|---|\n| (1.3) |",
         "| a |\n|---|\n| [(1.3)](HOME#eq-a) |"),
        ("x{sub}`1`", *2 * ["x<sub>1</sub>"]),
    ],
)  # fmt: skip
def test_references_are_words_and_links_where_the_address_is_known(source, words, linked):
    assert text(made(source)) == words
    assert text(made(source, links=LINKS)) == linked.replace("HOME", f"{HOME}/")


@pytest.mark.parametrize(
    "line, source",
    [
        (3, "Text\n\n```{list-table}\n- - a\n```"),
        (1, "```{eval-rst}\na\n```"),
        (2, "Text\nand {unknown}`role`"),
        (4, "````{note}\nText\n\n{unknown}`role`\n````"),
        (3, "- a\n\n  ```{video} a\n  ```"),
        (1, r"\begin{align}a\end{align}"),
        (1, "$$ x \\label{a} $$"),
        (1, ":field: value"),
        (1, "{{ word }}"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(line, source):
    with pytest.raises(statements.NotUnderstood, match=f"^one.ipynb, cell 2, line {line}: "):
        made("Before.", source)


def test_gated_solutions_span_cells_and_leave_no_mark():
    start = "```{solution-start} ex-a\n:label: s\n```\nFirst."
    shown = made(start, ">>> x = 1", "Second.\n\n```{solution-end}\n```\nAfter.")
    assert [cell.source for cell in shown.cells] == [
        "**Solution to Exercise 1.4.**\n\nFirst.",
        "x = 1",
        "Second.\n\nAfter.",
    ]


@pytest.mark.parametrize(
    "code, caption",
    [
        ('lu.explore(draw, description="a $x$", x=[1])', "**Explorer.** A $x$."),
        ("%timeit lu.explore(draw)", ""),
        ("explored(1)", ""),
    ],
)
def test_an_explorer_says_in_words_what_it_shows(code, caption):
    assert text(made(f">>> {code}")) == caption


def test_figures_have_captions_with_their_numbers_and_the_same_names_each_time():
    book = notebook(">>> draw()")
    figure = {"caption": "See {eq}`eq-a`.\n", "name": "fig-a"}
    book.cells[0].metadata["mystnb"] = {"figure": figure}
    first, second = (plain.plain(book, PATH, NAMES) for _ in range(2))
    assert text(first) == "**Fig. 1.1.** See (1.3)." and first == second
    nbformat.validate(first)


@pytest.fixture(scope="module")
def named():
    return plain.book_of(BOOK, HOME)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    @pytest.fixture
    def both(self, path, named):
        chapter = nbformat.read(path, as_version=4)
        return chapter, plain.plain(chapter, path, *named)

    def test_has_nothing_that_colab_and_github_do_not_know(self, both):
        for cell in both[1].cells:
            if cell.cell_type == "markdown":
                assert not MYST.search(cell.source)
                prose = re.sub(r"(`+).*?\1", "", cell.source, flags=re.DOTALL)
                assert prose.count("$$") % 2 == prose.replace("$$", "").count("$") % 2 == 0
                assert prose.count("<details>") == prose.count("</details>")
                for line in re.findall(r".*\$\$.*", prose):
                    assert re.fullmatch(r"[\s>]*(?:[-*]|\d+\.)?\s*\$\$ [^$]+ \$\$", line)
                assert not re.search(r"^[^$\n]*\\begin\{", prose, re.MULTILINE)

    def test_loses_no_formula_and_no_word(self, both):
        before, after = both
        texts = [c.source for c in after.cells if not c.get("id", "").endswith("-caption")]
        markdown = [c.source for c in before.cells if c.cell_type == "markdown"]
        kept = [t for t in texts if t not in code(after)]
        assert formulas(*kept) == formulas(*markdown) != []
        said = re.sub(r"`{3,}\{.*?\}.*|^:.*|\{.*?\}`.*?`|\(eq-.*?\)", "", text(before), flags=re.M)
        assert set(re.findall(r"\w{3,}", said)) <= set(re.findall(r"\w{3,}", text(after)))

    def test_keeps_code_tags_and_outputs_and_is_a_valid_notebook(self, both):
        cells = [[c for c in b.cells if c.cell_type == "code"] for b in both]
        assert cells[0] == cells[1] != []
        nbformat.validate(both[1])

    def test_says_every_number_and_caption(self, both, path, named):
        shown = text(both[1])
        for block in statements.statements(path):
            if block.key in named[0]:
                assert re.search(rf"^\*\*{re.escape(named[0][block.key])}\b", shown, re.MULTILINE)
        for _, name, _ in statements.figures(both[0]):
            assert f"**{named[0][name]}.** " in shown
        explorers = [source for source in code(both[0]) if "lu.explore(" in source]
        assert shown.count("**Explorer.** ") == len(explorers)

    def test_leads_to_what_is_on_the_site(self, both, path, site):
        found = set(re.findall(rf"\]\({HOME}/([^)#]+)(?:#([^)]+))?\)", text(both[1])))
        assert found
        for page, anchor in found:
            words = (site / page).read_text(encoding="utf-8")
            assert not anchor or f'id="{anchor}"' in words


def test_without_the_address_of_the_site_only_works_have_links():
    links = plain.book_of(BOOK)[1]
    assert links and all(
        url.startswith(("https://arxiv", "https://doi", "http")) for url in links.values()
    )
    assert not {"thm-kawaguchi", "eq-smooth"} & set(links)


@pytest.fixture(scope="module")
def built(shared_book):
    """Return a small book on GitHub with one chapter, built, with what it was built from."""
    lemma = "```{prf:lemma} T\n:label: lem-a\n\nIt holds.\n```"
    chapter = nbformat.writes(notebook("# One", lemma, ">>> import lin_utils as lu"))
    files = {"one.ipynb": chapter, "index.md": "# Home\n\n```{toctree}\none\n```"}
    settings = {
        "exclude_patterns": ["_build"],
        "html_theme_options": {"repository_url": "https://github.com/a/b"},
        "html_theme": "sphinx_book_theme",
        "html_sourcelink_suffix": "",
        "living_book_packages": {"lu": "lin_utils"},
    }
    said = shared_book.build(files, **settings)
    assert said.returncode == 0, said.stderr
    return shared_book, files, settings


class TestDownload:
    def test_is_the_plain_notebook_which_installs_what_it_imports(self, built):
        install, *rest = json.loads(built[0].read("_sources/one.ipynb"))["cells"]
        assert "'git+https://github.com/a/b@" in install["source"]
        assert [c["source"] for c in rest] == [
            "# One",
            "**Lemma (T).** It holds.",
            "import lin_utils as lu",
        ]

    def test_is_the_same_after_another_build_whether_or_not_its_page_was_written(self, built):
        small, files, settings = built
        before = small.read("_sources/one.ipynb")
        for changed in ("index.md", "one.ipynb"):
            (small.folder / changed).touch()
            assert small.build({"index.md": files["index.md"]}, **settings).returncode == 0
            assert small.read("_sources/one.ipynb") == before

    def test_homework_is_on_the_site_unless_a_solution_would_stay(self, built):
        small, files, settings = built
        exercise = "```{exercise}\n:label: ex-a\n\nAsk.\n```"
        solution = "```{solution} ex-a\nSecret.\n```"
        for answer, made in ((solution, True), ("**Solution.** Secret.", False)):
            chapter = nbformat.writes(notebook("# One", exercise, answer))
            assert small.build({"one.ipynb": chapter}, **settings).returncode == 0
            assert (small.site / "homework" / "one.ipynb").exists() == made
            assert not made or "Ask." in small.read("homework/one.ipynb")
            assert not made or "Secret" not in small.read("homework/one.ipynb")

    def test_stays_and_is_named_where_it_cannot_be_read(self, built):
        small, files, settings = built
        odd = notebook("# One", "```{epigraph}\nWords\n```")
        said = small.build({"one.ipynb": nbformat.writes(odd)}, **settings)
        assert said.returncode and "one.ipynb, cell 2, line 1: {epigraph}" in said.stderr
        assert "{epigraph}" in small.read("_sources/one.ipynb")


@pytest.fixture
def repository(tmp_path):
    """A repository on disk that stands for the fork's on GitHub."""
    target = tmp_path / "fork"
    for name in ("lin_utils", "living_book"):
        shutil.copytree(BOOK / name, target / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(BOOK / name, target / name)
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "fork"]):
        subprocess.run(["git", *who, *words], cwd=target, check=True, capture_output=True)
    return target


@pytest.mark.skipif(shutil.which("git") is None, reason="no git on the PATH")
def test_a_copy_installs_the_package_once_and_then_runs_whole(tmp_path, repository):
    path = BOOK / "chapters" / "residual-networks.ipynb"
    copy = plain.plain(nbformat.read(path, as_version=4), path)
    install, *rest = code(plain.with_installs(copy, ["lin_utils"], repository.as_uri(), "main"))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    use = "\n\nimport lin_utils\nprint(lin_utils.__file__)"

    def run(cells):
        settings = {"PIP_CONSTRAINT": str(BOOK / "constraints.txt"), "MPLBACKEND": "Agg"}
        settings |= {"PIP_COMPILE": "0"}  # bytecode of what is imported is enough
        words = [tmp_path / "env" / "bin" / "python", "-c", cells]
        kept = os.environ | settings
        return subprocess.run(words, cwd=tmp_path, env=kept, capture_output=True, text=True)

    first = run(install + use)
    assert first.stdout.startswith(str(tmp_path / "env")), first.stderr
    shutil.rmtree(repository)  # what is there is not fetched again
    assert run(install + use).stdout == first.stdout
    commands = re.compile("^%.*", re.MULTILINE)  # of IPython, for pictures
    whole = run(commands.sub("", "\n\n".join([install, *rest])))
    assert whole.returncode == 0, whole.stderr


@pytest.mark.parametrize("address", ["file:///no/such/place", ""])
def test_the_first_cell_says_what_to_do_where_nothing_can_be_installed(address):
    cell = plain.install_cell("no_such_package", address)
    ran = subprocess.run([sys.executable, "-c", cell.source], capture_output=True, text=True)
    assert ran.returncode and "ModuleNotFoundError: " in ran.stderr
    assert (address or "pip install .") in ran.stderr.splitlines()[-1]
