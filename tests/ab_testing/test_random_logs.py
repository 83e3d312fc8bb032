"""Small sound logs of every kind through the whole chain: never an exception, never a contradiction."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from roar.ab_testing import aggregate, check, cumulative, decide, offline_to_online, plan, uplifts
from roar.parameters import ABTest
from roar.report.experiment import ExperimentEvidence, experiment_section

from .conftest import START

COVARIATES = (
    "none",
    "poisson",
    "constant",
    "the metric",
    "the revenue",
    "the variant",
    "heavy",
    "unknown",
    "one-sided",
)


def draw(seed: int) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """20 to 200 searchers, orders in 1 to 20% of the searches, revenue lognormal up to sigma 3, one covariate of each kind."""
    rng = np.random.default_rng(seed)
    units, days, kind = int(rng.integers(20, 201)), int(rng.integers(1, 7)), COVARIATES[seed % len(COVARIATES)]
    unit = np.repeat(np.arange(units), 1 + rng.poisson(rng.uniform(0, 4), units))
    treated = rng.random(units) < rng.choice([0.2, 0.5, 0.8])
    treated[:4] = [True, False, True, False]
    rate = rng.uniform(0.01, 0.2) * np.where(treated, rng.choice([0, 1, 1, 3]), 1.0)[unit]
    orders = rng.binomial(1, np.minimum(rate, 1.0) if seed % 11 else np.ones(len(unit)))
    revenue = orders * rng.lognormal(3, rng.uniform(0, 3), len(unit)) * rng.choice([0, 1, 1, 1, 1e10])
    clicks = np.maximum(orders, rng.binomial(3, rng.choice([0.0, 0.1, 0.5, 1.0]), len(unit)))
    log = pl.DataFrame(
        {
            "unit_id": [f"u{n}" for n in unit],
            "session_id": [f"s{n}" for n in unit],
            "variant": np.where(treated[unit], "treatment", "control"),
            "timestamp": [START + timedelta(days=int(d)) for d in rng.integers(0, days, len(unit))],
            "query": rng.choice(["a", "b", "c"], len(unit)),
            "results": rng.choice([0, 40], len(unit), p=[0.1, 0.9]),
            "impressions": 10,
            "clicks": clicks,
            "carts": orders,
            "orders": orders,
            "revenue": revenue,
            "first_click_s": [
                float(wait) if n else None for wait, n in zip(rng.exponential(5, len(unit)), clicks, strict=True)
            ],
        },
        schema_overrides={"first_click_s": pl.Float64},
    ).with_columns(pl.col("timestamp") + pl.duration(seconds=pl.int_range(pl.len())))
    covariate = {
        "poisson": rng.poisson(3, units),
        "constant": np.full(units, 7),
        "the metric": np.bincount(unit, orders, units),
        "the revenue": np.bincount(unit, revenue, units),
        "the variant": treated * 5,
        "heavy": rng.lognormal(0, 3, units),
        "unknown": np.full(units, np.nan),
        "one-sided": np.where(treated, rng.normal(size=units), 0.0),
    }.get(kind)
    table = {"unit_id": [f"u{n}" for n in range(units)], "covariate": covariate}
    return log, None if covariate is None else pl.DataFrame(table)


@pytest.mark.parametrize("seed", range(12))
def test_a_small_sound_log_ends_in_a_verdict_and_a_page_that_contradict_nothing(seed):
    log, units = draw(seed)
    config = ABTest(
        planned_days=3,
        decide_with=("fixed", "sequential")[seed % 2],
        primary=("orders", "revenue", "click_through", "first_click")[seed % 4],
        min_events=(20, 2)[seed % 3 == 0],
        alpha=(0.05, 0.2)[seed % 5 == 0],
    )
    found = aggregate(log, units, pl.DataFrame({"query": ["a", "b"], "vertical": ["x", "y"]}), config)
    estimates, by_day, checks = (
        uplifts(found.moments, config),
        cumulative(found.moments, config),
        check(found, None, config),
    )
    verdict = decide(found, estimates, by_day, checks, config)
    plan(found.moments, 5, config)
    for row in estimates.to_dicts():
        numbers = {name: value for name, value in row.items() if isinstance(value, float)}
        assert np.isfinite(list(numbers.values())).all(), row
        for low, high in ((row["low"], row["high"]), (row["relative_low"], row["relative_high"])):
            assert low is None or (low > 0 or high < 0) == (row["p"] < config.alpha), row
        if row["caveat"] is None:
            assert row["events"] >= config.min_events and row["relative_low"] <= row["relative"] <= row["relative_high"]
    for row in by_day.drop_nulls("sequential_low").to_dicts():
        assert row["sequential_low"] <= row["relative_low"] <= row["relative_high"] <= row["sequential_high"]
    better = verdict.rules["state"][2]
    primary = estimates.filter(slice="overall", metric=config.primary).row(0, named=True)
    if config.decide_with == "fixed" and better != "open":
        assert primary["caveat"] is None and primary["p"] < config.alpha
    evidence = ExperimentEvidence(
        verdict=verdict._asdict() | {"rules": verdict.rules.to_dicts()}, uplifts=estimates, cumulative=by_day, checks=checks,
        exclusions=found.exclusions, days=found.days, quality=pl.DataFrame(schema={"table": pl.String, "rule": pl.String}),
        offline=offline_to_online(pl.DataFrame(), estimates, config), preference={}, truth=pl.DataFrame(),
    )  # fmt: skip
    page = experiment_section(evidence, config).model_dump_json()
    assert "NaN" not in page and "nan%" not in page and "inf%" not in page
