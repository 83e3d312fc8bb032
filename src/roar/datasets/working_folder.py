"""A folder where a node keeps unfinished work, so that a rerun goes on where a killed one stopped."""

import shutil
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from roar.errors import InputError


class WorkingFolder(AbstractDataset[None, Path]):
    """Loads as the folder's path; what is in it is the node's own affair.

    Args:
        filepath: the folder.
        keep: leave it when the node that reads it is done: its results serve further runs.
        metadata: of Kedro-Viz.
    """

    def __init__(self, filepath: str, keep: bool = False, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self._keep = keep
        self.metadata = metadata

    def load(self) -> Path:
        """The path; the folder itself appears when something is kept in it."""
        return self._filepath

    def finish(self) -> None:
        """Remove the folder, unless it is to be kept: the work is done and saved elsewhere."""
        if not self._keep:
            shutil.rmtree(self._filepath, ignore_errors=True)

    def save(self, data: None) -> None:
        """Nothing is saved through the catalog."""
        raise InputError(f"{self._filepath}: a working folder is no pipeline's output.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
