"""Packed files, with a bound: a few megabytes that unpack to gigabytes are an attack or an accident, never a catalogue."""

import gzip
import zipfile
from pathlib import Path

from roar.errors import InputError

RATIO = 100
"""Times its packed size that a file may unpack to; real tables unpack to 4 to 30 times theirs."""

ALWAYS = 64 * 2**20
"""Bytes that any file may unpack to."""

_PACKED = {
    b"PK\x03\x04": "a zip archive, or a spreadsheet (xlsx, ods); save it as CSV",
    b"BZh": "packed with bzip2; unpack it, or pack it with gzip",
    b"\xfd7zXZ": "packed with xz; unpack it, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "packed with zstd; unpack it, or pack it with gzip",
    b"PAR1": "a parquet file; set file_format to parquet",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet (xls); save it as CSV",
}


def unpacked(path: Path) -> bytes | None:
    """The content of a gzip file; None where the file is plain.

    Raises:
        InputError: it unpacks to more than the bound, or is packed in another way.
    """
    with path.open("rb") as file:
        head = file.read(6)
    if kind := next((kind for start, kind in _PACKED.items() if head.startswith(start)), None):
        raise InputError(f"{path}: not a text file but {kind}")
    if not head.startswith(b"\x1f\x8b"):
        return None
    largest = _largest(path)
    with gzip.open(path) as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise _too_large(path, f"more than {largest:,}", path.stat().st_size)
    return content


def check_archive(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive whose members unpack to more than the bound; zipfile never gives more than they declare."""
    declared = sum(member.file_size for member in archive.infolist())
    if declared > _largest(path):
        raise _too_large(path, f"{declared:,}", path.stat().st_size)


def _largest(path: Path) -> int:
    return max(ALWAYS, RATIO * path.stat().st_size)


def _too_large(path: Path, size: str, packed: int) -> InputError:
    return InputError(
        f"{path}: {packed:,} bytes unpack to {size}, more than {RATIO} times as many (and {ALWAYS:,}); unpack it yourself if "
        "it is what it should be"
    )
