"""A log: a file of one's own, the folder of parquet files that the search service writes beside it, both, or nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from roar.datasets.optional_table import OptionalTable
from roar.datasets.table import Frame, Table


class LoggedTable(OptionalTable):
    """An `OptionalTable` whose rows go on in a folder of rolls."""

    def __init__(self, *, rolls: str, schema: str | None = None, **table: Any) -> None:
        """Describe both; nothing is opened.

        Args:
            rolls: Folder of parquet files, seen from the file's folder, read in the order of their names; those that begin with a point do not count.
            schema: As in `OptionalTable`.
            table: The arguments of `Table`; what is saved goes into its file.
        """
        super().__init__(schema=schema, **table)
        self._rolls = self._path.parent / rolls

    @property
    def paths(self) -> Sequence[Path]:
        """All that it is read from, whether there or not."""
        return [self._path, self._rolls]

    def load(self) -> Frame:
        """The file's rows, then those of the rolls; a column that one lacks is null there.

        Raises:
            InputError: a file is there and cannot be read.
        """
        scans = [Table(filepath=str(path), lazy=True).load().lazy() for path in self._files()]
        if not scans:
            return super().load()
        if super()._exists():
            scans.insert(0, super().load().lazy())
        both = pl.concat(scans, how="diagonal_relaxed")
        return both if self._lazy else both.collect()

    def _files(self) -> list[Path]:
        return sorted(self._rolls.glob("[!.]*.parquet"))

    def _exists(self) -> bool:
        return super()._exists() or bool(self._files())
