"""An index on disk: whole or not at all, the old or the new, whatever is killed, full, damaged or written twice."""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from roar import files
from roar.errors import InputError
from roar.files import Lock, seal
from roar.retrieval import Effort, SearchIndex, versions

from .catalogue_of_copies import products, vectors

ROWS = 400


@pytest.fixture
def root(tmp_path) -> Path:
    """A release folder with one version."""
    index = SearchIndex.build(
        products(ROWS, of_a_cluster=2), vectors(ROWS), "HNSW8,Flat", Effort(64),
        queries=vectors(5, 1), filters=("brand", "price"), shown=("title",), rebuild=0.9,
    )  # fmt: skip
    index.write(tmp_path / "release")
    return tmp_path / "release"


def ids(root: Path) -> set[str]:
    """What the index on disk returns, by a search of everything."""
    index = SearchIndex.read(root)
    found = set(index.search(vectors(1), 2 * ROWS)["product_id"])
    assert found == set(index.products["product_id"])
    return found


ALL = {f"p{row}" for row in range(ROWS)}


def upsert(index: SearchIndex) -> None:
    index.upsert(pl.DataFrame({"product_id": ["new"], "title": ["t"]}), vectors(1, 9))


CHANGES = {
    "upsert": (upsert, ALL | {"new"}),
    "remove": (lambda index: index.remove(["p0", "p1"]), ALL - {"p0", "p1"}),
    "compact": (lambda index: index.compact(), ALL),
    "write": (
        lambda index: SearchIndex.build(products(10), vectors(10)).write(index.folder.parent),
        {f"p{row}" for row in range(10)},
    ),
}


def test_an_index_comes_back_as_it_was_with_every_change(root):
    index = SearchIndex.read(root)
    queries = vectors(4, 3)
    upsert(index)
    index.remove(["p7"])
    again = SearchIndex.read(root)
    assert again.search(queries, 20).equals(index.search(queries, 20))
    assert again.manifest == index.manifest and again.log.equals(index.log) and len(again) == ROWS
    assert again.products.columns == ["product_id", "cluster_id", "title", "brand", "price"]
    index.compact()
    compacted = SearchIndex.read(root)
    assert compacted.log.is_empty() and compacted.manifest.products == ROWS == len(compacted)
    assert compacted.manifest.version != again.manifest.version
    assert set(compacted.search(queries, 20)["product_id"]) == set(again.search(queries, 20)["product_id"])
    assert "p7" not in ids(root) and "new" in ids(root)


def test_columns_that_no_hit_shows_stay_on_disk_and_survive_a_compaction(tmp_path):
    table = products(20).with_columns(attributes=pl.lit('{"a": 1}'))
    SearchIndex.build(table, vectors(20), shown=("title",), filters=("brand",)).write(tmp_path / "release")
    index = SearchIndex.read(tmp_path / "release")
    assert "attributes" not in index.products.columns
    index.upsert(pl.DataFrame({"product_id": ["new"], "attributes": ["{}"], "title": ["t"]}), vectors(1, 3))
    index.compact()
    kept = SearchIndex.read(tmp_path / "release").catalogue()
    assert kept["attributes"].value_counts().sort("count")["count"].to_list() == [1, 20]


def test_an_index_that_was_changed_is_written_with_its_changes(tmp_path, root):
    memory = SearchIndex.build(products(20), vectors(20))
    memory.remove(["p0"])
    upsert(memory)
    memory.write(tmp_path / "other")
    assert ids(tmp_path / "other") == {f"p{row}" for row in range(1, 20)} | {"new"}
    disk = SearchIndex.read(root)
    disk.remove(["p0"])
    disk.write(tmp_path / "copy")
    assert ids(tmp_path / "copy") == ALL - {"p0"}
    assert "title" in SearchIndex.read(tmp_path / "copy").products.columns


class Killed(BaseException):
    """Stands in for SIGKILL: nothing is cleaned up."""


