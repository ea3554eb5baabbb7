"""What is released works away from here: wheels, sdists, the archive of the site, the workflow."""

import ast
import hashlib
import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email import message_from_bytes

import hatchling  # noqa: F401 (without it all of this file skips)
import pytest
import yaml
from lent import lend_packages
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lin_utils as lu
from living_book.printed import pdf_name
from tools import release

BOOK = pathlib.Path(__file__).parents[1]
LIBRARIES = sysconfig.get_path("purelib")
JUPYTER_BOOK = pathlib.Path(sys.executable).with_name("jupyter-book")
# What the folder of living_book has beside the package.
BESIDE = ("living_book/lab/", "living_book/LICENSE", "living_book/README", "living_book/pyproject")
TITLE = yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))["title"]
PRINTED = pathlib.Path(pdf_name(TITLE))
SITE = {"index.html": "<h1>Front</h1>", "_static/a.js": "1;", PRINTED.name: "%PDF"}
THEOREM = """# One

```{prf:theorem} Squares
:label: squares

The square of a real number is not negative.
```

```{prf:proof}
Each of the two factors has the sign of the other.
```
"""
CERTIFICATE = """import numpy as np

def certify(label, smaller, larger):
    margin = (larger - smaller).min()
    assert margin >= 0
    return f"{label}: held in all {len(larger)} cases; smallest margin {margin:g}"

print(certify("squares", 0, np.arange(-3.0, 4) ** 2))"""
SMALL = {
    "_config.yml": "title: A small book\n"
    "sphinx: {extra_extensions: [living_book], config: {living_book_python: false}}\n",
    "_toc.yml": "format: jb-book\nroot: index\nchapters: [{file: one}]\n",
    "index.md": "# A small book\n\n```{claims} one.ipynb\n```\n",
    "one.ipynb": json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            "cells": [
                {"id": "a", "cell_type": "markdown", "metadata": {}, "source": THEOREM},
                {
                    "id": "b",
                    "cell_type": "code",
                    "metadata": {},
                    "source": CERTIFICATE,
                    "execution_count": None,
                    "outputs": [],
                },
            ],
        }
    ),
}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Return the folder of a release with a small site."""
    folder = tmp_path_factory.mktemp("release")
    write(folder / "site", SITE)
    release.pack(folder / "site", folder / "packed")
    return folder / "packed"


def wheel(packed, package):
    return packed / f"{package}-{lu.__version__}-py3-none-any.whl"


def sdist(packed, package):
    return packed / f"{package}-{lu.__version__}.tar.gz"


def metadata(packed, package):
    with zipfile.ZipFile(wheel(packed, package)) as files:
        return message_from_bytes(files.read(f"{package}-{lu.__version__}.dist-info/METADATA"))


def tracked(folder):
    """Return the files that git has below a folder of the book."""
    if not (BOOK / ".git").exists():
        pytest.skip("needs the git repository")
    words = ["git", "ls-files", "-z", "--", folder]
    said = subprocess.run(words, cwd=BOOK, check=True, capture_output=True, text=True).stdout
    return set(said.split("\0")) - {""}


@pytest.mark.parametrize("package", release.PACKAGES)
class TestPackage:
    def test_wheel_holds_the_files_that_git_has_for_it_and_nothing_else(self, package, packed):
        with zipfile.ZipFile(wheel(packed, package)) as files:
            held = {name: files.read(name) for name in files.namelist() if ".dist-info" not in name}
        expected = {name for name in tracked(package) if not name.startswith(BESIDE)}
        assert held == {name: (BOOK / name).read_bytes() for name in expected}

    def test_sdist_holds_them_too_and_what_builds_them(self, package, packed):
        with tarfile.open(sdist(packed, package)) as files:
            held = {name.partition("/")[2] for name in files.getnames()}
        home = release.PACKAGES[package]
        expected = {str((BOOK / n).relative_to(home)) for n in tracked(package) if "/lab/" not in n}
        beside = {"pyproject.toml", "README.md", "LICENSE", ".gitignore", "PKG-INFO"}
        assert held == expected | beside

    def test_wheel_of_the_checkout_is_that_of_the_sdist(self, package, packed, tmp_path):
        words = ["-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path]
        home = release.PACKAGES[package]
        subprocess.run([sys.executable, *words, home], check=True, capture_output=True)
        (direct,) = tmp_path.iterdir()
        assert direct.read_bytes() == wheel(packed, package).read_bytes()

    def test_metadata_says_what_a_registry_shows(self, package, packed):
        said, home = metadata(packed, package), release.PACKAGES[package]
        assert said["Requires-Python"] == ">=3.11" and said["Version"] == lu.__version__
        assert said["License-Expression"] == "BSD-3-Clause"
        assert said.get_all("License-File") == ["LICENSE"]
        assert said.get_payload(decode=True) == (home / "README.md").read_bytes()
        with zipfile.ZipFile(wheel(packed, package)) as files:
            (license,) = [name for name in files.namelist() if name.endswith("licenses/LICENSE")]
            assert files.read(license) == (BOOK / "LICENSE").read_bytes()

    def test_it_requires_what_it_imports_and_not_the_other(self, package, packed, owners):
        required = brought(metadata(packed, package).get_all("Requires-Dist"))
        imported = set()
        for path in (BOOK / package).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    imported.add(node.module.partition(".")[0])
        imported -= {*sys.stdlib_module_names, "__main__", "living_archives"}  # of the worker
        assert not imported & {*release.PACKAGES} and not required & {"lin-utils", "living-book"}
        for name in imported:
            assert {canonicalize_name(owner) for owner in owners[name]} & required, name


@pytest.fixture(scope="module")
def owners():
    """Return the distributions that have each import package."""
    return importlib.metadata.packages_distributions()


def brought(lines, found=frozenset()):
    """Return the distributions that the lines of a metadata file require, with all they bring."""
    for requirement in map(Requirement, lines):
        name, marker = canonicalize_name(requirement.name), requirement.marker
        if name not in found and (not marker or marker.evaluate({"extra": ""})):
            found = brought(importlib.metadata.requires(name) or (), found | {name})
    return found


@pytest.fixture(scope="module")
def machine(packed, tmp_path_factory):
    """Return what gives a new Python with one wheel installed, and the libraries that are here.

    A line of a .pth file adds the libraries and none of the .pth files beside them: the editable
    install of this folder stays out.
    """

    def make(package):
        folder = tmp_path_factory.mktemp(package)
        words = [sys.executable, "-m", "venv", "--without-pip", folder / "env"]
        subprocess.run(words, check=True)
        python = folder / "env" / "bin" / "python"
        ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
        packages = subprocess.run([python, "-c", ask], capture_output=True, text=True).stdout
        pathlib.Path(packages.strip(), "here.pth").write_text(f"{LIBRARIES}\n")
        words = ["-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps"]
        words += ["--force-reinstall", "--no-warn-script-location", wheel(packed, package)]
        subprocess.run([sys.executable, *words], check=True)
        return folder, python

    return make


def run(*words, cwd, env=None):
    """Return what a command says; it may not know this folder."""
    kept = {k: v for k, v in (env or os.environ).items() if not k.startswith("PYTHON")}
    answer = subprocess.run(words, cwd=cwd, env=kept, capture_output=True, encoding="utf-8")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def test_lin_utils_works_and_its_examples_hold_where_only_its_wheel_is(machine):
    folder, python = machine("lin_utils")
    code = (
        "import importlib.util, lin_utils as lu; lu.recorded_simulation()\n"
        "print(lu.__version__, lu.__file__, importlib.util.find_spec('living_book'))"
    )
    version, file, other = run(python, "-c", code, cwd=folder).split()
    assert version == lu.__version__ and other == "None"
    assert file.startswith(str(folder / "env"))
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "--doctest-modules"]
    said = run(python, *words, "--pyargs", "lin_utils", cwd=folder)
    assert re.search(r"\d+ passed", said) and "failed" not in said


def test_living_book_makes_a_book_where_only_its_wheel_is(machine, environment):
    folder, python = machine("living_book")
    code = "import importlib.util; print(importlib.util.find_spec('lin_utils'))"
    assert run(python, "-c", code, cwd=folder) == "None\n"
    write(folder / "book", SMALL)
    lend_packages(folder / "book" / "_build" / ".doctrees" / "living_book" / "node")
    run(python, JUPYTER_BOOK, "build", "-W", ".", cwd=folder / "book", env=environment)
    built = folder / "book" / "_build" / "html"
    front, page = ((built / name).read_text("utf-8") for name in ("index.html", "one.html"))
    assert "Theorem 1 held in 7 cases, smallest margin 0" in page and 'id="squares"' in page
    for place in ("squares", "proof-of-squares", "certificate-squares"):
        assert f'href="one.html#{place}"' in front
    assert (built / "_static" / "book.css").exists()


def test_the_readme_of_living_book_names_every_setting():
    code = (BOOK / "living_book" / "__init__.py").read_text(encoding="utf-8")
    settings = {*re.findall(r'add_config_value\("(\w+)"', code)}
    readme = (BOOK / "living_book" / "README.md").read_text(encoding="utf-8")
    named = {*re.findall(r"^\| `(\w+)", readme, re.MULTILINE)}
    assert named == settings - {"living_book_repository", "living_book_looks"}  # not an author's


def test_archive_of_a_site_has_its_files_in_one_folder(packed):
    name = f"{PRINTED.stem}-{lu.__version__}"
    with zipfile.ZipFile(packed / f"{name}.zip") as files:
        assert {n: files.read(n).decode() for n in files.namelist()} == {
            f"{name}/{path}": text for path, text in SITE.items()
        }
    assert (packed / f"{name}.pdf").read_text() == SITE[PRINTED.name]


def test_the_same_site_on_another_day_gives_the_same_files(packed, tmp_path):
    write(tmp_path / "site", dict(reversed(SITE.items())))
    for path in (tmp_path / "site").rglob("*"):
        os.utime(path, (1e9, 1e9))
    release.pack(tmp_path / "site", tmp_path / "packed")
    again = {path.name: path.read_bytes() for path in (tmp_path / "packed").iterdir()}
    assert again == {path.name: path.read_bytes() for path in packed.iterdir()}


def test_sums_are_those_of_all_other_files(packed):
    lines = (packed / "SHA256SUMS").read_text().splitlines()
    others = {path for path in packed.iterdir() if path.name not in ("SHA256SUMS", "notes.md")}
    assert len(others) == 6
    digests = {f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in others}
    assert {*lines} == digests and len(lines) == len(digests)


def test_notes_are_what_the_changelog_says_of_the_version(packed):
    notes = (packed / "notes.md").read_text(encoding="utf-8")
    changelog = (BOOK / "CHANGELOG.md").read_text(encoding="utf-8")
    said = changelog.partition(f"## [{lu.__version__}]")[2].partition("\n")[2].partition("\n## ")[0]
    assert notes.split() == said.split() and len(notes.split()) > 20
    assert not re.search(r"^ ", notes, re.MULTILINE)


@pytest.mark.parametrize(
    ("file", "old", "new", "tag", "told"),
    [
        ("README.md", "", "", f"v{lu.__version__}", []),
        ("README.md", "", "", "", []),
        ("README.md", "", "", "v0.9", ["the tag is v0.9"]),
        ("README.md", "", "", lu.__version__, ["the tag is"]),
        ("CITATION.cff", "\nversion: ", "\nversion: 9.", "", ["several versions"]),
        ("living_book/__init__.py", '__version__ = "', '__version__ = "9.', "", ["several"]),
        ("CITATION.cff", "date-released: 2", "date-released: 1", "", ["date-released: 2"]),
        ("CHANGELOG.md", f"## [{lu.__version__}]", "## [0.0.9]", "", ["says nothing"]),
    ],
)
def test_a_release_is_refused_when(file, old, new, tag, told, tmp_path, monkeypatch):
    for name in (*release.VERSIONS, "CHANGELOG.md", "README.md"):
        write(tmp_path, {name: (BOOK / name).read_text(encoding="utf-8")})
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    write(tmp_path, {file: text.replace(old, new, 1)})
    monkeypatch.setattr(release, "BOOK", tmp_path)
    said = release.faults(tag)
    assert len(said) == len(told) and all(t in s for t, s in zip(told, said, strict=True))


def test_make_release_ends_with_an_error_for_another_tag():
    words = [sys.executable, "-m", "tools.release", "--check", "v0.0.1"]
    answer = subprocess.run(words, cwd=BOOK, capture_output=True, text=True)
    assert answer.returncode == 1 and "the tag is v0.0.1" in answer.stderr


def publish(packed, tmp_path):
    """Run what the workflow runs at last, with a gh that notes its words; return both."""
    workflow = yaml.safe_load((BOOK / ".github" / "workflows" / "release.yml").read_text())
    script = workflow["jobs"]["publish"]["steps"][-1]["run"]
    (tmp_path / "gh").write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/words\n")
    (tmp_path / "gh").chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_REF_NAME": "v1.2.3"}
    answer = subprocess.run(["bash", "-e", "-c", script], cwd=packed, env=env, capture_output=True)
    words = tmp_path / "words"
    return answer.returncode, words.read_text().splitlines() if words.exists() else []


def test_the_workflow_gives_gh_the_tag_the_notes_and_all_files(packed, tmp_path):
    code, words = publish(packed, tmp_path)
    assert code == 0 and words[:3] == ["release", "create", "v1.2.3"]
    assert "--verify-tag" in words and words[words.index("--notes-file") + 1] == "notes.md"
    assert {w for w in words if (packed / w).is_file()} == {path.name for path in packed.iterdir()}


def test_the_workflow_publishes_nothing_that_came_over_damaged(packed, tmp_path):
    damaged = tmp_path / "damaged"
    write(damaged, {"notes.md": "Notes"})
    for path in packed.iterdir():
        (damaged / path.name).write_bytes(path.read_bytes())
    with open(wheel(damaged, "lin_utils"), "ab") as file:
        file.write(b" ")
    code, words = publish(damaged, tmp_path)
    assert code != 0 and not words
