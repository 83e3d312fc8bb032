"""A log that the service goes on writing."""

from pathlib import Path

import polars as pl
import pytest
from kedro.io import DatasetError

from roar.datasets.logged_table import LoggedTable
from roar.schemas import SearchLog


def table(folder: Path, **more) -> LoggedTable:
    return LoggedTable(filepath=str(folder / "log.parquet"), rolls="rolls", schema="roar.schemas.SearchLog", **more)


def test_nothing_at_all_is_an_empty_log(tmp_path):
    log = table(tmp_path)
    assert not log.exists()
    SearchLog.validate(log.load())


def test_its_file_and_its_rolls_are_one_table_in_order(tmp_path):
    log = table(tmp_path)
    log.save(pl.DataFrame({"session_id": ["a"], "origin": ["x"]}))
    assert log.load()["session_id"].to_list() == ["a"]
    (tmp_path / "rolls").mkdir()
    for name, session in (("2", "c"), ("1", "b"), (".3.partial", "half")):
        pl.DataFrame({"session_id": [session], "team": ["t"]}).write_parquet(tmp_path / "rolls" / f"{name}.parquet")
    assert log.load().rows() == [("a", "x", None), ("b", None, "t"), ("c", None, "t")]
    assert table(tmp_path, lazy=True).load().collect().height == 3
    (tmp_path / "log.parquet").unlink()
    assert log.exists() and log.load()["session_id"].to_list() == ["b", "c"]


def test_a_damaged_roll_is_named(tmp_path):
    (tmp_path / "rolls").mkdir()
    (tmp_path / "rolls" / "1.parquet").write_bytes(b"no")
    with pytest.raises(DatasetError, match=r"rolls/1.parquet: not a readable parquet"):
        table(tmp_path).load()
