"""Files that can be trusted: replaced as a whole or not at all, sealed by their hashes, written by one run at a time.

A writer works under a temporary name beside its target and renames at the end, so that what was there stays until the new
content is. A folder of several files that belong together (an encoder, an index, a checkpoint) is sealed last, by a list of
the SHA-256 of its files; one without a seal was never finished, one that does not match it is damaged. What the disk refuses
becomes one line that says which path, why, and what to do.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from roar.errors import InputError

SEAL = "SHA256SUMS"
"""A seal's file name; `sha256sum --check SHA256SUMS` reads it as well."""

LOCK = ".lock"
_PARTIAL, _OLD = ".partial", ".replaced"
_INTERRUPTED = "it has no seal: writing it was interrupted, or something else than this project wrote it"


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write; it becomes `path` when the block ends well, and vanishes otherwise.

    Where `path` is a symbolic link, the file that it leads to is replaced, and the link stays.

    Raises:
        InputError: the disk refuses; `path` is as it was.
    """
    target = Path(os.path.realpath(path))
    temporary = _temporary(target)
    try:
        with clear_disk_errors(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            temporary.replace(target)
    finally:
        _remove(temporary)


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder to fill; it takes the place of `path` when the block ends well.

    Where `path` is a symbolic link, the folder that it leads to is replaced, and the link stays. Two renames are needed: a
    process that dies between them leaves the old content beside the target, and the next writer (or `tidy`) puts it back.

    Raises:
        InputError: the disk refuses; `path` is as it was.
    """
    target = Path(os.path.realpath(path))
    temporary, old = _temporary(target), target.with_name(f".{target.name}{_OLD}")
    try:
        with clear_disk_errors(path):
            _put_back(old)
            _remove(temporary)
            temporary.mkdir(parents=True)
            yield temporary
            _swap(temporary, target, old)
    finally:
        _remove(temporary)


def _swap(new: Path, target: Path, old: Path) -> None:
    """Two renames, the first undone where the second fails."""
    if os.path.lexists(target):
        target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        if os.path.lexists(old):
            old.rename(target)
        raise
    _remove(old)


def _put_back(old: Path) -> None:
    """Undo, or complete, what a writer left that died between its two renames."""
    target = old.with_name(old.name.removeprefix(".").removesuffix(_OLD))
    if os.path.lexists(old) and not os.path.lexists(target):
        old.rename(target)
    _remove(old)


def tidy(folder: Path) -> None:
    """Put back what killed writers replaced, and remove what they had begun, anywhere below a folder.

    For whoever holds the folder's lock: the unfinished work of a living writer looks the same. Folders that have a lock of
    their own are left to it.
    """
    for place, folders, files in os.walk(os.path.realpath(folder)):
        for name in [name for name in (*folders, *files) if name.startswith(".")]:
            if name.endswith(_OLD):
                _put_back(Path(place, name))
            elif re.search(rf"\.\d+{re.escape(_PARTIAL)}$", name):
                _remove(Path(place, name))
        folders[:] = [name for name in folders if name[0] != "." and not Path(place, name, LOCK).exists()]


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}{_PARTIAL}")


def _remove(path: Path) -> None:
    """What cannot be removed stays: it is in nobody's way, and must not hide why it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def clear_disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk refuses, while a block writes `path`, into one line.

    Libraries report a full disk in their own ways (torch: "unexpected pos 704 vs 598"), some without the system's reason,
    which is then asked for by writing a little beside `path`, before the block above this one cleans up.

    Raises:
        InputError: names the path, the reason, and what to do.
    """
    try:
        yield
    except Exception as error:
        reason = None if isinstance(error, InputError) else _refusal(error, path)
        if reason is None:
            raise
        said = os.strerror(reason) if reason else str(error).splitlines()[0][:160]
        raise InputError(f"{path}: cannot be written ({said}). {_advice(reason, path)}") from error


_OF_A_WRITE = re.compile(r"os error \d+|unexpected pos|write error|failed writing|\d+ requested and \d+ written")
"""How torch, safetensors, polars, faiss and numpy say that writing failed."""

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM}
_IN_THE_WAY = {
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ENOTEMPTY,
}
_REFUSALS = {
    *_FULL,
    *_DENIED,
    *_IN_THE_WAY,
    errno.EBUSY,
    errno.EFBIG,
    errno.EIO,
    errno.ENODEV,
    errno.EROFS,
    errno.ESTALE,
}


def _refusal(error: Exception, path: Path) -> int | None:
    """The system's error number behind an exception, 0 where it is unknown; None where the disk has no part in it."""
    if isinstance(error, OSError) and error.errno is not None:
        where, folder = os.path.realpath(str(error.filename)), os.path.realpath(path.parent)
        ours = where.startswith(folder) if error.filename else error.errno != errno.ENOENT
        return error.errno if ours and error.errno in _REFUSALS else None
    if not _OF_A_WRITE.search(str(error)):
        return None
    if number := re.search(r"os error (\d+)", str(error)):
        return int(number[1]) if int(number[1]) in _REFUSALS - {errno.ENOENT} else None
    named = (code for code in _REFUSALS if os.strerror(code) in str(error))
    return next(named, None) or _asked(path)


