"""Inputs of any shape end in success or in one readable line."""

import polars as pl
import pytest

from roar.errors import InputError
from roar.marketplace import simulate
from roar.near_duplicates import candidate_pairs, cluster, deduplicate, deduplication, find_pairs, profiles, verify
from roar.near_duplicates.deduplication import NEAR_MISSES
from roar.parameters import Simulation

PRODUCTS = pl.DataFrame(
    {"product_id": ["a", "b", "c"], "title": ["Bosch kettle 1 l", "bosch kettle 1000 ml", "oak shelf"]}
)


@pytest.mark.parametrize(
    ("products", "says"),
    [
        (PRODUCTS.drop("title"), "title"),
        (PRODUCTS.with_columns(title=pl.lit(3)), "title"),
        (PRODUCTS.with_columns(product_id=pl.lit("a")), "'a'"),
        (PRODUCTS.with_columns(product_id=pl.when(pl.col("product_id") != "b").then("product_id")), "missing"),
        (PRODUCTS.with_columns(price=pl.lit("9.99")), "price"),
        (PRODUCTS.with_columns(brand=pl.lit(1)), "brand"),
    ],
)
def test_a_broken_table_is_one_line(products: pl.DataFrame, says: str) -> None:
    """The message names the table and what is wrong with it."""
    for function in (find_pairs, candidate_pairs):
        with pytest.raises(InputError, match="products") as caught:
            function(products)
        assert says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("a", "b", "says"), [("a", "zzz", "'zzz'"), ("a", "a", "itself")], ids=["unknown product", "paired with itself"]
)
def test_broken_pairs_are_one_line(a: str, b: str, says: str) -> None:
    """Pairs must name two different products that are there."""
    pairs = pl.DataFrame({"product_id_a": [a], "product_id_b": [b], "similarity": [1.0]})
    for function in (verify, cluster):
        with pytest.raises(InputError, match=says):
            function(PRODUCTS, pairs)


@pytest.mark.parametrize(
    "titles",
    [
        [],
        ["only one"],
        ["", "", ""],
        [None, "Bosch kettle", None],
        ["🫖🫖", "🫖🫖", "\u202eكتلة"],
        ["\x00\x01", "a" * 1_000_000, "\"'\"'@en"],
        ["same"] * 5,
        ["9" * 400, "9" * 400, "1.1.1.1.1 gb"],
    ],
    ids=["empty", "one row", "blank", "null", "emoji", "control", "same", "digits"],
)
def test_odd_texts_are_no_error(titles: list[str | None]) -> None:
    """Strange texts are products like any other, and the input is left as it was."""
    ids = [f"p{i}" for i in range(len(titles))]
    odd = {"description": '{"', "attributes": '{"a": "x", "b": [1, {"c"', "brand": "–", "price": float("inf")}
    products = pl.DataFrame({"product_id": ids, "title": titles}, schema={"product_id": pl.String, "title": pl.String})
    products = products.with_columns(**{name: pl.lit(value) for name, value in odd.items()})
    before = products.clone()
    pairs = find_pairs(products)
    clusters = cluster(products, pairs)
    assert clusters["product_id"].to_list() == ids
    assert pairs.filter(~pl.col("similarity").is_between(0.5, 1)).is_empty()
    assert products.equals(before, null_equal=True)


def test_further_columns_of_candidates_are_kept() -> None:
    """`verify` adds to the table it is given and keeps its order."""
    given = pl.DataFrame({"product_id_a": ["c", "b"], "product_id_b": ["a", "a"], "label": [0, 1]})
    judged = verify(PRODUCTS, given)
    assert judged.columns == [*given.columns, "similarity", "accepted", "conflict", "evidence"]
    assert judged["accepted"].to_list() == [False, True]


@pytest.mark.parametrize(("context", "slice_"), [(50_000, 50_000), (150, 150)])
def test_texts_read_once_give_what_texts_read_twice_give(monkeypatch, context: int, slice_: int) -> None:
    """Also where clustering needs fewer products than there are, and reads them in slices."""
    monkeypatch.setattr(deduplication, "CONTEXT", context)
    monkeypatch.setattr(profiles, "SLICE", slice_)
    products = simulate(Simulation(products=600, queries=50, judged_queries=10), seed=2).products
    pairs, clusters, *_ = deduplicate(products)
    assert pairs.equals(find_pairs(products)) and len(pairs) > 40
    assert clusters.equals(cluster(products, pairs))
    assert pl.concat([pairs["product_id_a"], pairs["product_id_b"]]).n_unique() < 600


def test_near_misses_are_the_refused_pairs_nearest_to_the_threshold() -> None:
    """As a sort of all of them gives them, with their evidence; none that a contradiction excludes."""
    products = simulate(Simulation(products=600, queries=50, judged_queries=10), seed=2).products
    pairs, _, misses, learned = deduplicate(products)
    every = verify(products, candidate_pairs(products)).join(pairs, on=["product_id_a", "product_id_b"], how="anti")
    assert len(misses) == NEAR_MISSES and misses.columns == pairs.columns
    assert misses["similarity"].is_sorted(descending=True) and (misses["similarity"] > 0).all()
    same = every.join(misses, on=["product_id_a", "product_id_b"])
    assert (same["similarity"] - same["similarity_right"]).abs().max() < 1e-6 and len(same) == NEAR_MISSES
    assert not same["conflict"].any()
    refused = every.filter(~pl.col("conflict"))["similarity"].sort(descending=True)
    assert misses["similarity"].to_list() == pytest.approx(refused.head(NEAR_MISSES).to_list(), abs=1e-6)
    assert learned["kind"].value_counts().filter(pl.col("kind") != "column").sort("kind").rows() == [
        ("prior", 1),
        ("words", 1),
    ]