@pytest.mark.parametrize("change", CHANGES)
def test_killed_at_any_rename_the_old_or_the_new_stands_and_the_next_change_succeeds(change, root, monkeypatch):
    act, after = CHANGES[change]
    renames = 0
    for fatal in range(1, 20):
        copy = root.with_name(f"copy{fatal}")
        subprocess.run(["cp", "-r", str(root), str(copy)], check=True)
        index = SearchIndex.read(copy)
        with monkeypatch.context() as patch:
            died = _die_at_rename(fatal, patch)
            with contextlib.suppress(Killed):
                act(index)
        renames = fatal
        assert ids(copy) in ([ALL, after] if died else [after])
        act(SearchIndex.read(copy))
        assert ids(copy) == after
        if not died:
            break
    assert renames > 1, "no rename was tried"


def _die_at_rename(number: int, patch) -> list[int]:
    """Let the process "die" before its so many-th rename; the list that is returned fills when it has."""
    count, died = [0], []
    for name in ("rename", "replace"):
        real = getattr(Path, name)

        def rename(self, target, real=real):
            if "partial" in self.name and ".lock" not in self.name:
                count[0] += 1
                if count[0] == number:
                    died.append(number)
                    patch.setattr(files, "_remove", lambda path: None)
                    raise Killed
            return real(self, target)

        patch.setattr(Path, name, rename)
    return died


LOOP = """
import sys
from pathlib import Path
import numpy as np, polars as pl
from roar.retrieval import SearchIndex
index = SearchIndex.read(Path(sys.argv[1]))
for number in range(10_000):
    vector = np.full((1, 16), 0.25, dtype=np.float32)
    index.upsert(pl.DataFrame({"product_id": [f"n{number}"]}), vector)
    index.remove([f"p{number}"])
    if number % 5 == 4:
        index.compact()
    print(number, flush=True)
"""


