"""A claim has its label, its proof, its certificate; its entry leads to them, to code and tests."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from docutils import nodes
from test_statements import every_spelling, notebook, spell

from living_book import buttons, claims
from living_book.buttons import Repository

BOOK = Path(__file__).parents[1]
CHAPTERS = sorted((BOOK / "chapters").glob("*.ipynb"))
THEOREM = "```{prf:theorem} First\n:label: a-first\n\nTrue.\n```\n\n"
PROOF = "```{prf:proof}\nClear.\n```\n\n"
SECOND = "```{prf:conjecture} Second\n:label: a-second\nMaybe.\n```\n"
CERTIFICATE = ">>> print(certify('a-first', 0, 1))"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
FIGURE = {"mystnb": {"figure": {"name": "fig-a", "caption": "What to see."}}}


@pytest.fixture
def collect(tmp_path):
    def collect(*sources, figures=()):
        made = notebook(*sources)
        for number, caption in figures:
            figure = {"name": f"fig-{number}", "caption": caption}
            made.cells[number - 1].metadata["mystnb"] = {"figure": figure}
        nbformat.write(made, tmp_path / "one.ipynb")
        return claims.collect(tmp_path / "one.ipynb")

    return collect


@every_spelling
@pytest.mark.parametrize("kind", ["theorem", "conjecture"])
def test_a_claim_in_every_spelling_is_held_to_a_certificate(collect, spelling, kind):
    statement = spell(spelling, f"prf:{kind}", "First", "a-first")
    found, faults = collect(statement, PROOF, CERTIFICATE)
    assert [claim.certificates for claim in found.values()] == [[3]] and faults == []
    _, (fault,) = collect(statement, PROOF)
    assert f"the {kind} 'a-first' has no certificate" in fault and "cell 1, line" in fault


@pytest.mark.parametrize(
    "place, words, sources",
    [
        ("cell 1, line 1", "has no label", [THEOREM.replace(":label: a-first\n", "")]),
        ("cell 2, line 3", "no label", ["# T", "\n\n> ~~~{prf:observation}\n> A.\n> ~~~"]),
        ("cell 1, line 1", "'a-first' has no certificate", [THEOREM + PROOF]),
        ("cell 1, line 1", "'a-first' has no proof", [THEOREM, CERTIFICATE]),
        ("cell 3, line 2", "'a-third', which", [THEOREM, PROOF, ">>> x\ncertify('a-third', 0, 1)"]),
        ("cell 1, line 1", "'a-first' has no proof", [THEOREM + SECOND + PROOF, CERTIFICATE]),
        ("cell 1, line 11", "'a-second' has no certificate", [THEOREM + PROOF + SECOND]),
        ("cell 1, line 1", "is not closed", [THEOREM.replace("\n```\n", "\n")]),
    ],
)
def test_what_is_missing_is_a_fault_with_its_place(collect, place, words, sources):
    _, faults = collect(*sources)
    assert any(f"one.ipynb, {place}: " in fault and words in fault for fault in faults)


def test_a_proof_may_say_whose_it_is(collect):
    later = PROOF.replace("\n", "\n:class: proof-of-a-first\n", 1)
    found, _ = collect(THEOREM + SECOND + later, CERTIFICATE)
    assert found["a-first"].proof and not found["a-second"].proof


def test_definitions_are_no_claims(collect):
    definition = THEOREM.replace("theorem", "definition")
    assert collect(definition, CERTIFICATE) == ({}, [])


@pytest.mark.parametrize(
    "owners, sources, caption",
    [
        (["a-first"], [THEOREM, ">>> draw()"], "."),
        (["a-first", "a-second"], [THEOREM + SECOND, ">>> draw()"], "."),
        (["a-first", "a-second"], [THEOREM, SECOND, ">>> draw()"], "."),
        (["a-second"], [THEOREM, ">>> x", SECOND, ">>> draw()"], "."),
        (["a-first"], [THEOREM, ">>> x", SECOND, CERTIFICATE, ">>> draw()"], "."),
        (["a-first"], [THEOREM, ">>> x", SECOND, ">>> draw()"], "See {prf:ref}`a-first`."),
        ([], [THEOREM, "## Another section", ">>> draw()"], "."),
        (["a-first"], [THEOREM, "### The same section", ">>> draw()"], "."),
        ([], [">>> draw()"], "No claim before it."),
    ],
)
def test_a_figure_belongs_to_whom_it_names_or_to_what_was_said_last(
    collect, owners, sources, caption
):
    found, _ = collect(*sources, figures=[(len(sources), caption)])
    assert [label for label, claim in found.items() if claim.figures] == owners


@pytest.mark.parametrize(
    "code, labels",
    [
        ("%matplotlib inline\nprint(lu.certify('a', 0, 1))", ["a"]),
        ("if x:\n    y = certify_equal(claim='a', first=1, second=1)", ["a"]),
        ("certify(label, 0, 1)  # certify('a')", []),
        ("print('certify(\"a\")')", []),
        ("this is no Python: certify('a')", []),
    ],
)
def test_certificates_are_calls_with_the_label_as_a_string(code, labels):
    assert list(claims.certified(code)) == labels


def test_labels_are_whole_words():
    assert claims.names("a-first", "By a-first, and (a-first).")
    assert not claims.names("a-first", "a-first-one, not-a-first, a-firsts")


def test_every_claim_has_code_or_a_test_and_every_name_a_statement():
    assert claims.loose_ends(BOOK, CHAPTERS, ["lin_utils"]) == []


@pytest.mark.parametrize(
    "home, shown",
    [
        (Repository("https://git.example/us/book", "gitlab", "main"), "test_a"),
        (Repository("https://git.example/us/book"), "tests/test_x.py::TestX::test_a"),
        (None, "tests/test_x.py::TestX::test_a"),
    ],
)
def test_tests_are_linked_where_the_host_is_known(home, shown):
    app = SimpleNamespace(config=SimpleNamespace(living_book_repository=home))
    place = ("tests/test_x.py", 7)
    page = nodes.paragraph("", "", nodes.literal("", f"{place[0]}::TestX::test_a", test=place))
    claims.link_tests(app, page, "index")
    assert page.astext() == shown
    links = [link["refuri"] for link in page.findall(nodes.reference)]
    assert links == [buttons.source_url(app, *place)] * (home is not None and home.kind is not None)


PACKAGE = '''"""A package."""
__all__ = ["first"]


def first():
    """Return what a-first bounds."""
'''
TEST = "import toy\n\n\nclass TestToy:\n    def test_toy(self):\n        toy.first()  # {label}\n"
CONF = """
import sys
sys.path[:0] = [{book!r}, {here!r}]
from living_book import claims
extensions = ["myst_nb", "sphinx_proof", "sphinx_exercise", "sphinx.ext.autodoc"]
html_theme, nb_execution_mode, numfig = "basic", "off", True
exclude_patterns = ["tests", "html", "jupyter_execute"]
def setup(app):
    app.add_config_value("living_book_packages", dict(toy="toy"), "env")
    app.add_config_value("living_book_repository", None, "html")
    app.add_directive("claims", claims.Claims)
    app.connect("doctree-read", claims.read_page)
    app.connect("doctree-resolved", claims.link_tests)
    app.connect("env-updated", claims.raise_faults)
