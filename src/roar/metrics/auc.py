"""Area under the ROC curve over pooled judged pairs: one score scale for all queries, as the method's paper reports it.

Only for systems whose scores compare across queries (cosines do, BM25 and fused scores do not: take `auc_query`).
"""

from collections.abc import Sequence
from copy import copy

import numpy as np
import polars as pl
import scipy.sparse as sp

from roar.metrics.inputs import PAIR, checked_judgments, checked_run
from roar.metrics.resampling import Floats, bootstrap_p, effective_size, interval, row_counts, slice_generator
from roar.metrics.slices import cells, metric_rows, metric_table
from roar.parameters import MetricSettings

_DISTINCT = 20_000
"""Distinct scores that resampling tells apart; the AUC itself tells all apart."""

_ENTRIES = 2_000_000
"""Entries of the products that are in memory at a time."""


def pooled_auc(
    run: pl.DataFrame, judgments: pl.DataFrame, slices: pl.DataFrame, config: MetricSettings | None = None
) -> pl.DataFrame:
    """AUC of exact against the rest over the judged pairs of all a slice's queries, with a query bootstrap.

    Args:
        run: query_id, product_id, score. A judged product that it does not score ranks below all that it does, level
            with the others of its kind; ties count half.
        judgments: query_id, product_id, grade.
        slices: query_id, slice, level; optionally weight, with which a query's pairs count that often.
        config: confidence, auc_resamples, seed.

    Returns:
        slice, level, metric ("auc"), n (judged queries of the slice), effective (what they are worth under their weights),
        mean, low, high; null where a slice has no exact or nothing but exacts.

    Cost: O(N log N) for N judged pairs, and O(N) for each resample and slice. Beyond 20,000 distinct scores the resamples
    see neighbouring scores as tied, which moves the ends of the interval by less than 1e-4; the mean is exact always.

    Examples:
        Within each query the exact product stands first; across queries one stands below another's irrelevant one.

        >>> run = pl.DataFrame({"query_id": list("aabb"), "product_id": list("wxyz"), "score": [0.9, 0.5, 0.4, 0.1]})
        >>> judged = run.select("query_id", "product_id", grade=pl.Series(["exact", "irrelevant"] * 2))
        >>> slices = pl.DataFrame(schema={"query_id": pl.String, "slice": pl.String, "level": pl.String})
        >>> pooled_auc(run, judged, slices)["mean"].to_list()
        [0.75]

    References:
        Mann and Whitney (1947), On a test of whether one of two random variables is stochastically larger than the other,
            Annals of Mathematical Statistics 18(1).
    """
    config = config or MetricSettings()
    run, judgments = checked_run(run), checked_judgments(judgments)
    pairs = judgments.join(run, on=PAIR, how="left").sort("query_id")
    queries = pairs["query_id"].unique(maintain_order=True)
    query = pairs["query_id"].rle_id().to_numpy()
    score = pairs["score"].fill_null(-np.inf).to_numpy()
    exact = (pairs["grade"] == "exact").to_numpy()
    rows = []
    for slice_, level, index, weight in cells(slices, queries):
        place = np.full(len(queries), -1)
        place[index] = np.arange(len(index))
        member = place[query] >= 0
        pooled = _PooledPairs(score[member], exact[member], place[query[member]], len(index))
        draws = _resampled(pooled, weight, config.auc_resamples, slice_generator(config.seed, slice_, level))
        unit = np.where(np.isnan(pooled.auc(weight[:, None])), np.nan, np.ones((len(index), 1)))
        low, high = interval(unit, weight, draws, config.confidence)
        columns = {
            "effective": effective_size(unit, weight),
            "mean": pooled.auc(weight[:, None]),
            "low": low,
            "high": high,
        }
        rows.append(metric_rows(slice_, level, ["auc"], np.ones((len(index), 1)), columns))
    return metric_table(rows, ["effective", "mean", "low", "high"])


