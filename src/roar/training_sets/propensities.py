"""How likely each position of a result list is to be looked at, harvested from a log without showing anyone random results.

A click needs a product that was looked at and found attractive: P(click) = examination(position) x attraction(query,
product), the position-based model. Where one product was shown for one query at two positions, by two rankers or a swap,
attraction is the same on both sides and the ratio of click rates is a ratio of examinations. Every pair of positions with
such products is a contest; the examinations are the strengths that explain all contests together (AllPairs: Agarwal et
al., "Estimating Position Bias without Intrusive Interventions", WSDM 2019; solved here with the iteration of Hunter, "MM
algorithms for generalized Bradley-Terry models", Annals of Statistics 2004, whose solution is consistent for ratios).

What it rests on: positions differ because rankers were assigned at random, not because a product had become popular.
Cost: linear in the impressions, and quadratic in the number of positions.
"""

import numpy as np
import polars as pl
from scipy.sparse.csgraph import connected_components

from roar.tables import require_columns

DEPTH = 50
"""Positions beyond share the examination of this one: too few are seen to tell them apart."""

_ITERATIONS = 2_000
_TOLERANCE = 1e-9


def propensities(search_log: pl.DataFrame, *, clicks: int = 20) -> pl.DataFrame:
    """Estimate the examination probability of each position, relative to the first.

    Args:
        search_log: query, product_id, position, clicked.
        clicks: the fewest clicks that two positions need between them for their contest to count.

    Returns:
        position, propensity in (0, 1], falling: 1 at position 1; positions between and beyond the estimated ones have the
        propensity of the one before. Empty where the log cannot tell: nothing links position 1 with another.
    """
    require_columns(search_log, "search log", ["query", "product_id", "position", "clicked"])
    wins = _contests(search_log)
    wins[(wins + wins.T) < clicks] = 0.0
    linked = connected_components(wins + wins.T > 0, directed=False)[1]
    positions = np.flatnonzero(linked == linked[0])
    if len(positions) < 2:
        return pl.DataFrame(schema={"position": pl.Int64, "propensity": pl.Float64})
    strength = _strengths(wins[np.ix_(positions, positions)])
    # Rounded, because the order of a float sum depends on the number of threads.
    falling = np.minimum.accumulate(strength / strength[0]).clip(1e-6).round(6)
    estimated = pl.DataFrame(
        {"position": positions + 1, "propensity": falling}, schema_overrides={"position": pl.Int64}
    )
    every = pl.DataFrame({"position": np.arange(1, DEPTH + 1)}, schema={"position": pl.Int64})
    return every.join(estimated, on="position", how="left", maintain_order="left").with_columns(
        pl.col("propensity").forward_fill()
    )


def _contests(search_log: pl.DataFrame) -> np.ndarray:
    """(DEPTH, DEPTH) float64: [k, l] is the clicks at position k + 1 of what was also shown at l + 1.

    A product's click rates at both positions weigh the harmonic mean of its impressions there: equal on both sides, so
    that only examination differs, and small where one side is hardly known.
    """
    place = pl.col("position").clip(1, DEPTH)
    shown = search_log.group_by("query", "product_id", position=place).agg(n=pl.len(), rate=pl.col("clicked").mean())
    moved = shown.filter(pl.len().over("query", "product_id") > 1)
    pairs = moved.join(moved, on=["query", "product_id"], suffix="_other").filter(
        pl.col("position") != pl.col("position_other")
    )
    weight = pl.col("n") * pl.col("n_other") / (pl.col("n") + pl.col("n_other"))
    sums = pairs.group_by("position", "position_other").agg(clicks=(weight * pl.col("rate")).sum())
    wins = np.zeros((DEPTH, DEPTH))
    wins[sums["position"].to_numpy() - 1, sums["position_other"].to_numpy() - 1] = sums["clicks"].to_numpy()
    return wins


def _strengths(wins: np.ndarray) -> np.ndarray:
    """Strengths p of the contests, where [k, l] is won by k with odds p_k : p_l."""
    wins = wins + 0.5 * (wins + wins.T > 0)  # a side without a click is unlikely, not impossible
    total, won = wins + wins.T, wins.sum(axis=1)
    strength = np.ones(len(wins))
    for _ in range(_ITERATIONS):
        before = strength
        strength = won / (total / (before[:, None] + before)).sum(axis=1)
        strength = strength / strength.max()
        if np.abs(strength - before).max() < _TOLERANCE:
            break
    return strength
