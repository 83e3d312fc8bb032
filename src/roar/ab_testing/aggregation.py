"""From searches to units: a log of any length, read in parts, becomes totals per unit and moments per slice.

A unit lies in one part (parts are cut by a hash of its id), so each part can look for repeated rows, crossovers and
robots by itself, and what leaves it is one row for each unit and a few hundred sums.
"""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from roar.ab_testing.measures import MEASURES, SCALES, measured
from roar.ab_testing.moments import added, moment_table
from roar.ab_testing.reading import OTHER_VARIANT, Frame, Reading, has_rows, read_log, require_few_excluded, span
from roar.ab_testing.units import Units
from roar.errors import InputError
from roar.parameters import ABTest

logger = logging.getLogger(__name__)

DUPLICATE = "repeats another row"
CROSSOVER = "unit seen in both variants"
ROBOT = "unit with a robot's rate"
CAPPED = "revenue capped"
NO_COVARIATE = "no covariate, mean taken"
UNKNOWN = "unknown"
_LARGEST_COVARIATE = 1e100
_ACTIONS = {OTHER_VARIANT: "left out", CAPPED: "capped", NO_COVARIATE: "filled"}
_TALLY = {"rule": pl.String, "unit": pl.String, "variant": pl.String, "count": pl.Int64}


class Aggregated(NamedTuple):
    """What the rest of an analysis reads.

    totals: unit_id, variant, first_day, covariate (null where unknown), and the sum of every measure.
    moments: slice, level, metric, variant (0 control, 1 treatment), and the sums of `roar.ab_testing.moments`; slices
        are overall, those of the queries, `until` (level: a day; everything up to its end) and `exposure day` (days
        since a unit's first search).
    exclusions: rule, action (excluded, left out, capped, filled), unit (rows, units), control, treatment, other.
    days: day, variant, searches.
    """

    totals: pl.DataFrame
    moments: pl.DataFrame
    exclusions: pl.DataFrame
    days: pl.DataFrame


def aggregate(
    log: Frame,
    units: Frame | None = None,
    levels: pl.DataFrame | None = None,
    config: ABTest | None = None,
    *,
    variants: tuple[str, ...] | None = None,
) -> Aggregated:
    """Read, check and aggregate an experiment.

    Cost: three streamed passes, to survey the log, to find the cap, and to cut it into parts of about `rows_a_part`
    searches, which need the log's space in the temporary folder; memory is that of a part and of the totals.

    Args:
        log: searches under `roar.schemas.ExperimentLog`; lazy where it is large.
        units: unit_id and covariate (pre-period); None, or without rows, where there is none.
        levels: query (distinct, lower case), and a column for each slice of the searches; None for no slices.
        config: policies and metrics.
        variants: to read, each of which must be there; by default both. A plan needs the control alone.

    Returns:
        The experiment; empty tables where the log has no rows.

    Raises:
        InputError: the log cannot be read as an experiment (`read_log`), a policy rejects rows, or unit ids repeat.
    """
    config = config or ABTest()
    if not has_rows(log):
        return _nothing()
    reading = read_log(log, config, variants)
    parts = list(_parts(reading, _covariates(units), levels, config))
    tally = pl.concat([_surveyed(reading.survey), *(part.tally for part in parts)])
    _apply_policies(tally, reading.survey, config)
    totals = pl.concat([part.totals for part in parts]).sort("unit_id")
    _require_units(totals, variants or (config.control, config.treatment))
    logger.info("Experiment: %d units, read in %d parts", totals.height, len(parts))
    usable = reading.survey.filter(pl.col("rule").is_null())
    days = usable.select("day", "variant", pl.col("rows").alias("searches")).sort("day", "variant")
    return Aggregated(totals, added([part.moments for part in parts]), _exclusions(tally, config), days)


def _nothing() -> Aggregated:
    """The empty tables of no experiment."""
    names = {"unit_id": pl.String, "variant": pl.String, "first_day": pl.Date, "covariate": pl.Float64}
    totals = pl.DataFrame(schema=names | dict.fromkeys(MEASURES, pl.Float64))
    labels = dict.fromkeys(("rule", "action", "unit"), pl.String)
    exclusions = pl.DataFrame(schema={**labels, **dict.fromkeys(("control", "treatment", "other"), pl.Int64)})
    days = pl.DataFrame(schema={"day": pl.Date, "variant": pl.String, "searches": pl.Int64})
    return Aggregated(totals, moment_table([]), exclusions, days)


