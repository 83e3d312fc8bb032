"""The always-valid interval: it may be looked at every day, which a fixed one may not."""

import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from roar.ab_testing import always_valid_quantile, cumulative
from roar.ab_testing.moments import UNTIL, moment_table
from roar.parameters import ABTest, OnlineMetric

from .conftest import moments_of

REPLICATES = 4_000


def exceeded(z: np.ndarray, information: np.ndarray, planned: float, alpha: float) -> tuple[float, float]:
    """Share of paths that ever leave the always-valid interval, and the fixed one; z (R, days)."""
    wide = np.array([always_valid_quantile(t, planned, alpha) for t in information])
    fixed = stats.norm.isf(alpha / 2)
    return float((np.abs(z) > wide).any(axis=1).mean()), float((np.abs(z) > fixed).any(axis=1).mean())


@pytest.mark.parametrize("planned", [5, 20, 100])
def test_it_holds_on_all_days_at_once_wherever_it_is_narrowest(planned):
    """Units that arrive one day after the other: the estimate's z is a random walk over its root time."""
    rng = np.random.default_rng(planned)
    days = np.arange(1, 61)
    z = rng.normal(size=(REPLICATES, 60)).cumsum(axis=1) / np.sqrt(days)
    always, fixed = exceeded(z, days, planned, 0.05)
    assert always <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / REPLICATES)
    assert fixed > 0.25, "the fixed interval fails under daily looks, or this test could not see a failure"


def test_it_holds_for_units_that_come_back_every_day():
    """A persistent difference between searchers makes days more alike; the interval then errs towards caution."""
    rng = np.random.default_rng(8)
    days, units, habit = 20, 150, 1.5
    z = np.empty((REPLICATES // 4, days))
    information = np.zeros(days)
    for path in range(len(z)):
        sides = [rng.normal(size=(units, 1)) * habit + rng.normal(size=(units, days)) for _ in range(2)]
        means = [side.cumsum(axis=1) / np.arange(1, days + 1) for side in sides]
        error = np.sqrt(sum(mean.var(axis=0, ddof=1) / units for mean in means))
        z[path] = (means[1].mean(axis=0) - means[0].mean(axis=0)) / error
        information += error**-2 / len(z)
    always, _ = exceeded(z, information, information[0] * days, 0.05)
    assert always <= 0.05


def test_it_is_narrowest_near_the_planned_time_and_wider_than_the_fixed_one():
    """Half-width times the root of time is compared over plans, at one time."""
    plans = [10, 30, 100, 300, 1_000]
    widths = [always_valid_quantile(100, planned) for planned in plans]
    assert plans[int(np.argmin(widths))] == 100
    assert min(widths) > stats.norm.isf(0.025)


def test_it_is_the_formula_of_the_paper():
    """Theorem 2.2 of arXiv 2103.06476 written out for unit variance: half-width at t, over the standard error."""
    t, rho, alpha = 50.0, 0.3, 0.05
    planned = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / rho**2
    half = math.sqrt(2 * (t * rho**2 + 1) / (t**2 * rho**2) * math.log(math.sqrt(t * rho**2 + 1) / alpha))
    assert always_valid_quantile(t, planned, alpha) == pytest.approx(half * math.sqrt(t))


REVENUE = ABTest(
    metrics={"revenue": OnlineMetric(label="Revenue", numerator="revenue")},
    primary="revenue", guardrails=(), offline=None, planned_days=8,
)  # fmt: skip


def day_by_day(revenue: np.ndarray, days: np.ndarray, treated: np.ndarray) -> list[tuple]:
    """Moments up to each day of searchers who come once."""
    rows = []
    for day in range(8):
        for arm in (0, 1):
            own = revenue[(days <= day) & (treated == arm)]
            rows.append((UNTIL, f"2026-10-{5 + day:02}", "revenue", arm, *moments_of(own[None])[0].values()))
    return rows


@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_daily_looks_at_heavy_tailed_revenue_find_nothing_where_there_is_nothing(sigma):
    """150 A/A tests of 600 searchers, looked at on eight days."""
    rng, ever, looks = np.random.default_rng(11), 0, 0
    for _ in range(150):
        revenue = np.where(rng.random(600) < 0.5, rng.lognormal(3, sigma, 600), 0.0)
        rows = day_by_day(revenue, rng.integers(0, 8, 600), rng.integers(0, 2, 600))
        found = cumulative(moment_table(rows), REVENUE)
        looks += found["sequential_low"].is_not_null().sum()
        ever += bool((found["sequential_low"] > 0).any() or (found["sequential_high"] < 0).any())
        assert found.filter(pl.col("events") < 20)["sequential_low"].is_null().all()
    assert ever <= 0.05 * 150 and (looks > 300 or sigma > 2), "there was something to look at"


def test_the_daily_reading_starts_with_enough_events_and_finds_what_is_there():
    rng = np.random.default_rng(12)
    treated = rng.integers(0, 2, 4_000)
    revenue = np.where(rng.random(4_000) < np.where(treated, 0.06, 0.03), 20.0, 0.0)
    found = cumulative(moment_table(day_by_day(revenue, np.arange(4_000) // 500, treated)), REVENUE)
    assert found["caveat"][0] is not None and found["caveat"][-1] is None
    assert found["sequential_low"][-1] > 0


def test_a_reading_that_has_lost_its_information_is_not_to_be_had_rather_than_an_error():
    """On the second day two orders of a thousand times the others' leave a hundredth of the first day's information."""
    first = [np.array([20.0] * paying + [0.0] * (1_200 - paying)) for paying in (600, 500)]
    second = [np.append(first[0], [20_000.0] * 2), first[1]]
    rows = [
        (UNTIL, f"2026-10-0{5 + day}", "revenue", arm, *moments_of(values[None])[0].values())
        for day, arms in enumerate((first, second))
        for arm, values in enumerate(arms)
    ]
    found = cumulative(moment_table(rows), REVENUE.model_copy(update={"min_events": 2.0, "planned_days": 120}))
    assert found["sequential_low"].is_null().to_list() == [False, True] and 2 < found["events"][1] < 6
    assert found["relative"].is_not_null().all()
