"""Whether an experiment can be trusted: its split, its exclusions, its days, and an effect that wears off."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
import tea_tasting as tt
from scipy import stats

from roar.ab_testing.aggregation import CROSSOVER, Aggregated
from roar.ab_testing.comparison import compared
from roar.ab_testing.moments import EXPOSURE, OVERALL, aggregates
from roar.ab_testing.reading import span
from roar.ingestion.conform import MIXED_ZONES
from roar.parameters import ABTest

PASSED, FAILED, DOUBTFUL, SKIPPED = "passed", "failed", "doubtful", "not possible"
SCHEMA = {"check": pl.String, "state": pl.String, "p": pl.Float64, "detail": pl.String}


class Check(NamedTuple):
    """A check, its state, its p-value where it has one, and what was seen."""

    check: str
    state: str
    p: float | None
    detail: str


def check(found: Aggregated, quality: pl.DataFrame | None = None, config: ABTest | None = None) -> pl.DataFrame:
    """All checks of an experiment.

    Args:
        found: the aggregated experiment.
        quality: ingestion's data-quality table, for what it dropped or repaired of the log; None where there is none.
        config: the planned ratio and levels.

    Returns:
        check, state (passed, doubtful, failed, not possible), p, detail. A failed one forbids a verdict; a doubtful one is
        for a person to judge.
    """
    config = config or ABTest()
    if found.totals.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    checks = [
        sample_ratio(found.totals, config),
        exclusions_alike(found, config),
        history_alike(found.moments, config),
        novelty(found.moments, config),
        every_day(found.days),
        time_zones(quality),
    ]
    return pl.DataFrame(checks, schema=SCHEMA, orient="row")


def sample_ratio(totals: pl.DataFrame, config: ABTest) -> Check:
    """Whether the variants' numbers of units agree with the planned ratio (Fabijan et al., KDD 2019)."""
    counts = _by_variant(totals, config)
    p = _ratio_p(*counts, config.ratio)
    state = PASSED if p >= config.sample_ratio_alpha else FAILED
    return Check("sample ratio", state, p, f"{counts[0]:,} against {counts[1]:,} units, planned 1 to {config.ratio:g}")


def _ratio_p(control: int, treatment: int, ratio: float) -> float:
    counts = {"control": tt.aggr.Aggregates(count_=control), "treatment": tt.aggr.Aggregates(count_=treatment)}
    return tt.SampleRatio(ratio).analyze(counts, "control", "treatment").pvalue


def _by_variant(rows: pl.DataFrame, config: ABTest) -> tuple[int, int]:
    counts = dict(rows.group_by("variant").len().iter_rows())
    return counts.get(config.control, 0), counts.get(config.treatment, 0)


def exclusions_alike(found: Aggregated, config: ABTest) -> Check:
    """Whether rows were excluded from both variants alike; if not, what is left differs by more than the ranker."""
    rows = found.exclusions.filter((pl.col("action") == "excluded") & (pl.col("unit") == "rows"))
    lost = rows.filter(pl.col("rule") != CROSSOVER).select(pl.col("control", "treatment").sum()).row(0)
    if not sum(lost):
        return Check("exclusions alike", PASSED, None, "nothing was excluded from one variant alone")
    kept = [
        int(found.days.filter(pl.col("variant") == name)["searches"].sum())
        for name in (config.control, config.treatment)
    ]
    p = float(stats.fisher_exact([lost, kept]).pvalue) if min(kept) else 0.0
    state = PASSED if p >= config.sample_ratio_alpha else DOUBTFUL
    return Check("exclusions alike", state, p, f"{lost[0]:,} and {lost[1]:,} rows excluded")


