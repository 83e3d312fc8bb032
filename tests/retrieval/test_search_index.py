"""The index that is served, against brute force: every kind of FAISS index, filters, near-copies, changes."""

import threading

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.errors import InputError
from roar.retrieval import Effort, SearchIndex
from roar.retrieval.candidates import opened
from roar.retrieval.collapse import collapse
from roar.retrieval.index import unit_rows
from roar.retrieval.vector_index import FaissIndex

from .catalogue_of_copies import brute_force, products, vectors

ROWS = 3000
FACTORIES = {
    "Flat": Effort(),
    "HNSW16,Flat": Effort(200),
    "HNSW16,SQ8": Effort(200, 2),
    "IVF16,Flat": Effort(16),
    "IVF16_HNSW8,PQ8x4fs": Effort(16, 40),
    "IVF16,SQ8": Effort(16, 2),
    "IVF16,RaBitQ": Effort(16, 60),
}
FILTERS = ("brand", "price")


@pytest.fixture(scope="module")
def stored() -> np.ndarray:
    return vectors(ROWS)


def built(stored, factory="Flat", *, of_a_cluster=1, **said) -> SearchIndex:
    table = products(len(stored), of_a_cluster=of_a_cluster)
    return SearchIndex.build(table, stored, factory, FACTORIES[factory], filters=FILTERS, **said)


@pytest.mark.parametrize("factory", FACTORIES)
def test_every_kind_of_index_finds_what_brute_force_does_and_scores_by_cosine(factory, stored):
    index, queries = built(stored, factory), vectors(20, 1)
    hits = index.search(queries, 10)
    assert hits["row"].value_counts()["count"].to_list() == [10] * 20
    ids, found = [f"p{row}" for row in range(ROWS)], 0
    for (row,), own in hits.group_by("row", maintain_order=True):
        found += len(set(own["product_id"]) & set(brute_force(queries[row], stored, ids, 10)))
        cosine = stored[own["product_id"].str.slice(1).cast(int).to_numpy()] @ queries[row]
        np.testing.assert_allclose(own["score"], cosine, atol=2e-3)
        assert own["score"].is_sorted(descending=True)
    assert found >= 190, f"{found} of 200"


@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize("where", [{"brand": "ada"}, {"price": (10.0, 400.0)}, {"brand": ["bob"], "price": (None, 50)}])
def test_a_filter_leaves_only_what_meets_it_and_loses_none_of_the_best(factory, where, stored):
    index, query = built(stored, factory), vectors(1, 5)
    table = products(ROWS)
    brand = pl.col("brand").is_in(where["brand"] if isinstance(where.get("brand"), list) else [where.get("brand")])
    low, high = where.get("price", (None, None))
    price = pl.col("price").is_between(low if low is not None else -1, high if high is not None else 1e9)
    kept = table.with_row_index().filter(brand if "brand" in where else True, price if "price" in where else True)
    rows = kept["index"].to_numpy()
    expected = brute_force(query[0], stored[rows], kept["product_id"].to_list(), 8)
    found = index.search(query, 8, where=where)["product_id"].to_list()
    assert set(found) <= set(kept["product_id"]) and len(set(found) & set(expected)) >= 7


def test_an_expression_filters_too_and_a_filter_that_leaves_little_returns_all_of_it(stored):
    index = built(stored, "HNSW16,Flat")
    hits = index.search(vectors(1, 3), 100, where=pl.col("price") < 5)
    assert set(hits["product_id"]) == {"p1", "p2", "p3", "p4"}
    assert index.search(vectors(2, 3), 5, where={"brand": "nobody"}).is_empty()
    assert index.search(vectors(1, 3), 5, where={"brand": []}).is_empty()
    assert index.search(vectors(1, 3), 5, where={}).height == 5


@pytest.mark.parametrize("where", [{"colour": "red"}, {"price": "cheap"}])
def test_a_filter_that_cannot_be_is_said_in_one_line(where, stored):
    with pytest.raises(InputError, match="where"):
        built(stored).search(vectors(1), 5, where=where)


