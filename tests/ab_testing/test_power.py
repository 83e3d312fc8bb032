"""Power: a test of the size that was planned finds the effect as often as it says."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from roar.ab_testing import aggregate, detectable_effect, plan, units_needed, uplift
from roar.ab_testing.power import units_for_uplift
from roar.parameters import ABTest, ExperimentPlan, OnlineMetric

from .conftest import draw_units, make_log, moments_of

MEAN = OnlineMetric(label="Orders", numerator="orders")
RATIO = OnlineMetric(label="Orders per search", numerator="orders", denominator="searches")


@pytest.mark.parametrize("metric", [MEAN, RATIO], ids=["mean", "ratio"])
@pytest.mark.parametrize("cuped", [False, True], ids=["plain", "cuped"])
def test_a_test_of_the_planned_size_has_the_planned_power(metric, cuped):
    rng = np.random.default_rng(1)
    config = ABTest(cuped=cuped, power=0.8)
    history = moments_of(*draw_units(rng, 1, 40_000, 0.2))[0]
    units = round(units_needed(history, metric, 0.15, config) / 2)
    arms = [moments_of(*draw_units(rng, 600, units, rate)) for rate in (0.2, 0.23)]
    p = [uplift(*pair, metric, adjusted=cuped)["p"] for pair in zip(*arms, strict=True)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.8, abs=0.06)


def test_effect_and_units_are_each_others_inverse():
    history = moments_of(*draw_units(np.random.default_rng(2), 1, 20_000, 0.2))[0]
    units = units_needed(history, MEAN, 0.03, ABTest())
    assert detectable_effect(history, MEAN, round(units), ABTest()) == pytest.approx(0.03, rel=1e-3)


def test_units_are_the_textbook_formula():
    """2 (z_{1-alpha/2} + z_power)² (sigma / delta)² in each variant (Cohen 1988), the covariate left out."""
    y = np.random.default_rng(3).gamma(2, size=(1, 50_000))
    history = moments_of(y)[0]
    needed = units_needed(history, MEAN, 0.02, ABTest(cuped=False))
    z = stats.norm.isf(0.025) + stats.norm.isf(0.2)
    assert needed == pytest.approx(4 * (z * y.std() / (0.02 * y.mean())) ** 2, rel=1e-3)


def test_a_metric_with_next_to_no_variance_needs_next_to_no_units():
    """An effect of ten standard deviations: less than two units, and no search for a root that is not there."""
    history = moments_of(np.random.default_rng(6).normal(1, 0.01, size=(1, 1_000)))[0]
    assert 0 < units_needed(history, MEAN, 0.1, ABTest()) < 2


def test_no_test_is_planned_that_has_too_few_events_to_decide():
    """An effect of half the mean among 2% of orders in 500 a day: 20 events a variant take 2,000 units, four days."""
    log = make_log(500, days=1).with_columns(
        orders=(pl.col("unit_id").str.slice(1).cast(pl.Int64) % 100 < 2).cast(pl.Int64)
    )
    found = aggregate(log.unique("unit_id", keep="first"))
    sizes = plan(found.moments, 1, ABTest(), ExperimentPlan(effects=(0.99,), days=(1, 7))).filter(metric="orders")
    assert sizes.filter(question="effect").select("days", "units").row(0) == (4, 2_000)
    assert sizes.filter(question="days")["days"].to_list() == [7]


def test_a_covariate_that_is_the_metric_does_not_make_tests_free():
    y = np.random.default_rng(7).poisson(2, size=(1, 5_000)).astype(float)
    same, alone = moments_of(y, c=y - y.mean())[0], moments_of(y)[0]
    assert units_needed(same, MEAN, 0.02, ABTest()) == pytest.approx(units_needed(alone, MEAN, 0.02, ABTest()))


def test_an_unequal_split_needs_more_units():
    history = moments_of(*draw_units(np.random.default_rng(8), 1, 20_000, 0.2))[0]
    even, uneven = (units_needed(history, MEAN, 0.03, ABTest(ratio=ratio)) for ratio in (1, 4))
    assert uneven / even == pytest.approx(25 / 16)


def test_a_plan_covers_every_metric_that_occurs_and_days_follow_arrivals():
    found = aggregate(make_log(600))
    sizes = plan(found.moments, 3, ABTest(), ExperimentPlan(effects=(0.02, 0.04), days=(7, 28)))
    orders = sizes.filter(metric="orders")
    assert "zero_results" not in sizes["metric"], "no search was without results"
    by_effect = orders.filter(question="effect").sort("effect")
    assert by_effect["days"][0] == pytest.approx(by_effect["units"][0] / 200, abs=1)
    assert by_effect["units"][0] / by_effect["units"][1] == pytest.approx(4, rel=0.01)
    by_days = orders.filter(question="days").sort("days")
    assert by_days["units"].to_list() == [1_400, 5_600]
    assert by_days["effect"][0] / by_days["effect"][1] == pytest.approx(2, rel=0.01)


def test_a_log_of_the_control_alone_is_enough_to_plan():
    log = make_log(600).filter(variant="control")
    found = aggregate(log, variants=("control",))
    assert plan(found.moments, 3).filter(metric="orders", question="effect").height == 5


def test_units_for_an_uplift_at_the_edge_of_significance():
    """An uplift of exactly z_{1-alpha/2} errors has power one half: the test had (z / (z + z_power))² of the units."""
    row = {"difference": 1.96, "low": 0.0, "high": 3.92, "units_control": 500, "units_treatment": 500}
    assert units_for_uplift(row, ABTest()) == pytest.approx(1_000 * ((1.96 + 0.8416) / 1.96) ** 2, rel=1e-3)
    assert units_for_uplift(row | {"difference": 0.0}, ABTest()) is None
    assert units_for_uplift(row | {"low": None, "high": None}, ABTest()) is None, "all searchers of a variant are alike"
