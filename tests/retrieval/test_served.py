"""What the index that is served is made of: ids found by their hashes, and states that are never changed."""

import numpy as np
import polars as pl
import pytest

from roar.retrieval import SearchIndex
from roar.retrieval.served.ids import Ids
from roar.retrieval.served.state import State
from roar.retrieval.vector_index import StoredVectors

from .catalogue_of_copies import products, vectors


@pytest.mark.parametrize("own", [lambda ids: ids.str.len_chars().cast(pl.UInt64).fill_null(0), pl.Series.hash])
@pytest.mark.parametrize("rows", [0, 1, 500])
def test_ids_are_found_where_they_stand_however_their_hashes_collide(own, rows, monkeypatch):
    rng = np.random.default_rng(rows)
    ids = pl.Series([f"p{number}" for number in rng.integers(0, 300, rows)], dtype=pl.String)
    wanted = pl.Series(["p7", "", None, *(f"p{number}" for number in rng.permutation(400)[:200])], dtype=pl.String)
    monkeypatch.setattr(pl.Series, "hash", own)
    found = list(zip(*Ids(ids).find(wanted), strict=True))
    naive = [(place, row) for place, one in enumerate(wanted) for row, other in enumerate(ids) if one == other]
    assert sorted(found) == naive and (len(naive) > 100 or rows < 500)


def state(rows: int) -> State:
    own = vectors(rows)
    return State.of(products(rows), StoredVectors.of(own), np.arange(rows + 1), None, ("brand", "price"))


def test_a_change_leaves_the_state_before_it_as_it_was():
    first = state(20)
    second = first.having(products(3), vectors(3, 1))
    third = second.without(pl.Series(["p0", "p19", "nobody"]))
    assert [int(one.live.sum()) for one in (first, second, third)] == [20, 20, 18]
    assert [len(one.products) for one in (first, second, third)] == [20, 23, 23]
    np.testing.assert_allclose(first.vectors, vectors(20), atol=1e-3)
    np.testing.assert_allclose(third.vectors, np.concatenate([vectors(20)[3:19], vectors(3, 1)[1:]]), atol=1e-3)
    which, found = third.find(pl.Series(["p19", "p2", "p5", "p0"]))
    assert sorted(zip(which, found, strict=True)) == [(1, 22), (2, 5)]


def test_rows_stay_in_few_chunks_however_often_the_index_is_changed():
    changed = state(20)
    for row in range(40):
        changed = changed.having(products(20)[row % 20], vectors(1, row))
    for table in (changed.products, changed.filtered):
        assert max(table.n_chunks("all")) <= 2
    assert changed.found["product_id"].to_list() == [f"p{row}" for row in range(20)]


def test_many_changes_leave_what_a_dictionary_would_hold():
    rng, index, held = np.random.default_rng(5), SearchIndex.build(products(60), vectors(60), rebuild=99), {}
    held |= dict(zip(products(60)["product_id"], vectors(60), strict=True))
    for step in range(40):
        ids = [f"p{number}" for number in rng.choice(90, 7, replace=False)]
        if step % 3 == 2:
            assert index.remove(ids) == len([held.pop(one) for one in ids if one in held])
        else:
            before, own = len(held), vectors(7, step)
            held |= dict(zip(ids, own, strict=True))
            assert index.upsert(pl.DataFrame({"product_id": ids}), own) == len(held) - before
    assert len(index.log) == 40 and sorted(index.products["product_id"]) == sorted(held)
    expected = np.array([held[one] for one in index.products["product_id"]])
    np.testing.assert_allclose(index.vectors, expected, atol=1e-3)
    asked = pl.Series(["p3", "nobody", *list(held)[:5]])
    assert index.details(asked).equals(index.products.filter(pl.col("product_id").is_in(asked.implode())))


def test_documents_are_the_catalogues_rows_whatever_was_changed(tmp_path):
    """Columns that are not in memory too, from the mapped rows, and from the table of a version that was written without them."""
    table = products(60).with_columns(pl.format("all of {}", "product_id").alias("description"))
    index = SearchIndex.build(table, vectors(60), shown=("brand",), rebuild=99).write(tmp_path)
    index.upsert(table[:3].with_columns(description=pl.lit("new")), vectors(3, 1))
    index.remove(["p5"])
    asked = pl.Series("product_id", ["p40", "p1", "p5", "nobody", "p39"])
    there = asked.to_frame().filter(pl.col("product_id").is_in(["p40", "p1", "p39"]))
    for _ in range(2):
        served = SearchIndex.read(tmp_path, check=False)
        expected = there.join(served.catalogue(), on="product_id", how="left", maintain_order="left")
        found = served.documents(asked).sort("product_id")
        assert found.select(expected.columns).equals(expected.sort("product_id"))
        assert found["description"].to_list() == ["new", "all of p39", "all of p40"]
        (served.folder / "base" / "documents.arrow").unlink(missing_ok=True)
