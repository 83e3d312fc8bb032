"""Files are replaced as a whole or not at all, sealed, and written by one process at a time."""

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from roar.errors import InputError
from roar.files import (
    SEAL,
    Lock,
    clear_disk_errors,
    damage,
    fingerprint,
    replaced_file,
    replaced_folder,
    seal,
    sha256,
    stamp,
    tidy,
)


def fill(path: Path, text: str) -> None:
    """Replace a folder by one with a single file."""
    with replaced_folder(path) as part:
        (part / "file").write_text(text)


def content(path: Path) -> dict[str, str]:
    return {p.relative_to(path).as_posix(): p.read_text() for p in path.rglob("*") if p.is_file()}


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The system refuses larger files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_block_that_fails_leaves_file_and_folder_as_they_were(tmp_path):
    fill(tmp_path / "folder", "old")
    (tmp_path / "file").write_text("old")
    with pytest.raises(KeyError), replaced_folder(tmp_path / "folder") as part:
        (part / "file").write_text("new")
        raise KeyError
    with pytest.raises(KeyError), replaced_file(tmp_path / "file") as partial:
        partial.write_text("new")
        raise KeyError
    assert content(tmp_path) == {"folder/file": "old", "file": "old"}


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path):
    """Models on a larger disk, linked into the data folder: any number of saves."""
    (tmp_path / "disk").mkdir()
    for name in ("folder", "file"):
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
    for text in ("first", "second", "third"):
        fill(tmp_path / "folder", text)
        with replaced_file(tmp_path / "file") as partial:
            partial.write_text(text)
        assert (tmp_path / "folder").is_symlink() and (tmp_path / "file").is_symlink()
        assert content(tmp_path / "disk") == {"folder/file": text, "file": text}


@pytest.mark.parametrize("failing", [1, 2])
def test_the_old_content_is_there_until_the_new_one_is(tmp_path, monkeypatch, failing):
    fill(tmp_path / "folder", "old")
    rename, calls = Path.rename, iter(range(1, 9))

    def refuse(self: Path, target: Path) -> Path:
        if next(calls) == failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(InputError, match=r"folder: cannot be written .*what was there is unchanged"):
        fill(tmp_path / "folder", "new")
    assert content(tmp_path) == {"folder/file": "old"}


@pytest.mark.parametrize("written_again", [False, True])
def test_a_process_killed_between_the_renames_loses_nothing(tmp_path, written_again):
    """The old content is put back by the next run, and by a next writer, before anything else."""
    folder = tmp_path / "models" / "folder"
    fill(folder, "old")
    folder.rename(tmp_path / "models" / ".folder.replaced")
    (tmp_path / "models" / ".folder.99.partial").mkdir()
    (tmp_path / "models" / ".table.parquet.99.partial").touch()
    if written_again:
        with pytest.raises(KeyError), replaced_folder(folder):
            raise KeyError
        assert content(folder) == {"file": "old"}
    tidy(tmp_path)
    assert content(folder) == {"file": "old"}
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["folder"]


def test_a_killed_replacement_that_was_done_is_only_cleaned_up(tmp_path):
    fill(tmp_path / "folder", "new")
    (tmp_path / ".folder.replaced").mkdir()
    tidy(tmp_path)
    assert content(tmp_path) == {"folder/file": "new"} and [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_tidying_leaves_others_folders_and_files_alone(tmp_path):
    """Another environment's folder inside has a lock, and perhaps a writer, of its own; a person's files are no leftovers."""
    (tmp_path / "esci").mkdir()
    (tmp_path / "esci" / ".lock").touch()
    names = ["esci/.table.1.partial", ".gitkeep", "notes.partial", ".mine.partial", "raw.replaced"]
    for name in names:
        (tmp_path / name).touch()
    tidy(tmp_path)
    assert all((tmp_path / name).exists() for name in names)


INDEX = faiss.IndexFlatIP(64)
INDEX.add(np.zeros((1 << 13, 64), dtype=np.float32))
WRITERS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("x" * (1 << 21)),
    "polars": lambda path: pl.DataFrame({"a": np.random.default_rng(0).random(1 << 18)}).lazy().sink_parquet(path),
    "csv": lambda path: pl.DataFrame({"a": np.random.default_rng(0).random(1 << 18)}).lazy().sink_csv(path),
    "torch": lambda path: torch.save(torch.randn(1 << 18), path),
    "safetensors": lambda path: save_file({"a": torch.randn(1 << 18)}, path),
    "faiss": lambda path: faiss.write_index(INDEX, str(path)),
    "numpy": lambda path: np.zeros(1 << 18).tofile(path),
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_whatever_library_writes_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path, writer):
    (tmp_path / "file").write_text("old")
    line = r"file: cannot be written \(.*and run again"
    with (
        files_up_to(1 << 16),
        pytest.raises(InputError, match=line) as error,
        replaced_file(tmp_path / "file") as partial,
    ):
        writer(partial)
    assert "\n" not in str(error.value)
    assert content(tmp_path) == {"file": "old"}


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "No space left on device.*GiB are free there: make room"),
        (errno.EDQUOT, "quota.*make room"),
        (errno.EROFS, "mounted read-only: mount it for writing"),
        (errno.EACCES, "You may not write there: change its owner or mode"),
        (errno.EPERM, "You may not write there"),
        (errno.EBUSY, "may be a mount point"),
    ],
)
def test_each_refusal_says_what_to_do(tmp_path, code, advice):
    path, line = tmp_path / "models" / "x", f"(?i)models/x: cannot be written .*{advice}.*run again"
    with pytest.raises(InputError, match=line), clear_disk_errors(path):
        raise OSError(code, os.strerror(code), str(path))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shape mismatch"),
        FileNotFoundError(errno.ENOENT, "No such file", "/elsewhere/source.parquet"),
        PermissionError(errno.EACCES, "Permission denied", "/elsewhere/source.parquet"),
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        InputError("table products: no rows"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_other_errors_are_not_taken_for_the_disks(tmp_path, error):
    """What a lazy table reads from may be missing while it is written."""
    with pytest.raises(type(error)) as raised, clear_disk_errors(tmp_path / "file"):
        raise error
    assert raised.value is error


def test_a_refusal_behind_a_link_is_one_too(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    for place in ("data", "disk"):
        path = tmp_path / place / "models"
        with (
            pytest.raises(InputError, match="models: cannot be written"),
            clear_disk_errors(tmp_path / "data" / "models"),
        ):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path / "encoder"))