def test_a_writer_that_is_killed_loses_nothing_that_it_had_finished(root):
    writer = subprocess.Popen([sys.executable, "-c", LOOP, str(root)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(8):
        writer.stdout.readline()
    time.sleep(0.013)
    writer.send_signal(signal.SIGKILL)
    finished = [7, *map(int, writer.stdout.read().split())][-1]
    writer.wait()
    found = ids(root)
    assert {f"n{number}" for number in range(finished + 1)} <= found
    assert not {f"p{number}" for number in range(finished + 1)} & found
    assert ROWS <= len(found) <= ROWS + 1
    upsert(SearchIndex.read(root))
    assert "new" in ids(root)


@pytest.mark.parametrize("change", CHANGES)
def test_a_full_disk_changes_nothing_in_memory_or_on_disk(change, root, monkeypatch):
    index = SearchIndex.read(root)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(InputError, match=r"No space left on device"):
        CHANGES[change][0](index)
    monkeypatch.undo()
    assert len(index) == ROWS and index.log.is_empty() and ids(root) == ALL
    assert not list(root.rglob("*.partial"))


def test_two_indexes_of_one_folder_see_each_others_changes(root):
    one, other = SearchIndex.read(root), SearchIndex.read(root)
    one.remove(["p0"])
    upsert(other)
    assert len(other) == ROWS and other.log["change"].to_list() == ["remove", "upsert"]
    assert len(one) == ROWS - 1
    one.refresh()
    assert len(one) == ROWS
    one.compact()
    with pytest.raises(InputError, match="has taken its place; read the index again"):
        other.remove(["p1"])


def test_products_that_another_index_put_in_are_not_counted_as_ones_own(root):
    one, other = SearchIndex.read(root), SearchIndex.read(root)
    one.upsert(pl.DataFrame({"product_id": ["theirs", "p3"]}), vectors(2, 1))
    assert other.upsert(pl.DataFrame({"product_id": ["own", "p3", "theirs"]}), vectors(3, 2)) == 1
    assert len(other) == ROWS + 2


def test_a_second_process_that_writes_is_refused_in_one_line(root, monkeypatch):
    index = SearchIndex.read(root)
    monkeypatch.setattr(versions, "_WAIT_S", 0.1)
    hold = (
        "import sys, time; from pathlib import Path; from roar.files import Lock; "
        "lock = Lock(Path(sys.argv[1])); lock.take(); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold, str(root)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline().strip() == "held"
    try:
        with pytest.raises(InputError, match="another run writes there"):
            index.remove(["p0"])
        assert len(index) == ROWS
    finally:
        holder.kill()
        holder.wait()
    assert index.remove(["p0"]) == 1, "a killed writer holds nothing"


def base_of(root: Path) -> Path:
    return versions.current_version(root) / "base"


@pytest.mark.parametrize("name", ["vectors.faiss", "index.faiss", "products.parquet", "start.npy", "queries.npy"])
@pytest.mark.parametrize("how", ["missing", "truncated", "one bit"])
def test_a_damaged_file_is_named(name, how, root):
    path = base_of(root) / name
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(content[:-1])
    else:
        path.write_bytes(
            content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1]) + content[len(content) // 2 + 1 :]
        )
    with pytest.raises(InputError, match=f"{name} is missing, unreadable or changed.*kedro run --pipelines release"):
        SearchIndex.read(root)


def test_a_damaged_or_missing_change_is_named(root):
    index = SearchIndex.read(root)
    upsert(index)
    index.remove(["p0"])
    first = versions.change_folder(versions.current_version(root), 1)
    np.save(first / "vectors.npy", np.zeros((1, 16), dtype=np.float16))
    with pytest.raises(InputError, match=r"00000001: vectors.npy is missing, unreadable or changed"):
        SearchIndex.read(root)
    subprocess.run(["rm", "-r", str(first)], check=True)
    with pytest.raises(InputError, match="change 1 is missing"):
        SearchIndex.read(root)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"format": 99}, "format 99, and this version"),
        ({"dimension": 32}, "16 dimensions, and the manifest says 32"),
        ({"products": 3}, "400 products, and the manifest says 3"),
        ({"entries": 3}, "entries, and the manifest says 3"),
        ({"ids": "0"}, "not the ids"),
        ({"colour": "red"}, "colour: Extra inputs"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(said, message, root):
    """Each file is whole and the seal is right; what they say differs."""
    path = base_of(root) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | said))
    seal(path.parent)
    with pytest.raises(InputError, match=message):
        SearchIndex.read(root)


def test_another_encoder_or_template_is_refused(root):
    manifest = SearchIndex.read(root).manifest.model_copy(update={"encoder": "aa", "template": {"max_tokens": 64}})
    manifest.require(encoder="aa", dimension=16, template={"max_tokens": 64})
    for given in ({"encoder": "bb"}, {"dimension": 8}, {"template": {"max_tokens": 32}}):
        with pytest.raises(InputError, match="mean nothing together"):
            manifest.require(**given)


def test_nothing_there_is_said_in_one_line(tmp_path, root):
    with pytest.raises(InputError, match="kedro run --pipelines release"):
        SearchIndex.read(tmp_path / "nowhere")
    (root / "current").write_text("../elsewhere\n")
    with pytest.raises(InputError, match="is not there"):
        SearchIndex.read(root)


def test_versions_stand_side_by_side_and_the_oldest_go(root):
    first = versions.current_version(root)
    reader = SearchIndex.read(root)
    for _ in range(3):
        SearchIndex.read(root).compact()
    names = sorted(path.name for path in root.iterdir() if path.is_dir())
    assert len(names) == 2 and versions.current_version(root).name == names[-1] and not first.exists()
    assert reader.search(vectors(1), 5).height == 5, "who read an old version goes on"


def test_nothing_is_unpickled(root):
    path = base_of(root) / "queries.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    seal(path.parent)
    with pytest.raises(InputError, match="unreadable"):
        SearchIndex.read(root)


def test_the_lock_is_free_after_every_change(root):
    index = SearchIndex.read(root)
    upsert(index)
    index.compact()
    lock = Lock(root)
    lock.take()
    lock.release()