def test_copies_share_an_entry_and_come_back_as_products(stored):
    """A hundred copies of each vector: an index over all of them would be left with empty places."""
    copies = np.repeat(stored[:50], 100, axis=0)
    index = SearchIndex.build(products(5000, of_a_cluster=100), copies, "HNSW8,Flat", Effort(64))
    assert index.manifest.entries == 50 and len(index) == 5000
    hits = index.search(stored[7], 250)
    assert hits.height == 250 and set(hits["product_id"][:100]) == {f"p{row}" for row in range(700, 800)}
    assert index.search(stored[7], 8, group_by="cluster_id")["cluster_id"].n_unique() == 8


def test_equal_vectors_share_an_entry_without_a_cluster_and_outliers_of_a_cluster_do_not(stored):
    own = np.concatenate([stored[:10], stored[:10]])
    order, start = collapse(own, pl.Series([f"c{row}" for row in range(20)]), 0.98)
    assert len(start) - 1 == 10 and sorted(order) == list(range(20))
    apart = collapse(stored[:20], pl.Series(["same"] * 20), 0.98)
    assert len(apart.start) - 1 == 20


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.data())
def test_opened_entries_are_their_rows(sizes, data):
    start = np.append(0, np.cumsum(sizes))
    chosen = np.array(data.draw(st.lists(st.integers(0, len(sizes) - 1), max_size=6)), dtype=np.int64)
    naive = [row for entry in chosen for row in range(start[entry], start[entry + 1])]
    assert opened(chosen, start).tolist() == naive


def test_each_group_is_shown_once_by_its_best_and_products_without_one_stand_for_themselves(stored):
    index, query = built(stored, "HNSW16,Flat", of_a_cluster=3), vectors(1, 9)
    hits = index.search(query, 30, group_by="cluster_id")
    assert hits["cluster_id"].n_unique() == 30
    cosine = pl.DataFrame({"cluster_id": products(ROWS, of_a_cluster=3)["cluster_id"], "cosine": stored @ query[0]})
    best = cosine.group_by("cluster_id").agg(pl.col("cosine").max()).sort("cosine", descending=True).head(30)
    assert len(set(best["cluster_id"]) & set(hits["cluster_id"])) >= 29
    brands = index.search(query, 20, group_by="brand")["product_id"].str.slice(1).cast(int) % 3
    assert (brands == 0).sum() == 1 and (brands == 1).sum() == 1 and (brands == 2).sum() == 18


@pytest.mark.parametrize("factory", ["Flat", "HNSW16,Flat", "IVF16_HNSW8,PQ8x4fs"])
def test_what_was_removed_is_never_returned_and_what_was_put_in_is(factory, stored):
    index, queries = built(stored, factory, of_a_cluster=2), vectors(10, 2)
    gone = index.search(queries, 5)["product_id"].unique()
    assert index.remove(gone) == len(gone) and index.remove(gone) == 0 and index.remove(["no such"]) == 0
    again = index.search(queries, 50)
    assert not set(again["product_id"]) & set(gone) and again.height == 500
    new = pl.DataFrame({"product_id": ["new", gone[0]], "title": ["a", "b"], "brand": ["ada", None], "price": [1, 2]})
    assert index.upsert(new, queries[:2]) == 2
    assert index.search(queries[0], 1)["product_id"].item() == "new"
    assert index.search(queries[1], 1)["product_id"].item() == gone[0]
    assert index.search(queries[0], 1, where={"brand": "ada", "price": (0, 1)})["product_id"].item() == "new"
    assert len(index) == ROWS - len(gone) + 2
    assert index.log["change"].to_list() == ["remove", "upsert"]


def test_a_product_put_in_again_moves_to_its_new_vector_and_keeps_its_cluster(stored):
    index, query = built(stored, of_a_cluster=2), vectors(1, 8)
    index.upsert(pl.DataFrame({"product_id": ["p5"]}), query)
    hit = index.search(query, 1).row(0, named=True)
    assert hit["product_id"] == "p5" and hit["cluster_id"] == "c2" and len(index) == ROWS
    everything = index.search(query, ROWS)["product_id"]
    assert everything.n_unique() == ROWS == len(everything)


def test_when_a_stated_share_has_changed_the_index_is_built_again(stored):
    index = built(stored[:100], rebuild=0.1)
    index.remove([f"p{row}" for row in range(10)])
    assert index.changed == pytest.approx(0.1)
    index.remove(["p10"])
    assert index.changed == 0 and index.manifest.products == 89 and index.log.is_empty()
    assert set(index.products["product_id"]) == {f"p{row}" for row in range(11, 100)}