def test_a_file_where_a_folder_should_be_is_said(tmp_path):
    (tmp_path / "models").touch()
    with pytest.raises(InputError, match=r"encoder: cannot be written .*(Not a directory|File exists)"):
        fill(tmp_path / "models" / "encoder", "new")


def test_fingerprints_see_content_and_names_and_nothing_else(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "file").write_text("same")
    (tmp_path / "b" / ".DS_Store").touch()
    os.utime(tmp_path / "b" / "inner" / "file", (1, 1))
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    assert stamp(tmp_path / "a") != stamp(tmp_path / "b")
    assert fingerprint(tmp_path / "a" / "inner" / "file") == fingerprint(tmp_path / "b" / "inner" / "file")
    before = fingerprint(tmp_path / "a")
    (tmp_path / "a" / "inner" / "file").rename(tmp_path / "a" / "inner" / "other")
    assert fingerprint(tmp_path / "a") != before
    (tmp_path / "b" / "inner" / "file").write_text("changed")
    assert fingerprint(tmp_path / "b") != before


@pytest.fixture
def sealed(tmp_path) -> Path:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "folder" / "inner" / "weights").write_bytes(bytes(range(256)))
    (tmp_path / "folder" / "config").write_text("{}")
    (tmp_path / "folder" / "README.md").write_text("A card.")
    seal(tmp_path / "folder")
    return tmp_path / "folder"


def test_a_sealed_folder_is_whole_and_other_tools_say_so_too(sealed):
    assert damage(sealed) == ""
    (sealed / "README.md").write_text("Amended by hand.")
    (sealed / ".DS_Store").touch()
    assert damage(sealed) == ""
    assert f"{sha256(sealed / 'config')}  config" in (sealed / SEAL).read_text()
    subprocess.run(["sha256sum", "--check", "--quiet", SEAL], cwd=sealed, check=True)


def test_every_change_of_a_sealed_folder_is_named(sealed):
    weights = sealed / "inner" / "weights"
    changed = bytearray(weights.read_bytes())
    changed[77] ^= 4
    weights.write_bytes(changed)
    assert damage(sealed) == "inner/weights is missing, unreadable or changed"
    weights.unlink()
    assert damage(sealed) == "inner/weights is missing, unreadable or changed"
    weights.write_bytes(bytes(range(256)))
    assert damage(sealed) == ""
    (sealed / "adapter_config.json").touch()
    assert damage(sealed) == "adapter_config.json does not belong to it"
    (sealed / "adapter_config.json").unlink()
    (sealed / "2_Dense").symlink_to(sealed / "inner")
    assert damage(sealed) == "2_Dense/weights does not belong to it"
    (sealed / "2_Dense").unlink()
    (sealed / "loop").symlink_to(sealed)
    assert "does not belong" in damage(sealed)
    (sealed / SEAL).unlink()
    assert "no seal" in damage(sealed) and "no seal" in damage(sealed / "nowhere")


HOLD = """
import sys, time
from pathlib import Path
from roar.files import Lock
lock = Lock(Path(sys.argv[1]))
lock.take()
print("held", flush=True)
time.sleep(60)
"""


def test_a_folder_has_one_writer_and_a_killed_one_is_none(tmp_path):
    """The second is told who writes and since when; the kernel ends a killed one's right, whatever the file says."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "data")], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    lock = Lock(tmp_path / "data")
    with pytest.raises(InputError, match=rf"another run writes there, .*process {holder.pid} on .*since 2\d\d\d-"):
        lock.take()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock.take()
    lock.take()  # a notebook that runs twice
    assert str(os.getpid()) in (tmp_path / "data" / ".lock").read_text()
    lock.release()
    again = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "data")], stdout=subprocess.PIPE)
    assert again.stdout.readline() == b"held\n"
    again.kill()
    again.wait()
