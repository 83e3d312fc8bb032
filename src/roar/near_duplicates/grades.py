"""Judgments as a check of near-duplicates, for free: listings of one item deserve one grade.

A cell is a query and a cluster with two judged products or more. Where clusters hold what they should, grades differ in few
cells, as raters differ; where variants of a line were joined, they differ about as often as grades of a query do anyway.

How often raters differ about one item, listings with equal titles tell: no reading of titles can come below that floor, so what
counts is the excess over it.
"""

import logging
from typing import NamedTuple

import polars as pl

from roar.text import folded

ENDS = ["product_id_a", "product_id_b"]
FEWEST = 30
"""Queries with equal titles from which the raters' noise is read."""

logger = logging.getLogger(__name__)


class Agreement(NamedTuple):
    """How grades agree within clusters.

    Attributes:
        cells: queries and clusters with two judged products or more.
        differing: of them, those whose grades differ.
        usual: of two judged products of a query, whatever their clusters, the share whose grades differ.
        alike: queries and titles with two judged products or more.
        alike_differing: of them, those whose grades differ.
    """

    cells: int
    differing: int
    usual: float
    alike: int = 0
    alike_differing: int = 0

    @property
    def rate(self) -> float:
        """Share of cells whose grades differ; 0 where there is none."""
        return self.differing / max(self.cells, 1)

    @property
    def floor(self) -> float:
        """Share of cells of equal titles whose grades differ: the raters' noise; 0 where fewer than `FEWEST` tell."""
        return self.alike_differing / self.alike if self.alike >= FEWEST else 0.0

    @property
    def excess(self) -> float:
        """What the rate has above the floor, in 0 … 1."""
        return max(self.rate - self.floor, 0.0)


def grade_agreement(judgments: pl.DataFrame, clusters: pl.DataFrame, products: pl.DataFrame | None = None) -> Agreement:
    """Count cells.

    Args:
        judgments: query_id, product_id, grade.
        clusters: product_id, cluster_id.
        products: product_id, title, for the floor; none without.
    """
    graded = judgments.select("query_id", "product_id", "grade")
    placed = graded.join(clusters, on="product_id")
    by_grade = placed.group_by("query_id", "grade").agg(n=pl.len().cast(pl.Float64))
    pairs = by_grade.group_by("query_id").agg(
        every=pl.col("n").sum() * (pl.col("n").sum() - 1), same=(pl.col("n") * (pl.col("n") - 1)).sum()
    )
    every, same = float(pairs["every"].sum()), float(pairs["same"].sum())
    usual = 1 - same / every if every else 0.0
    if products is None:
        return Agreement(*_cells(placed, "cluster_id"), usual)
    titled = products.select("product_id", title=folded(pl.col("title")).str.replace_all(r"\s+", " ").str.strip_chars())
    return Agreement(*_cells(placed, "cluster_id"), usual, *_cells(graded.join(titled, on="product_id"), "title"))


def _cells(placed: pl.DataFrame, by: str) -> tuple[int, int]:
    """Cells with several judged products, and those whose grades differ."""
    cells = placed.group_by("query_id", by).agg(n=pl.len(), grades=pl.col("grade").n_unique()).filter(pl.col("n") > 1)
    return cells.height, int((cells["grades"] > 1).sum())


def judged_pairs(judgments: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """What judgments say of accepted pairs: a table of labelled pairs.

    Args:
        judgments: query_id, product_id, grade.
        pairs: product_id_a, product_id_b, similarity, evidence.

    Returns:
        The pairs that some query has judged both of: product_id_a, product_id_b, similarity, evidence, queries (that judged
        both), differing (of them, those whose grades differ), label (1 where no grades differ, 0 where they do); the most
        doubtful first.
    """
    graded = judgments.select("query_id", "product_id", "grade")
    first = pairs.join(graded, left_on="product_id_a", right_on="product_id")
    both = first.join(graded, left_on=["query_id", "product_id_b"], right_on=["query_id", "product_id"], suffix="_b")
    told = both.group_by(ENDS, maintain_order=True).agg(
        pl.col("similarity", "evidence").first(),
        queries=pl.len().cast(pl.Int64),
        differing=(pl.col("grade") != pl.col("grade_b")).sum().cast(pl.Int64),
    )
    labelled = told.with_columns(label=(pl.col("differing") == 0).cast(pl.Int64))
    return labelled.sort("differing", *ENDS, descending=[True, False, False])


def warn_where_grades_differ(agreement: Agreement, alarm: float) -> None:
    """Warn where grades differ in a share of the cells that lies above the raters' own noise by more than `alarm`."""
    if agreement.excess > alarm:
        logger.warning(
            "Grades differ in %.0f%% of the %d queries and clusters with several judged products (%.0f%% of any two judged "
            "products of a query differ, %.0f%% of those with equal titles): clusters hold different items. Look at the report's "
            "near-duplicates, or raise near_duplicates.evidence.threshold.",
            100 * agreement.rate,
            agreement.cells,
            100 * agreement.usual,
            100 * agreement.floor,
        )
