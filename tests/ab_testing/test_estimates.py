"""Estimators: error rates as promised, CUPED narrower, and the same as on the units themselves."""

import numpy as np
import polars as pl
import pytest
import tea_tasting as tt
from scipy import stats
from statsmodels.stats.multitest import multipletests

from roar.ab_testing import aggregate, uplift, uplifts
from roar.parameters import ABTest, OnlineMetric

from .conftest import draw_units, make_log, moments_of

RATIO = OnlineMetric(label="Orders per search", numerator="orders", denominator="searches")
MEAN = OnlineMetric(label="Orders per searcher", numerator="orders")
REPLICATES = 1_000


def within(share: float, nominal: float, n: int = REPLICATES) -> bool:
    """Whether a share of n is what a rate of `nominal` gives, but for one in 10,000 cases."""
    low, high = stats.binom.ppf([5e-5, 1 - 5e-5], n, nominal) / n
    return low <= share <= high


@pytest.mark.parametrize("metric", [RATIO, MEAN], ids=["ratio", "mean"])
@pytest.mark.parametrize("adjusted", [False, True], ids=["plain", "cuped"])
def test_an_aa_test_finds_something_as_often_as_alpha_says(metric, adjusted):
    """A binomial test per search, which takes searches for independent, would find far more."""
    rng = np.random.default_rng(1)
    arms = [moments_of(*draw_units(rng, REPLICATES, 400, 0.2)) for _ in range(2)]
    p = np.array([uplift(*pair, metric, adjusted=adjusted)["p"] for pair in zip(*arms, strict=True)])
    assert within((p < 0.05).mean(), 0.05)
    assert within((p < 0.2).mean(), 0.2)


@pytest.mark.parametrize("metric", [RATIO, MEAN], ids=["ratio", "mean"])
@pytest.mark.parametrize("adjusted", [False, True], ids=["plain", "cuped"])
def test_an_ab_interval_holds_the_true_uplift_as_often_as_it_says(metric, adjusted):
    """20% more orders in the treatment: of each search and so of each searcher."""
    rng = np.random.default_rng(2)
    arms = [moments_of(*draw_units(rng, REPLICATES, 400, rate)) for rate in (0.2, 0.24)]
    rows = [uplift(*pair, metric, adjusted=adjusted) for pair in zip(*arms, strict=True)]
    held = np.mean([row["relative_low"] <= 0.2 <= row["relative_high"] for row in rows])
    assert within(held, 0.95)


def test_cuped_takes_off_what_the_covariate_explains():
    """The variance left is 1 - r² (Deng et al. 2013); the estimate stays the same on average."""
    rng = np.random.default_rng(3)
    arms = [draw_units(rng, 300, 1_000, 0.2) for _ in range(2)]
    pairs = list(zip(*(moments_of(*arm) for arm in arms), strict=True))
    plain, adjusted = ([uplift(*pair, MEAN, adjusted=use) for pair in pairs] for use in (False, True))
    spread = [np.var([row["difference"] for row in rows], ddof=1) for rows in (plain, adjusted)]
    correlation = np.corrcoef(arms[0][0].ravel(), arms[0][2].ravel())[0, 1]
    assert correlation > 0.3
    assert spread[1] / spread[0] == pytest.approx(1 - correlation**2, rel=0.15)
    means = [np.mean([row["difference"] for row in rows]) for rows in (plain, adjusted)]
    assert means[0] == pytest.approx(means[1], abs=0.02)


def test_moments_give_what_tea_tasting_gives_on_the_units():
    rng = np.random.default_rng(4)
    frames, arms = [], []
    for variant, rate in enumerate((0.2, 0.25)):
        y, x, c = draw_units(rng, 1, 300, rate)
        frames.append(pl.DataFrame({"variant": variant, "y": y[0], "x": x[0], "c": c[0]}))
        arms.append(moments_of(y, x, c)[0])
    direct = tt.Experiment(ratio=tt.RatioOfMeans("y", "x", "c"), mean=tt.Mean("y", "c")).analyze(pl.concat(frames))
    for name, metric in (("ratio", RATIO), ("mean", MEAN)):
        found = uplift(*arms, metric, adjusted=True)
        assert found["relative"] == pytest.approx(direct[name].rel_effect_size)
        assert found["low"] == pytest.approx(direct[name].effect_size_ci_lower)
        assert found["p"] == pytest.approx(direct[name].pvalue)


def test_families_are_adjusted_apart_and_the_primary_metric_not_at_all():
    found = aggregate(make_log(400), levels=pl.DataFrame({"query": ["red shoe", "green tea"], "vertical": ["a", "b"]}))
    table = uplifts(found.moments, ABTest(adjust_metrics="holm", adjust_slices="benjamini_hochberg"))
    overall = table.filter(pl.col("slice") == "overall", pl.col("p").is_not_null())
    primary = overall.filter(pl.col("metric") == "orders")
    assert primary["p_adjusted"].item() == primary["p"].item()
    others = overall.filter(pl.col("metric") != "orders")
    expected = multipletests(others["p"].to_numpy(), method="holm")[1]
    np.testing.assert_allclose(others["p_adjusted"].to_numpy(), expected)
    slices = table.filter(pl.col("slice") == "vertical", pl.col("metric") == "click_through")
    assert set(slices["level"]) == {"a", "b", "unknown"}
    expected = multipletests(slices["p"].to_numpy(), method="fdr_bh")[1]
    np.testing.assert_allclose(slices["p_adjusted"].to_numpy(), expected)
