"""Public functions say which column of which table has the wrong type, or which name was meant; never polars' own error."""

import numpy as np
import polars as pl
import pytest

from roar import retrieval, training_sets
from roar.encoder import product_texts
from roar.errors import InputError
from roar.metrics import aggregate, compare, score_queries, slice_table
from roar.near_duplicates import cluster, find_pairs
from roar.parameters import Slices
from roar.tables import fingerprint, require_columns

QUERIES = pl.DataFrame({"query_id": ["q"], "query": ["lamp"], "frequency": [1], "vertical": ["a"], "fold": ["0"]})
PRODUCTS = pl.DataFrame({"product_id": ["p"], "title": ["Lamp"], "attributes": ["{}"], "price": [1.0]})
JUDGMENTS = pl.DataFrame({"query_id": ["q"], "product_id": ["p"], "grade": ["exact"], "weight": [1.0]})
LOG = pl.DataFrame(
    {"query": ["lamp"], "product_id": ["p"], "position": [1], "clicked": [True], "carted": [True], "ordered": [False]}
)
RUN = pl.DataFrame({"query_id": ["q"], "product_id": ["p"], "score": [1.0]})
STRATA = pl.DataFrame({"query_id": ["q"], "vertical": ["a"], "stratum": ["HEAD"]})
VARIANTS = pl.DataFrame({"query": ["lamp"], "variant_group": ["lamp"]})
SPLITS = pl.DataFrame({"fold": ["0"], "query_id": ["q"], "split": ["train"], "variant_group": ["lamp"]})
CLUSTERS = pl.DataFrame({"product_id": ["p"], "cluster_id": ["p"]})
OTHER = PRODUCTS.with_columns(product_id=pl.lit("r"))
PAIRS = pl.DataFrame({"product_id_a": ["p"], "product_id_b": ["r"], "similarity": [1.0]})
VALUES = pl.DataFrame({"query_id": ["q"], "metric": ["ndcg@8"], "value": [1.0]})


def wrong(table: pl.DataFrame, column: str) -> pl.DataFrame:
    """The table with another type in the column than the contract's."""
    other = pl.lit(1.5) if table[column].dtype in (pl.String, pl.Boolean) else pl.lit("x")
    return table.with_columns(other.alias(column))


CASES = {
    "query_strata": lambda: training_sets.query_strata(wrong(QUERIES, "frequency")),
    "query_slices": lambda: training_sets.query_slices(wrong(QUERIES, "query"), STRATA, PRODUCTS),
    "split_queries": lambda: training_sets.split_queries(wrong(QUERIES, "query_id"), VARIANTS, STRATA, seed=1),
    "graded_groups": lambda: training_sets.graded_groups(QUERIES, wrong(JUDGMENTS, "product_id"), CLUSTERS, SPLITS, seed=1),
    "stage1_pairs": lambda: training_sets.stage1_pairs(QUERIES, JUDGMENTS, wrong(LOG, "clicked"), VARIANTS, SPLITS, seed=1),
    "held_out_products": lambda: training_sets.held_out_products(SPLITS, JUDGMENTS, wrong(CLUSTERS, "cluster_id")),
    "leakage": lambda: training_sets.leakage(SPLITS, wrong(VARIANTS, "query"), JUDGMENTS, CLUSTERS),
    "mine_synonyms": lambda: training_sets.mine_synonyms(LOG, wrong(PRODUCTS, "title")),
    "propensities": lambda: training_sets.propensities(wrong(LOG, "position")),
    "engaged": lambda: training_sets.engaged(wrong(LOG, "ordered")),
    "substitutes": lambda: training_sets.substitutes(wrong(LOG, "product_id")),
    "reciprocal_ranks": lambda: retrieval.reciprocal_ranks([RUN, wrong(RUN, "score")]),
    "weighted_sum": lambda: retrieval.weighted_sum(RUN, wrong(RUN, "product_id"), 0.5),
    "bm25_runs": lambda: retrieval.bm25_runs(wrong(QUERIES, "query"), PRODUCTS["product_id"], PRODUCTS["title"], JUDGMENTS, 5, k1=1, b=0.5),
    "index": lambda: retrieval.ProductIndex.build(np.ones((1, 4), np.float32), PRODUCTS["product_id"]).runs(np.ones((1, 4), np.float32), wrong(QUERIES, "query_id"), JUDGMENTS, 5),
    "random_runs": lambda: retrieval.random_runs(wrong(QUERIES, "query_id"), PRODUCTS["product_id"], JUDGMENTS, 5, seed=1),
    "cluster": lambda: cluster(PRODUCTS.vstack(OTHER), PAIRS.with_columns(similarity=pl.lit("x"))),
    "score_queries": lambda: score_queries(wrong(RUN, "score"), JUDGMENTS),
    "score_queries of judgments": lambda: score_queries(RUN, wrong(JUDGMENTS, "query_id")),
    "aggregate": lambda: aggregate(wrong(VALUES, "value"), STRATA.select("query_id", slice=pl.lit("a"), level="vertical")),
    "compare": lambda: compare(VALUES, wrong(VALUES, "value"), STRATA.select("query_id", slice=pl.lit("a"), level="vertical")),
    "slice_table": lambda: slice_table(wrong(QUERIES, "query_id"), ["vertical"]),
    "product_texts": lambda: product_texts(wrong(PRODUCTS, "title"), ["title"], 10),
}  # fmt: skip


@pytest.mark.parametrize("call", CASES.values(), ids=CASES)
def test_a_wrong_type_is_told_by_table_and_column(call):
    with pytest.raises(InputError, match=r"Table [\w -]+, column \w+: expected [\w ]+, got"):
        call()


def test_series_and_other_objects_are_told_too():
    with pytest.raises(InputError, match="queries, series q: expected text, got Int64"):
        training_sets.query_variants(pl.Series("q", [1, 2]))
    with pytest.raises(InputError, match="queries: expected a polars Series, got list"):
        training_sets.query_variants(["lamp"])
    with pytest.raises(InputError, match="Table queries: expected a polars DataFrame, got dict"):
        training_sets.query_strata({"query_id": ["q"]})
    with pytest.raises(InputError, match="Table products: expected a polars DataFrame, got list"):
        find_pairs([])
    with pytest.raises(InputError, match=r"product texts, series title: expected text, got Float64"):
        retrieval.LexicalIndex(PRODUCTS["product_id"], wrong(PRODUCTS, "title")["title"])


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(InputError, match=r"dimension is no column of table queries; did you mean dimensions\?"):
        named = QUERIES.with_columns(dimensions=pl.lit("x"))
        training_sets.query_slices(named, STRATA, PRODUCTS, Slices(columns=("dimension",)))
    with pytest.raises(InputError, match=r"titel is no column of table products; did you mean title\?"):
        product_texts(PRODUCTS, ["titel"], 10)


def test_a_column_of_nulls_has_every_type():
    require_columns(
        pl.DataFrame({"title": [None], "price": [None], "clicked": [None]}), "x", ["title", "price", "clicked"]
    )


def test_a_table_has_another_fingerprint_where_a_value_a_name_or_a_type_differs():
    table = pl.DataFrame({"id": ["a", "b"], "n": [1, 2]})
    others = [
        table[::-1],
        table.rename({"n": "m"}),
        table.cast({"n": pl.Int8}),
        table.with_columns(n=pl.Series([1, 3])),
    ]
    assert fingerprint(table) == fingerprint(table.clone())
    assert len({fingerprint(other) for other in (table, *others)}) == 5
