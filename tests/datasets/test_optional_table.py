"""A table that may be absent."""

from pathlib import Path

import polars as pl
import pytest
from kedro.io import DatasetError

from roar import schemas
from roar.datasets.optional_table import OptionalTable


def test_absent_it_is_empty_in_the_columns_of_its_schema(tmp_path: Path) -> None:
    for name in ("SearchLog", "ExperimentLog", "ExperimentUnits", "Judgments"):
        table = OptionalTable(filepath=str(tmp_path / "a.parquet"), schema=f"roar.schemas.{name}")
        frame = table.load()
        assert not table.exists()
        assert isinstance(frame, pl.DataFrame) and frame.is_empty()
        getattr(schemas, name).validate(frame)


def test_without_a_schema_it_has_no_columns(tmp_path: Path) -> None:
    assert OptionalTable(filepath=str(tmp_path / "a.csv")).load().equals(pl.DataFrame())  # type: ignore[union-attr]


def test_present_it_is_loaded_and_existence_is_honest(tmp_path: Path) -> None:
    table = OptionalTable(filepath=str(tmp_path / "a.parquet"), schema="roar.schemas.SearchLog")
    frame = pl.DataFrame({"unit_id": ["u"]})
    table.save(frame)
    assert table.exists() and table.load().equals(frame)  # type: ignore[union-attr]


def test_present_and_damaged_it_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match="not a readable parquet file"):
        OptionalTable(filepath=str(tmp_path / "a.parquet")).load()
