"""One test behind p and both intervals: they agree whatever the data, and say so where there is nothing to tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from roar.ab_testing import uplift
from roar.ab_testing.comparison import (
    ABSENT,
    ALIKE,
    BELOW_ZERO,
    FEW_UNITS,
    FLAT_COVARIATE,
    SAME_COVARIATE,
    compared,
    effective_events,
)
from roar.parameters import OnlineMetric

from .conftest import moments_of

MEAN = OnlineMetric(label="Revenue per searcher", numerator="revenue")
SHARE = OnlineMetric(label="Click-through", numerator="clicked_searches", denominator="searches")
RNG = np.random.default_rng(5)
ORDERS = [RNG.poisson(1.0, 60).astype(float) for _ in range(2)]
PLAIN = ("control", "treatment", "difference", "low", "high", "relative", "relative_low", "relative_high", "p")


def one(y, x=None, c=None) -> dict[str, float]:
    """Moments of one variant's units."""
    return moments_of(*(None if part is None else np.asarray(part, float)[None] for part in (y, x, c)))[0]


def agrees(found: dict, alpha: float) -> bool:
    """Whether each interval that there is leaves out 0 exactly where p is below alpha."""
    ends = [(found[low], found[high]) for low, high in (("low", "high"), ("relative_low", "relative_high"))]
    return all(low is None or (low > 0 or high < 0) == (found["p"] < alpha) for low, high in ends)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(2, 60), st.integers(2, 60), st.floats(0, 3), st.sampled_from([0.01, 0.05, 0.3])
)
def test_p_and_both_intervals_agree_whatever_the_revenue(seed, n, m, sigma, alpha):
    """Lognormal revenue of any weight of tail, from two units on, with and without a covariate."""
    rng = np.random.default_rng(seed)
    arms = [
        one(rng.lognormal(0, sigma, size) * (rng.random(size) < 0.5), c=rng.poisson(3, size) - 3.0) for size in (n, m)
    ]
    for adjusted in (False, True):
        found = uplift(*arms, MEAN, adjusted=adjusted, confidence=1 - alpha, min_events=2)
        assert agrees(found, alpha)
        if found["caveat"] is None:
            assert None not in [found[name] for name in PLAIN]
            assert found["relative_low"] <= found["relative"] <= found["relative_high"]


def test_the_relative_interval_holds_the_ratios_that_the_test_does_not_reject():
    """Fieller by search: the ends are where |treatment - ratio * control| is the critical number of standard errors."""
    rng = np.random.default_rng(3)
    found = compared(one(rng.gamma(2, size=50)), one(rng.gamma(2.5, size=80)), MEAN, adjusted=False, min_events=2)[0]
    quantile = found.quantile(0.025)

    def excess(ratio: float) -> float:
        error = (found.treatment.variance + ratio**2 * found.control.variance) ** 0.5
        return abs(found.treatment.mean - ratio * found.control.mean) - quantile * error

    estimate = found.treatment.mean / found.control.mean
    ends = optimize.brentq(excess, 0, estimate), optimize.brentq(excess, estimate, 10)
    assert found.relative_interval(quantile) == pytest.approx([end - 1 for end in ends])


def test_a_control_that_is_not_told_from_zero_bounds_no_ratio():
    found = compared(one([0, 0, 0, 1]), one([0, 1, 1, 1]), MEAN, adjusted=False, min_events=2)[0]
    assert found.relative_interval(found.quantile(0.025)) is None


def test_revenue_with_heavy_tails_is_not_found_to_differ_where_it_does_not():
    """1,000 searchers a variant, a fifth order, sigma 2: the log ratio's interval would leave out 0 in one log of ten."""
    rng, found, by_log, replicates = np.random.default_rng(1), 0, 0, 600
    for _ in range(replicates):
        arms = [one(np.where(rng.random(1_000) < 0.2, rng.lognormal(3, 2, 1_000), 0.0)) for _ in range(2)]
        row = uplift(*arms, MEAN)
        assert agrees(row, 0.05)
        found += row["p"] < 0.05
        both = compared(*arms, MEAN, adjusted=False, min_events=2)[0]
        by_log += abs(np.log1p(row["relative"])) > stats.norm.isf(0.025) * both.log_variance**0.5
    assert found / replicates < 0.05 and by_log / replicates > 0.07


def test_what_is_not_flagged_errs_as_often_as_it_says():
    """Split 1 to 4, where skewed means do not cancel: of logs with enough events few reject, of the others more would."""
    rng, kept, flagged = np.random.default_rng(2), [], []
    for sigma in (0.5, 1.0, 2.0):
        for _ in range(400):
            arms = [one(np.where(rng.random(n) < 0.2, rng.lognormal(3, sigma, n), 0.0)) for n in (200, 800)]
            row = uplift(*arms, MEAN)
            (kept if row["caveat"] is None else flagged).append(row["p"] < 0.05)
    assert len(kept) > 300 and stats.binomtest(int(sum(kept)), len(kept), 0.06, alternative="greater").pvalue > 0.01
    assert np.mean(flagged) > 0.07


