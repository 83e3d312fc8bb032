"""An append-only file of entries: a line each, with its checksum, so that what a killed process left is known.

What `append` has written survives the death of the process (the system has it); a power cut may take the last second.
"""

import json
import logging
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from roar.files import replaced_file

logger = logging.getLogger(__name__)

Entry = dict[str, Any]


class Recovered(NamedTuple):
    """What a journal holds.

    entries: the whole lines, in order; size: bytes up to the end of the last; damaged: lines before it that are none.
    """

    entries: list[Entry]
    size: int
    damaged: int


def line(entry: Entry) -> bytes:
    """An entry as it is written."""
    text = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def read(path: Path) -> Recovered:
    """The entries of a journal; a torn last line does not count, and neither does one whose checksum is wrong."""
    content = path.read_bytes() if path.is_file() else b""
    whole, _, _ = content.rpartition(b"\n")
    lines = whole.split(b"\n") if whole else []
    found = [_parsed(each) for each in lines]
    entries = [entry for entry in found if entry is not None]
    damaged = len(lines) - len(entries)
    if damaged:
        logger.warning("%s: %d damaged lines are left out.", path, damaged)
    return Recovered(entries, len(whole) + 1 if whole else 0, damaged)


def _parsed(text: bytes) -> Entry | None:
    try:
        return json.loads(text[9:]) if int(text[:8], 16) == zlib.crc32(text[9:]) else None
    except ValueError:
        return None


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Begin a journal with entries, all of them or none.

    Raises:
        InputError: the disk refuses.
    """
    with replaced_file(path) as part:
        part.write_bytes(b"".join(map(line, entries)))


class Journal:
    """A journal that is written to."""

    def __init__(self, path: Path) -> None:
        """Go on after the last whole line; the file is made where there is none."""
        self.path = path
        self._size = read(path).size
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.ftruncate(self._file, self._size)

    def append(self, entries: Iterable[Entry]) -> None:
        """Write entries, all of them or none.

        Raises:
            OSError: the disk refuses; the file is as it was.
        """
        rest = memoryview(b"".join(map(line, entries)))
        at = self._size
        try:
            while rest:
                written = os.pwrite(self._file, rest, at)
                at, rest = at + written, rest[written:]
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size = at

    def sync(self) -> None:
        """Wait until the disk has it."""
        os.fsync(self._file)

    def close(self) -> None:
        """Give the file up."""
        os.close(self._file)