def test_recall_is_measured_on_the_queries_that_are_kept(stored):
    index = built(stored, "HNSW16,Flat", queries=vectors(20, 4))
    assert index.recall(10) > 0.95
    assert index.recall(10, effort=Effort(1)) < 0.6
    index.upsert(products(5).with_columns(product_id=pl.lit("n") + pl.col("product_id")), vectors(5, 4))
    assert index.recall(10) > 0.95
    assert np.isnan(built(stored).recall())


def test_searches_go_on_while_the_index_changes(stored):
    index, failures = built(stored, "HNSW16,Flat"), []

    def search() -> None:
        for _ in range(40):
            hits = index.search(vectors(2, 6), 20)
            failures.extend([] if hits.height == 40 and hits["product_id"].null_count() == 0 else [hits])

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for row in range(20):
        index.upsert(pl.DataFrame({"product_id": [f"n{row}"]}), vectors(1, row))
        index.remove([f"p{row}"])
        if row % 5 == 0:
            index.compact()
    for thread in threads:
        thread.join()
    assert not failures and len(index) == ROWS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda index: index.search(np.ones((1, 7), dtype=np.float32), 5), "dimension 16.*7"),
        (lambda index: index.search(vectors(1), 0), "at least one"),
        (lambda index: index.search(np.full((1, 16), np.nan), 5), "no finite numbers"),
        (lambda index: index.search(vectors(1), 5, where=pl.col("price") + 1), "expected a condition"),
        (lambda index: index.upsert(pl.DataFrame({"product_id": ["a"]}), 2 * vectors(1)), "'a'.*norm 2"),
        (lambda index: index.upsert(pl.DataFrame({"product_id": ["a"]}), np.nan * vectors(1)), "norm nan"),
        (lambda index: index.search(vectors(1), 5, group_by="colour"), "no column colour"),
        (lambda index: index.upsert(pl.DataFrame({"id": ["a"]}), vectors(1)), "no column product_id"),
        (lambda index: index.upsert(pl.DataFrame({"product_id": ["a", "a"]}), vectors(2)), "more than once"),
        (lambda index: index.upsert(pl.DataFrame({"product_id": ["a", None]}), vectors(2)), "1 are empty"),
        (lambda index: index.upsert(pl.DataFrame({"product_id": ["a"]}), vectors(2)), "2 vectors for 1"),
        (lambda index: index.upsert(pl.DataFrame({"product_id": ["a"]})), "no encoder"),
        (lambda index: index.upsert(pl.DataFrame({"product_id": ["a"], "price": ["x"]}), vectors(1)), "column price"),
    ],
)
def test_what_cannot_be_is_said_in_one_line_and_changes_nothing(change, message, stored):
    index = built(stored[:50])
    with pytest.raises(InputError, match=message):
        change(index)
    assert len(index) == 50 and index.log.is_empty()


@pytest.mark.parametrize("factory", ["IVF4096,PQ8x4fs", "nonsense", "NSG16,Flat"])
def test_an_index_that_cannot_be_built_or_filtered_is_named(factory, stored):
    with pytest.raises(InputError, match=factory.split(",")[0]):
        FaissIndex.build(stored[:200], factory)


def test_an_empty_catalogue_is_searched_in_vain():
    index = SearchIndex.build(products(0).with_columns(pl.col("price").cast(pl.Float64)), vectors(0))
    assert index.search(vectors(2), 5).is_empty()
    index.upsert(pl.DataFrame({"product_id": ["first"]}), unit_rows(vectors(1)))
    assert index.search(vectors(1), 5)["product_id"].to_list() == ["first"]


@pytest.mark.parametrize("factory", ["Flat", "HNSW16,SQ8"])
def test_when_everything_was_removed_nothing_is_found_and_the_index_goes_on(factory, stored):
    index = built(stored[:60], factory)
    assert index.remove([f"p{row}" for row in range(60)]) == 60
    assert index.search(vectors(1), 5).is_empty() and len(index) == 0
    index.upsert(pl.DataFrame({"product_id": ["again"]}), vectors(1))
    assert index.search(vectors(1), 5, fields=True)["product_id"].to_list() == ["again"]
