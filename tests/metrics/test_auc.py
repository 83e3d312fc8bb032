"""Pooled AUC against scikit-learn, and its bootstrap over queries."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from roar.metrics import pooled_auc
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
