"""Judgments as a check: grades within clusters."""

import logging

import polars as pl
import pytest

from roar.near_duplicates import grade_agreement, judged_pairs, warn_where_grades_differ

JUDGMENTS = pl.DataFrame(
    {
        "query_id": ["q1"] * 4 + ["q2"] * 3,
        "product_id": ["a", "b", "c", "d", "a", "b", "c"],
        "grade": ["exact", "exact", "irrelevant", "exact", "exact", "substitute", "exact"],
    }
)
CLUSTERS = pl.DataFrame({"product_id": ["a", "b", "c", "d"], "cluster_id": ["a", "a", "c", "c"]})


def test_cells_are_queries_and_clusters_with_several_judged_products() -> None:
    """q1: {a, b} agree, {c, d} do not; q2: {a, b} do not, c is alone. Of 9 pairs of a query 5 differ."""
    agreement = grade_agreement(JUDGMENTS, CLUSTERS)
    assert (agreement.cells, agreement.differing) == (3, 2)
    assert agreement.usual == pytest.approx(5 / 9)
    nothing = grade_agreement(JUDGMENTS.clear(), CLUSTERS)
    assert nothing.cells == 0 and nothing.rate == 0


def test_pairs_are_labelled_by_the_queries_that_judged_both() -> None:
    pairs = pl.DataFrame(
        {"product_id_a": ["a", "b"], "product_id_b": ["b", "d"], "similarity": [0.9, 0.8], "evidence": ["x", "y"]}
    )
    told = judged_pairs(JUDGMENTS, pairs)
    assert told.select("product_id_a", "queries", "differing", "label").rows() == [("a", 2, 1, 0), ("b", 1, 0, 1)]


def test_a_run_warns_above_the_stated_rate_alone(caplog: pytest.LogCaptureFixture) -> None:
    agreement = grade_agreement(JUDGMENTS, CLUSTERS)
    with caplog.at_level(logging.WARNING):
        warn_where_grades_differ(agreement, 0.7)
        assert not caplog.records
        warn_where_grades_differ(agreement, 0.5)
    assert "Grades differ in 67% of the 3" in caplog.text
