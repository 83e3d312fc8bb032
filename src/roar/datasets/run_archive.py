"""Runs that made metrics, kept side by side: a folder each, with the run's record and its metric tables."""

import json
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset

from roar.errors import InputError
from roar.files import replaced_folder
from roar.run_record import KeptRun


class RunArchive(AbstractDataset[dict[str, KeptRun], dict[str, KeptRun]]):
    """Kept runs by name. Saving adds to what is there; a run of the same name is replaced."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Describe the folder; nothing is opened.

        Args:
            filepath: Path of the folder.
            metadata: For Kedro-Viz and other plugins.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, KeptRun]:
        """Every run, in the order of the names; none where there is no folder.

        Raises:
            InputError: a folder's files are missing or damaged.
        """
        return {path.parent.name: _read(path.parent) for path in sorted(self._path.glob("[!.]*/record.json"))}

    def save(self, data: dict[str, KeptRun]) -> None:
        """Add runs."""
        for name, run in data.items():
            with replaced_folder(self._path / name) as folder:
                text = json.dumps(run.record, indent=1, sort_keys=True, default=str)
                (folder / "record.json").write_text(text + "\n", encoding="utf-8", newline="\n")
                run.metrics.write_parquet(folder / "metrics.parquet")
                if run.per_query is not None:
                    run.per_query.write_parquet(folder / "per_query.parquet")

    def _exists(self) -> bool:
        return any(self._path.glob("[!.]*/record.json"))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


def _read(folder: Path) -> KeptRun:
    try:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        per_query = folder / "per_query.parquet"  # runs of earlier versions have none
        known = pl.read_parquet(per_query) if per_query.is_file() else None
        return KeptRun(record, pl.read_parquet(folder / "metrics.parquet"), known)
    except (ValueError, OSError, pl.exceptions.PolarsError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{folder}: no readable kept run ({reason}); remove the folder.") from error