def test_events_are_searchers_with_one_and_far_fewer_where_one_has_most():
    orders = one([1] * 30 + [0] * 70)
    assert effective_events(orders, orders, MEAN) == pytest.approx(30)
    assert effective_events(orders, one([1] * 10 + [0] * 10), MEAN) == pytest.approx(40 * 20 / 120)
    whale = one([1] * 30 + [1_000] + [0] * 69)
    assert effective_events(whale, whale, MEAN) < 2.2
    nearly_all = one([1] * 98 + [0] * 2, x=np.ones(100))
    assert effective_events(nearly_all, nearly_all, SHARE) == pytest.approx(2), "two searches without a click"


@pytest.mark.parametrize(
    ("control", "treatment", "caveat", "known"),
    [
        (one([0] * 30), one([0] * 30), ABSENT, {"control": 0.0, "treatment": 0.0, "difference": 0.0}),
        (one([1] * 30), one([1] * 30), ALIKE, {"difference": 0.0, "relative": 0.0, "p": None}),
        (one([1] * 30), one([2] * 30), ALIKE, {"difference": 1.0, "relative": 1.0, "p": None}),
        (one([0] * 90), one([1, 0, 0] * 30), "does not occur in the control", {"relative": None, "difference": 1 / 3}),
        (one([5]), one([1, 2, 3]), FEW_UNITS, dict.fromkeys(PLAIN)),
        (one([1, 0] * 9), one([0, 1] * 9), "too few events: 9 in a variant, 20 needed", {"difference": 0.0, "p": 1.0}),
    ],
)
def test_what_cannot_be_told_is_said(control, treatment, caveat, known):
    found = uplift(control, treatment, MEAN)
    assert found["caveat"] == caveat
    assert {name: found[name] for name in known} == pytest.approx(known)


@pytest.mark.parametrize("value", [0.1, 1.0, 7.3])
@pytest.mark.parametrize("metric", [MEAN, SHARE], ids=["mean", "share"])
def test_searchers_who_are_all_alike_stay_so_under_a_covariate(value, metric):
    """Rounding is no variance, and there is none to be taken off."""
    searches = RNG.integers(1, 9, 60).astype(float)
    arm = one(value * searches if metric.denominator else np.full(60, value), x=searches, c=RNG.normal(size=60))
    found = uplift(arm, arm, metric, adjusted=True)
    assert (found["caveat"], found["adjusted"], found["p"]) == (ALIKE, False, None)


def test_a_treatment_without_an_event_lost_all_of_them():
    found = uplift(one([1, 0] * 50), one([0] * 100), MEAN)
    assert found["caveat"] is None and found["p"] < 0.001
    assert (found["relative"], found["relative_low"]) == (-1, -1) and -1 < found["relative_high"] < 0


def test_an_interval_of_any_width_ends_or_is_not_there():
    """An always-valid interval whose tail is too small for a number: no end, whether or not there is an event."""
    for treatment in ([0] * 100, [1, 0] * 50):
        found = compared(one([1, 0] * 50), one(treatment), MEAN, adjusted=False, min_events=2)[0]
        assert found.relative_interval(found.quantile(0.0)) is None


def test_a_ratio_without_a_denominator_in_one_variant_names_it():
    seconds = OnlineMetric(label="Seconds", numerator="first_click_s", denominator="first_clicks")
    some, none = one([2, 3, 4], x=[1, 1, 1]), one([0, 0, 0], x=[0, 0, 0])
    assert uplift(some, none, seconds)["caveat"] == "no first clicks in the treatment"
    assert uplift(none, none, seconds)["caveat"] == ABSENT


@pytest.mark.parametrize(
    ("covariates", "reason"),
    [
        (ORDERS, SAME_COVARIATE),
        ([3 * y + 2 for y in ORDERS], SAME_COVARIATE),
        ([np.full(60, -0.5), np.full(60, 0.5)], FLAT_COVARIATE),
        ([np.full(60, 1e9), np.full(60, 1e9)], FLAT_COVARIATE),
        ([np.full(60, 0.1), RNG.normal(size=60)], FLAT_COVARIATE),
    ],
)
def test_a_covariate_of_no_use_leaves_the_plain_estimate_and_says_why(covariates, reason):
    arms = [one(y, c=c) for y, c in zip(ORDERS, covariates, strict=True)]
    plain, found = uplift(*arms, MEAN), uplift(*arms, MEAN, adjusted=True)
    assert (found["adjusted"], found["not_adjusted"]) == (False, reason)
    assert {name: found[name] for name in PLAIN} == {name: plain[name] for name in PLAIN}


def test_a_covariate_does_not_put_a_mean_below_zero():
    """A control with next to no revenue and the longer history: what history explains is more than what it sold."""
    control = one([0.02, 0.0] * 5, c=[0.5, 2.5] * 5)
    treatment = one([0.0, 4.0, 1.0, 5.0] * 3, c=[0.0, 2.0, 0.0, 2.0] * 3)
    found = uplift(control, treatment, MEAN, adjusted=True)
    assert (found["control"], found["adjusted"], found["not_adjusted"]) == (pytest.approx(0.01), False, BELOW_ZERO)
