"""Text tables as spreadsheets, databases and old systems write them: read, or the true reason; and packed files, bounded."""

import gzip
import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import polars as pl
import pytest

from roar.datasets import unpacking
from roar.datasets.table import Table
from roar.datasets.table_folder import TableFolder
from roar.datasets.zipped_json import ZippedJSON


def load(path: Path, content: bytes, **options: object) -> pl.DataFrame:
    path.write_bytes(content)
    return Table(filepath=str(path), **options).load()  # type: ignore[arg-type, return-value]


def failure(path: Path, content: bytes, **options: object) -> str:
    with pytest.raises(Exception) as raised:  # Kedro wraps it
        load(path, content, **options)
    message = str(raised.value.__cause__)
    assert str(path) in message and "\n" not in message
    return message


@pytest.mark.parametrize("name", ["is_duplicated_of", "x_duplicated_0", "_duplicated_1"])
def test_a_name_that_speaks_of_duplicates_is_a_name(tmp_path: Path, name: str) -> None:
    assert load(tmp_path / "a.csv", f"id,{name}\n1,2\n".encode()).columns == ["id", name]


def test_names_that_differ_by_blanks_alone_are_one_name(tmp_path: Path) -> None:
    assert "column id occurs more than once" in failure(tmp_path / "a.csv", b"id, id ,t\n1,2,3\n")


@pytest.mark.parametrize(
    "content",
    [
        b"id,t,,\n1,x,,\n2,y,,\n,,,\n,,,\n",
        b"id,t\n1,x,,\n2,y,\n",
        b"\xef\xbb\xbf id ,t\r\n1,x,\r\n2,y,\r\n",
        b'"id","t"\n"1","x",\n"2","y"\n',
        b"\n\nid,t\n1,x\n2,y,,,,\n",
    ],
)
def test_trailing_separators_of_a_spreadsheet_mean_nothing(tmp_path: Path, content: bytes) -> None:
    frame = load(tmp_path / "a.csv", content)
    assert frame.columns == ["id", "t"] and frame.rows() == [("1", "x"), ("2", "y")]


def test_a_name_over_two_lines_and_a_longer_row(tmp_path: Path) -> None:
    assert load(tmp_path / "a.csv", b'"i\nd",t\n1,x,\n').rows() == [("1", "x")]


@pytest.mark.parametrize("content", [b"id,t,\n1,x,lost\n2,y,\n", b"id,t\n1,x,lost\n"])
def test_values_under_no_name_are_refused(tmp_path: Path, content: bytes) -> None:
    message = failure(tmp_path / "a.csv", content)
    assert "1 lines hold a value in column 3, which has no name (first: 1, x, lost)" in message


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "shift_jis", "utf-8-sig", "UTF-8"])
@pytest.mark.parametrize("packed", [False, True])
def test_any_encoding_also_in_the_header_and_compressed(tmp_path: Path, encoding: str, packed: bool) -> None:
    word = "価格" if encoding == "shift_jis" else "größe"
    content = f"id,{word}\n1,{word}\n".encode(encoding)
    frame = load(tmp_path / "a.csv.gz", gzip.compress(content) if packed else content, encoding=encoding)
    assert frame.columns == ["id", word] and frame.rows() == [("1", word)]


def test_bytes_in_a_header_name_the_option(tmp_path: Path) -> None:
    content = "id,größe\n1,2\n".encode("cp1252")
    assert "set `encoding: latin-1`" in failure(tmp_path / "a.csv", content)
    assert "set `encoding: latin-1`" in failure(tmp_path / "a.csv.gz", gzip.compress(content))
    assert "set `encoding: utf-16`" in failure(tmp_path / "a.csv", "id,t\n1,2\n".encode("utf-16"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 and so on", "a spreadsheet (xlsx, ods)"),
        (b"PAR1 and so on", "set file_format to parquet"),
        (b"BZh91AY", "bzip2"),
        (gzip.compress(b"id,t\n" + b"1,x\n" * 1000, mtime=0)[:40], "check"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in failure(tmp_path / "a.csv", content)


def test_a_compressed_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the stated multiple is refused before it is all in memory."""
    monkeypatch.setattr(unpacking, "ALWAYS", 2**20)
    bomb = gzip.compress(b"0" * 50_000_000)
    tracemalloc.start()
    assert "unpack to more than" in failure(tmp_path / "a.csv.gz", bomb)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    plain = b"id,t\n" + b"1,x\n" * 1000
    assert load(tmp_path / "b.csv.gz", gzip.compress(plain)).height == 1000


def archive(path: Path, content: bytes) -> ZippedJSON:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.json", content)
    return ZippedJSON(filepath=str(path))


def test_an_archive_is_bounded_in_size_and_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "ALWAYS", 2**20)
    with pytest.raises(Exception, match=r"unpack to 50,000,000, more than 100 times"):
        archive(tmp_path / "a.json.zip", b"[" + b" " * 49_999_998 + b"]").load()
    with pytest.raises(Exception, match="nested deeper"):
        archive(tmp_path / "b.json.zip", b'[{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}]").load()
    assert archive(tmp_path / "c.json.zip", json.dumps([{"a": 1}]).encode()).load().rows() == [(1,)]


def test_a_run_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "engine.trec").write_bytes("\ufeffq1 Q0 p1 1 2.5 x\nq2 Q0 p2 1 1.5 x\n".encode())
    assert TableFolder(filepath=str(tmp_path)).load()["engine"]["query_id"].to_list() == ["q1", "q2"]
    (tmp_path / "engine.trec").write_bytes("q1 Q0 é 1 2.5 x\n".encode("latin-1"))
    with pytest.raises(Exception, match="save the file as UTF-8"):
        TableFolder(filepath=str(tmp_path)).load()


def test_a_table_without_quotes_keeps_its_inch_marks(tmp_path: Path) -> None:
    assert load(tmp_path / "a.tsv", b'id\tt"\n1\t13" screen\t\n', quote=None).rows() == [("1", '13" screen')]


def test_saving_and_loading_keeps_a_frame_of_any_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a b": ["=1", " x ", "\ufeffy"], "t": ["1\n2", '"', None]})
    table = Table(filepath=str(tmp_path / "a.csv"))
    table.save(frame)
    assert table.load().equals(frame)  # type: ignore[union-attr]
    assert io.BytesIO((tmp_path / "a.csv").read_bytes()).readline() == b"a b,t\n"
