"""Checks: each catches what it is for, and leaves a sound test alone."""

import numpy as np
import polars as pl
import pytest

from roar.ab_testing import aggregate, check, cumulative, uplifts
from roar.ab_testing.checks import every_day, sample_ratio, time_zones, weighted_slope
from roar.ab_testing.verdict import decide
from roar.ingestion.conform import MIXED_ZONES
from roar.parameters import ABTest

from .conftest import make_log


def totals(control: int, treatment: int) -> pl.DataFrame:
    return pl.DataFrame({"variant": ["control"] * control + ["treatment"] * treatment})


def state(table: pl.DataFrame, name: str) -> str:
    return table.filter(pl.col("check") == name)["state"].item()


def test_an_imbalance_of_one_per_cent_is_caught_among_200_000_units():
    """Twenty tests in which the treatment gets 50.5% of the units, and one of exactly that; alpha is 0.001."""
    rng = np.random.default_rng(1)
    config = ABTest()
    caught = [
        sample_ratio(totals(200_000 - treated, treated), config).state == "failed"
        for treated in rng.binomial(200_000, 0.505, size=20)
    ]
    # 1% more units than planned is 4.5 standard errors; the critical value is 3.3: power 0.88.
    assert np.mean(caught) >= 0.7
    assert sample_ratio(totals(99_000, 101_000), config).state == "failed"


def test_a_sound_split_fails_as_seldom_as_alpha_says():
    rng = np.random.default_rng(2)
    config = ABTest(sample_ratio_alpha=0.05)
    counts = rng.binomial(2_000, 0.5, size=800)
    failed = np.mean([sample_ratio(totals(2_000 - n, n), config).state == "failed" for n in counts])
    assert 0.02 <= failed <= 0.08


def test_the_planned_ratio_is_what_counts():
    assert sample_ratio(totals(1_000, 9_000), ABTest(ratio=9)).state == "passed"
    assert sample_ratio(totals(1_000, 9_000), ABTest()).state == "failed"


def test_a_broken_split_forbids_a_verdict():
    lopsided = pl.concat([make_log(400), make_log(900).filter(pl.col("variant") == "treatment")]).unique()
    config = ABTest(planned_days=3)
    found = aggregate(lopsided, config=config)
    checks = check(found, config=config)
    assert state(checks, "sample ratio") == "failed"
    verdict = decide(found, uplifts(found.moments, config), cumulative(found.moments, config), checks, config)
    assert verdict.outcome == "inconclusive" and "cannot be trusted" in verdict.reason and verdict.days_needed is None


def test_one_sided_exclusions_are_doubtful():
    """Impossible rows in the treatment alone: what is left of it is another population."""
    log = make_log(400)
    broken = pl.when((pl.col("variant") == "treatment") & (pl.col("clicks") == 2)).then(99).otherwise(pl.col("clicks"))
    found = aggregate(log.with_columns(clicks=broken))
    assert state(check(found), "exclusions alike") == "doubtful"
    assert state(check(aggregate(log)), "exclusions alike") == "passed"


def test_variants_that_differed_before_the_test_are_doubtful():
    log = make_log(400)
    ids = log["unit_id"].unique(maintain_order=True)
    noise = np.random.default_rng(3).normal(size=len(ids))
    even = pl.DataFrame({"unit_id": ids, "covariate": noise})
    odd = even.with_columns(covariate=pl.Series(noise + (np.arange(len(ids)) % 2)))
    assert state(check(aggregate(log, even)), "alike before the test") == "passed"
    assert state(check(aggregate(log, odd)), "alike before the test") == "doubtful"
    assert state(check(aggregate(log)), "alike before the test") == "not possible"


@pytest.mark.parametrize(("shift", "expected"), [(0.0, "not possible"), (5.0, "doubtful")])
def test_a_covariate_that_is_the_same_within_each_variant_is_checked_without_a_variance(shift, expected):
    log = make_log(400)
    ids = log["unit_id"].unique(maintain_order=True)
    constant = pl.DataFrame({"unit_id": ids, "covariate": 1e6 + shift * (np.arange(len(ids)) % 2)})
    assert state(check(aggregate(log, constant)), "alike before the test") == expected


def test_days_with_too_few_events_say_nothing_on_an_effect_over_time():
    """A treatment without an order on the last days has no log ratio there."""
    log = pl.concat([
        make_log(60, days=1).with_columns(pl.col("timestamp") + pl.duration(days=day), pl.format("{}d{}", "session_id", pl.lit(day)).alias("session_id"))
        for day in range(4)
    ])  # fmt: skip
    lost = (pl.col("variant") == "treatment") & (pl.col("timestamp").dt.day() > 6)
    found = aggregate(log.with_columns(orders=pl.when(lost).then(0).otherwise(pl.col("orders"))))
    for needed, expected in ((20, "not possible"), (2, "not possible")):
        assert state(check(found, config=ABTest(min_events=needed)), "effect over time") == expected


def test_a_missing_day_is_doubtful():
    days = make_log().filter(pl.col("timestamp").dt.day() != 6)
    assert every_day(aggregate(days).days).state == "doubtful"
    assert every_day(aggregate(make_log()).days).state == "passed"


def test_mixed_time_zones_are_doubtful():
    row = {"table": "experiment_log", "rule": MIXED_ZONES, "column": "timestamp", "action": "repaired", "count": 3}
    quality = pl.DataFrame([row])
    assert time_zones(quality).state == "doubtful"
    assert time_zones(quality.with_columns(rule=pl.lit("other"))).state == "passed"
    assert time_zones(None).state == "not possible"


def test_the_slope_has_its_size_under_no_trend_and_finds_one():
    rng = np.random.default_rng(4)
    x, weights = np.arange(14.0), np.full(14, 100.0)
    flat = [weighted_slope(x, rng.normal(0.2, 0.1, size=14), weights)[1] for _ in range(1_000)]
    assert 0.03 <= np.mean(np.array(flat) < 0.05) <= 0.07
    slope, p = weighted_slope(x, 0.3 - 0.02 * x, weights)
    assert slope == pytest.approx(-0.02) and p < 0.01


def test_a_fading_effect_is_noticed():
    """Treated units order on their first two days alone; they search on six."""
    log = pl.concat([
        make_log(600, days=1).with_columns(pl.col("timestamp") + pl.duration(days=day), pl.format("{}d{}", "session_id", pl.lit(day)).alias("session_id"))
        for day in range(6)
    ])  # fmt: skip
    early = (pl.col("variant") == "treatment") & (pl.col("timestamp").dt.day() < 7)
    fading = log.with_columns(orders=pl.when(early).then(pl.col("orders") * 2).otherwise(pl.col("orders")))
    assert state(check(aggregate(log)), "effect over time") == "passed"
    assert state(check(aggregate(fading)), "effect over time") == "doubtful"
