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


@pytest.mark.parametrize(("noisy", "warns"), [(0, True), (20, False)])
def test_the_alarm_rings_above_the_noise_of_raters_on_equal_titles(noisy: int, warns: bool, caplog) -> None:
    """40 queries judged two listings with equal titles, `noisy` of them unlike, and two of a cluster: half of these unlike."""
    rows = []
    for i in range(40):
        grades = ("exact", "substitute" if i < noisy else "exact", "exact", "irrelevant" if i < 20 else "exact")
        rows += [(f"q{i}", f"{name}{i}", grade) for name, grade in zip("abcd", grades, strict=True)]
    judgments = pl.DataFrame(rows, schema=["query_id", "product_id", "grade"], orient="row")
    ids = judgments["product_id"]
    titles = pl.Series(["Oak  stool" if i[0] == "a" else "oak stool" if i[0] == "b" else f"{i} desk" for i in ids])
    clusters = pl.DataFrame({"product_id": ids, "cluster_id": ids.str.replace("d", "c").str.replace("b", "beta")})
    agreement = grade_agreement(judgments, clusters, pl.DataFrame({"product_id": ids, "title": titles}))
    assert (agreement.cells, agreement.rate, agreement.alike, agreement.floor) == (40, 0.5, 40, noisy / 40)
    with caplog.at_level(logging.WARNING):
        warn_where_grades_differ(agreement, 0.15)
    assert bool(caplog.records) is warns


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


def test_no_pairs_make_an_empty_table_of_the_contract() -> None:
    from roar.schemas import JudgedDuplicates

    none = pl.DataFrame(
        schema={"product_id_a": pl.String, "product_id_b": pl.String, "similarity": pl.Float64, "evidence": pl.String}
    )
    assert JudgedDuplicates.validate(judged_pairs(JUDGMENTS, none)).is_empty()
