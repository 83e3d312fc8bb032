"""Rows and their cosines, query by query: scanned, opened from entries, joined, and cut to the best."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from roar.retrieval.vector_index import StoredVectors

Hits = tuple[np.ndarray, np.ndarray]
"""Rows (hits,) int64 and cosines (hits,) float32 of one query."""

_GATHERED_BELOW = 1 / 200
"""A smaller share of rows is fetched; of more, all are scanned and those that are not allowed passed over."""


def scanned(stored: StoredVectors, queries: np.ndarray, wanted: int, allowed: np.ndarray | None) -> list[Hits]:
    """The `wanted` best allowed rows of each query, exactly."""
    count = len(stored) if allowed is None else int(np.count_nonzero(allowed))
    wanted = min(wanted, count)
    if not wanted:
        return [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)) for _ in queries]
    if allowed is not None and count <= _GATHERED_BELOW * len(stored):
        rows = np.flatnonzero(allowed)
        cosine = queries @ stored.vectors(rows).T
        best = np.argpartition(cosine, count - wanted, axis=1)[:, count - wanted :]
        return [(rows[own], cosine[query, own]) for query, own in enumerate(best)]
    cosine, found = stored.search(queries, wanted, allowed=allowed)
    return [(rows[rows >= 0], scores[rows >= 0]) for rows, scores in zip(found, cosine, strict=True)]


def opened(entries: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Rows of entries: those from start[e] to start[e + 1]."""
    return ranges(start[entries], start[entries + 1])


def ranges(first: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The numbers from each `first` to its `end`, that one left out, after one another."""
    size = end - first
    until = np.cumsum(size)
    return np.arange(until[-1] if len(until) else 0) + np.repeat(first - (until - size), size)


def joined(first: Sequence[Hits], second: Sequence[Hits]) -> list[Hits]:
    """Both parts of each query's hits; a part that is empty altogether has nothing to add."""
    if not second:
        return list(first)
    pairs = zip(first, second, strict=True)
    return [(np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])) for a, b in pairs]


def best(rows: np.ndarray, scores: np.ndarray, limit: int, groups: pl.Series | None) -> Hits:
    """The `limit` best by falling score and rising row; of rows that share a group, the best alone."""
    order = np.lexsort((rows, -scores))
    if groups is not None:
        order = order[firsts(groups[rows[order]])]
    order = order[:limit]
    return rows[order], scores[order]


def firsts(groups: pl.Series) -> np.ndarray:
    """(n,) bool, True for the first of each value and for all nulls; a loop, which for a page is 10 times as fast as a query."""
    seen: set[object] = set()
    first = np.ones(len(groups), dtype=bool)
    for place, one in enumerate(groups.to_list()):
        first[place] = one is None or one not in seen
        seen.add(one)
    return first
