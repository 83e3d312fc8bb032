"""The notebooks run on what the pipelines left of the tiny shop, and show something at their end."""

from itertools import chain

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from .conftest import ROOT, copied

NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
FORGET = "%reset -f\nget_ipython().extension_manager.loaded.discard('kedro.ipython')"
"""Nothing that a notebook defines, imports or loads is there for the next."""


@pytest.fixture(scope="module")
def executed(finished, tmp_path_factory) -> dict[str, list[nbformat.NotebookNode]]:
    """Cells of every notebook, executed one notebook after the other in one kernel: its start is the half of a notebook."""
    project = copied(finished, tmp_path_factory.mktemp("notebooks"))
    read = {name: nbformat.read(project / f"notebooks/{name}.ipynb", as_version=4).cells for name in NAMES}
    assert not any(cell.get("outputs") for cell in chain(*read.values())), "committed without outputs"
    whole = new_notebook(cells=list(chain(*([*cells, new_code_cell(FORGET)] for cells in read.values()))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEDRO_ENV", "test")
        folder = {"metadata": {"path": str(project / "notebooks")}}
        NotebookClient(whole, timeout=180, allow_errors=True, resources=folder).execute()
    return read


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_on_what_the_pipelines_left(executed, name):
    outputs = [output for cell in executed[name] for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] == "error"] and len(outputs) > 4
    assert executed[name][-1]["outputs"], "it ends with something to see"


def test_the_belt_that_says_what_is_asked_stands_first(executed):
    """From a query's text to its facts to the ranking."""
    shown = executed["03_from_text_to_facts_to_ranking"][-1]["outputs"]
    last = "".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in shown)
    assert last.index("no buckle") < last.index("Canvas") < last.index("brass buckle")


def test_a_notebook_imports_what_is_public() -> None:
    """It never reaches into a private module or name."""
    for name in NAMES:
        cells = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4).cells
        for line in chain(*(cell.source.splitlines() for cell in cells if cell.cell_type == "code")):
            words = line.replace(",", " ").replace(".", " ").split()
            assert not (words[:1] in (["from"], ["import"]) and any(word.startswith("_") for word in words)), line
