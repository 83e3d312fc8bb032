"""From mapped columns to the types of the contract, counting what did not fit.

Each kind of column (`roar.ingestion.contract`) has a reader: raw values in; clean values, and the rules that some of
them broke, out. A value that cannot be mended becomes null; a row without a needed value is dropped.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

import polars as pl

from roar.errors import InputError
from roar.ingestion.contract import TABLES, Column
from roar.ingestion.quality import Quality, listed
from roar.ingestion.text import clean
from roar.ingestion.values import as_flag, as_number, as_text, as_time
from roar.parameters import Ingestion
from roar.schemas import GRADES, Grade

MIXED_ZONES = "time without a zone among zoned ones, read as UTC"


class Broken(NamedTuple):
    """A rule, and the rows that broke it; `unreadable` values are those of another type than the column's."""

    rule: str
    rows: pl.Series
    unreadable: bool = False


class Read(NamedTuple):
    """What a reader returns."""

    values: pl.Series
    broken: list[Broken]


def conform(table: str, frame: pl.DataFrame, config: Ingestion, quality: Quality) -> pl.DataFrame:
    """The table in the contract's columns and types, followed by its other columns as they are.

    Raises:
        InputError: a column holds another type than the contract's, or a grade is unknown.
    """
    for column in TABLES[table]:
        if column.name in frame.columns:
            values = _conform_column(table, column, frame[column.name], config, quality)
        else:
            values = pl.repeat(column.default, frame.height, dtype=_DTYPES[column.kind], eager=True)
        frame = frame.with_columns(values.alias(column.name))
    for column in TABLES[table]:
        if column.needed:
            frame = drop(table, frame, frame[column.name].is_null(), f"no {column.name}", column.name, quality)
    names = [column.name for column in TABLES[table]]
    return frame.select(*names, *(name for name in frame.columns if name not in names))


def drop(
    table: str, frame: pl.DataFrame, rows: pl.Series, rule: str, column: str, quality: Quality, action: str = "dropped"
) -> pl.DataFrame:
    """The frame without `rows`, counted under the rule; the examples are the ids of the lost rows."""
    if not rows.any():
        return frame
    lost = frame.filter(rows)
    ids = [name for name in (c.name for c in TABLES[table] if c.kind == "id") if name != column][:2] or [column]
    examples = lost.select(pl.concat_str(pl.col(ids), separator=" / ", ignore_nulls=True)).to_series()
    quality.add(table, rule, action, lost.height, column=column, examples=examples)
    return frame.filter(~rows)


def _conform_column(table: str, column: Column, raw: pl.Series, config: Ingestion, quality: Quality) -> pl.Series:
    try:
        values, broken = _READERS[column.kind](raw, config)
    except InputError as error:
        raise InputError(f"{table}: {error}") from error
    filled = max(raw.len() - raw.null_count(), 1)
    for rule, rows, unreadable in broken:
        if unreadable and rows.sum() > config.max_loss * filled:
            raise InputError(
                f"{table}: column {column.name}: {rows.sum()} of {filled} values are no {rule.split()[-1]} (first: "
                f"{listed(raw.filter(rows))}); map another column to it, or mend the values"
            )
        quality.add(table, rule, "repaired", int(rows.sum()), column=column.name, examples=raw.filter(rows))
    if column.default is not None:
        quality.add(table, f"gap filled with {column.default}", "repaired", values.null_count(), column=column.name)
        values = values.fill_null(column.default)
    return values


def _unreadable(raw: pl.Series, values: pl.Series, what: str) -> Broken:
    """Rows that held something and hold nothing now; white space alone is a gap, not a value."""
    rows = raw.is_not_null() & values.is_null()
    if raw.dtype == pl.String:
        rows &= raw.str.contains(r"\S").fill_null(False)
    return Broken(f"not a {what}", rows, unreadable=True)


def _read_id(raw: pl.Series, config: Ingestion) -> Read:
    """Ids are compared, not read: only the white space around them goes."""
    ids = as_text(raw).str.strip_chars()
    return Read(ids.to_frame("id").select(pl.when(pl.col("id") != "").then("id")).to_series(), [])


def _read_text(raw: pl.Series, config: Ingestion, *, markup: bool = False) -> Read:
    texts = as_text(raw)
    cleaned = clean(texts, config.cleaning, markup=markup)
    emptied = cleaned.texts.is_null() & texts.str.contains(r"\S").fill_null(False)
    return Read(
        cleaned.texts,
        [
            Broken("HTML or entities removed", cleaned.html),
            Broken("control or invisible characters removed", cleaned.controls),
            Broken(f"text cut at {config.cleaning.max_characters} characters", cleaned.cut),
            Broken("nothing left after clean-up", emptied),
        ],
    )


