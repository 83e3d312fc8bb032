"""Reading an experiment's log: which rows can be used, and why the others cannot.

Nothing is dropped in silence: each rule's rows are counted by variant and day, and too many of them, or a log that
cannot be read as an experiment of two variants, is an error.
"""

from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from roar.errors import InputError
from roar.parameters import ABTest
from roar.schemas import ExperimentLog

NAMES = ("unit_id", "session_id", "variant", "query")
COUNTS = ("results", "impressions", "clicks", "carts", "orders")
COLUMNS = tuple(ExperimentLog.to_schema().columns)
OPTIONAL = ("first_click_s",)

MISSING = "a needed value is missing"
OTHER_VARIANT = "another variant"
OUTSIDE = "outside the window"
NEGATIVE = "negative or not finite"
HUGE = "larger than any count or amount"
IMPOSSIBLE = "more clicks than impressions"
LARGEST_COUNT, LARGEST_AMOUNT = 10**9, 1e15
"""Of one search: what is above is no number of clicks, and no money or time in any unit that keeps its millionths."""

Frame = pl.DataFrame | pl.LazyFrame


class Reading(NamedTuple):
    """A log that can be analysed.

    rows: the usable rows, in the contract's columns, with `day`; lazy.
    survey: rule (null: usable), variant, day, rows; one row for each that occurs.
    revenue_cap: where a search's revenue is capped; None: nowhere.
    """

    rows: pl.LazyFrame
    survey: pl.DataFrame
    revenue_cap: float | None


def has_rows(log: Frame) -> bool:
    """Whether there is a log at all."""
    return bool(log.lazy().collect_schema().names()) and log.lazy().head(1).collect().height > 0


def read_log(log: Frame, config: ABTest, variants: tuple[str, ...] | None = None) -> Reading:
    """Check the log, sort its rows into usable and not, and count both.

    Cost: two streamed passes over the log; memory does not grow with it.

    Args:
        log: searches under `roar.schemas.ExperimentLog`.
        config: policies.
        variants: to read, each of which must be there; by default both.

    Raises:
        InputError: a column is missing or of another type, a variant has no usable row, the log spans more than
            `max_days`, a policy rejects rows, or more than `max_excluded` of them would be excluded.
    """
    variants = variants or (config.control, config.treatment)
    judged = _conformed(log.lazy()).with_columns(
        _rule(config, variants).alias("rule"), pl.col("timestamp").dt.date().alias("day")
    )
    survey = judged.group_by("rule", "variant", "day").agg(pl.len().cast(pl.Int64).alias("rows"))
    counted = survey.collect(engine="streaming").sort("rule", "variant", "day", nulls_last=False)
    _require_usable(counted, config, variants)
    rows = judged.filter(pl.col("rule").is_null()).drop("rule")
    return Reading(rows, counted, _revenue_cap(rows, config.winsorise))


def _conformed(log: pl.LazyFrame) -> pl.LazyFrame:
    """The contract's columns, times in UTC without a zone."""
    schema = log.collect_schema()
    if missing := [name for name in COLUMNS if name not in schema and name not in OPTIONAL]:
        raise InputError(
            f"experiment_log: no column {', '.join(missing)}; name it in ingestion.experiment_log.columns "
            f"(the log has {', '.join(schema)})"
        )
    _require_types(schema)
    time = pl.col("timestamp")
    zone = getattr(schema["timestamp"], "time_zone", None)
    time = time.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zone else time
    optional = [pl.lit(None, pl.Float64).alias(name) for name in OPTIONAL if name not in schema]
    return log.with_columns(*optional).select(
        *(pl.col(name).cast(pl.String) for name in NAMES),
        time.cast(pl.Datetime("us")),
        *(pl.col(name).cast(pl.Int128).clip(-1, LARGEST_COUNT + 1).cast(pl.Int64) for name in COUNTS),
        *(pl.col(name).cast(pl.Float64) for name in ("revenue", *OPTIONAL)),
    )


def _require_types(schema: pl.Schema) -> None:
    if not isinstance(schema["timestamp"], pl.Datetime):
        raise InputError(
            f"experiment_log: column timestamp holds {schema['timestamp']}; expected times: let ingestion read it, or "
            "parse it first"
        )
    for name in COUNTS:
        if not schema[name].is_integer():
            raise InputError(f"experiment_log: column {name} holds {schema[name]}; expected whole numbers")
    for name in ("revenue", *OPTIONAL):
        if name in schema and not (schema[name].is_numeric() or schema[name] == pl.Null):
            raise InputError(f"experiment_log: column {name} holds {schema[name]}; expected numbers")


