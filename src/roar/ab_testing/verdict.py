"""The verdict: ship, keep, or inconclusive, by rules that are fixed before the test and shown one by one."""

import math
from typing import Any, NamedTuple

import polars as pl

from roar.ab_testing.aggregation import Aggregated
from roar.ab_testing.checks import FAILED
from roar.ab_testing.moments import OVERALL
from roar.ab_testing.power import pooled_moments, units_needed
from roar.ab_testing.reading import span
from roar.parameters import ABTest, Guardrail

SHIP, KEEP, INCONCLUSIVE = "ship", "keep", "inconclusive"
MET, VIOLATED, OPEN, UNMEASURED = "met", "violated", "open", "not measured"
SCHEMA = {"rule": pl.String, "state": pl.String, "detail": pl.String, "days_needed": pl.Int64}


class Rule(NamedTuple):
    """A rule, its state (met, violated, open, not measured), why, and the days until an open one can close."""

    rule: str
    state: str
    detail: str
    days_needed: int | None = None


class Verdict(NamedTuple):
    """The outcome, why, the days still needed (null where none, or where no number of days helps), and the rules."""

    outcome: str
    reason: str
    days_needed: int | None
    rules: pl.DataFrame


def decide(
    found: Aggregated,
    uplifts: pl.DataFrame,
    cumulative: pl.DataFrame,
    checks: pl.DataFrame,
    config: ABTest | None = None,
) -> Verdict:
    """Apply the rules.

    Ship: the checks hold, the planned end is reached (or intervals are always-valid), the primary metric's interval
    lies above zero with an estimate of at least `minimal_effect`, and every guardrail's interval lies above its margin
    (non-inferiority by the two-sided interval; Piaggio et al., JAMA 2012). Keep: the primary interval lies below
    `minimal_effect`, or below zero, or a guardrail's lies beyond its margin. Otherwise inconclusive.

    Args:
        found: the aggregated experiment.
        uplifts: of `roar.ab_testing.uplifts`.
        cumulative: of `roar.ab_testing.cumulative`.
        checks: of `roar.ab_testing.check`.
        config: the rules.
    """
    config = config or ABTest()
    rules = [_checked(checks), _long_enough(found, config)]
    rules += _primary(found, _interval(config.primary, uplifts, cumulative, config), config)
    for guardrail in config.guardrails:
        interval = _interval(guardrail.metric, uplifts, cumulative, config)
        rules.append(_guarded(found, guardrail, interval, uplifts, config))
    outcome, reason = _outcome(rules)
    days = [rule.days_needed for rule in rules if rule.days_needed is not None]
    needed = max(days, default=None) if outcome == INCONCLUSIVE and rules[0].state == MET else None
    return Verdict(outcome, reason, needed, pl.DataFrame(rules, schema=SCHEMA, orient="row"))


def _outcome(rules: list[Rule]) -> tuple[str, str]:
    checked, long_enough, *others = rules
    if checked.state == VIOLATED:
        return INCONCLUSIVE, f"the test cannot be trusted: {checked.detail}"
    if long_enough.state == OPEN:
        return INCONCLUSIVE, f"the test is not over: {long_enough.detail}"
    if broken := next((rule for rule in others if rule.state == VIOLATED), None):
        return KEEP, f"{broken.rule}: {broken.detail}"
    if waiting := next((rule for rule in others if rule.state == OPEN), None):
        return INCONCLUSIVE, f"{waiting.rule}: {waiting.detail}"
    return SHIP, "every rule is met"


def _checked(checks: pl.DataFrame) -> Rule:
    failed = checks.filter(pl.col("state") == FAILED)
    if failed.is_empty():
        return Rule("checks hold", MET, "no check failed")
    name, _, _, detail = failed.row(0)
    return Rule("checks hold", VIOLATED, f"{name} failed ({detail}); find the cause and repeat the test")


def _long_enough(found: Aggregated, config: ABTest) -> Rule:
    days = days_run(found)
    if config.decide_with == "sequential":
        return Rule("planned end reached", MET, f"day {days}; always-valid intervals may be read on any day")
    detail = f"day {days} of {config.planned_days}"
    if days >= config.planned_days:
        return Rule("planned end reached", MET, detail)
    return Rule("planned end reached", OPEN, detail, config.planned_days - days)


def days_run(found: Aggregated) -> int:
    """Days from the first to the last of the log, both counted."""
    first, last = span(found.days["day"])
    return (last - first).days + 1


