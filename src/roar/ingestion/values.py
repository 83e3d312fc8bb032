"""Raw values of any type as text, numbers, flags and times; what cannot be read becomes null.

Counting what was lost is the caller's part: a value that was there and is null afterwards was unreadable.
"""

import polars as pl

from roar.errors import InputError

_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")


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
    """Values as Float64; unreadable ones are null, NaN and infinities stay."""
    if values.dtype.is_numeric():
        return values.cast(pl.Float64)
    return as_text(values).str.strip_chars().cast(pl.Float64, strict=False)


def as_flag(values: pl.Series) -> pl.Series:
    """Values as Boolean: true/false, yes/no, t/f, y/n, 1/0, in any case."""
    if values.dtype == pl.Boolean:
        return values
    words = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
    return (
        as_text(values)
        .str.strip_chars()
        .str.to_lowercase()
        .replace_strict(words, default=None, return_dtype=pl.Boolean)
    )


def as_time(values: pl.Series) -> pl.Series:
    """Values as Datetime in microseconds without a zone (UTC where they had one); texts in ISO 8601."""
    dtype = values.dtype
    if dtype == pl.Date:
        values = values.cast(pl.Datetime("us"))
    elif not isinstance(dtype, pl.Datetime):
        # A zone is read and turned to UTC; a text without one is UTC already.
        texts = as_text(values).str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d)$", "${1}T00:00:00")
        texts = texts.str.replace(" ", "T", literal=True).str.replace(r"(T\d\d:\d\d)($|[Z+-])", "${1}:00$2")
        zoned = texts.str.replace(r"([+-]\d\d):?(\d\d)$", "$1:$2").str.replace(r"Z$", "+00:00")
        zoned = zoned.str.replace(r"(T[\d:.]+)$", "$1+00:00")
        values = zoned.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC", strict=False)
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone:
        values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return values.cast(pl.Datetime("us"))
