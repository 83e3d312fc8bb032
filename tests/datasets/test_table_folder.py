"""Folders of tables and kept runs: whole or not at all, and clear about what they cannot read."""

from pathlib import Path

import polars as pl
import pytest
from kedro.io import DatasetError

from roar.datasets.run_archive import RunArchive
from roar.datasets.table_folder import TableFolder
from roar.errors import InputError
from roar.run_record import KeptRun

RUN = pl.DataFrame({"query_id": ["q1"], "product_id": ["p1"], "score": [1.5]})


def test_no_folder_is_no_table_and_saving_replaces_the_folder(tmp_path: Path) -> None:
    folder = TableFolder(filepath=str(tmp_path / "runs"))
    assert folder.load() == {}
    assert not folder.exists()
    folder.save({"one.judged": RUN, "two.judged": RUN})
    folder.save({"one.judged": RUN})
    assert folder.exists()
    assert list(folder.load()) == ["one.judged"]
    assert folder.load()["one.judged"].equals(RUN)


def test_runs_are_read_from_parquet_text_and_trec_files(tmp_path: Path) -> None:
    RUN.write_parquet(tmp_path / "a.parquet")
    RUN.write_csv(tmp_path / "b.csv")
    RUN.write_csv(tmp_path / "c.tsv", separator="\t")
    (tmp_path / "d.run").write_text("q1 Q0 p1 1 1.5 ours\n\nq1\tQ0\tp2\t2\t0.5\tours\n")
    tables = TableFolder(filepath=str(tmp_path)).load()
    assert list(tables) == ["a", "b", "c", "d"]
    for name in "abc":
        assert tables[name].cast({"score": pl.Float64}).equals(RUN)
    assert tables["d"].rows() == [("q1", "p1", "1.5"), ("q1", "p2", "0.5")]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.xlsx": "x"}, "expected one of .parquet"),
        ({"a.run": "q1 p1 1.5\n"}, "expected six columns"),
        ({"a.csv": "query_id\nq\n", "a.tsv": "query_id\nq\n"}, "two files are called 'a'"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(Exception, match=message):
        TableFolder(filepath=str(tmp_path)).load()


def test_a_read_only_folder_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="read-only"):
        TableFolder(filepath=str(tmp_path), read_only=True).save({"a": RUN})


def test_kept_runs_add_up_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    archive = RunArchive(filepath=str(tmp_path / "runs"))
    assert archive.load() == {}
    assert not archive.exists()
    archive.save({"first": KeptRun({"seed": 1}, RUN)})
    archive.save({"second": KeptRun({"seed": 2}, RUN)})
    archive.save({"first": KeptRun({"seed": 3}, RUN)})
    runs = archive.load()
    assert {name: run.record["seed"] for name, run in runs.items()} == {"first": 3, "second": 2}
    assert runs["first"].metrics.equals(RUN)
    (tmp_path / "runs" / "first" / "metrics.parquet").unlink()
    with pytest.raises(Exception, match="no readable kept run") as error:
        archive.load()
    assert isinstance(error.value, InputError) or isinstance(error.value.__cause__, InputError)


def test_tables_inside_the_folders_of_a_folder(tmp_path: Path) -> None:
    """Of each folder the files that are asked for, as folder.name; nothing else, and nothing is saved."""
    for system, name in (("bm25", "judged_run"), ("bm25", "scores"), ("stage2", "judged_run")):
        (tmp_path / system).mkdir(exist_ok=True)
        pl.DataFrame({"a": [system]}).write_parquet(tmp_path / system / f"{name}.parquet")
    folder = TableFolder(filepath=str(tmp_path), inside=["judged_run", "catalogue_run"])
    loaded = folder.load()
    assert {name: table["a"].item() for name, table in loaded.items()} == {
        "bm25.judged_run": "bm25",
        "stage2.judged_run": "stage2",
    }
    with pytest.raises(DatasetError, match="read-only"):
        folder.save(loaded)
    assert TableFolder(filepath=str(tmp_path / "none"), inside=["judged_run"]).load() == {}
