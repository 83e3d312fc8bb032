"""Uplifts with intervals: every metric, overall and by slice, and day by day with an always-valid interval.

The estimators are tea-tasting's, on moments: the delta method for a ratio of two sums over units (Deng, Knoblich and
Lu, "Applying the delta method in metric analytics", KDD 2018) and CUPED for the pre-period covariate (Deng, Xu, Kohavi
and Walker, WSDM 2013). Relative intervals are those of the log ratio.
"""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import polars as pl
import tea_tasting as tt
from scipy import stats
from statsmodels.stats.multitest import multipletests
from tea_tasting.aggr import Aggregates

from roar.ab_testing.moments import EXPOSURE, OVERALL, UNTIL, aggregates, varies
from roar.ab_testing.sequential import always_valid_quantile
from roar.parameters import ABTest, OnlineMetric

_ADJUSTMENTS = {"holm": "holm", "benjamini_hochberg": "fdr_bh"}
_INTERVAL = ("control", "treatment", "difference", "low", "high", "relative", "relative_low", "relative_high", "p")
_UPLIFTS = {
    **dict.fromkeys(("slice", "level", "metric"), pl.String),
    **dict.fromkeys(("units_control", "units_treatment"), pl.Int64),
    **dict.fromkeys(_INTERVAL, pl.Float64),
    "adjusted": pl.Boolean,
    "variance_reduction": pl.Float64,
}


def estimator(metric: OnlineMetric, *, adjusted: bool, confidence: float) -> tt.RatioOfMeans:
    """tea-tasting's estimator of a metric on moments; `adjusted` takes the covariate in."""
    return tt.RatioOfMeans(
        "y",
        "x" if metric.denominator else None,
        "c" if adjusted else None,
        confidence_level=confidence,
        use_t=False,
        equal_var=False,
    )


def uplift(
    control: Mapping[str, float],
    treatment: Mapping[str, float],
    metric: OnlineMetric,
    *,
    adjusted: bool = False,
    confidence: float = 0.95,
) -> dict[str, float | None]:
    """The treatment's uplift in one metric from two rows of moments.

    Returns:
        control, treatment (means), difference, low, high, relative, relative_low, relative_high, p; all null where
        there is nothing to compare (fewer than two units in a variant, or no spread), the relative ones where a mean is 0.
    """
    sides = [aggregates(row) for row in (control, treatment) if row["units"] >= 2]
    divisor = "x" if metric.denominator else None
    if len(sides) < 2 or any(side.mean(divisor) <= 0 for side in sides):
        return dict.fromkeys(_INTERVAL)
    if not any(varies(side, divisor) for side in sides):
        return dict.fromkeys(_INTERVAL)
    if min(side.mean("y") for side in sides) <= 0:
        return _estimated(sides, metric, confidence) | dict.fromkeys(_INTERVAL[5:8])
    return _estimated(sides, metric, confidence, adjusted=adjusted)


def _estimated(
    sides: list[Aggregates], metric: OnlineMetric, confidence: float, *, adjusted: bool = False
) -> dict[str, float | None]:
    """tea-tasting's answer; without the covariate where that puts a mean at 0 or below, as among very few events."""
    try:
        found = estimator(metric, adjusted=adjusted, confidence=confidence).analyze_aggregates(*sides)
    except OverflowError:
        found = None
    if adjusted and (found is None or min(found.control, found.treatment) <= 0):
        return _estimated(sides, metric, confidence)
    if found is None:
        return dict.fromkeys(_INTERVAL)
    values = (
        found.control, found.treatment, found.effect_size, found.effect_size_ci_lower, found.effect_size_ci_upper,
        found.rel_effect_size, found.rel_effect_size_ci_lower, found.rel_effect_size_ci_upper, found.pvalue,
    )  # fmt: skip
    return dict(zip(_INTERVAL, map(float, values), strict=True))


def uplifts(moments: pl.DataFrame, config: ABTest | None = None) -> pl.DataFrame:
    """Every metric's uplift, overall and by slice.

    Args:
        moments: as `aggregate` returns them.
        config: metrics, alpha, CUPED, and how p-values are adjusted.

    Returns:
        slice, level, metric, units_control, units_treatment, the fields of `uplift`, adjusted (whether CUPED was
        used), variance_reduction (what it took off the variance of the difference), p_adjusted: the primary metric's
        overall p stands as it is; the other metrics' are one family; a metric's slices are a family each.
    """
    config = config or ABTest()
    rows = []
    for (slice_, level, name), control, treatment in _pairs(moments.filter(~pl.col("slice").is_in([UNTIL, EXPOSURE]))):
        compare = partial(uplift, control, treatment, config.metrics[name], confidence=1 - config.alpha)
        adjusted = config.cuped and min(control["cc"], treatment["cc"]) > 0
        plain, used = compare(), compare(adjusted=adjusted)
        labels = {"slice": slice_, "level": level, "metric": name}
        units = {"units_control": round(control["units"]), "units_treatment": round(treatment["units"])}
        rows.append(labels | units | used | {"adjusted": adjusted, "variance_reduction": _reduction(plain, used)})
    table = pl.DataFrame(rows, schema=_UPLIFTS)
    return _with_adjusted_p(_in_order(table, config), config)


