"""Records in zipped JSON files, each a list of objects, as one table.

Keys differ from record to record, and a catalogue may have thousands of them, each filled in a handful of records
(one column each would take gigabytes). So keys with a given prefix can be packed: they stay together, as one JSON
object per record in a single column, and a mapping's `gather` reads them from there.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset

from roar.datasets.unpacking import check_archive
from roar.errors import InputError


class ZippedJSON(AbstractDataset[pl.DataFrame, pl.DataFrame]):
    """All records of the JSON files inside the zip archives that match a pattern; read-only.

    One archive member is in memory at a time, besides the table.
    """

    def __init__(
        self, *, filepath: str, pack: dict[str, str] | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        """Describe the files; nothing is opened.

        Args:
            filepath: Path of the archives; the file name may hold wildcards (`*.json.zip`).
            pack: Column to the prefix of the keys that it packs.
            metadata: For Kedro-Viz and other plugins.
        """
        self._path = Path(filepath)
        self._pack = pack or {}
        self.metadata = metadata

    def load(self) -> pl.DataFrame:
        """One row per record, in the order of file names; columns are the union of the keys.

        Raises:
            InputError: no file matches, one is no zip archive of JSON lists of objects, or one unpacks to more than
                `roar.datasets.unpacking` allows.
        """
        if not self._files():
            raise InputError(f"{self._path}: no file matches; put the archives there or change the catalog entry")
        columns: dict[str, list[Any]] = {}
        count = 0
        for record in self._records():
            for key, value in self._packed(record).items():
                values = columns.setdefault(key, [])
                values.extend([None] * (count - len(values)))
                values.append(value)
            count += 1
        filled = {key: values + [None] * (count - len(values)) for key, values in columns.items()}
        return pl.DataFrame({key: _series(values) for key, values in filled.items()})

    def _records(self) -> Iterator[dict[str, Any]]:
        for file in self._files():
            try:
                with zipfile.ZipFile(file) as archive:
                    check_archive(file, archive)
                    members = [name for name in archive.namelist() if name.endswith(".json") and "__MACOSX" not in name]
                    for member in members:
                        yield from _objects(json.loads(archive.read(member)), f"{file} ({member})")
            except RecursionError as error:
                raise InputError(
                    f"{file}: objects nested deeper than JSON's parser reads (about 1,000 levels)"
                ) from error
            except (zipfile.BadZipFile, OSError, RuntimeError, ValueError) as error:
                if isinstance(error, InputError):
                    raise
                reason = " ".join(str(error).split())[:200]
                raise InputError(f"{file}: not a zip archive of JSON files ({reason}); check the copy") from error

    def _packed(self, record: dict[str, Any]) -> dict[str, Any]:
        for column, prefix in self._pack.items():
            packed = {key: value for key, value in record.items() if key.startswith(prefix)}
            record = {key: value for key, value in record.items() if key not in packed}
            if packed:
                record[column] = json.dumps(packed, ensure_ascii=False)
        return record

    def save(self, data: pl.DataFrame) -> None:
        """Refuse: these are a shop's own files.

        Raises:
            InputError: always.
        """
        raise InputError(f"{self._path} is read-only in this environment; nothing may write there")

    def _files(self) -> list[Path]:
        return sorted(self._path.parent.glob(self._path.name))

    def _exists(self) -> bool:
        return bool(self._files())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "pack": self._pack}


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError(f"{name}: expected a JSON list of objects")
    return value


def _series(values: list[Any]) -> pl.Series:
    """A column of one type; where records disagree, everything becomes text."""
    try:
        return pl.Series(values, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        texts = (value if value is None or isinstance(value, str) else json.dumps(value) for value in values)
        return pl.Series(list(texts), dtype=pl.String)
