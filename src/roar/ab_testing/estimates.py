"""Uplifts with intervals: every metric, overall and by slice, and day by day with an always-valid interval."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any

import polars as pl
from scipy import stats

from roar.ab_testing.comparison import UNBOUNDED, Comparison, compared
from roar.ab_testing.moments import EXPOSURE, OVERALL, UNTIL
from roar.ab_testing.sequential import always_valid_quantile
from roar.metrics.resampling import holm
from roar.parameters import ABTest, OnlineMetric

_ADJUSTMENTS = {"holm": holm, "benjamini_hochberg": stats.false_discovery_control}
_INTERVAL = ("control", "treatment", "difference", "low", "high", "relative", "relative_low", "relative_high", "p")
_FOUND = {
    **dict.fromkeys((*_INTERVAL, "events"), pl.Float64),
    "caveat": pl.String,
    "adjusted": pl.Boolean,
    "not_adjusted": pl.String,
}
_UPLIFTS = {
    **dict.fromkeys(("slice", "level", "metric"), pl.String),
    **dict.fromkeys(("units_control", "units_treatment"), pl.Int64),
    **_FOUND,
    "variance_reduction": pl.Float64,
}
_CUMULATIVE = {
    **{"day": pl.String, "metric": pl.String, "units": pl.Int64},
    **dict.fromkeys(("relative", "relative_low", "relative_high", "sequential_low", "sequential_high"), pl.Float64),
    **{"events": pl.Float64, "caveat": pl.String},
}


def uplift(
    control: Mapping[str, float],
    treatment: Mapping[str, float],
    metric: OnlineMetric,
    *,
    adjusted: bool = False,
    confidence: float = 0.95,
    min_events: float = 20,
) -> dict[str, Any]:
    """The treatment's uplift in one metric from two rows of moments.

    Returns:
        control, treatment (means), difference, low, high, relative, relative_low, relative_high, p, each null where it is
        not to be had; events (`roar.ab_testing.comparison.effective_events`); caveat, why an estimate or its interval
        does not hold, null where all of it does; adjusted, whether the covariate was used, and not_adjusted, why it was
        not. Either interval leaves out 0 exactly where p is below 1 - confidence.
    """
    found = compared(control, treatment, metric, adjusted=adjusted, min_events=min_events)
    return _described(*found, (1 - confidence) / 2)


def _described(found: Comparison | None, reason: str | None, tail: float) -> dict[str, Any]:
    """A comparison as the fields of `uplift`."""
    fields = dict.fromkeys(_FOUND) | {"caveat": reason, "adjusted": False}
    if found is None:
        return fields
    control, treatment = found.control.mean, found.treatment.mean
    fields |= {"control": control, "treatment": treatment, "difference": found.difference, "events": found.events}
    if control > 0:
        fields["relative"] = treatment / control - 1
    if not found.varies:
        return fields
    quantile = found.quantile(tail)
    fields["low"], fields["high"] = found.interval(quantile)
    fields["relative_low"], fields["relative_high"] = found.relative_interval(quantile) or (None, None)
    if reason is None and fields["relative_low"] is None:
        fields["caveat"] = UNBOUNDED
    return fields | {"p": found.p, "adjusted": found.adjusted, "not_adjusted": found.not_adjusted}


def uplifts(moments: pl.DataFrame, config: ABTest | None = None) -> pl.DataFrame:
    """Every metric's uplift, overall and by slice.

    Args:
        moments: as `aggregate` returns them.
        config: metrics, alpha, the events that an estimate needs, CUPED, and how p-values are adjusted.

    Returns:
        slice, level, metric, units_control, units_treatment, the fields of `uplift`, variance_reduction (what CUPED took
        off the variance of the difference), p_adjusted: the primary metric's overall p stands as it is; the other metrics'
        are one family; a metric's slices are a family each.
    """
    config = config or ABTest()
    rows = []
    for (slice_, level, name), control, treatment in _pairs(moments.filter(~pl.col("slice").is_in([UNTIL, EXPOSURE]))):
        compare = partial(compared, control, treatment, config.metrics[name], min_events=config.min_events)
        used, reason = compare(adjusted=_asked(config, control, treatment))
        labels = {"slice": slice_, "level": level, "metric": name}
        units = {"units_control": round(control["units"]), "units_treatment": round(treatment["units"])}
        plain = compare(adjusted=False)[0] if used and used.adjusted else None
        reduction = 1 - used.squared_error / plain.squared_error if used and plain else None
        described = _described(used, reason, config.alpha / 2) | {"variance_reduction": reduction}
        rows.append(labels | units | described)
    table = pl.DataFrame(rows, schema=_UPLIFTS)
    return _with_adjusted_p(_in_order(table, config), config)


def cumulative(moments: pl.DataFrame, config: ABTest | None = None) -> pl.DataFrame:
    """Each metric's uplift up to the end of each day.

    The always-valid interval starts on the first day with `min_events`: it is an asymptotic one, and the pace of
    that day sets the time at which it is narrowest.

    Returns:
        day, metric, units, relative, relative_low, relative_high (valid for one look, fixed beforehand),
        sequential_low, sequential_high (valid at all days together), each null where it is not to be had; events and
        caveat as in `uplift`.
    """
    config = config or ABTest()
    pairs = list(_pairs(moments.filter(pl.col("slice") == UNTIL)))
    start = min((date.fromisoformat(level) for (_, level, _), *_ in pairs), default=date.min)
    planned: dict[str, float] = {}
    rows = []
    for (_, level, name), control, treatment in pairs:
        adjusted = _asked(config, control, treatment)
        found, reason = compared(
            control, treatment, config.metrics[name], adjusted=adjusted, min_events=config.min_events
        )
        row = _described(found, reason, config.alpha / 2)
        low, high = None, None
        if found and reason is None:
            information = 1 / found.log_variance
            pace = information / ((date.fromisoformat(level) - start).days + 1)
            quantile = always_valid_quantile(
                information, planned.setdefault(name, pace * config.planned_days), config.alpha
            )
            low, high = found.relative_interval(found.quantile(float(stats.norm.sf(quantile)))) or (None, None)
        kept = {key: row[key] for key in _CUMULATIVE.keys() & row.keys()}
        units = round(control["units"] + treatment["units"])
        rows.append(
            {"day": level, "metric": name, "units": units, "sequential_low": low, "sequential_high": high} | kept
        )
    table = pl.DataFrame(rows, schema=_CUMULATIVE)
    return table.with_columns(pl.col("day").str.to_date()).sort("day", maintain_order=True)


def _asked(config: ABTest, control: Mapping[str, float], treatment: Mapping[str, float]) -> bool:
    """Whether there is a covariate to take out."""
    return config.cuped and max(control["cc"], treatment["cc"]) > 0


def _pairs(moments: pl.DataFrame) -> Iterator[tuple[tuple[str, str, str], dict[str, float], dict[str, float]]]:
    """Control's and treatment's moments of each slice, level and metric that both have."""
    order = ["slice", "level", "metric", "variant"]
    for (slice_, level, metric), pair in moments.sort(order).group_by(order[:3], maintain_order=True):
        if pair.height == 2:
            control, treatment = pair.to_dicts()
            yield (str(slice_), str(level), str(metric)), control, treatment


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
        corrected = _ADJUSTMENTS[method](rows["p"].to_numpy())
        for row, p in zip(rows["row"], corrected.tolist(), strict=True):
            adjusted[row] = p
    return table.with_columns(pl.Series("p_adjusted", adjusted, dtype=pl.Float64))
