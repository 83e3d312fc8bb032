"""Versions of an index side by side on disk, one of them current, each with the changes made to it since.

    release/
        current                     the name of the version that is served
        <version>/base/             what was built, sealed by SHA256SUMS: it never changes
        <version>/changes/00000001/ products put in or taken out since, each change sealed by itself

A version is written beside the others and renamed when it is whole, and `current` is replaced after that: whoever reads finds
the old version or the new one. One process writes at a time (`roar.files.Lock`); a killed one leaves nothing that counts.
"""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from roar.errors import InputError
from roar.files import Lock, damage, replaced_file, replaced_folder, seal

CURRENT, BASE, CHANGES = "current", "base", "changes"

_WAIT_S = 10.0
_IN_THIS_PROCESS = threading.RLock()
"""The kernel's lock is the process's: threads wait for one another here."""


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Be the only writer below `root` while the block lasts; waits for another one for a while.

    Raises:
        InputError: another process keeps writing there.
    """
    with _IN_THIS_PROCESS:
        if root in _HELD:
            yield
            return
        lock = _taken(Lock(root), _WAIT_S)
        _HELD.add(root)
        try:
            yield
        finally:
            _HELD.discard(root)
            lock.release()


_HELD: set[Path] = set()


@contextmanager
def changing(version: Path) -> Iterator[None]:
    """As `writing`, to change a version that must still be the one that is served.

    Raises:
        InputError: another process keeps writing, or another version has taken its place.
    """
    with writing(version.parent):
        if (version.parent / CURRENT).is_file() and (current := current_version(version.parent)) != version:
            raise InputError(
                f"{version}: version {current.name} has taken its place; read the index again and repeat the change."
            )
        yield


def _taken(lock: Lock, wait_s: float) -> Lock:
    end = time.monotonic() + wait_s
    while True:
        try:
            lock.take()
            return lock
        except InputError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def new_version() -> str:
    """The time, as a name that sorts."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def current_version(folder: Path) -> Path:
    """The version that a folder means: the folder itself, or the one that its `current` names.

    Raises:
        InputError: there is no version.
    """
    if (folder / BASE).is_dir():
        return folder
    try:
        name = (folder / CURRENT).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(f"{folder}: no release here; run: kedro run --pipelines release") from error
    if not name or "/" in name or not (folder / name / BASE).is_dir():
        raise InputError(f"{folder / CURRENT}: names version {name!r}, which is not there; release again.")
    return folder / name


@contextmanager
def written_version(root: Path, version: str, keep: int) -> Iterator[Path]:
    """Yield a folder to fill; it is sealed, becomes version's base, and is current when the block ends well.

    Args:
        root: of all versions.
        version: its name.
        keep: versions to keep, with this one; the oldest go first.
    """
    with writing(root):
        with replaced_folder(root / version) as partial:
            (partial / BASE).mkdir()
            (partial / CHANGES).mkdir()
            yield partial / BASE
            seal(partial / BASE)
        with replaced_file(root / CURRENT) as partial:
            partial.write_text(version + "\n", encoding="utf-8")
        older = sorted(path for path in root.iterdir() if (path / BASE).is_dir() and path.name != version)
        for path in older[: max(len(older) + 1 - keep, 0)]:
            shutil.rmtree(path, ignore_errors=True)


def changes_of(version: Path, after: int = 0) -> Iterator[tuple[int, Path]]:
    """The changes made to a version, in their order, each checked.

    Raises:
        InputError: one is missing, or damaged.
    """
    numbers = sorted(int(path.name) for path in (version / CHANGES).glob("[0-9]*"))
    for expected, number in enumerate([number for number in numbers if number > after], start=after + 1):
        folder = change_folder(version, number)
        problem = damage(folder) if number == expected else f"change {expected} is missing"
        if problem:
            raise InputError(
                f"{folder}: {problem}. Restore it from a copy, or release again and repeat the changes since."
            )
        yield number, folder


def change_folder(version: Path, number: int) -> Path:
    """Where a change lies."""
    return version / CHANGES / f"{number:08d}"


def require_whole(base: Path) -> None:
    """Compare every file of a base with its seal.

    Raises:
        InputError: says which file is missing, truncated or altered.
    """
    if problem := damage(base):
        raise InputError(f"{base}: {problem}. Restore it from a copy, or run: kedro run --pipelines release")
