"""Tables in text files: one header line, columns separated by a character, everything read as text.

Spreadsheets leave traces that mean nothing: separators at the ends of lines, lines of nothing but separators, blanks and
byte-order marks around names. They are read as what they are. What means something and fits nowhere is an error: a name twice,
values under no name, more values in a line than the header has names.
"""

import codecs
import csv
import io
import re
from collections import Counter
from pathlib import Path

import polars as pl

from roar.datasets.unpacking import unpacked
from roar.errors import InputError
from roar.text.forms import INVISIBLE_RE

_SPARE = 64
"""Empty columns beyond the header that the lines of a spreadsheet's export may have."""

Source = Path | bytes


def read_delimited(path: Path, *, separator: str, quote: str | None, encoding: str) -> pl.DataFrame:
    """The table of a text file, plain or gzip, in any encoding that Python knows; all columns are String.

    Raises:
        InputError: columns without a name or with one name, lines longer than the header, or a file that is no text.
        UnicodeError, LookupError, polars.exceptions.PolarsError: as their libraries raise them.
    """
    source = _as_utf8(path, encoding)
    header, lines = _header(source, separator, quote)
    names = [INVISIBLE_RE.sub("", name).strip() for name in header]
    if twice := [name for name, count in Counter(names).items() if name and count > 1]:
        raise InputError(f"{path}: column {twice[0]} occurs more than once; rename one of them")
    options = {"separator": separator, "quote_char": quote, "infer_schema": False, "glob": False}
    try:
        frame = pl.read_csv(source, **options)  # type: ignore[arg-type]
    except pl.exceptions.ComputeError as error:
        if "more fields" not in str(error):
            raise
        frame = pl.read_csv(_widened(source, separator, lines), **options)  # type: ignore[arg-type]
    return _named(path, frame, names)


def _as_utf8(path: Path, encoding: str) -> Source:
    """What polars can read: the path where the file is plain UTF-8, else its text in bytes."""
    content = unpacked(path)
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii"):
        with path.open("rb") as file:
            head = (content or file.read(4))[:4]
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError(f"{path}: the file begins as UTF-16 does; set `encoding: utf-16` in the catalog")
        return path if content is None else content
    return (path.read_bytes() if content is None else content).decode(encoding).encode()


def _header(source: Source, separator: str, quote: str | None) -> tuple[list[str], int]:
    """Names in the first line that is not empty, and how many lines of the file end with it (a quoted name may span some)."""
    opened = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
    with opened as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        reader = csv.reader(
            text,
            delimiter=separator,
            quotechar=quote or None,
            quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
        )
        try:
            names = next((row for row in reader if row), [])
        except csv.Error:  # a line of more than 100,000 characters: polars says what it is
            names = []
        return names, reader.line_num


def _widened(source: Source, separator: str, lines: int) -> bytes:
    """The content with spare separators at the end of its header."""
    content = source.read_bytes() if isinstance(source, Path) else source
    ends = re.finditer(rb"\r\n|\n|\r", content)
    end = next((match.start() for place, match in enumerate(ends, 1) if place == lines), len(content))
    return content[:end] + separator.encode() * _SPARE + content[end:]


def _named(path: Path, frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """The frame under its names, without the columns and lines of a spreadsheet that hold nothing."""
    names = names + [""] * (frame.width - len(names))
    frame.columns = [name or f"\x00{place}" for place, name in enumerate(names)]
    nameless = [name for name in frame.columns if name.startswith("\x00")]
    filled = [name for name in nameless if frame[name].is_not_null().any()]
    if filled:
        first = frame.filter(pl.col(filled[0]).is_not_null()).row(0)
        shown = ", ".join(str(value) for value in first if value is not None)[:80]
        raise InputError(
            f"{path}: not a table with one header line: {frame[filled[0]].drop_nulls().len()} lines hold a value in column "
            f"{frame.columns.index(filled[0]) + 1}, which has no name (first: {shown}); check separator, quote and the number "
            "of columns in each line"
        )
    frame = frame.drop(nameless)
    return frame.filter(pl.any_horizontal(pl.all().is_not_null())) if frame.width else frame
