"""Records in zipped JSON files as one table."""

import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.io import DatasetError

from roar.datasets.zipped_json import ZippedJSON


def archive(path: Path, **members: Any) -> None:
    with zipfile.ZipFile(path, "w") as zipped:
        for name, records in members.items():
            zipped.writestr(f"{name}.json", json.dumps(records))


def test_columns_are_the_union_of_keys_in_the_order_of_files(tmp_path: Path) -> None:
    archive(tmp_path / "2.zip", b=[{"id": "3", "price": 5}])
    archive(tmp_path / "1.zip", a=[{"id": "1"}, {"id": "2", "tags": ["x"], "title": "é"}], c=[])
    dataset = ZippedJSON(filepath=str(tmp_path / "*.zip"))
    assert dataset.exists()
    expected = {
        "id": ["1", "2", "3"],
        "tags": [None, ["x"], None],
        "title": [None, "é", None],
        "price": [None, None, 5],
    }
    assert dataset.load().to_dict(as_series=False) == expected


def test_records_that_disagree_on_a_type_become_text(tmp_path: Path) -> None:
    archive(tmp_path / "1.zip", a=[{"x": 1}, {"x": "two"}, {"x": [3]}, {}])
    assert ZippedJSON(filepath=str(tmp_path / "*.zip")).load()["x"].to_list() == ["1", "two", "[3]", None]


def test_packed_keys_stay_together_with_their_types(tmp_path: Path) -> None:
    archive(tmp_path / "1.zip", a=[{"id": "1", "attr_n": 1.5, "attr_b": True}, {"id": "2"}])
    frame = ZippedJSON(filepath=str(tmp_path / "*.zip"), pack={"attributes": "attr_"}).load()
    assert frame.columns == ["id", "attributes"]
    assert json.loads(frame["attributes"][0]) == {"attr_n": 1.5, "attr_b": True}
    assert frame["attributes"][1] is None


@pytest.mark.parametrize("content", [b"", b"no zip", None, {"id": 1}, [1, 2]])
def test_damage_names_the_file(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "1.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is None:
        with zipfile.ZipFile(path, "w") as zipped:
            zipped.writestr("a.json", "{broken")
    else:
        archive(path, a=content)
    with pytest.raises(DatasetError, match=r"1\.zip.*(not a zip archive|list of objects)"):
        ZippedJSON(filepath=str(tmp_path / "*.zip")).load()


def test_no_file_and_read_only(tmp_path: Path) -> None:
    dataset = ZippedJSON(filepath=str(tmp_path / "*.zip"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="no file matches"):
        dataset.load()
    with pytest.raises(DatasetError, match="read-only"):
        dataset.save(pl.DataFrame())