def aggregate_history(log: Frame, units: Frame | None = None, config: ABTest | None = None) -> Aggregated:
    """A log to plan from: both variants of an earlier test, or the control alone, of the days before any."""
    config = config or ABTest()
    there = log.lazy().select(pl.col("variant").unique()).collect(engine="streaming").to_series().to_list()
    variants = tuple(name for name in (config.control, config.treatment) if name in there)
    return aggregate(log, units, config=config, variants=variants if config.control in variants else (config.control,))


def query_levels(queries: pl.DataFrame, slices: pl.DataFrame) -> pl.DataFrame:
    """The slices of searches by the text of the query in lower case: query, vertical, stratum.

    Args:
        queries: query_id, query.
        slices: query_id, vertical, stratum.
    """
    texts = queries.select("query_id", pl.col("query").str.to_lowercase())
    named = texts.join(slices, on="query_id", maintain_order="left")
    named = named.select("query", "vertical", pl.col("stratum").cast(pl.String))
    return named.unique("query", keep="first", maintain_order=True)


def _covariates(units: Frame | None) -> pl.DataFrame:
    """unit_id and covariate, what is not finite, or too large to be squared, as unknown."""
    schema = units.lazy().collect_schema() if units is not None else {}
    if units is None or not schema:
        return pl.DataFrame(schema={"unit_id": pl.String, "covariate": pl.Float64})
    if missing := [name for name in ("unit_id", "covariate") if name not in schema]:
        raise InputError(f"experiment_units: no column {', '.join(missing)}; the table has {', '.join(schema)}")
    if not (schema["covariate"].is_numeric() or schema["covariate"] == pl.Null):
        raise InputError(f"experiment_units: column covariate holds {schema['covariate']}; expected numbers")
    covariate = pl.col("covariate").cast(pl.Float64)
    known = pl.when(covariate.abs() <= _LARGEST_COVARIATE).then(covariate)
    table = units.lazy().select(pl.col("unit_id").cast(pl.String), known).collect(engine="streaming")
    if repeated := table.height - table["unit_id"].n_unique():
        example = table.filter(pl.col("unit_id").is_duplicated())["unit_id"][0]
        raise InputError(
            f"experiment_units: {repeated} rows repeat a unit_id (first: {example}); keep one row for each unit"
        )
    return table


class _Part(NamedTuple):
    totals: pl.DataFrame
    moments: pl.DataFrame
    tally: pl.DataFrame


