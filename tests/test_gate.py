"""The gate lets a run through that holds every rule, and names each rule that another breaks."""

import numpy as np
import polars as pl
import pytest

from roar.errors import InputError
from roar.gate import judge, reasons
from roar.parameters import MetricSettings
from roar.parameters.gate import Bound, Gate, MetricBound
from roar.run_record import KeptRun

QUERIES = [f"q{i:03}" for i in range(120)]
SETTINGS = MetricSettings(permutations=500, resamples=200)
RULES = Gate(
    metrics=(MetricBound(metric="recall@100", at_least=0.5), MetricBound(metric="attribute_conflict@8", at_most=0.3)),
    release={"recall": Bound(at_least=0.9), "p99_ms": Bound(at_most=20.0), "memory_mb": Bound(at_most=100.0)},
)
MEASURED = {"recall": 0.97, "p99_ms": 8.0, "memory_mb": 40.0}
SLICES = pl.DataFrame(
    {
        "query_id": QUERIES * 2,
        "slice": ["vertical"] * 120 + ["stratum"] * 120,
        "level": ["food", "home"] * 60 + ["head"] * 60 + ["tail"] * 60,
    }
)


def kept(gain: float = 0.0, *, food: float = 0.0, recall: float = 0.7, conflict: float = 0.2) -> KeptRun:
    """A run whose every query gains as much over the same base, those on food another `food`, with a little noise."""
    noise = np.random.default_rng(round(1e6 * (1 + gain + food))).normal(0, 0.01, 120)
    base = np.random.default_rng(1).uniform(0.2, 0.7, 120)
    value = base + gain + noise + np.where(np.arange(120) % 2 == 0, food, 0.0)
    scores = pl.DataFrame({"query_id": QUERIES, "value": value}).with_columns(
        system=pl.lit("stage2"), protocol=pl.lit("judged"), metric=pl.lit("ndcg@8")
    )
    means = pl.DataFrame({"metric": ["recall@100", "attribute_conflict@8"], "mean": [recall, conflict]}).with_columns(
        system=pl.lit("stage2"), protocol=pl.lit("catalogue"), slice=pl.lit("overall"), level=pl.lit("all")
    )
    return KeptRun({}, means, scores)


def broken(candidate: KeptRun, measured: dict[str, float] = MEASURED, production: KeptRun | None = None) -> list[str]:
    return reasons(judge(production or kept(), candidate, SLICES, measured, RULES, SETTINGS))


def test_a_run_that_is_as_good_passes_within_the_margin() -> None:
    rules = judge(kept(), kept(0.001), SLICES, MEASURED, RULES, SETTINGS)
    assert rules["held"].all() and reasons(rules) == []
    assert rules["rule"].to_list() == ["primary", *["slice"] * 4, *["metric"] * 2, *["release"] * 3]


def test_a_loss_overall_is_named_with_its_interval() -> None:
    found = broken(kept(-0.03))
    assert (
        found[0].startswith("primary: ndcg@8 (judged) of stage2 over production's -0.0") and "120 queries" in found[0]
    )


def test_a_loss_in_one_vertical_is_named_although_the_whole_gained() -> None:
    assert [reason.split(" -0.")[0] for reason in broken(kept(0.06, food=-0.1))] == ["slice: vertical food"]


def test_a_small_loss_of_a_level_is_let_through() -> None:
    assert broken(kept(0.03, food=-0.04)) == []


@pytest.mark.parametrize(
    ("change", "measured", "reason"),
    [
        ({"recall": 0.4}, {}, "metric: recall@100 (catalogue) 0.4, asked: at least 0.5"),
        ({"conflict": 0.35}, {}, "metric: attribute_conflict@8 (catalogue) 0.35, asked: at most 0.3"),
        ({}, {"p99_ms": 31.0}, "release: p99_ms 31, asked: at most 20"),
        ({}, {"memory_mb": 250.0}, "release: memory_mb 250, asked: at most 100"),
        ({}, {"recall": 0.8}, "release: recall 0.8, asked: at least 0.9"),
    ],
)
def test_each_bound_breaks_with_its_reason(change: dict, measured: dict, reason: str) -> None:
    assert broken(kept(0.01, **change), MEASURED | measured) == [reason]


def test_what_was_not_measured_holds_nothing() -> None:
    assert broken(kept(0.01), {"recall": 0.97, "p99_ms": 8.0}) == [
        "release: memory_mb not measured, asked: at most 100"
    ]


def test_runs_that_cannot_be_compared_are_refused() -> None:
    run = kept()
    with pytest.raises(InputError, match="in production was kept without its per-query metrics"):
        broken(run, production=run._replace(per_query=None))
    others = run._replace(per_query=run.per_query.with_columns(pl.col("query_id") + "x"))  # type: ignore[union-attr]
    with pytest.raises(InputError, match="share no tested query"):
        broken(run, production=others)
    with pytest.raises(InputError, match="has no ndcg@8 of stage2"):
        broken(run._replace(per_query=run.per_query.clear()))  # type: ignore[union-attr]
