"""From mapped columns to the types of the contract, counting what did not fit.

Each kind of column (`roar.ingestion.contract`) has a reader: raw values in; clean values, and the rules that some of
them broke, out. A value that cannot be mended becomes null; a row without a needed value is dropped.
"""

from collections.abc import Callable

import polars as pl

from roar.errors import InputError
from roar.ingestion.contract import TABLES, Column
from roar.ingestion.quality import NOTHING, Broken, Quality, listed
from roar.ingestion.text import clean
from roar.ingestion.values import Read, as_flag, as_text, as_time, counted_numbers, has_zone, unread
from roar.parameters import Ingestion
from roar.schemas import GRADES, Grade
from roar.text import as_attributes, as_ids, is_missing, visible

MIXED_ZONES = "time without a zone among zoned ones, read as UTC"


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
        quality.repaired(table, column.name, raw, broken, config.max_loss)
    except InputError as error:
        raise InputError(f"{table}: {error}") from error
    if column.default is not None:
        quality.add(table, f"gap filled with {column.default}", "repaired", values.null_count(), column=column.name)
        values = values.fill_null(column.default)
    return values


def _read_id(raw: pl.Series, config: Ingestion) -> Read:
    """Ids are compared, not read: one form (`roar.text.as_ids`), so that those of two tables meet."""
    texts = raw if raw.dtype.is_float() else as_text(raw)
    ids = as_ids(texts, config.cleaning.missing)
    changed = (as_text(raw).str.strip_chars() != ids).fill_null(False)
    return Read(ids, [Broken("id brought to its one form", changed)])


def _read_text(raw: pl.Series, config: Ingestion, *, markup: bool = False) -> Read:
    texts = as_text(raw)
    cleaned = clean(texts, config.cleaning, markup=markup)
    emptied = cleaned.texts.is_null() & texts.str.contains(r"\S").fill_null(False)
    nothing = cleaned.texts.to_frame("x").select(is_missing(pl.col("x"), config.cleaning.missing)).to_series()
    nothing = nothing.fill_null(False)
    return Read(
        cleaned.texts.to_frame("x").select(pl.when(~nothing).then(pl.col("x"))).to_series(),
        [
            Broken(NOTHING, nothing),
            Broken("HTML or entities removed", cleaned.html),
            Broken("control or invisible characters removed", cleaned.controls),
            Broken(f"text cut at {config.cleaning.max_characters} characters", cleaned.cut),
            Broken("nothing left after clean-up", emptied),
        ],
    )


def _read_html(raw: pl.Series, config: Ingestion) -> Read:
    return _read_text(raw, config, markup=True)


def _read_attributes(raw: pl.Series, config: Ingestion) -> Read:
    texts = raw if isinstance(raw.dtype, pl.Struct) else as_text(raw)
    values, cut = as_attributes(texts, config.cleaning.max_characters)
    longest = f"attributes cut at {config.cleaning.max_characters} characters"
    return Read(values, [unread(texts, values, "JSON object"), Broken(longest, cut)])


def _read_grade(raw: pl.Series, config: Ingestion) -> Read:
    texts = as_text(raw).to_frame("x").select(visible(pl.col("x")).str.strip_chars().str.to_lowercase()).to_series()
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
    numbers, broken = counted_numbers(raw)
    finite = numbers.is_finite()
    valid = finite if low is None else finite & (numbers >= low)
    valid = valid if high is None else valid & (numbers <= high)
    valid = (valid & (numbers == numbers.floor()) & (numbers < 2**53)) if whole else valid
    values = numbers.to_frame("x").select(pl.when(valid).then(pl.col("x"))).to_series()
    wanted = ("whole " if whole else "") + "number" + (f" from {low:g}" if low is not None else "")
    broken += [
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
    return Read(values, [unread(raw, values, "flag")])


def _read_time(raw: pl.Series, config: Ingestion) -> Read:
    values = as_time(raw)
    return Read(values, [unread(raw, values, "time"), Broken(MIXED_ZONES, _without_zone(raw, values))])


def _without_zone(raw: pl.Series, values: pl.Series) -> pl.Series:
    """Times written without a zone in a column in which others have one: nobody can say that they are UTC."""
    if raw.dtype != pl.String:
        return pl.repeat(False, raw.len(), eager=True)
    zoned = has_zone(raw).fill_null(False)
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
