"""Hygiene of the recorded notebooks: nbval passes what was never run, so that is refused here."""

import pathlib

import nbformat
import pytest
from nbconvert.exporters import ScriptExporter

from living_book import claims

CHAPTERS = pathlib.Path(__file__).parents[1] / "chapters"
NOTEBOOKS = sorted(CHAPTERS.glob("*.ipynb"))


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_every_code_cell_was_run_in_order(self, path):
        counts = [cell.execution_count for cell in code_cells(path)]
        assert counts == list(range(1, len(counts) + 1)), "run `make record`"

    def test_only_text_is_stored(self, path):
        stored = {
            key
            for cell in code_cells(path)
            for output in cell.outputs
            for key in output.get("data", {})
        }
        assert stored <= {"text/plain"}, "run `make record`"
        assert "widgets" not in nbformat.read(path, as_version=4).metadata

    def test_it_exports_as_a_python_script(self, path):
        _, resources = ScriptExporter().from_filename(path)
        assert resources["output_extension"] == ".py", "run `make record`"

    def test_there_are_no_errors(self, path):
        kinds = {output.output_type for cell in code_cells(path) for output in cell.outputs}
        assert "error" not in kinds

    def test_nothing_is_hidden_from_nbval(self, path):
        for cell in code_cells(path):
            tags = {tag.lower() for tag in cell.metadata.get("tags", [])}
            assert not tags & {"nbval-skip", "nbval-ignore-output", "raises-exception"}
            assert "NBVAL_" not in cell.source

    def test_every_certificate_prints_what_it_found(self, path):
        for cell in code_cells(path):
            if "lu.certify" in cell.source:
                printed = "".join(output.get("text", "") for output in cell.outputs)
                assert printed.count(" case") >= cell.source.count("lu.certify")

    def test_every_theorem_has_a_certificate_and_every_certificate_a_theorem(self, path):
        found, faults = claims.collect(path)
        assert found and faults == []
        assert [label for label, claim in found.items() if not claim.results] == []


@pytest.mark.parametrize(
    "text",
    [
        "```{prf:theorem} Polyak's rate",
        "See {prf:ref}`thm-polyak-rate`.",
        "as {cite:t}`polyak1963gradient` shows",
        "A claim.\n:label: a-claim",
        "::: {note}",
        "(sec-flow)=",
        "$$ x = y $$",
        "of \u26a0 lem-least-squares",
        "for \\alpha > 0",
        "nonsense - Unknown Directive",
        "by nobody [?]",
    ],
)
def test_the_rehearsal_sees_raw_markdown(text):
    binder = pytest.importorskip("tools.rehearse.binder")
    assert binder.raw(text)
    assert not binder.raw("Theorem 1 (Polyak): of first-order, f(x)= 1, as {a, b} and `code` say.")
