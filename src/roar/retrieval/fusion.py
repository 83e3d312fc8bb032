"""Hybrids: two systems' runs made one, by ranks or by a weighted sum of scores.

Runs are frames of query_id, product_id, score. Under either rule a product that one run lacks gains nothing from it.
"""

from collections.abc import Sequence

import polars as pl

from roar.metrics import mean_value
from roar.metrics.inputs import PAIR
from roar.tables import require_columns


def reciprocal_ranks(runs: Sequence[pl.DataFrame], constant: int = 60) -> pl.DataFrame:
    """Sum of 1 / (constant + rank) over the runs (Cormack, Clarke and Büttcher 2009); equal scores share a mean rank.

    Returns:
        query_id, product_id, score, sorted by query and product.

    Examples:
        >>> a = pl.DataFrame({"query_id": ["q"] * 2, "product_id": ["x", "y"], "score": [2.0, 1.0]})
        >>> b = a.with_columns(score=pl.Series([10.0, 20.0]))
        >>> reciprocal_ranks([a, b]).with_columns(pl.col("score").round(4)).rows()
        [('q', 'x', 0.0325), ('q', 'y', 0.0325)]
    """
    for run in runs:
        require_columns(run, "run", [*PAIR, "score"])
    ranked = [
        run.with_columns(
            score=1 / (constant + pl.col("score").rank("average", descending=True).over("query_id"))
        ) for run in runs
    ]  # fmt: skip
    return _summed(ranked)


def weighted_sum(a: pl.DataFrame, b: pl.DataFrame, weight: float) -> pl.DataFrame:
    """(1 - weight) a + weight b, each query's scores scaled to [0, 1] first, because the two have no common unit.

    Returns:
        query_id, product_id, score, sorted by query and product.

    Examples:
        >>> a = pl.DataFrame({"query_id": ["q"] * 3, "product_id": ["x", "y", "z"], "score": [2.0, 1.0, 0.0]})
        >>> b = a.with_columns(score=pl.Series([10.0, 20.0, 10.0]))
        >>> weighted_sum(a, b, 0.25).rows()
        [('q', 'x', 0.75), ('q', 'y', 0.625), ('q', 'z', 0.0)]
    """
    for run in (a, b):
        require_columns(run, "run", [*PAIR, "score"])
    parts = ((a, 1 - weight), (b, weight))
    return _summed([_scaled(run).with_columns(pl.col("score") * share) for run, share in parts])


def tune_weight(
    a: pl.DataFrame, b: pl.DataFrame, judgments: pl.DataFrame, weights: Sequence[float], metric: str = "ndcg@8"
) -> pl.DataFrame:
    """Try weights of b on validation queries.

    Args:
        a: fold, query_id, product_id, score.
        b: the same of the other system.
        judgments: query_id, product_id, grade.
        weights: to try.
        metric: that decides.

    Returns:
        fold, weight, value, best (bool): exactly one best in each fold, the first of equals.

    Examples:
        Three quarters of a run that is right mend one that is wrong.

        >>> a = pl.DataFrame({"fold": "f", "query_id": "q", "product_id": ["x", "y"], "score": [1.0, 0.9]})
        >>> b = a.with_columns(score=pl.Series([0.0, 3.0]))
        >>> judged = pl.DataFrame({"query_id": "q", "product_id": ["x", "y"], "grade": ["irrelevant", "exact"]})
        >>> tune_weight(a, b, judged, weights=(0.0, 0.75)).filter("best")["weight"].item()
        0.75
    """
    for run in (a, b):
        require_columns(run, "run", ["fold", *PAIR, "score"])
    require_columns(judgments, "judgments", [*PAIR, "grade"])
    rows = []
    for (fold,), own in a.group_by("fold", maintain_order=True):
        other = b.filter(pl.col("fold") == fold)
        for weight in weights:
            run = weighted_sum(own.drop("fold"), other.drop("fold"), weight)
            rows.append((str(fold), weight, mean_value(run, judgments, own["query_id"].unique(), metric)))
    tried = pl.DataFrame(rows, schema={"fold": pl.String, "weight": pl.Float64, "value": pl.Float64}, orient="row")
    place = pl.int_range(pl.len()).over("fold")
    return tried.with_columns(best=place == pl.col("value").fill_null(-1.0).arg_max().over("fold"))


def _scaled(run: pl.DataFrame) -> pl.DataFrame:
    """Scores of a query from 0 (its lowest) to 1; all equal ones are 0."""
    score, low = pl.col("score"), pl.col("score").min().over("query_id")
    span = score.max().over("query_id") - low
    return run.with_columns(score=pl.when(span > 0).then((score - low) / span).otherwise(0.0))


def _summed(runs: Sequence[pl.DataFrame]) -> pl.DataFrame:
    rows = pl.concat([run.select(*PAIR, "score") for run in runs])
    return rows.group_by(PAIR).agg(pl.col("score").sum()).sort(PAIR)