def _read_html(raw: pl.Series, config: Ingestion) -> Read:
    return _read_text(raw, config, markup=True)


def _read_attributes(raw: pl.Series, config: Ingestion) -> Read:
    texts = raw.struct.json_encode() if isinstance(raw.dtype, pl.Struct) else as_text(raw)
    values = texts.map_elements(_json_object, return_dtype=pl.String, skip_nulls=True)
    return Read(values, [_unreadable(texts, values, "JSON object")])


def _json_object(text: str) -> str | None:
    """The text if it is a JSON object without NaN or infinities, which JSON has not."""
    try:
        return text if isinstance(json.loads(text, parse_constant=_refuse), dict) else None
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _read_grade(raw: pl.Series, config: Ingestion) -> Read:
    texts = as_text(raw).str.strip_chars().str.to_lowercase()
    unknown = raw.filter(texts.is_not_null() & (texts != "") & ~texts.is_in(GRADES))
    if len(unknown):
        raise InputError(
            f"column grade holds {len(unknown)} unknown grades (first: {listed(unknown)}); expected "
            f"{', '.join(reversed(GRADES))}: give a translation in ingestion.judgments.columns.grade"
        )
    return Read(texts.cast(Grade, strict=False), [])


def _read_number(
    raw: pl.Series, config: Ingestion, *, low: float | None = None, high: float | None = None, whole: bool = False
) -> Read:
    """Finite numbers within [low, high], whole ones where asked; what is outside becomes null."""
    numbers = as_number(raw)
    finite = numbers.is_finite()
    valid = finite if low is None else finite & (numbers >= low)
    valid = valid if high is None else valid & (numbers <= high)
    valid = (valid & (numbers == numbers.floor()) & (numbers < 2**53)) if whole else valid
    values = numbers.to_frame("x").select(pl.when(valid).then(pl.col("x"))).to_series()
    wanted = ("whole " if whole else "") + "number" + (f" from {low:g}" if low is not None else "")
    broken = [
        _unreadable(raw, numbers, "number"),
        Broken("NaN or infinite", numbers.is_not_null() & ~finite.fill_null(True)),
        Broken(
            f"not a {wanted}" + (f" to {high:g}" if high is not None else ""),
            finite.fill_null(False) & values.is_null(),
        ),
    ]
    return Read(values.cast(pl.Int64) if whole else values, broken)


def _read_amount(raw: pl.Series, config: Ingestion) -> Read:
    return _read_number(raw, config, low=0)


def _read_share(raw: pl.Series, config: Ingestion) -> Read:
    return _read_number(raw, config, low=0, high=1)


def _read_count(raw: pl.Series, config: Ingestion) -> Read:
    return _read_number(raw, config, low=0, whole=True)


def _read_rank(raw: pl.Series, config: Ingestion) -> Read:
    return _read_number(raw, config, low=1, whole=True)


def _read_flag(raw: pl.Series, config: Ingestion) -> Read:
    values = as_flag(raw)
    return Read(values, [_unreadable(raw, values, "flag")])


def _read_time(raw: pl.Series, config: Ingestion) -> Read:
    values = as_time(raw)
    return Read(values, [_unreadable(raw, values, "time"), Broken(MIXED_ZONES, _without_zone(raw, values))])


def _without_zone(raw: pl.Series, values: pl.Series) -> pl.Series:
    """Times written without a zone in a column in which others have one: nobody can say that they are UTC."""
    if raw.dtype != pl.String:
        return pl.repeat(False, raw.len(), eager=True)
    zoned = raw.str.contains(r":\d\d.*(Z|[+-]\d\d:?\d\d)\s*$").fill_null(False)
    plain = values.is_not_null() & ~zoned
    return plain & bool(zoned.any())


_READERS: dict[str, Callable[[pl.Series, Ingestion], Read]] = {
    "id": _read_id,
    "text": _read_text,
    "html": _read_html,
    "attributes": _read_attributes,
    "grade": _read_grade,
    "share": _read_share,
    "amount": _read_amount,
    "number": _read_number,
    "count": _read_count,
    "rank": _read_rank,
    "flag": _read_flag,
    "time": _read_time,
}

_DTYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.String,
    "text": pl.String,
    "html": pl.String,
    "attributes": pl.String,
    "grade": Grade,
    "share": pl.Float64,
    "amount": pl.Float64,
    "number": pl.Float64,
    "count": pl.Int64,
    "rank": pl.Int64,
    "flag": pl.Boolean,
    "time": pl.Datetime("us"),
}
