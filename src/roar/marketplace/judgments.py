"""Graded judgments: which queries are judged, on which products, and how raters err."""

import numpy as np
import polars as pl

from roar.marketplace.catalogue import numbered
from roar.marketplace.draws import Draws
from roar.marketplace.queries import Intents
from roar.marketplace.relevance import Grader, PoolMix, Pools
from roar.parameters import Simulation
from roar.schemas import GRADES, Grade

JUDGED_POOL = PoolMix(anchor=1, facet=5, type=2, close=4, complement=4, lexical=8, random=1)
"""More than are judged: near misses and lexical distractors outweigh the easy cases, as in a pool of several systems."""

_TRAFFIC_CUTS = (0.3, 0.5, 0.7)


def traffic_bands(frequency: np.ndarray) -> np.ndarray:
    """Bands of cumulative traffic from the most frequent down (0 … 3; equal frequencies share one), 4 for queries searched once."""
    before = (np.cumsum(frequency) - frequency) / frequency.sum()  # rows come most frequent first
    _, first, group = np.unique(-frequency, return_index=True, return_inverse=True)
    band = np.searchsorted(_TRAFFIC_CUTS, before[first[group]], side="right")
    return np.where(frequency == 1, len(_TRAFFIC_CUTS) + 1, band)


def spread_sample(cells: pl.DataFrame, wanted: int, priority: np.ndarray) -> np.ndarray:
    """Rows spread as evenly over the cells as their sizes allow: every cell gives its first, then its second, ...

    Args:
        cells: one row per candidate; rows with equal values are in one cell.
        wanted: number of rows to choose.
        priority: (rows,) random numbers that order the rows of a cell.
    """
    turn = pl.Series(priority).to_frame("priority").hstack(cells)
    turns = turn.select(pl.col("priority").rank("ordinal").over(cells.columns)).to_series().to_numpy()
    return np.sort(np.lexsort((priority, turns))[:wanted])


def rate(grades: np.ndarray, config: Simulation, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """The raters' median and the share of raters who gave it; each rater is a grade off with the configured rate."""
    rows = np.arange(len(grades))
    wrong = draws.uniform("rater errs", rows, config.raters) < config.rater_error
    up = draws.uniform("rater direction", rows, config.raters) < 0.5
    given = np.clip(grades[:, None] + wrong * np.where(up, 1, -1), 0, len(GRADES) - 1)
    median = np.sort(given, axis=1)[:, config.raters // 2]
    return median, (given == median[:, None]).mean(axis=1)


def judge(
    intents: Intents, verticals: pl.Series, pools: Pools, grader: Grader, config: Simulation, draws: Draws
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The contract's judgments of queries spread over traffic bands and verticals, and the grades by rule."""
    cells = pl.DataFrame({"vertical": verticals, "band": traffic_bands(intents.frequency)})
    chosen = spread_sample(cells, config.judged_queries, draws.uniform("judged query", np.arange(len(intents))))
    pairs = pools.draw("judged", chosen, JUDGED_POOL, draws)
    turn = pl.Series("priority", draws.uniform("judged pair", np.arange(len(pairs)))).rank("ordinal")
    pairs = pairs.filter(turn.to_frame().hstack(pairs).select(
        pl.col("priority").rank("ordinal").over("query") <= config.judged_per_query).to_series())  # fmt: skip
    queries, products = pairs["query"].to_numpy(), pairs["product"].to_numpy()
    by_rule = grader.grade(queries, products)
    grades, agreement = rate(by_rule, config, draws)
    keys = {"query_id": numbered("q", queries), "product_id": numbered("p", products)}
    names = pl.Series(GRADES, dtype=Grade)
    return (
        pl.DataFrame(keys | {"grade": names.gather(grades), "weight": agreement}),
        pl.DataFrame(keys | {"grade": names.gather(by_rule)}),
    )