def _rule(config: ABTest, variants: tuple[str, ...]) -> pl.Expr:
    """The first rule that a row breaks; null where it breaks none."""
    needed = [name for name in COLUMNS if name not in OPTIONAL]
    missing = pl.any_horizontal(
        *(pl.col(name).is_null() for name in needed), *(pl.col(name) == "" for name in ("unit_id", "session_id"))
    )
    amounts = [(pl.col(name) < 0) | ~pl.col(name).is_finite() for name in ("revenue", *OPTIONAL)]
    negative = pl.any_horizontal(*(pl.col(name) < 0 for name in COUNTS), *amounts)
    huge = pl.any_horizontal(
        *(pl.col(name) > LARGEST_COUNT for name in COUNTS),
        *(pl.col(name) > LARGEST_AMOUNT for name in ("revenue", *OPTIONAL)),
    )
    return (
        pl.when(missing.fill_null(True)).then(pl.lit(MISSING))
        .when(~pl.col("variant").is_in(variants)).then(pl.lit(OTHER_VARIANT))
        .when(_outside(config.start, config.end)).then(pl.lit(OUTSIDE))
        .when(negative.fill_null(False)).then(pl.lit(NEGATIVE))
        .when(huge.fill_null(False)).then(pl.lit(HUGE))
        .when(pl.col("clicks") > pl.col("impressions")).then(pl.lit(IMPOSSIBLE))
    )  # fmt: skip


def _outside(start: datetime | None, end: datetime | None) -> pl.Expr:
    early = pl.lit(False) if start is None else pl.col("timestamp") < pl.lit(start, pl.Datetime("us"))
    late = pl.lit(False) if end is None else pl.col("timestamp") >= pl.lit(end, pl.Datetime("us"))
    return early | late


def _require_usable(survey: pl.DataFrame, config: ABTest, variants: tuple[str, ...]) -> None:
    """Refuse a log that is no experiment, or that its rules would bias."""
    usable = survey.filter(pl.col("rule").is_null())
    found = dict(usable.group_by("variant").agg(pl.col("rows").sum()).iter_rows())
    for role, name in zip(("control", "treatment"), variants, strict=False):
        if name not in found:
            there = ", ".join(map(str, survey["variant"].unique().sort())) or "no rows"
            raise InputError(
                f"experiment_log: variant '{name}' (ab_test.{role}) has no usable row; the log has: {there}. Set "
                f"ab_test.{role}, or check the window and the rows"
            )
    first, last = span(usable["day"])
    if (days := (last - first).days + 1) > config.max_days:
        raise InputError(
            f"experiment_log: timestamps span {days} days ({first} to {last}), more than ab_test.max_days "
            f"({config.max_days}); set ab_test.start and ab_test.end, and rows outside are left out and counted"
        )
    broken = survey.filter(pl.col("rule").is_in([NEGATIVE, HUGE, IMPOSSIBLE]))["rows"].sum()
    if config.impossible_rows == "reject" and broken:
        raise InputError(
            f"experiment_log: {broken} rows have negative counts or more clicks than impressions, or numbers beyond "
            "any; mend the log, or set ab_test.impossible_rows to exclude"
        )


def span(days: pl.Series) -> tuple[date, date]:
    """The first and the last day."""
    distinct = days.unique().to_list()
    return min(distinct), max(distinct)


def require_few_excluded(rules: pl.DataFrame, total: int, config: ABTest) -> None:
    """Refuse to go on with a remnant.

    Args:
        rules: rule, and the rows that it excludes.
        total: rows of the two variants.
        config: `max_excluded` is the largest share of rows that may go.

    Raises:
        InputError: the rules exclude more.
    """
    excluded = rules.group_by("rule").agg(pl.col("rows").sum()).sort("rows", "rule")
    if excluded["rows"].sum() > config.max_excluded * total:
        rule, rows = excluded.row(-1)
        raise InputError(
            f"experiment_log: {excluded['rows'].sum()} of {total} rows would be excluded, {rows} of them by the rule "
            f"'{rule}'; what is left may be biased: mend the log, or raise ab_test.max_excluded ({config.max_excluded:g})"
        )


def _revenue_cap(rows: pl.LazyFrame, quantile: float | None) -> float | None:
    if quantile is None:
        return None
    revenue = rows.select("revenue").filter(pl.col("revenue") > 0)
    return revenue.select(pl.col("revenue").quantile(quantile, "higher")).collect(engine="streaming").item()