def _parts(reading: Reading, covariates: pl.DataFrame, levels: pl.DataFrame | None, config: ABTest) -> Iterator[_Part]:
    usable = reading.survey.filter(pl.col("rule").is_null())
    window = span(usable["day"])
    mean = float(covariates["covariate"].mean() or 0.0)  # type: ignore[arg-type]
    count = -(-int(usable["rows"].sum()) // config.rows_a_part)
    for rows in _cut(reading.rows, count):
        kept, tally = _people(rows, config.robot_searches)
        if (cap := reading.revenue_cap) is not None:
            tally.append(_tallied(CAPPED, "rows", kept.filter(pl.col("revenue") > cap)))
        cells, slices = _cells(measured(kept, config.reformulation_s, cap), levels)
        totals = _totals(cells, covariates)
        tally.append(_tallied(NO_COVARIATE, "units", totals.filter(pl.col("covariate").is_null())))
        units = Units(totals, mean, config.treatment, config.metrics)
        moments = units.moments(cells, slices, window)
        yield _Part(_in_units(totals), moments, pl.concat(tally))


def _cut(rows: pl.LazyFrame, count: int) -> Iterator[pl.DataFrame]:
    """The rows in parts that no unit crosses; more than one are streamed to a temporary folder first."""
    if count == 1:
        yield rows.collect(engine="streaming")
        return
    with tempfile.TemporaryDirectory() as folder:
        place = (pl.col("unit_id").hash(seed=0) % count).alias("part")
        files = pl.PartitionBy(folder, key=place, include_key=False)
        rows.sink_parquet(files, compression="lz4", maintain_order=False, engine="streaming")
        for part in sorted(Path(folder).iterdir()):
            yield pl.read_parquet(part / "*.parquet", hive_partitioning=False)


def _people(rows: pl.DataFrame, robot_searches: int) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Rows without repeats, crossovers and robots, and how many of each there were."""
    distinct = rows.unique()
    pairs = distinct.select("unit_id", "variant").unique()
    crossed = pairs.filter(pl.col("unit_id").is_duplicated())
    rates = distinct.group_by("unit_id", "variant", "day").len()
    robots = rates.filter(pl.col("len") > robot_searches).select("unit_id", "variant").unique()
    robots = robots.join(crossed, on="unit_id", how="anti")
    before, after = (_tallied(DUPLICATE, "rows", frame) for frame in (rows, distinct))
    tally = [before, after.with_columns(-pl.col("count"))]
    for rule, units in ((CROSSOVER, crossed), (ROBOT, robots)):
        tally.append(_tallied(rule, "units", units))
        tally.append(_tallied(rule, "rows", distinct.join(units, on=["unit_id", "variant"], how="semi")))
    return distinct.join(pl.concat([crossed, robots]), on="unit_id", how="anti"), tally


def _cells(searches: pl.DataFrame, levels: pl.DataFrame | None) -> tuple[pl.DataFrame, list[str]]:
    """Measures summed by unit, day and slices, sorted by these; and the names of the slices."""
    slices = [] if levels is None else [name for name in levels.columns if name != "query"]
    if levels is not None:
        searches = searches.with_columns(pl.col("query").str.to_lowercase()).join(levels, on="query", how="left")
        searches = searches.with_columns(pl.col(slices).fill_null(UNKNOWN))
    key = ["unit_id", "variant", "day", *slices]
    return searches.group_by(key).agg(pl.col(MEASURES).sum()).sort(key), slices


def _totals(cells: pl.DataFrame, covariates: pl.DataFrame) -> pl.DataFrame:
    first = pl.col("day").min().alias("first_day")
    totals = cells.group_by("unit_id", "variant", maintain_order=True).agg(first, pl.col(MEASURES).sum())
    totals = totals.join(covariates, on="unit_id", how="left", maintain_order="left")
    return totals.select("unit_id", "variant", "first_day", "covariate", *MEASURES)


def _in_units(totals: pl.DataFrame) -> pl.DataFrame:
    """Money and seconds instead of their millionths."""
    return totals.with_columns(pl.col(name) * scale for name, scale in SCALES.items() if scale != 1)


def _tallied(rule: str, unit: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a rule, counted by variant."""
    labels = pl.lit(rule).alias("rule"), pl.lit(unit).alias("unit")
    counts = rows.group_by("variant").agg(pl.len().cast(pl.Int64).alias("count"))
    return counts.select(*labels, "variant", "count").cast(_TALLY)  # type: ignore[arg-type]


def _surveyed(survey: pl.DataFrame) -> pl.DataFrame:
    """The survey's broken rows as a tally."""
    rows = survey.drop_nulls("rule").group_by("rule", "variant").agg(pl.col("rows").sum().alias("count"))
    return rows.select("rule", pl.lit("rows").alias("unit"), "variant", "count").cast(_TALLY)  # type: ignore[arg-type]


def _exclusions(tally: pl.DataFrame, config: ABTest) -> pl.DataFrame:
    """One row for each rule that met something, by variant."""
    both = {"control": config.control, "treatment": config.treatment}
    named = [pl.col("count").filter(pl.col("variant") == name).sum().alias(role) for role, name in both.items()]
    summed = tally.group_by("rule", "unit").agg(*named, pl.col("count").sum().alias("total"))
    action = pl.col("rule").replace_strict(_ACTIONS, default="excluded").alias("action")
    other = (pl.col("total") - pl.col("control") - pl.col("treatment")).alias("other")
    return summed.filter(pl.col("total") > 0).sort("rule", "unit").select("rule", action, "unit", *both, other)


def _require_units(totals: pl.DataFrame, variants: tuple[str, ...]) -> None:
    if lost := [name for name in variants if name not in totals["variant"]]:
        raise InputError(
            f"experiment_log: the policies leave no unit of the variant {', '.join(lost)}; check ab_test.robot_searches "
            "and the routing of units to variants"
        )


def _apply_policies(tally: pl.DataFrame, survey: pl.DataFrame, config: ABTest) -> None:
    """Refuse what a policy rejects, and a log of which too little is left."""
    counts = dict(tally.group_by("rule", "unit").agg(pl.col("count").sum()).select(
        pl.concat_str("rule", "unit", separator="/"), "count").iter_rows())  # fmt: skip
    repeats, crossed = counts.get(f"{DUPLICATE}/rows", 0), counts.get(f"{CROSSOVER}/units", 0) // 2
    if config.duplicate_rows == "reject" and repeats:
        raise InputError(
            f"experiment_log: {repeats} rows repeat another in every column; remove them, or set "
            "ab_test.duplicate_rows to exclude"
        )
    if config.crossovers == "reject" and crossed:
        raise InputError(
            f"experiment_log: {crossed} units were seen in both variants; mend the routing, or set "
            "ab_test.crossovers to exclude"
        )
    excluded = tally.filter((pl.col("unit") == "rows") & ~pl.col("rule").is_in([OTHER_VARIANT, CAPPED]))
    total = int(survey.filter(pl.col("rule").is_null() | (pl.col("rule") != OTHER_VARIANT))["rows"].sum())
    require_few_excluded(excluded.select("rule", pl.col("count").alias("rows")), total, config)
