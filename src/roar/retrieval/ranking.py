"""A system's candidates for one query, best first, with what each retriever said of them.

Rows are numbers of an index; a service turns the few that it shows into products.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from roar.retrieval.candidates import Hits, firsts


class Part(NamedTuple):
    """What one retriever says of each candidate."""

    scores: np.ndarray
    """(n,) float64: cosines of the encoder, BM25's sums (0 without a shared word; NaN of a product put in since the version was built)."""
    ranks: np.ndarray
    """(n,) int64 from 1; 0 where the retriever did not propose it."""


class Ranking(NamedTuple):
    """Candidates by falling score, equal ones by row."""

    rows: np.ndarray
    """(n,) int64"""
    scores: np.ndarray
    """(n,) float64"""
    parts: Mapping[str, Part]
    """"dense" and "bm25", those that had a say."""

    def where(self, kept: np.ndarray) -> "Ranking":
        """Those candidates that (n,) bool keeps, or that (m,) int64 names."""
        parts = {name: Part(*(values[kept] for values in part)) for name, part in self.parts.items()}
        return Ranking(self.rows[kept], self.scores[kept], parts)

    def first_of(self, groups: pl.Series) -> "Ranking":
        """Of candidates that share a value of (n,) `groups`, the first; those without one stand for themselves."""
        return self.where(firsts(groups))


def by_one(name: str, hits: Hits) -> Ranking:
    """One retriever's hits, best first."""
    rows, scores = hits[0], hits[1].astype(np.float64)
    return Ranking(rows, scores, {name: Part(scores, np.arange(1, len(rows) + 1))})


def fused(
    bm25: Hits, dense: Hits, weight: float, scores_of: Mapping[str, Callable[[np.ndarray], np.ndarray]]
) -> Ranking:
    """(1 - weight) bm25 + weight dense, each scaled to [0, 1] (`roar.retrieval.fusion.weighted_sum`, for one query).

    Args:
        bm25: what words propose.
        dense: what the encoder proposes.
        weight: the encoder's share.
        scores_of: "bm25" and "dense" to what scores any rows, those too that another one proposed.
    """
    rows = np.union1d(bm25[0], dense[0]).astype(np.int64)
    total, parts = np.zeros(len(rows)), {}
    for name, share, (own, scores) in (("bm25", 1 - weight, bm25), ("dense", weight, dense)):
        at, ranks = np.searchsorted(rows, own), np.zeros(len(rows), dtype=np.int64)
        ranks[at] = np.arange(1, len(own) + 1)
        total[at] += share * _scaled(scores.astype(np.float64))
        parts[name] = Part(scores_of[name](rows).astype(np.float64), ranks)
    return Ranking(rows, total, parts).where(np.lexsort((rows, -total)))


def _scaled(scores: np.ndarray) -> np.ndarray:
    """From 0 (the lowest) to 1; all equal ones are 0."""
    span = np.ptp(scores) if len(scores) else 0.0
    return (scores - scores.min()) / span if span > 0 else np.zeros(len(scores))