def compare_pooled_auc(
    runs_a: Sequence[pl.DataFrame],
    runs_b: Sequence[pl.DataFrame],
    judgments: pl.DataFrame,
    config: MetricSettings | None = None,
) -> pl.DataFrame:
    """Compare the pooled AUC of two systems, each averaged over its runs (those of several seeds, say): difference = b - a.

    Args:
        runs_a: query_id, product_id, score of the baseline, all over the same queries.
        runs_b: likewise of the other system.
        judgments: query_id, product_id, grade; those of queries that no run has are left out.
        config: confidence, auc_resamples, seed.

    Returns:
        One row: metric ("auc"), n, mean_a, mean_b, difference, low, high, p. Interval and two-sided p come from one
        bootstrap over queries, in which both systems see the same draws (Efron and Tibshirani 1993, ch. 15); null below
        two queries.
    """
    config = config or MetricSettings()
    queries = pl.concat([run.select("query_id") for run in (*runs_a, *runs_b)]).unique()
    judged = judgments.join(queries, on="query_id", how="semi", maintain_order="left")
    weight = np.ones(judged["query_id"].n_unique())
    means, draws = [], []
    for runs in (runs_a, runs_b):
        pooled = [_overall(run, judged) for run in runs]
        means.append(np.mean([pairs.auc(weight[:, None]) for pairs in pooled]))
        generators = [slice_generator(config.seed, "overall", "all") for _ in pooled]
        drawn = [_resampled(p, weight, config.auc_resamples, rng) for p, rng in zip(pooled, generators, strict=True)]
        draws.append(np.mean(drawn, axis=0))
    difference = draws[1] - draws[0]
    low, high = interval(np.ones((len(weight), 1)), weight, difference, config.confidence)
    row = {"mean_a": means[0], "mean_b": means[1], "difference": means[1] - means[0], "low": low[0], "high": high[0]}
    row["p"] = bootstrap_p(difference[:, 0], len(weight))
    table = pl.DataFrame({"metric": "auc", "n": len(weight), **{name: float(value) for name, value in row.items()}})
    return table.with_columns(pl.col(list(row)).fill_nan(None))


def _overall(run: pl.DataFrame, judgments: pl.DataFrame) -> "_PooledPairs":
    """All judged pairs of a run."""
    pairs = checked_judgments(judgments).join(checked_run(run), on=PAIR, how="left").sort("query_id")
    query = pairs["query_id"].rle_id().to_numpy()
    score, exact = pairs["score"].fill_null(-np.inf).to_numpy(), (pairs["grade"] == "exact").to_numpy()
    return _PooledPairs(score, exact, query, int(query[-1]) + 1)


class _PooledPairs:
    """Judged pairs by ascending score, ties joined: how many exacts and others each query has at each distinct score.

    Two sparse matrices (T distinct scores, Q queries), so that any weights of the queries (Q, B) are one product away.
    """

    def __init__(self, score: Floats, exact: np.ndarray, query: np.ndarray, queries: int) -> None:
        _, place = np.unique(score, return_inverse=True)
        self.exacts, self.others = (_counts(place, query, kind, queries) for kind in (exact, ~exact))

    def coarse(self, most: int) -> "_PooledPairs":
        """The same with neighbouring scores joined to about `most`, each of as many distinct scores: for resampling."""
        rows = self.exacts.shape[0]
        if rows <= most:
            return self
        join = sp.csr_array((np.ones(rows), (np.arange(rows) * most // rows, np.arange(rows))), shape=(most, rows))
        joined = copy(self)
        joined.exacts, joined.others = join @ self.exacts, join @ self.others
        return joined

    def auc(self, weights: Floats) -> Floats:
        """AUC (B,) under query weights (Q, B); NaN where the weights leave one class empty."""
        exacts, others = self.exacts @ weights, self.others @ weights
        total = exacts.sum(axis=0) * others.sum(axis=0)
        below = np.cumsum(others, axis=0) - others / 2
        hits = np.einsum("tb,tb->b", exacts, below)
        return np.divide(hits, total, out=np.full(len(total), np.nan), where=total > 0)


def _counts(place: np.ndarray, query: np.ndarray, kind: np.ndarray, queries: int) -> sp.csr_array:
    shape = (int(place.max(initial=-1)) + 1, queries)
    return sp.csr_array((np.ones(int(kind.sum())), (place[kind], query[kind])), shape=shape)


def _resampled(pooled: _PooledPairs, weight: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Bootstrap AUCs, (B, 1)."""
    rows = pooled.coarse(_DISTINCT)
    step = max(1, _ENTRIES // max(rows.exacts.shape[0], 1))
    draws = []
    for counts in row_counts(len(weight), resamples, rng):
        weights = np.ascontiguousarray((counts * weight).T)
        draws += [rows.auc(weights[:, start : start + step]) for start in range(0, weights.shape[1], step)]
    return np.concatenate(draws)[:, None]
