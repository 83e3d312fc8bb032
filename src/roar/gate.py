"""The gate between a run and production: declared rules, each held or broken, with the figures that say so.

The gain is the paired difference of the two runs over the queries that both tested, with the interval that inverts its sign-flip
test (`roar.metrics.compare`): a run is let through that is not found to be worse by more than a margin (non-inferiority).

References:
    Piaggio et al. (2012), Reporting of noninferiority and equivalence randomized trials, JAMA 308(24).
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from roar.errors import InputError
from roar.metrics import compare
from roar.metrics.slices import OVERALL
from roar.parameters import MetricSettings
from roar.parameters.gate import Bound, Gate
from roar.run_record import KeptRun

RULES = {
    "rule": pl.String,
    "what": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "bound": pl.String,
    "held": pl.Boolean,
}


class Rule(NamedTuple):
    """One rule applied: the figure, its interval and number of queries where it has them, what was asked, whether it is held."""

    rule: str
    what: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    bound: str
    held: bool


def judge(
    production: KeptRun,
    candidate: KeptRun,
    slices: pl.DataFrame,
    measured: Mapping[str, Any],
    config: Gate,
    settings: MetricSettings,
) -> pl.DataFrame:
    """Apply every rule.

    Args:
        production: the kept run that is in production.
        candidate: the kept run that would replace it.
        slices: query_id, slice, level of the candidate's tested queries.
        measured: what the release measured of the index that was chosen, a row of its frontier.
        config: the rules.
        settings: of intervals.

    Returns:
        rule, what, value, low, high, n, bound, held: a row for each rule and, of slices, each level. A figure that is not
        there breaks its rule: what was not measured is not known to hold.

    Raises:
        InputError: a run was kept without per-query metrics or without the system, or the two share no query.
    """
    gains = _gains(production, candidate, slices, config, settings)
    rules = [*_primary(gains, config), *_levels(gains, config), *_metrics(candidate.metrics, config)]
    rules += [_bounded("release", name, measured.get(name), bound) for name, bound in config.release.items()]
    return pl.DataFrame(rules, schema=RULES, orient="row")


def reasons(rules: pl.DataFrame) -> list[str]:
    """The broken rules, in words."""
    return [_in_words(row) for row in rules.filter(~pl.col("held")).iter_rows(named=True)]


def _in_words(row: Mapping[str, Any]) -> str:
    value = (
        "not measured"
        if row["value"] is None
        else f"{row['value']:+.4f}"
        if row["rule"] in _GAINS
        else f"{row['value']:.4g}"
    )
    interval = "" if row["low"] is None else f" ({row['low']:+.4f} to {row['high']:+.4f}, {row['n']} queries)"
    return f"{row['rule']}: {row['what']} {value}{interval}, asked: {row['bound']}"


_GAINS = ("primary", "slice")


def _gains(
    production: KeptRun, candidate: KeptRun, slices: pl.DataFrame, config: Gate, settings: MetricSettings
) -> pl.DataFrame:
    served, shipped = (
        _scores(run, system, which, config)
        for run, system, which in (
            (production, config.served or config.system, "in production"),
            (candidate, config.system, "that would replace it"),
        )
    )
    if served.join(shipped, on="query_id", how="semi").is_empty():
        raise InputError("gate: the two runs share no tested query, so there is nothing to compare; name another run.")
    return compare(served, shipped, slices.filter(pl.col("slice").is_in(config.slices)), settings)


def _scores(run: KeptRun, system: str, which: str, config: Gate) -> pl.DataFrame:
    if run.per_query is None:
        raise InputError(
            f"gate: the run {which} was kept without its per-query metrics, by an earlier version; make it again."
        )
    own = run.per_query.filter(system=system, protocol=config.protocol, metric=config.metric)
    if own.is_empty():
        raise InputError(f"gate: the run {which} has no {config.metric} of {system} on {config.protocol} products.")
    return own.select("query_id", "metric", "value")


def _primary(gains: pl.DataFrame, config: Gate) -> Iterator[Rule]:
    row = gains.row(by_predicate=pl.col("slice") == OVERALL, named=True)
    held = row["low"] is not None and row["low"] > -config.margin
    what = f"{config.metric} ({config.protocol}) of {config.system} over production's"
    figures = row["difference"], row["low"], row["high"], row["n"]
    yield Rule("primary", what, *figures, f"interval above {-config.margin:+.4f}", held)


def _levels(gains: pl.DataFrame, config: Gate) -> Iterator[Rule]:
    """A level breaks the rule that lost more than the margin, found (its interval below 0): a loss that may be chance is named only."""
    for row in gains.filter(pl.col("slice").is_in(config.slices)).iter_rows(named=True):
        found = row["high"] is not None and row["high"] < 0
        held = not (found and row["difference"] < -config.slice_margin)
        figures = row["difference"], row["low"], row["high"], row["n"]
        yield Rule(
            "slice",
            f"{row['slice']} {row['level']}",
            *figures,
            f"no loss found beyond {-config.slice_margin:+.4f}",
            held,
        )


def _metrics(metrics: pl.DataFrame, config: Gate) -> Iterator[Rule]:
    for bound in config.metrics:
        row = metrics.filter(system=config.system, protocol=bound.protocol, slice=OVERALL, metric=bound.metric)
        value = row["mean"].item() if row.height else None
        yield _bounded("metric", f"{bound.metric} ({bound.protocol})", value, bound)


def _bounded(rule: str, what: str, value: float | None, bound: Bound) -> Rule:
    asked = {"at least": bound.at_least, "at most": bound.at_most}
    held = value is not None and (bound.at_least is None or value >= bound.at_least)
    held = held and (bound.at_most is None or (value is not None and value <= bound.at_most))
    words = " and ".join(f"{name} {limit:g}" for name, limit in asked.items() if limit is not None)
    return Rule(rule, what, value, None, None, None, words, held)