def _interval(name: str, uplifts: pl.DataFrame, cumulative: pl.DataFrame, config: ABTest) -> dict[str, Any] | None:
    """estimate, low, high in the direction in which higher is better, so that a fall in a rate to be lowered is a gain."""
    if config.decide_with == "sequential":
        rows = cumulative.filter(pl.col("metric") == name).tail(1)
        values = rows.select("relative", "sequential_low", "sequential_high").rows()
    else:
        rows = uplifts.filter((pl.col("slice") == OVERALL) & (pl.col("metric") == name))
        values = rows.select(_relative_or_scaled()).rows()
    if not values or values[0][1] is None:
        return None
    estimate, low, high = values[0]
    if config.metrics[name].better == "lower":
        return {"estimate": -estimate, "low": -high, "high": -low}
    return {"estimate": estimate, "low": low, "high": high}


def _relative_or_scaled() -> list[pl.Expr]:
    """The relative interval; where a mean is 0 it has none, and the difference over the control's mean stands in."""
    base = pl.when(pl.col("control") > 0).then(pl.col("control"))
    pairs = {"relative": "difference", "relative_low": "low", "relative_high": "high"}
    return [pl.coalesce(pl.col(relative), pl.col(plain) / base) for relative, plain in pairs.items()]


def _primary(found: Aggregated, interval: dict[str, Any] | None, config: ABTest) -> list[Rule]:
    label, least = config.metrics[config.primary].label, config.minimal_effect
    if interval is None:
        return [Rule(f"{label}: better", OPEN, "it does not occur in the log")]
    shown = _shown(interval)
    if interval["low"] > 0:
        better = Rule(f"{label}: better", MET, shown)
    elif interval["high"] < 0:
        better = Rule(f"{label}: better", VIOLATED, f"it is worse ({shown})")
    else:
        better = Rule(f"{label}: better", OPEN, f"the interval covers no change ({shown})")
    if interval["high"] < least:
        worth = Rule(f"{label}: worth it", VIOLATED, f"a gain of {least:.1%} is excluded ({shown})")
    elif interval["estimate"] >= least:
        worth = Rule(f"{label}: worth it", MET, f"at least {least:.1%} ({shown})")
    else:
        worth = Rule(f"{label}: worth it", OPEN, f"estimated below {least:.1%}, which is not excluded ({shown})")
    if OPEN not in (better.state, worth.state):
        return [better, worth]
    days = _days_needed(found, config.primary, max(least, interval["estimate"]), config)
    return [rule._replace(days_needed=days) if rule.state == OPEN else rule for rule in (better, worth)]


def _guarded(
    found: Aggregated, guardrail: Guardrail, interval: dict[str, Any] | None, uplifts: pl.DataFrame, config: ABTest
) -> Rule:
    rule = f"{config.metrics[guardrail.metric].label}: not worse by {guardrail.margin:.0%}"
    if interval is None:
        return _without_interval(rule, guardrail.metric, uplifts)
    if interval["low"] > -guardrail.margin:
        return Rule(rule, MET, _shown(interval))
    if interval["high"] < -guardrail.margin:
        return Rule(rule, VIOLATED, _shown(interval))
    distance = guardrail.margin + max(0.0, interval["estimate"])
    days = _days_needed(found, guardrail.metric, distance, config)
    return Rule(rule, OPEN, f"the interval reaches beyond the margin ({_shown(interval)})", days)


def _without_interval(rule: str, metric: str, uplifts: pl.DataFrame) -> Rule:
    rows = uplifts.filter((pl.col("slice") == OVERALL) & (pl.col("metric") == metric)).drop_nulls("difference")
    if rows.is_empty():
        return Rule(rule, UNMEASURED, "it does not occur in the log")
    means = f"{rows['control'][0]:.3g} in the control, {rows['treatment'][0]:.3g} in the treatment"
    return Rule(rule, OPEN, f"no relative interval ({means})")


def _shown(interval: dict[str, Any]) -> str:
    text = f"gain {interval['estimate']:+.2%}, {interval['low']:+.2%} to {interval['high']:+.2%}"
    return text.replace("-", "−")


def _days_needed(found: Aggregated, name: str, effect: float, config: ABTest) -> int | None:
    """Further days until such a relative effect could be told from none, units arriving as they did on average."""
    moments = pooled_moments(found.moments, config).get(name)
    units = units_needed(moments, config.metrics[name], effect, config) if moments else None
    if units is None:
        return None
    have, days = found.totals.height, days_run(found)
    return max(1, math.ceil(days * (units / have - 1)))
