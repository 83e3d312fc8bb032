"""Runs made elsewhere: what is refused, what is counted, and what each protocol takes of them."""

import polars as pl
import pytest

from roar.errors import InputError
from roar.metrics import coverage
from roar.retrieval import external_runs

QUERIES = pl.DataFrame({"query_id": ["a", "b"]})
PRODUCTS = pl.Series("product_id", ["p1", "p2", "p3"])
JUDGED = pl.DataFrame(
    {"query_id": ["a", "a", "b"], "product_id": ["p1", "p2", "p3"], "grade": ["exact", "irrelevant", "exact"]}
)
GOOD = pl.DataFrame(
    {
        "query_id": ["a", "a", "a", "not tested"],
        "product_id": ["p1", "p3", "gone", "p1"],
        "score": ["3.5", "2", "1", "9"],
    }
)


def test_one_export_serves_both_protocols_and_oddities_are_counted() -> None:
    """Unjudged products stay in the catalogue run alone; untested queries go; unknown products keep their ranks."""
    runs = external_runs(GOOD, "ours", QUERIES, PRODUCTS, JUDGED)
    assert runs.judged.rows() == [("a", "p1", 3.5)]
    assert runs.catalogue.rows() == [("a", "p1", 3.5), ("a", "p3", 2.0), ("a", "gone", 1.0)]
    counted = coverage(runs.catalogue, JUDGED, PRODUCTS)
    assert (counted["unknown_products"], counted["unanswered"], counted["short"], counted["queries"]) == (1, 1, 1, 2)


def test_a_protocol_column_keeps_the_two_apart() -> None:
    both = GOOD.head(3).with_columns(protocol=pl.Series(["judged", "catalogue", "catalogue"]))
    runs = external_runs(both, "ours", QUERIES, PRODUCTS, JUDGED)
    assert runs.judged["product_id"].to_list() == ["p1"]
    assert runs.catalogue["product_id"].to_list() == ["p3", "gone"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop("score"), "external run ours lacks the column"),
        (lambda t: pl.concat([t, t[:1]]), "repeats 1 combination"),
        (lambda t: t.with_columns(score=pl.lit("nan")), "column score: 4 value"),
        (lambda t: t.with_columns(score=pl.lit("high")), "column score: 4 value"),
        (lambda t: t.with_columns(pl.col("query_id") + "?"), "column query_id: 0% of 4 rows name tested queries"),
        (lambda t: t.with_columns(product_id="SKU-" + pl.col("product_id")), "column product_id: 0% of 4 rows"),
        (lambda t: t.with_columns(protocol=pl.lit("paper")), "'paper' is neither judged nor catalogue"),
        (lambda t: t.clear(), "column query_id: 0% of 0 rows"),
    ],
)
def test_what_no_reading_mends_is_one_line(change: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        external_runs(change(GOOD), "ours", QUERIES, PRODUCTS, JUDGED)  # type: ignore[operator]
    assert "\n" not in str(error.value)


NAMED = QUERIES.with_columns(query=pl.Series(["Oak desk", "brass  lamp"]))


@pytest.mark.parametrize("column", ["query", "query_id"])
def test_queries_may_be_named_by_their_text(column: str) -> None:
    """Case and blanks aside; ids and texts may stand in one column."""
    said = (
        ["oak  DESK", "oak desk ", "brass lamp", "no such query"]
        if column == "query"
        else ["a", "A", "Brass Lamp", "x"]
    )
    table = pl.DataFrame({column: said, "product_id": ["p1", "p2", "p3", "p1"], "score": [3.0, 2.0, 1.0, 1.0]})
    runs = external_runs(table, "ours", NAMED, PRODUCTS, JUDGED)
    answered = [("a", "p1", 3.0), ("a", "p2", 2.0), ("b", "p3", 1.0)]
    assert runs.catalogue.rows() == (answered if column == "query" else [answered[0], answered[2]])


def test_a_text_that_is_two_queries_answers_both() -> None:
    twice = pl.DataFrame({"query_id": ["a", "b"], "query": ["desk", "Desk"]})
    runs = external_runs(
        pl.DataFrame({"query": ["desk"], "product_id": ["p1"], "score": [1]}), "x", twice, PRODUCTS, JUDGED
    )
    assert sorted(runs.catalogue["query_id"]) == ["a", "b"]
