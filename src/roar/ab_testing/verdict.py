"""The verdict: ship, keep, or inconclusive, by rules that are fixed before the test and shown one by one."""

import math
from typing import Any, NamedTuple

import polars as pl

from roar.ab_testing.aggregation import Aggregated
from roar.ab_testing.checks import FAILED
from roar.ab_testing.comparison import ABSENT, ALIKE, UNBOUNDED
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
    `minimal_effect`, or below zero, or a guardrail's lies beyond its margin. Otherwise inconclusive. An estimate with a caveat
    meets and violates nothing: its rule stays open, or, where variants are alike to the last searcher, was not measured.

    Args:
        found: the aggregated experiment.
        uplifts: of `roar.ab_testing.uplifts`.
        cumulative: of `roar.ab_testing.cumulative`.
        checks: of `roar.ab_testing.check`.
        config: the rules.
    """
    config = config or ABTest()
    rules = [_checked(checks), _long_enough(found, config)]
    days = days_run(found)
    rules += _primary(found, _gain(config.primary, uplifts, cumulative, days, config), config)
    for guardrail in config.guardrails:
        gain = _gain(guardrail.metric, uplifts, cumulative, days, config)
        rules.append(_guarded(found, guardrail, gain, config))
    outcome, reason = _outcome(rules)
    waits = [rule.days_needed for rule in rules if rule.days_needed is not None]
    needed = max(waits, default=None) if outcome == INCONCLUSIVE and rules[0].state == MET else None
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


class Gain(NamedTuple):
    """One metric's interval in the direction in which higher is better; without a caveat it can be judged by.

    A caveat says what there is instead; days: until there are enough events; alike: whether variants do not differ at all.
    """

    estimate: float = 0.0
    low: float = 0.0
    high: float = 0.0
    caveat: str | None = None
    days: int | None = None
    alike: bool = False

    def __str__(self) -> str:
        text = f"gain {self.estimate:+.2%}, {self.low:+.2%} to {self.high:+.2%}"
        return text.replace("-", "−")


def _gain(name: str, uplifts: pl.DataFrame, cumulative: pl.DataFrame, days: int, config: ABTest) -> Gain:
    """What there is to judge a metric by; a fall in a rate to be lowered is a gain."""
    overall = uplifts.filter((pl.col("slice") == OVERALL) & (pl.col("metric") == name)).to_dicts()
    row: dict[str, Any] = overall[0] if overall else {"control": None, "difference": None, "caveat": ABSENT}
    if config.decide_with == "sequential":
        looks = cumulative.filter(pl.col("metric") == name).tail(1).to_dicts()
        row |= looks[0] if looks else {}
        ends = "sequential_low", "sequential_high"
    else:
        ends = "relative_low", "relative_high"
    low, high = (row.get(end) for end in ends)
    if row.get("caveat") or low is None or high is None:
        return _without(row, days, config)
    if config.metrics[name].better == "lower":
        return Gain(-row["relative"], -high, -low)
    return Gain(row["relative"], low, high)


def _without(row: dict[str, Any], days: int, config: ABTest) -> Gain:
    """A gain that cannot be judged by: why, and what was seen."""
    caveat = row.get("caveat") or UNBOUNDED
    shown = caveat
    if row["difference"] is not None and caveat != ABSENT:
        shown = f"{caveat} ({row['control']:.3g} in the control, {row['treatment']:.3g} in the treatment)"
    alike = caveat == ABSENT or (caveat == ALIKE and abs(row["difference"]) <= 1e-9 * row["control"])
    events = row.get("events")
    wait = max(1, math.ceil(days * (config.min_events / events - 1))) if events and events < config.min_events else None
    return Gain(caveat=shown, days=None if alike else wait, alike=alike)


def _primary(found: Aggregated, gain: Gain, config: ABTest) -> list[Rule]:
    label, least = config.metrics[config.primary].label, config.minimal_effect
    if gain.caveat:
        return [Rule(f"{label}: better", OPEN, gain.caveat, gain.days)]
    if gain.low > 0:
        better = Rule(f"{label}: better", MET, str(gain))
    elif gain.high < 0:
        better = Rule(f"{label}: better", VIOLATED, f"it is worse ({gain})")
    else:
        better = Rule(f"{label}: better", OPEN, f"the interval covers no change ({gain})")
    if gain.high < least:
        worth = Rule(f"{label}: worth it", VIOLATED, f"a gain of {least:.1%} is excluded ({gain})")
    elif gain.estimate >= least:
        worth = Rule(f"{label}: worth it", MET, f"at least {least:.1%} ({gain})")
    else:
        worth = Rule(f"{label}: worth it", OPEN, f"estimated below {least:.1%}, which is not excluded ({gain})")
    if OPEN not in (better.state, worth.state):
        return [better, worth]
    days = _days_needed(found, config.primary, max(least, gain.estimate), config)
    return [rule._replace(days_needed=days) if rule.state == OPEN else rule for rule in (better, worth)]


def _guarded(found: Aggregated, guardrail: Guardrail, gain: Gain, config: ABTest) -> Rule:
    rule = f"{config.metrics[guardrail.metric].label}: not worse by {guardrail.margin:.0%}"
    if gain.caveat:
        return Rule(rule, UNMEASURED if gain.alike else OPEN, gain.caveat, gain.days)
    if gain.low > -guardrail.margin:
        return Rule(rule, MET, str(gain))
    if gain.high < -guardrail.margin:
        return Rule(rule, VIOLATED, str(gain))
    distance = guardrail.margin + max(0.0, gain.estimate)
    days = _days_needed(found, guardrail.metric, distance, config)
    return Rule(rule, OPEN, f"the interval reaches beyond the margin ({gain})", days)


def _days_needed(found: Aggregated, name: str, effect: float, config: ABTest) -> int | None:
    """Further days until such a relative effect could be told from none, units arriving as they did on average."""
    moments = pooled_moments(found.moments, config).get(name)
    units = units_needed(moments, config.metrics[name], effect, config) if moments else None
    if units is None:
        return None
    have, days = found.totals.height, days_run(found)
    return max(1, math.ceil(days * (units / have - 1)))