def history_alike(moments: pl.DataFrame, config: ABTest) -> Check:
    """Whether the variants were alike before the test: an A/A test on the covariate."""
    rows = (
        moments.filter((pl.col("slice") == OVERALL) & (pl.col("metric") == config.primary)).sort("variant").to_dicts()
    )
    if len(rows) < 2 or not all(row["cc"] > 0 and row["units"] > 1 for row in rows):
        return Check("alike before the test", SKIPPED, None, "no pre-period covariate")
    control, treatment = map(aggregates, rows)
    difference = treatment.mean("c") - control.mean("c")
    detail = f"covariate differs by {difference:+.3g}"
    error = sum(side.var("c") / side.count() for side in (control, treatment))
    if not error > 1e-12 * difference**2:
        state = PASSED if difference == 0 else DOUBTFUL
        return Check("alike before the test", state, None, f"{detail}; it is the same for all units of a variant")
    p = float(2 * stats.norm.sf(abs(difference) / error**0.5))
    return Check("alike before the test", PASSED if p >= config.sample_ratio_alpha else DOUBTFUL, p, detail)


def novelty(moments: pl.DataFrame, config: ABTest) -> Check:
    """Whether the primary metric's uplift changes with a unit's days in the test.

    A line through the log uplifts of each day since the unit's first search, weighed by their precision; what a unit
    carries from day to day shifts all of them and leaves the slope alone. Days with too few events are left out.
    """
    days, logs, weights = [], [], []
    metric = config.metrics[config.primary]
    for day, (control, treatment) in _exposure_pairs(moments, config.primary).items():
        found, caveat = compared(control, treatment, metric, adjusted=False, min_events=config.min_events)
        if found and caveat is None and found.treatment.mean > 0:
            days.append(day)
            logs.append(math.log(found.treatment.mean / found.control.mean))
            weights.append(1 / found.log_variance)
    if len(days) < 3:
        return Check("effect over time", SKIPPED, None, "fewer than three days of exposure with enough events")
    slope, p = weighted_slope(np.array(days, float), np.array(logs), np.array(weights))
    state = PASSED if p >= config.alpha else DOUBTFUL
    return Check("effect over time", state, p, f"uplift changes by {100 * slope:+.2f}% with each day in the test")


def _exposure_pairs(moments: pl.DataFrame, metric: str) -> Mapping[int, list[dict]]:
    rows = moments.filter((pl.col("slice") == EXPOSURE) & (pl.col("metric") == metric))
    rows = rows.with_columns(pl.col("level").cast(pl.Int64)).sort("level", "variant")
    groups = rows.group_by("level", maintain_order=True)
    return {int(day): pair.to_dicts() for (day,), pair in groups if pair.height == 2}


def weighted_slope(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Slope of the weighted least-squares line with known variances 1 / weights, and its two-sided p."""
    centred = x - np.average(x, weights=weights)
    information = float((weights * centred**2).sum())
    slope = float((weights * centred * y).sum()) / information
    return slope, float(2 * stats.norm.sf(abs(slope) * information**0.5))


def every_day(days: pl.DataFrame) -> Check:
    """Whether each day of the window has searches of both variants."""
    first, last = span(days["day"])
    length = (last - first).days + 1
    full = days.group_by("day").agg(pl.col("variant").n_unique() == 2).filter(pl.col("variant")).height
    state = PASSED if full == length else DOUBTFUL
    return Check(
        "every day", state, None, f"{full} of {length} days ({first} to {last}) have searches of both variants"
    )


def time_zones(quality: pl.DataFrame | None) -> Check:
    """Whether the log's times were all zoned, or none; ingestion has seen them as they were written."""
    if quality is None or quality.is_empty():
        return Check("time zones", SKIPPED, None, "the log was not ingested")
    mixed = quality.filter((pl.col("table") == "experiment_log") & (pl.col("rule") == MIXED_ZONES))["count"].sum()
    if mixed:
        return Check(
            "time zones", DOUBTFUL, None, f"{mixed:,} times have no zone while others do; they were read as UTC"
        )
    return Check("time zones", PASSED, None, "all times are written alike")
