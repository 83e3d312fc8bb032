"""What an experiment can find: detectable effects, and the units and days that an effect needs.

Powers are tea-tasting's, from moments of the units and so from the log's own variance.
"""

import math
from collections.abc import Mapping
from typing import Any

import polars as pl
import tea_tasting as tt
from scipy import stats

from roar.ab_testing.estimates import estimator
from roar.ab_testing.moments import OVERALL, SUMS, aggregates, varies
from roar.parameters import ABTest, ExperimentPlan, OnlineMetric


def pooled_moments(moments: pl.DataFrame, config: ABTest, *, control_only: bool = False) -> dict[str, dict[str, float]]:
    """Overall moments of each metric, both variants together or the control's alone."""
    rows = moments.filter(pl.col("slice") == OVERALL)
    rows = rows.filter(pl.col("variant") == 0) if control_only else rows
    summed = rows.group_by("metric", maintain_order=True).agg(pl.col(SUMS).sum())
    found = {row.pop("metric"): row for row in summed.to_dicts()}
    return {name: found[name] for name in config.metrics if name in found}


def units_needed(moments: Mapping[str, float], metric: OnlineMetric, effect: float, config: ABTest) -> float | None:
    """Units of both variants together that find a relative effect with the configured power; None where none can.

    Args:
        moments: a row of moments, of all units.
        metric: what they are of.
        effect: relative, not 0.
        config: alpha, power, ratio, CUPED.
    """
    if not measurable(moments, metric):
        return None
    solver = _solver(moments, metric, config, rel_effect_size=effect)
    return float(solver.solve_power(aggregates(moments), "n_obs")[0].n_obs)


def detectable_effect(moments: Mapping[str, float], metric: OnlineMetric, units: int, config: ABTest) -> float | None:
    """The smallest relative effect that so many units find with the configured power."""
    if not measurable(moments, metric) or units < 4:
        return None
    solver = _solver(moments, metric, config, n_obs=units)
    return float(solver.solve_power(aggregates(moments), "rel_effect_size")[0].rel_effect_size)


def units_for_uplift(row: Mapping[str, Any], config: ABTest) -> int | None:
    """Units that would find the uplift of a row of `uplifts` with the configured power; None where it is 0.

    The square of (z_{1 - alpha/2} + z_power) standard errors over the difference (Cohen 1988, ch. 2), times the units.
    """
    if not row["difference"]:
        return None
    quantile = float(stats.norm.isf(config.alpha / 2))
    error = (row["high"] - row["low"]) / (2 * quantile)
    ratio = (quantile + float(stats.norm.ppf(config.power))) * error / row["difference"]
    return math.ceil((row["units_control"] + row["units_treatment"]) * ratio**2)


def measurable(moments: Mapping[str, float], metric: OnlineMetric) -> bool:
    """Whether the metric occurs at all, and varies."""
    if moments["units"] < 2 or moments["y"] <= 0 or (metric.denominator and moments["x"] <= 0):
        return False
    return varies(aggregates(moments), "x" if metric.denominator else None)


def _solver(moments: Mapping[str, float], metric: OnlineMetric, config: ABTest, **asked: float) -> tt.RatioOfMeans:
    base = estimator(metric, adjusted=config.cuped and moments["cc"] > 0, confidence=1 - config.alpha)
    return type(base)(
        base.numer, base.denom, base.numer_covariate,
        alpha=config.alpha, power=config.power, ratio=config.ratio, use_t=False, **asked,
    )  # fmt: skip


def plan(
    moments: pl.DataFrame, days: int, config: ABTest | None = None, planned: ExperimentPlan | None = None
) -> pl.DataFrame:
    """Units and days for each effect, and the effect that each number of days can find, for every metric.

    Units are taken to arrive as they did on average over the days of the log.

    Args:
        moments: of a log that is like the test to come. Variances are those of its control, arrivals those of all units.
        days: that the log spans.
        config: metrics, alpha, power, ratio.
        planned: effects and days to compute for.

    Returns:
        metric, question (effect, days), days, units (both variants), effect (relative).
    """
    config, planned = config or ABTest(), planned or ExperimentPlan()
    overall = moments.filter((pl.col("slice") == OVERALL) & (pl.col("metric") == config.primary))
    a_day = sum(overall["units"].to_list()) / max(days, 1)
    rows: list[tuple[str, str, int, int, float]] = []
    for name, row in pooled_moments(moments, config, control_only=True).items():
        metric = config.metrics[name]
        for effect in planned.effects:
            if units := units_needed(row, metric, effect, config):
                rows.append((name, "effect", math.ceil(units / a_day), math.ceil(units), effect))
        for length in planned.days:
            units = round(a_day * length)
            if found := detectable_effect(row, metric, units, config):
                rows.append((name, "days", length, units, found))
    schema = {"metric": pl.String, "question": pl.String, "days": pl.Int64, "units": pl.Int64, "effect": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
