"""The always-valid interval: it may be looked at every day, which a fixed one may not."""

import math

import numpy as np
import pytest
from scipy import stats

from roar.ab_testing import always_valid_quantile

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
