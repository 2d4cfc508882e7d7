"""The notebook runs from its first cell to its last, and is kept without what it printed."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="notebooks need nbclient: pip install -e '.[test]'")

NOTEBOOK = Path(__file__).parents[2] / "examples" / "first_edit.ipynb"


def _cells():
    return [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]


def test_it_is_kept_without_output():
    assert len(_cells()) >= 6
    assert all(cell.outputs == [] and cell.execution_count is None for cell in _cells())


@pytest.mark.slow
def test_it_runs(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 4  # parts, strip, pairs, palette
    said = [output["text"] for output in shown if output.get("name") == "stderr"]
    assert not [text for text in said if "EclipsedWarning" in text or "LocalityWarning" in text]
    assert (tmp_path / "red-lipstick.safetensors").is_file()
