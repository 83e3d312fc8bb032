"""Tables in files: what is read, what an unreadable file says, and that saving is all or nothing."""

import gzip
from pathlib import Path

import polars as pl
import pytest
from kedro.io import DatasetError

from roar.datasets.table import Table
from roar.errors import InputError


def load(path: Path, content: bytes, **options: object) -> pl.DataFrame:
    path.write_bytes(content)
    return Table(filepath=str(path), **options).load()  # type: ignore[arg-type, return-value]


def failure(path: Path, content: bytes, **options: object) -> str:
    """The message of the InputError; Kedro's wrapper keeps it as the cause."""
    with pytest.raises(DatasetError) as raised:
        load(path, content, **options)
    assert isinstance(raised.value.__cause__, InputError)
    message = str(raised.value.__cause__)
    assert str(path) in message and "\n" not in message
    return message


def test_text_files_are_read_as_text(tmp_path: Path) -> None:
    frame = load(tmp_path / "a.csv", b"id,n\n007,1e3\n,2\n")
    assert frame.rows() == [("007", "1e3"), (None, "2")]


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert load(tmp_path / "a.csv", b"\xef\xbb\xbfid,n\n1,2\n").columns == ["id", "n"]
    assert load(tmp_path / "a.csv", "id,n\n1,é\n".encode("utf-16"), encoding="utf-16").rows() == [("1", "é")]


def test_quoted_line_ends_and_separators(tmp_path: Path) -> None:
    assert load(tmp_path / "a.csv", b'id,t\n1,"two\nlines, ""x"""\n').rows() == [("1", 'two\nlines, "x"')]
    assert load(tmp_path / "a.tsv", b'id\tt\n1\t13" screen\n', quote=None).rows() == [("1", '13" screen')]
    assert load(tmp_path / "a.csv", b"id;t\n1;x\n", separator=";").rows() == [("1", "x")]
    assert load(tmp_path / "a.csv.gz", gzip.compress(b"id,t\n1,x\n")).rows() == [("1", "x")]


def test_latin_1_bytes_name_the_option(tmp_path: Path) -> None:
    content = "id,t\n1,Café\n".encode("latin-1")
    assert "set `encoding: latin-1`" in failure(tmp_path / "a.csv", content)
    assert load(tmp_path / "a.csv", content, encoding="latin-1").rows() == [("1", "Café")]
    assert "encoding 'latin-99' is unknown" in failure(tmp_path / "a.csv", content, encoding="latin-99")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,t\n1,x,y,z\n", "number of columns"),
        (b"", "not a table with one header line"),
        (b"id,id\n1,2\n", "column id occurs more than once"),
        (b'id,t\n1,"never closed\n2,x\n', "not a table"),
    ],
)
def test_a_damaged_text_file(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in failure(tmp_path / "a.csv", content)


def test_short_lines_are_filled_with_nulls(tmp_path: Path) -> None:
    assert load(tmp_path / "a.csv", b"id,t\n1\n2,x\n").rows() == [("1", None), ("2", "x")]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\x00" * 100 + b"PAR1", b"id,t\n1,x\n"])
@pytest.mark.parametrize("lazy", [True, False])
def test_a_damaged_parquet_file(tmp_path: Path, content: bytes, lazy: bool) -> None:
    assert "not a readable parquet file" in failure(tmp_path / "a.parquet", content, lazy=lazy)


def test_a_missing_file_and_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file"):
        Table(filepath=str(tmp_path / "a.csv")).load()
    with pytest.raises(InputError, match="set file_format"):
        Table(filepath="a.xlsx")


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.tsv"])
def test_what_is_saved_is_loaded(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"id": ["007", None], "t": ['13" é', "a\tb,c\nd"]})
    table = Table(filepath=str(tmp_path / "new" / name))
    assert not table.exists()
    for data in (frame, frame.lazy()):
        table.save(data)
        assert table.exists() and table.load().equals(frame)  # type: ignore[union-attr]
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


def test_a_failed_save_leaves_the_old_table_and_no_scraps(tmp_path: Path) -> None:
    table = Table(filepath=str(tmp_path / "a.parquet"))
    table.save(pl.DataFrame({"a": [1]}))
    broken = pl.LazyFrame({"a": [1]}).select(pl.col("a").map_batches(lambda _: 1 / 0, return_dtype=pl.Int64))
    with pytest.raises(DatasetError):
        table.save(broken)
    assert table.load().rows() == [(1,)]  # type: ignore[union-attr]
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": range(1000), "b": ["x"] * 1000})
    for name in ("a.parquet", "b.parquet"):
        Table(filepath=str(tmp_path / name)).save(frame)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_read_only_refuses_to_save(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is read-only in this environment"):
        Table(filepath=str(tmp_path / "a.parquet"), read_only=True).save(pl.DataFrame({"a": [1]}))
    assert not list(tmp_path.iterdir())


def test_lazy_parquet_is_a_scan_and_the_preview_a_few_rows(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    Table(filepath=path).save(pl.DataFrame({"a": range(100), "b": [None] * 100}))
    table = Table(filepath=path, lazy=True)
    assert isinstance(table.load(), pl.LazyFrame)
    preview = table.preview(nrows=3)
    assert preview["columns"] == ["a", "b"] and preview["data"] == [["0", None], ["1", None], ["2", None]]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("catalog.csv", r"no such file \(did you mean catalogue\.csv\?\)"),
        ("folder.csv", "a folder, a table is one file"),
        ("dta/a.csv", r"no folder dta in .*did you mean data\?"),
        ("data/03_primary/products.parquet", "run the pipeline that makes it"),
        ("empty.csv", "the file is empty"),
    ],
)
def test_what_is_not_there_comes_with_what_is(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "catalogue.csv").write_text("a\n1\n")
    (tmp_path / "empty.csv").touch()
    for folder in ("folder.csv", "data"):
        (tmp_path / folder).mkdir()
    with pytest.raises(DatasetError, match=said):
        Table(filepath=str(tmp_path / name)).load()
    with pytest.raises(InputError, match="save the sheet as CSV"):
        Table(filepath=str(tmp_path / "shop.xlsx"))


@pytest.mark.parametrize("option", [{"separator": "||"}, {"separator": ""}, {"quote": "''"}, {"separator": "→"}])
def test_separators_and_quotes_are_one_character(option: dict) -> None:
    with pytest.raises(InputError, match="expected one ASCII character"):
        Table(filepath="a.csv", **option)
