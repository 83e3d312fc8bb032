"""Pooled AUC against scikit-learn, and its bootstrap over queries."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from roar.metrics import pooled_auc
from roar.metrics.auc import _PooledPairs
from roar.parameters import MetricSettings

FAST = MetricSettings(auc_resamples=200)


@pytest.mark.parametrize("decimals", [None, 1, 0])
def test_pooled_auc_is_scikit_learns_on_all_pairs(make_case: Callable, decimals: int | None) -> None:
    """Over all queries, by level, and weighted by traffic; unscored products come last, tied."""
    run, judgments = make_case(4, decimals=decimals)
    queries = judgments["query_id"].unique().sort()
    slices = pl.DataFrame({"query_id": queries, "slice": "half", "level": ["x", "y"] * 20, "weight": np.arange(40.0)})
    table = pooled_auc(run, judgments, slices, FAST)
    pairs = judgments.join(run, on=["query_id", "product_id"], how="left").join(slices, on="query_id")
    pairs = pairs.with_columns(pl.col("score").fill_null(-1e9), exact=pl.col("grade") == "exact")
    for slice_, level, rows in (("overall", "all", pairs), ("half", "x", pairs.filter(level="x"))):
        expected = roc_auc_score(rows["exact"], rows["score"])
        assert table.filter(slice=slice_, level=level)["mean"].item() == pytest.approx(expected)
    weighted = roc_auc_score(pairs["exact"], pairs["score"], sample_weight=pairs["weight"])
    assert table.filter(slice="overall (traffic)")["mean"].item() == pytest.approx(weighted)


def test_interval_resamples_queries_not_pairs(make_case: Callable) -> None:
    """Doubling every pair of every query adds no information: the interval stays as wide."""
    run, judgments = make_case(5)
    double = pl.concat([run, run.with_columns(pl.col("product_id") + "'")])
    judged = pl.concat([judgments, judgments.with_columns(pl.col("product_id") + "'")])
    none = pl.DataFrame(schema={"query_id": pl.String, "slice": pl.String, "level": pl.String})
    once, twice = (
        pooled_auc(*tables, none, FAST).row(0, named=True) for tables in ((run, judgments), (double, judged))
    )
    assert once["low"] < once["mean"] < once["high"]
    assert twice["high"] - twice["low"] == pytest.approx(once["high"] - once["low"])


def test_a_slice_of_one_class_has_no_auc() -> None:
    judgments = pl.DataFrame({"query_id": ["a", "b"], "product_id": "p", "grade": ["exact", "irrelevant"]})
    run = pl.DataFrame({"query_id": ["a", "b"], "product_id": "p", "score": [2.0, 1.0]})
    slices = pl.DataFrame({"query_id": ["a"], "slice": ["vertical"], "level": ["food"]})
    rows = {row["slice"]: row for row in pooled_auc(run, judgments, slices, FAST).iter_rows(named=True)}
    assert rows["overall"]["mean"] == 1.0
    assert (rows["vertical"]["n"], rows["vertical"]["mean"], rows["vertical"]["low"]) == (1, None, None)


def test_joining_neighbouring_scores_moves_the_interval_less_than_resampling_does() -> None:
    """60,000 distinct scores: the mean is exact, and resamples on 20,000 of them agree to 1e-4 with all of them."""
    rng = np.random.default_rng(8)
    score, exact = rng.normal(size=60_000), rng.random(60_000) < 0.3
    score[exact] += 0.8
    pairs = _PooledPairs(score, exact, rng.integers(0, 300, 60_000), 300)
    weights = rng.multinomial(300, np.full(300, 1 / 300), size=20).T.astype(float)
    assert pairs.exacts.shape[0] == 60_000
    assert pairs.coarse(20_000).exacts.shape[0] == 20_000
    assert pairs.coarse(20_000).auc(weights) == pytest.approx(pairs.auc(weights), abs=1e-4)
    assert pairs.auc(np.ones((300, 1)))[0] == pytest.approx(roc_auc_score(exact, score))
