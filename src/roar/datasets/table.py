"""A table in one file: parquet, CSV or TSV, with errors that a person can act on.

It differs from Kedro's polars datasets in four ways: text files are read as text, so that ids such as `00123` stay as
they are; an unreadable file is one line that names it and says what to do; saving is atomic (written beside the
target, then renamed); and a shop's own files can be declared `read_only`. Remote storage is left to
`polars.EagerPolarsDataset`, which ingestion takes as well.
"""

import zlib
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from roar.datasets.delimited import read_delimited
from roar.errors import InputError, nearest
from roar.files import replaced_file

Frame = pl.DataFrame | pl.LazyFrame

_SEPARATORS = {"csv": ",", "tsv": "\t"}
_SHEETS = ("xlsx", "xls", "ods")


class Table(AbstractDataset[Frame, Frame]):
    """A polars frame in a local file."""

    def __init__(
        self,
        *,
        filepath: str,
        file_format: str | None = None,
        separator: str | None = None,
        encoding: str = "utf8",
        quote: str | None = '"',
        lazy: bool = False,
        read_only: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Describe the file; nothing is opened.

        Args:
            filepath: Path of the file.
            file_format: `parquet`, `csv` or `tsv`; by default the file's suffix (`.gz` after it is fine).
            separator: Of columns in text files; by default a comma in CSV and a tab in TSV.
            encoding: Of text files, any that Python knows; a byte-order mark is skipped.
            quote: Character around texts that hold separators or line ends; null where the file quotes nothing.
            lazy: Load parquet as a scan, so that only the columns in use are read.
            read_only: Refuse to save.
            metadata: For Kedro-Viz and other plugins.

        Raises:
            InputError: the format is none of the three.
        """
        self._path = Path(filepath)
        suffixes = [suffix[1:] for suffix in self._path.suffixes if suffix != ".gz"]
        self._format = (file_format or (suffixes[-1] if suffixes else "")).lower()
        if self._format not in {"parquet", *_SEPARATORS}:
            kind = "a folder, a table is one file" if self._path.is_dir() else f"format {self._format!r} is unknown"
            sheet = "save the sheet as CSV, or " if self._format in _SHEETS else ""
            raise InputError(f"{filepath}: {kind}; {sheet}set file_format to parquet, csv or tsv")
        for option, mark in (("separator", separator), ("quote", quote)):
            if mark is not None and len(mark.encode()) != 1:
                raise InputError(f"{filepath}: {option} {mark!r}: expected one ASCII character")
        self._separator = separator or _SEPARATORS.get(self._format, ",")
        self._encoding = encoding
        self._quote = quote
        self._lazy = lazy
        self._read_only = read_only
        self.metadata = metadata

    def load(self) -> Frame:
        """The table; columns of text files are all String.

        Raises:
            InputError: the file is missing, damaged, or not in the format declared.
        """
        if not self._path.is_file():
            made = any(part[:1] == "0" and part[1:2] in "2345678" and part[2:3] == "_" for part in self._path.parts)
            advice = "run the pipeline that makes it" if made else "put the table there or change the catalog entry"
            raise InputError(f"{self._path}: {_absence(self._path)}; {advice}")
        try:
            return self._load_parquet() if self._format == "parquet" else self._load_text()
        except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error, UnicodeError, LookupError) as error:
            raise InputError(f"{self._path}: {self._advice(error)}") from error

    def _load_parquet(self) -> Frame:
        scan = pl.scan_parquet(self._path, glob=False)
        scan.collect_schema()
        return scan if self._lazy else scan.collect()

    def _load_text(self) -> pl.DataFrame:
        return read_delimited(self._path, separator=self._separator, quote=self._quote, encoding=self._encoding)

    def _advice(self, error: Exception) -> str:
        reason = " ".join(str(error).split())[:200]
        reason = reason if self._path.stat().st_size else "the file is empty"
        if self._format == "parquet":
            return f"not a readable parquet file ({reason}); check that the copy is complete"
        if isinstance(error, LookupError):
            return f"the encoding {self._encoding!r} is unknown to Python; set another one"
        if isinstance(error, UnicodeError) or "utf-8" in reason.lower() or "utf8" in reason.lower():
            return (
                f"the bytes are not {self._encoding}; set `encoding: latin-1` (or cp1252, utf-16, ...) in the catalog, "
                "whichever the file was written in"
            )
        return (
            f"not a table with one header line and columns separated by {self._separator!r} ({reason}); check "
            "separator, quote and the number of columns in each line"
        )

    def save(self, data: Frame) -> None:
        """Write the whole table, or nothing.

        Raises:
            InputError: the dataset is read-only.
        """
        if self._read_only:
            raise InputError(f"{self._path} is read-only in this environment; nothing may write there")
        with replaced_file(self._path) as part:
            self._write(data, part)

    def _write(self, data: Frame, path: Path) -> None:
        if self._format == "parquet":
            data.lazy().sink_parquet(path)
        else:
            data.lazy().sink_csv(path, separator=self._separator)

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "file_format": self._format, "read_only": self._read_only}

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for Kedro-Viz."""
        head = self.load().lazy().head(nrows).collect()
        rows = [[None if value is None else str(value) for value in row] for row in head.rows()]
        return TablePreview({"index": list(range(head.height)), "columns": head.columns, "data": rows})


def _absence(path: Path) -> str:
    """Why a path is no file, and the file beside it that has nearly its name."""
    if path.is_dir():
        return "a folder, a table is one file"
    folder = next(parent for parent in path.parents if parent.is_dir())
    missing = path.relative_to(folder).parts[0]
    near = nearest(missing, (other.name for other in folder.iterdir()))
    what = "no such file" if folder == path.parent else f"no folder {missing} in {folder}"
    return f"{what} (did you mean {near}?)" if near else what