def _asked(path: Path) -> int:
    """What the system says to a file beside `path`; 0 where it takes one."""
    try:
        with tempfile.TemporaryFile(dir=_standing(path)) as file:
            file.write(bytes(1 << 20))
            file.flush()
    except OSError as error:
        return error.errno or 0
    return 0


def _advice(reason: int, path: Path) -> str:
    free = shutil.disk_usage(_standing(path)).free / 2**30
    advice = {
        errno.EBUSY: "It may be a mount point, which cannot be replaced: mount the folder above it",
        errno.EFBIG: "Files may not grow so large there: raise the limit (ulimit -f)",
        errno.EROFS: "The disk is mounted read-only: mount it for writing, or set `data` in globals.yml to another folder",
    }
    advice |= dict.fromkeys((*_FULL, 0), f"{free:.1f} GiB are free there: make room")
    advice |= dict.fromkeys(_DENIED, "You may not write there: change its owner or mode, or `data` in globals.yml")
    return f"{advice.get(reason, f'Look at {_standing(path)}')}, and run again; what was there is unchanged."


def _standing(path: Path) -> Path:
    """The nearest folder above a path that exists."""
    return next(folder for folder in Path(os.path.realpath(path)).parents if folder.is_dir())


def sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """The first 16 digits of the SHA-256 of a file, or of a folder's files with their names; hidden ones do not count."""
    if not path.is_dir():
        return sha256(path)[:16]
    digest = hashlib.sha256()
    for name in _members(path):
        digest.update(f"{name}\0{sha256(path / name)}\n".encode())
    return digest.hexdigest()[:16]


def stamp(path: Path) -> str:
    """A fingerprint of names, sizes and times alone; that of the last change of anything, which nobody can set, included."""
    files = _members(path) if path.is_dir() else [""]
    stats = [(name, (path / name).stat()) for name in files]
    listed = [(name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


def _members(folder: Path) -> list[str]:
    """Relative names of a folder's files at any depth, links followed, in order; hidden ones are left out."""
    found: list[str] = []
    been: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        here = os.path.realpath(place)
        folders[:] = [name for name in folders if not name.startswith(".") and here not in been]
        been.add(here)
        found += [Path(place, name).relative_to(folder).as_posix() for name in files if not name.startswith(".")]
    return sorted(found)


def seal(folder: Path) -> None:
    """Declare a folder whole, after all its files were written: list their SHA-256 in `SEAL`.

    Markdown is left out: a model card is for people, and theirs to amend.
    """
    listed = "".join(f"{sha256(folder / name)}  {name}\n" for name in _sealed(folder))
    with replaced_file(folder / SEAL) as partial:
        partial.write_text(listed, encoding="utf-8", newline="\n")


def damage(folder: Path) -> str:
    """What is wrong with a sealed folder, in words; empty where nothing is. Reads every byte of it."""
    try:
        lines = (folder / SEAL).read_text(encoding="utf-8").splitlines()
        listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    except (OSError, UnicodeError):
        return _INTERRUPTED
    return difference(folder, listed) if listed else _INTERRUPTED


def difference(folder: Path, expected: Mapping[str, str]) -> str:
    """How a folder's files differ from those expected, SHA-256 by relative name, in words; empty where they do not.

    A file too many is a difference: what is read may depend on what is there.
    """
    there = _sealed(folder)
    changed = (
        name for name, digest in expected.items() if name not in there or _sha256_or_none(folder / name) != digest
    )
    added = (name for name in there if name not in expected)
    if name := next(changed, ""):
        return f"{name} is missing, unreadable or changed"
    name = next(added, "")
    return f"{name} does not belong to it" if name else ""


def _sha256_or_none(path: Path) -> str | None:
    try:
        return sha256(path)
    except OSError:
        return None


def _sealed(folder: Path) -> list[str]:
    return [name for name in _members(folder) if name != SEAL and not name.endswith(".md")]


class Lock:
    """The right to write into a folder, which one process at a time has.

    The kernel holds it and gives it up when the process ends, however it ends; the file `.lock` stays and says who had it.
    It is the process's: child processes neither inherit nor prolong it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Become the folder's writer, and put right what a killed one left.

        Raises:
            InputError: another process writes there, or the disk refuses; says who, and since when.
        """
        self.release()  # closing any handle of a file gives up all locks that the process has on it
        path = self.folder / LOCK
        with clear_disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            owner = file.read().strip() or "a process that did not say who it is"
            file.close()
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise InputError(
                    f"{path}: this file system has no locks ({error}); keep the data on another."
                ) from error
            raise InputError(
                f"{self.folder}: another run writes there, {owner}. Wait for its end, or give this run a data folder of its "
                "own (`data` in globals.yml)."
            ) from error
        self._file = file
        with clear_disk_errors(self.folder):
            file.truncate(0)
            file.write(f"{_command()} (process {os.getpid()} on {socket.gethostname()}), since {_now()}\n")
            file.flush()
            tidy(self.folder)

    def release(self) -> None:
        """Let others write; nothing happens where the lock is not held."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def _command() -> str:
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]


def _now() -> str:
    return datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
