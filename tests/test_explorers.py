"""Explorers in a page: the data that both packages agree on, and the files of the frames."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

import lin_utils as lu
from lin_utils.explore import MIME
from living_book import explorers


def schema():
    return lu.explore(lambda a, b: Figure(), a=[1, 2], b=[3, 4, 5]).schema


def test_both_packages_name_the_same_type_and_version():
    assert MIME == explorers.MIME
    assert explorers.fault(schema()) is None


@pytest.mark.parametrize(
    "name, other", [("lin_utils", "living_book"), ("living_book", "lin_utils")]
)
def test_a_package_needs_nothing_of_the_other(name, other):
    check = f"import sys, {name}; sys.exit({other!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"version": 2}, "version 1, got 2"),
        ({"frames": ["<svg/>"]}, "6 frames has 1"),
    ],
)
def test_what_is_not_understood_is_said(change, said):
    assert said in explorers.fault(schema() | change)


def test_a_book_without_the_extension_is_left_alone():
    env = SimpleNamespace(app=SimpleNamespace(extensions={"myst_nb"}))
    renderer = SimpleNamespace(renderer=SimpleNamespace(sphinx_env=env))
    data = SimpleNamespace(mime_type=MIME, content=schema())
    assert explorers.Renderer.handle_mime(renderer, data, inline=False) is None


def test_frames_that_go_with_their_page_are_those_of_no_other(tmp_path):
    pages = ["a/x", "a/x/y", "a/x-1", "b/x"]
    for page in pages:
        explorers.folder(tmp_path, page).mkdir(parents=True)
        (explorers.folder(tmp_path, page) / "frames.js").touch()
    explorers.drop_frames(SimpleNamespace(outdir=tmp_path), None, "a/x")
    left = {page for page in pages if any(explorers.folder(tmp_path, page).glob("*.js"))}
    assert left == set(pages) - {"a/x"}