"""
INDEX = """# Index

```{toctree}
one
```

```{claims} one.ipynb
```

```{eval-rst}
.. autofunction:: toy.first
```
"""


@pytest.fixture
def build(tmp_path):
    """Return a function that builds a book of two pages and a package, and what Sphinx said."""
    (tmp_path / "tests").mkdir()
    for name, text in {
        "toy.py": PACKAGE,
        "tests/test_toy.py": TEST.format(label="a-first"),
        "conf.py": CONF.format(book=str(BOOK), here=str(tmp_path)),
        "index.md": INDEX,
    }.items():
        (tmp_path / name).write_text(text, "utf-8")

    def build(*sources):
        if sources:
            made = notebook("# One", *sources)
            made.cells[-1].metadata = nbformat.from_dict(FIGURE)
            made.cells[-1].outputs = [nbformat.v4.new_output("display_data", {"image/png": PIXEL})]
            nbformat.write(made, tmp_path / "one.ipynb")
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", ".", "html"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return build


class TestBuild:
    def test_an_entry_leads_to_statement_proof_certificate_code_test_and_figure(
        self, build, tmp_path
    ):
        built = build(THEOREM + PROOF, CERTIFICATE)
        assert built.returncode == 0, built.stderr
        page, entries = ((tmp_path / f"html/{n}.html").read_text("utf-8") for n in ("one", "index"))
        entries = entries[entries.index('<dl class="claims') :]
        for anchor in ("a-first", "proof-of-a-first", "certificate-a-first", "fig-a"):
            assert page.count(f'id="{anchor}"') == 1 and f'href="one.html#{anchor}"' in entries
        assert 'href="#toy.first"' in entries and "tests/test_toy.py::TestToy::test_toy" in entries

    def test_faults_fail_it_again_and_again_until_they_are_mended(self, build):
        for built in (build(THEOREM + PROOF, ">>> x"), build()):
            assert built.returncode
            assert (
                "one.ipynb, cell 2, line 1: the theorem 'a-first' has no certificate"
                in built.stderr
            )
        assert build(THEOREM + PROOF, CERTIFICATE).returncode == 0

    def test_a_page_whose_claims_are_not_listed_is_held_to_labels_alone(self, build, tmp_path):
        (tmp_path / "index.md").write_text("# Index\n\n```{toctree}\none\n```\n", "utf-8")
        assert build(THEOREM, ">>> x").returncode == 0
        built = build(THEOREM.replace(":label: a-first\n", ""), ">>> x")
        assert built.returncode and "one.ipynb, cell 2, line 1: this theorem has" in built.stderr
