"""Run notebooks top to bottom and store them normalized: ``record.py NOTEBOOK…``.

Only the text outputs are kept: no images, no widget state, no timings; so diffs read
well and ``pytest --nbval`` compares every number that a chapter prints.
"""

import pathlib
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

KEPT = {"text/plain"}


def normalize(notebook: nbformat.NotebookNode) -> None:
    """Drop all but the text outputs, and everything that differs from run to run."""
    language = notebook.metadata.language_info
    # Of the language all stays by which exporters and editors go; the version differs.
    del language["version"]
    kept = {"kernelspec": notebook.metadata.kernelspec, "language_info": language}
    notebook.metadata = nbformat.from_dict(kept)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = nbformat.from_dict(
            {key: value for key, value in cell.metadata.items() if key in ("tags", "mystnb")}
        )
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = {key: value for key, value in output.data.items() if key in KEPT}
                output.metadata = {}


def record(path: pathlib.Path) -> None:
    """Run one notebook and store it normalized."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": path.parent}},
    ).execute()
    normalize(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        try:
            record(pathlib.Path(name))
        except CellExecutionError as error:
            sys.exit(f"{name}: {error}")
