"""A folder of tables, one file each: runs of systems that only YAML knows, and runs dropped in by hand."""

from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset

from roar.datasets.table import Table
from roar.errors import InputError
from roar.files import replaced_folder

_TABLES = (".parquet", ".csv", ".tsv")
_TREC = (".run", ".trec")
"""Six columns without a header, as trec_eval reads them: query, Q0, product, rank, score, tag."""


class TableFolder(AbstractDataset[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]):
    """Tables by file name without its ending; no folder, no tables. Saving replaces the folder by parquet files."""

    def __init__(
        self,
        *,
        filepath: str,
        inside: list[str] | None = None,
        read_only: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Describe the folder; nothing is opened.

        Args:
            filepath: Path of the folder.
            inside: Names of parquet files in the folder's own folders; they load as `folder.name`, and nothing is saved.
            read_only: Refuse to save.
            metadata: For Kedro-Viz and other plugins.
        """
        self._path, self._inside, self._read_only = Path(filepath), inside, read_only or inside is not None
        self.metadata = metadata

    def load(self) -> dict[str, pl.DataFrame]:
        """Every parquet, CSV, TSV or TREC file, in the order of the names.

        Raises:
            InputError: a file cannot be read, is of another kind, or shares its name with another.
        """
        tables: dict[str, pl.DataFrame] = {}
        if self._inside is not None:
            paths = (path for name in self._inside for path in self._path.glob(f"[!.]*/{name}.parquet"))
            return {f"{path.parent.name}.{path.stem}": _read(path) for path in sorted(paths)}
        for path in sorted(self._path.glob("[!.]*")):
            if path.stem in tables:
                raise InputError(f"{path}: two files are called {path.stem!r}; a name stands for one table.")
            tables[path.stem] = _read(path)
        return tables

    def save(self, data: dict[str, pl.DataFrame]) -> None:
        """Replace the folder's content, or leave it as it was."""
        if self._read_only:
            raise InputError(f"{self._path} is read-only in this environment; nothing may write there")
        with replaced_folder(self._path) as part:
            for name, table in data.items():
                table.write_parquet(part / f"{name}.parquet")

    def _exists(self) -> bool:
        return self._path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "read_only": self._read_only}


def _read(path: Path) -> pl.DataFrame:
    if path.suffix in _TABLES:
        return Table(filepath=str(path)).load().lazy().collect()
    if path.suffix not in _TREC:
        raise InputError(f"{path}: expected one of {', '.join((*_TABLES, *_TREC))}; convert the file or move it away.")
    lines = pl.Series(_text(path).splitlines()).str.strip_chars()
    fields = lines.filter(lines != "").str.extract_all(r"\S+")
    if fields.len() and fields.list.len().ne(6).any():
        raise InputError(f"{path}: expected six columns (query, Q0, product, rank, score, tag) on each line.")
    columns = {"query_id": 0, "product_id": 2, "score": 4}
    return pl.DataFrame({name: fields.list.get(place) for name, place in columns.items()})


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the bytes are not UTF-8; save the file as UTF-8.") from error
