"""What an experiment can find: detectable effects, and the units and days that an effect needs.

By the normal approximation (Cohen 1988, ch. 2), from moments of the units and so from the log's own variance: an effect
that lies z_{1 - alpha/2} + z_power standard errors from zero is found with that power.
"""

import math
from collections.abc import Mapping
from typing import Any

import polars as pl
from scipy import stats

from roar.ab_testing.comparison import effective_count, unit_variance
from roar.ab_testing.moments import OVERALL, SUMS
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
    spread = _spread(moments, metric, config)
    return None if spread is None else (spread / effect) ** 2


def units_for_events(moments: Mapping[str, float], metric: OnlineMetric, config: ABTest) -> float:
    """Units of both variants together with which the smaller one has `min_events`; inf where there are none."""
    share = min(1.0, config.ratio) / (1 + config.ratio)
    a_unit = effective_count(moments, metric) / moments["units"] if moments["units"] else 0.0
    return config.min_events / (share * a_unit) if a_unit else math.inf


def detectable_effect(moments: Mapping[str, float], metric: OnlineMetric, units: int, config: ABTest) -> float | None:
    """The smallest relative effect that so many units find with the configured power."""
    spread = _spread(moments, metric, config)
    return None if spread is None or units < 4 else spread / units**0.5


def units_for_uplift(row: Mapping[str, Any], config: ABTest) -> int | None:
    """Units that would find the uplift of a row of `uplifts` with the configured power; None where it is 0.

    The square of (z_{1 - alpha/2} + z_power) standard errors over the difference (Cohen 1988, ch. 2), times the units.
    """
    if not row["difference"] or row["low"] is None:
        return None
    quantile = float(stats.norm.isf(config.alpha / 2))
    error = (row["high"] - row["low"]) / (2 * quantile)
    ratio = (quantile + float(stats.norm.ppf(config.power))) * error / row["difference"]
    return math.ceil((row["units_control"] + row["units_treatment"]) * ratio**2)


def _spread(moments: Mapping[str, float], metric: OnlineMetric, config: ABTest) -> float | None:
    """The relative effect that one unit would find; None where the metric does not occur, or does not vary.

    n units, 1 : ratio, give a difference of means the variance of one unit times (1 + ratio)² / (ratio n).
    """
    if moments["units"] < 2 or moments["y"] <= 0 or (metric.denominator and moments["x"] <= 0):
        return None
    mean = moments["y"] / (moments["x"] if metric.denominator else moments["units"])
    variance = unit_variance(moments, metric, adjusted=config.cuped)
    if not variance > 1e-12 * mean**2:
        return None
    quantile = float(stats.norm.isf(config.alpha / 2) + stats.norm.ppf(config.power))
    return quantile * (1 + config.ratio) * (variance / config.ratio) ** 0.5 / mean


def plan(
    moments: pl.DataFrame, days: int, config: ABTest | None = None, planned: ExperimentPlan | None = None
) -> pl.DataFrame:
    """Units and days for each effect, and the effect that each number of days can find, for every metric.

    Units are taken to arrive as they did on average over the days of the log. With fewer than `min_events` nothing is
    decided, whatever the effect, so that no smaller test is planned.

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
        least = units_for_events(row, metric, config)
        for effect in planned.effects:
            if (units := units_needed(row, metric, effect, config)) and math.isfinite(least):
                units = max(units, least)
                rows.append((name, "effect", math.ceil(units / a_day), math.ceil(units), effect))
        for length in planned.days:
            units = round(a_day * length)
            if units >= least and (found := detectable_effect(row, metric, units, config)):
                rows.append((name, "days", length, units, found))
    schema = {"metric": pl.String, "question": pl.String, "days": pl.Int64, "units": pl.Int64, "effect": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
