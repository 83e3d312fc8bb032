"""Area under the ROC curve over pooled judged pairs: one score scale for all queries, as the method's paper reports it.

Only for systems whose scores compare across queries (cosines do, BM25 and fused scores do not: take `auc_query`).
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from roar.metrics.inputs import PAIR, checked_judgments, checked_run
from roar.metrics.resampling import Floats, interval, row_counts, slice_generator
from roar.metrics.slices import cells, metric_rows, metric_table
from roar.parameters import MetricSettings


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
        slice, level, metric ("auc"), n (judged queries of the slice), mean, low, high; null where a slice has no exact
        or nothing but exacts.

    Cost: O(N log N) for N judged pairs, and O(N) for each resample and slice.
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
        pooled = _PooledPairs(score[member], exact[member], place[query[member]])
        draws = _resampled(pooled, weight, config.auc_resamples, slice_generator(config.seed, slice_, level))
        unit = np.where(np.isnan(pooled.auc(weight[None])), np.nan, np.ones((len(index), 1)))
        low, high = interval(unit, weight, draws, config.confidence)
        columns = {"mean": pooled.auc(weight[None]), "low": low, "high": high}
        rows.append(metric_rows(slice_, level, ["auc"], np.ones((len(index), 1)), columns))
    return metric_table(rows, ["mean", "low", "high"])


class _PooledPairs:
    """Judged pairs in ascending order of score, ready to be counted under any weights of their queries."""

    def __init__(self, score: Floats, exact: np.ndarray, query: np.ndarray) -> None:
        order = np.argsort(score, kind="stable")
        self.query, self.exact = query[order], exact[order].astype(np.float64)
        self.tie_starts = np.flatnonzero(np.append(True, score[order][1:] != score[order][:-1]))

    def auc(self, weights: Floats) -> Floats:
        """AUC (B,) under query weights (B, Q); NaN where the weights leave one class empty."""
        weight = weights[:, self.query]
        exacts = np.add.reduceat(weight * self.exact, self.tie_starts, axis=1)
        others = np.add.reduceat(weight * (1 - self.exact), self.tie_starts, axis=1)
        below = np.cumsum(others, axis=1) - others / 2
        total = exacts.sum(axis=1) * others.sum(axis=1)
        return np.divide((exacts * below).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0)


def _resampled(pooled: _PooledPairs, weight: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Bootstrap AUCs, (B, 1)."""
    chunks: Iterator[Floats] = row_counts(len(weight), resamples, rng)
    draws = [pooled.auc(part * weight) for chunk in chunks for part in _split(chunk, len(pooled.query))]
    return np.concatenate(draws)[:, None]


def _split(chunk: Floats, pairs: int) -> list[Floats]:
    """Split resamples (b, Q) so that b x pairs stays near 2 million entries."""
    step = max(1, 2_000_000 // max(pairs, 1))
    return [chunk[start : start + step] for start in range(0, len(chunk), step)]
