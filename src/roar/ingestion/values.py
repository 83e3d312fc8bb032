"""Raw values of any type as text, numbers, flags and times; what cannot be read becomes null.

Counting what was lost is the caller's part: a value that was there and is null afterwards was unreadable.
"""

from typing import NamedTuple

import polars as pl

from roar.errors import InputError
from roar.ingestion.numbers import read_numbers
from roar.ingestion.quality import Broken
from roar.text import ascii_digits, is_missing, visible

_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")


class Read(NamedTuple):
    """What a reader of a column returns: clean values, and the rules that some of the raw ones broke."""

    values: pl.Series
    broken: list[Broken]


def as_text(values: pl.Series) -> pl.Series:
    """Values as String: whole floats without their `.0` (ids that passed through pandas), lists one item a line.

    Raises:
        InputError: structs, durations, Python objects or bytes that are not UTF-8.
    """
    dtype = values.dtype
    if dtype == pl.String:
        return values
    if dtype.is_float():
        finite = values.to_frame().select(pl.when(pl.first().is_finite()).then(pl.first())).to_series()
        whole = ((finite == finite.round(0)) & (finite.abs() < 2**53)).all()
        return finite.cast(pl.Int64).cast(pl.String) if whole else finite.cast(pl.String)
    if isinstance(dtype, pl.List) and not dtype.inner.is_nested():
        return values.cast(pl.List(pl.String)).list.join("\n", ignore_nulls=True)
    try:
        if not dtype.is_nested() and dtype != pl.Object:
            return values.cast(pl.String, strict=False)
    except pl.exceptions.PolarsError:  # durations, and bytes that are not UTF-8
        pass
    raise InputError(f"column {values.name} holds {dtype} values; expected text or numbers: choose another column")


def as_number(values: pl.Series) -> pl.Series:
    """Values as Float64, texts by the convention of `numbers`; unreadable ones are null, NaN and infinities stay."""
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        return values.cast(pl.Float64)
    return read_numbers(as_text(values)).values


def counted_numbers(raw: pl.Series, decimal: str | None = None) -> Read:
    """Values as Float64, and which texts were no number, ambiguous, or a range of which the lower end was taken."""
    if raw.dtype.is_numeric() or raw.dtype == pl.Boolean:
        return Read(raw.cast(pl.Float64), [])
    texts = as_text(raw)
    numbers = read_numbers(texts, decimal)
    unreadable = unread(texts, numbers.values, "number")
    advice = 'state the decimal mark: {number: <column>, decimal: "," or "."}'
    return Read(
        numbers.values,
        [
            unreadable._replace(rows=unreadable.rows & ~numbers.ambiguous),
            Broken("not a clear number", numbers.ambiguous, unreadable=True, advice=advice),
            Broken("lower end of a range or of a price 'from'", numbers.lower_ends),
        ],
    )


def unread(raw: pl.Series, values: pl.Series, what: str) -> Broken:
    """Rows that held something and hold nothing now; white space and words for nothing are gaps, not values."""
    rows = raw.is_not_null() & values.is_null()
    if raw.dtype == pl.String:
        filled = pl.col("x").str.contains(r"\S") & ~is_missing(pl.col("x"))
        rows &= raw.to_frame("x").select(filled.fill_null(False)).to_series()
    return Broken(f"not a {what}", rows, unreadable=True)


def join_key(column: str, dtype: pl.DataType) -> pl.Expr:
    """A key as text, whatever type a table gives it: no blanks around, no invisible marks, no `.0` of whole numbers."""
    key = pl.col(column)
    if dtype.is_float():
        whole = (key == key.floor()) & (key.abs() < 2**53)
        return pl.when(whole).then(key.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(key.cast(pl.String))
    text = visible(key.cast(pl.String).str.normalize("NFC")).str.strip_chars().str.replace(r"^([0-9]+)\.0$", "$1")
    return pl.when((text != "") & ~is_missing(text)).then(text)


def as_flag(values: pl.Series) -> pl.Series:
    """Values as Boolean: true/false, yes/no, t/f, y/n, 1/0, in any case."""
    if values.dtype == pl.Boolean:
        return values
    words = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
    return (
        as_text(values)
        .to_frame("x")
        .select(ascii_digits(visible(pl.col("x"))).str.strip_chars().str.to_lowercase())
        .to_series()
        .replace_strict(words, default=None, return_dtype=pl.Boolean)
    )


def as_time(values: pl.Series) -> pl.Series:
    """Values as Datetime in microseconds without a zone (UTC where they had one); texts in ISO 8601.

    A zone is an offset (`Z`, `+02:00`, `+0200`, `+02`) or UTC or GMT by name; a text without one is UTC already. Slashes
    between year, month and day, a blank or nothing for the `T`, and a decimal comma are read too.
    """
    dtype = values.dtype
    if dtype == pl.Date:
        values = values.cast(pl.Datetime("us"))
    elif not isinstance(dtype, pl.Datetime):
        texts = _iso(values).str.replace(r"(T[0-9:.]+)$", "$1+00:00")
        values = texts.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC", strict=False)
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone:
        values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return values.cast(pl.Datetime("us"))


def has_zone(values: pl.Series) -> pl.Series:
    """Whether a time written as text states its zone; null where the text is."""
    return _iso(values).str.contains(r"T[0-9:.]+[+-][0-9:]+$")


def _iso(values: pl.Series) -> pl.Series:
    """Times as `2026-01-02T03:04:05.678+00:00`, the offset only where one is stated; what is no time stays what it is."""
    text = ascii_digits(visible(pl.col("x"))).str.strip_chars().str.replace(r"([Zz]|[+-][0-9:]+)\[[A-Za-z/_]+\]$", "$1")
    text = text.str.replace(r"^([0-9]{4})[/.]([0-9]{2})[/.]([0-9]{2})", "$1-$2-$3")
    text = text.str.replace(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})$", "${1}T00:00:00").str.replace(
        r"^([0-9-]{10})[\st]+", "${1}T"
    )
    text = text.str.replace(r"(?i)\s*([+-]00:?00)?\s*(?:Z|UTC|GMT)$", "+00:00").str.replace(r"\s+([+-][0-9:]+)$", "$1")
    text = text.str.replace(r"(T[0-9:]+),([0-9]+)", "$1.$2").str.replace(r"(T[0-9]{2}:[0-9]{2})($|[+-])", "${1}:00$2")
    text = text.str.replace(r"(T.*[+-][0-9]{2}):?([0-9]{2})$", "$1:$2").str.replace(r"(T[^+-]*[+-][0-9]{2})$", "$1:00")
    return as_text(values).to_frame("x").select(text.alias(values.name)).to_series()