def cumulative(moments: pl.DataFrame, config: ABTest | None = None) -> pl.DataFrame:
    """Each metric's uplift up to the end of each day.

    Returns:
        day, metric, units, relative, relative_low, relative_high (valid for one look, fixed beforehand),
        sequential_low, sequential_high (valid at all days together).
    """
    config = config or ABTest()
    rows = []
    first_day: dict[str, float] = {}
    for (_, level, name), control, treatment in _pairs(moments.filter(pl.col("slice") == UNTIL)):
        adjusted = config.cuped and min(control["cc"], treatment["cc"]) > 0
        compare = partial(uplift, control, treatment, config.metrics[name], adjusted=adjusted)
        fixed = compare(confidence=1 - config.alpha)
        if fixed["relative"] is None:
            continue
        information = log_error(fixed, config.alpha) ** -2
        planned = first_day.setdefault(name, information) * config.planned_days
        quantile = always_valid_quantile(information, planned, config.alpha)
        wide = compare(confidence=1 - 2 * float(stats.norm.sf(quantile)))
        units = round(control["units"] + treatment["units"])
        rows.append(
            {"day": level, "metric": name, "units": units}
            | {key: fixed[key] for key in ("relative", "relative_low", "relative_high")}
            | {"sequential_low": wide["relative_low"], "sequential_high": wide["relative_high"]}
        )
    floats = ("relative", "relative_low", "relative_high", "sequential_low", "sequential_high")
    schema = {"day": pl.String, "metric": pl.String, "units": pl.Int64, **dict.fromkeys(floats, pl.Float64)}
    table = pl.DataFrame(rows, schema=schema)
    return table.with_columns(pl.col("day").str.to_date()).sort("day", maintain_order=True)


def log_error(row: Mapping[str, Any], alpha: float) -> float:
    """Standard error of the log of treatment over control, from a relative interval at 1 - alpha."""
    width = math.log1p(row["relative_high"]) - math.log1p(row["relative_low"])
    return width / (2 * float(stats.norm.isf(alpha / 2)))


def _pairs(moments: pl.DataFrame) -> Iterator[tuple[tuple[str, str, str], dict[str, float], dict[str, float]]]:
    """Control's and treatment's moments of each slice, level and metric that both have."""
    order = ["slice", "level", "metric", "variant"]
    for (slice_, level, metric), pair in moments.sort(order).group_by(order[:3], maintain_order=True):
        if pair.height == 2:
            control, treatment = pair.to_dicts()
            yield (str(slice_), str(level), str(metric)), control, treatment


def _reduction(plain: Mapping[str, float | None], used: Mapping[str, float | None]) -> float | None:
    if plain["low"] is None or used["low"] is None:
        return None
    widths = [side["high"] - side["low"] for side in (plain, used)]  # type: ignore[operator]
    return 1 - (widths[1] / widths[0]) ** 2


def _in_order(table: pl.DataFrame, config: ABTest) -> pl.DataFrame:
    """Overall first, then slices by name; metrics as the configuration has them."""
    place = pl.col("metric").replace_strict({name: i for i, name in enumerate(config.metrics)}, return_dtype=pl.Int64)
    return table.sort(pl.col("slice") != OVERALL, "slice", place, "level", maintain_order=True)


def _with_adjusted_p(table: pl.DataFrame, config: ABTest) -> pl.DataFrame:
    overall, tested = pl.col("slice") == OVERALL, pl.col("p").is_not_null()
    family = (
        pl.when(overall & (pl.col("metric") == config.primary)).then(pl.lit("primary"))
        .when(overall).then(pl.lit("metrics"))
        .otherwise(pl.concat_str("slice", "metric", separator="/"))
    )  # fmt: skip
    numbered = table.with_row_index("row").with_columns(family.alias("family"))
    adjusted: list[float | None] = [None] * table.height
    for (name,), rows in numbered.filter(tested).group_by("family", maintain_order=True):
        method = config.adjust_metrics if name in ("primary", "metrics") else config.adjust_slices
        corrected = multipletests(rows["p"].to_numpy(), method=_ADJUSTMENTS[method])[1]
        for row, p in zip(rows["row"], corrected.tolist(), strict=True):
            adjusted[row] = p
    return table.with_columns(pl.Series("p_adjusted", adjusted, dtype=pl.Float64))
