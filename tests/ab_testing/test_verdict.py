"""The verdict: every rule in every state, and the outcome that follows."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from roar.ab_testing import Aggregated, aggregate, check, cumulative, decide, uplifts
from roar.ab_testing.checks import SCHEMA
from roar.ab_testing.moments import moment_table
from roar.ab_testing.verdict import Verdict
from roar.parameters import ABTest, Guardrail

from .conftest import make_log

PASSED = pl.DataFrame([("sample ratio", "passed", 0.5, "")], schema=SCHEMA, orient="row")


def experiment(days: int = 14, units: int = 2_000, spread: float = 1.0) -> Aggregated:
    """Orders and revenue of 1 a unit, with a spread; the interval itself comes from `estimates`."""
    first = date(2026, 10, 5)
    table = pl.DataFrame({"day": [first, first + timedelta(days - 1)], "variant": ["control"] * 2, "searches": [1, 1]})
    sums = (units / 2, units / 2, 0.0, 0.0, units / 2 * (1 + spread**2), 0.0, 0.0, 0.0, 0.0, 0.0)
    rows = [("overall", "all", metric, arm, *sums) for metric in ("orders", "revenue") for arm in (0, 1)]
    totals = pl.DataFrame({"unit_id": [str(n) for n in range(units)]})
    return Aggregated(totals, moment_table(rows), pl.DataFrame(), table)


def estimates(**metrics: tuple[float, float, float]) -> pl.DataFrame:
    """Overall rows of (relative, low, high)."""
    rows = [
        {"slice": "overall", "level": "all", "metric": name, "control": 1.0, "treatment": 1 + values[0], "difference": values[0],
         "low": values[1], "high": values[2], "relative": values[0], "relative_low": values[1], "relative_high": values[2]}
        for name, values in metrics.items()
    ]  # fmt: skip
    return pl.DataFrame(rows)


def verdict(config: ABTest | None = None, days: int = 14, checks: pl.DataFrame = PASSED, **metrics) -> Verdict:
    config = config or ABTest(guardrails=(Guardrail(metric="revenue", margin=0.03),))
    return decide(experiment(days), estimates(**metrics), pl.DataFrame(), checks, config)


def states(found: Verdict) -> list[str]:
    return found.rules["state"].to_list()


GOOD, SAFE = (0.05, 0.02, 0.08), (0.01, -0.02, 0.04)


def test_all_rules_met_is_ship():
    found = verdict(orders=GOOD, revenue=SAFE)
    assert found.outcome == "ship" and found.days_needed is None and set(states(found)) == {"met"}


@pytest.mark.parametrize(
    ("orders", "revenue", "outcome", "expected"),
    [
        ((-0.05, -0.08, -0.02), SAFE, "keep", ["violated", "violated", "met"]),
        ((0.002, -0.004, 0.008), SAFE, "keep", ["open", "violated", "met"]),
        (GOOD, (-0.08, -0.12, -0.04), "keep", ["met", "met", "violated"]),
        ((0.02, -0.01, 0.05), SAFE, "inconclusive", ["open", "met", "met"]),
        ((0.008, 0.001, 0.015), SAFE, "inconclusive", ["met", "open", "met"]),
        (GOOD, (0.0, -0.05, 0.05), "inconclusive", ["met", "met", "open"]),
    ],
)
def test_each_rule_decides(orders, revenue, outcome, expected):
    found = verdict(orders=orders, revenue=revenue)
    assert (found.outcome, states(found)[2:]) == (outcome, expected)
    assert (found.days_needed is not None) == (outcome == "inconclusive")


def test_before_the_planned_end_nothing_is_decided():
    found = verdict(days=10, orders=GOOD, revenue=SAFE)
    assert found.outcome == "inconclusive" and found.days_needed == 4


def test_a_rate_to_be_lowered_is_a_gain_where_it_falls():
    config = ABTest(primary="reformulation", guardrails=(Guardrail(metric="zero_results", margin=0.1),))
    found = verdict(config, reformulation=(-0.05, -0.08, -0.02), zero_results=(0.02, -0.05, 0.09))
    assert found.outcome == "ship"
    assert verdict(config, reformulation=(-0.05, -0.08, -0.02), zero_results=(0.3, 0.2, 0.4)).outcome == "keep"
    assert verdict(config, reformulation=(0.05, 0.02, 0.08)).outcome == "keep"


def test_a_guardrail_that_does_not_occur_is_said_and_decides_nothing():
    found = verdict(orders=GOOD)
    assert found.outcome == "ship" and states(found)[-1] == "not measured"


def test_a_guardrail_from_zero_is_open():
    """No zero results in the control, some in the treatment: no relative margin can excuse them."""
    config = ABTest(guardrails=(Guardrail(metric="zero_results", margin=0.1),))
    rows = estimates(orders=GOOD, zero_results=(0.1, 0.05, 0.15)).with_columns(
        pl.when(pl.col("metric") == "orders")
        .then(pl.col(name))
        .otherwise(0.0 if name == "control" else None)
        .alias(name)
        for name in ("control", "relative", "relative_low", "relative_high")
    )
    found = decide(experiment(), rows, pl.DataFrame(), PASSED, config)
    assert found.outcome == "inconclusive" and states(found)[-1] == "open"


def from_log(log: pl.DataFrame, **settings) -> Verdict:
    config = ABTest(planned_days=1, guardrails=(), **settings)
    found = aggregate(log, config=config)
    return decide(found, uplifts(found.moments, config), cumulative(found.moments, config), PASSED, config)


def orders_of(control: list[int], treatment: list[int]) -> pl.DataFrame:
    """A log of one search for each searcher, with these orders."""
    orders = [*control, *treatment]
    log = make_log(len(orders), days=1).unique("unit_id", keep="first", maintain_order=True)
    names = ["control"] * len(control) + ["treatment"] * len(treatment)
    return log.with_columns(variant=pl.Series(names), orders=pl.Series(orders))


@pytest.mark.parametrize("decide_with", ["fixed", "sequential"])
@pytest.mark.parametrize(
    ("control", "treatment", "detail"),
    [
        ([0] * 60, [0] * 60, "does not occur in the log"),
        ([0] * 100, [1] * 37 + [0] * 63, "does not occur in the control (0 in the control, 0.37 in the treatment)"),
        ([2] * 40, [2] * 40, "no searcher differs from another of the variant (2 in the control, 2 in the treatment)"),
        ([1] * 6 + [0] * 54, [1] * 9 + [0] * 51, "too few events: 7 in a variant, 20 needed (0.1 in the control, 0.15 in the treatment)"),
    ],
)  # fmt: skip
def test_where_the_primary_metric_cannot_be_judged_the_verdict_says_what_is_true(
    control, treatment, detail, decide_with
):
    found = from_log(orders_of(control, treatment), decide_with=decide_with)
    assert found.outcome == "inconclusive" and found.rules["detail"][2] == detail
    assert found.reason.endswith(detail)


def test_days_are_those_until_there_are_enough_events():
    """15 orders in 1 day are 7.5 a variant: 20 take 2.7 days, so two more."""
    found = from_log(orders_of([1] * 6 + [0] * 54, [1] * 9 + [0] * 51))
    assert found.days_needed == 2


def test_a_guardrail_from_too_few_events_is_open_and_one_of_equal_searchers_not_measured():
    config = ABTest(guardrails=(Guardrail(metric="revenue", margin=0.03),))
    base = {"slice": "overall", "control": 1.0, "treatment": 1.0, "difference": 0.0, "low": -0.1, "high": 0.1, "relative": 0.0,
            "relative_low": -0.1, "relative_high": 0.1, "p": 1.0, "events": 50.0, "caveat": None}  # fmt: skip
    orders = base | {"metric": "orders", "relative": 0.05, "relative_low": 0.02, "relative_high": 0.08}
    nothing = dict.fromkeys(("low", "high", "relative_low", "relative_high", "p"))
    for caveat, others, state in (
        ("too few events: 4 in a variant, 20 needed", {"events": 4.0}, "open"),
        ("no searcher differs from another of the variant", nothing, "not measured"),
        ("no searcher differs from another of the variant", nothing | {"treatment": 0.5, "difference": -0.5}, "open"),
    ):
        rows = pl.DataFrame([orders, base | others | {"metric": "revenue", "caveat": caveat}], infer_schema_length=None)
        found = decide(experiment(), rows, pl.DataFrame(), PASSED, config)
        assert found.rules["state"][-1] == state and caveat in found.rules["detail"][-1]


def test_a_treatment_that_lost_every_order_is_kept_out():
    assert from_log(orders_of([1] * 60 + [0] * 60, [0] * 120)).outcome == "keep"


def test_days_needed_grow_with_the_variance():
    """Four times the variance needs four times the units (Cohen 1988), here in days."""
    config = ABTest(guardrails=())
    rows = estimates(orders=(0.02, -0.02, 0.06))
    few, many = (
        decide(experiment(spread=spread), rows, pl.DataFrame(), PASSED, config).days_needed for spread in (1, 2)
    )
    assert (many + 14) / (few + 14) == pytest.approx(4, rel=0.02)


def test_the_sequential_rule_reads_the_wide_interval_on_any_day():
    config = ABTest(decide_with="sequential", guardrails=())
    by_day = pl.DataFrame(
        {"metric": ["orders"], "relative": [0.05], "sequential_low": [0.01], "sequential_high": [0.09]}
    )
    found = decide(experiment(days=5), estimates(orders=GOOD), by_day, PASSED, config)
    assert found.outcome == "ship"
    wide = by_day.with_columns(sequential_low=pl.lit(-0.01))
    assert decide(experiment(days=5), estimates(orders=GOOD), wide, PASSED, config).outcome == "inconclusive"


def test_a_whole_log_of_no_difference_is_not_shipped():
    one = make_log(400).filter(pl.col("variant") == "control")
    twin = one.with_columns(pl.lit("treatment").alias("variant"), (pl.lit("t") + pl.col("unit_id")).alias("unit_id"))
    log = pl.concat([one, twin])
    config = ABTest(planned_days=3)
    found = aggregate(log, config=config)
    outcome = decide(found, uplifts(found.moments, config), cumulative(found.moments, config), check(found), config)
    assert outcome.outcome == "inconclusive" and outcome.days_needed > 0


def test_an_aa_test_is_shipped_as_seldom_as_half_of_alpha():
    rng = np.random.default_rng(5)
    config = ABTest(guardrails=())
    shipped = 0
    for z in rng.normal(size=300):
        estimate = 0.02 * z
        rows = estimates(orders=(estimate, estimate - 0.0392, estimate + 0.0392))
        shipped += decide(experiment(), rows, pl.DataFrame(), PASSED, config).outcome == "ship"
    assert 0.003 <= shipped / 300 <= 0.06


@pytest.mark.parametrize(
    "wrong",
    [{"primary": "clicks"}, {"guardrails": [{"metric": "x", "margin": 0.1}]}, {"treatment": "control"}, {"alpa": 1}],
)
def test_rules_that_name_nothing_are_refused(wrong):
    with pytest.raises(ValidationError):
        ABTest(**wrong)
