"""Candidates against all pairs: little is lost, and crowds do not hide each other."""

import itertools

import numpy as np
import polars as pl

from roar.near_duplicates import candidate_pairs, find_pairs, verify
from roar.near_duplicates.candidates import search
from roar.parameters import DuplicateCandidates


def catalogue(items: int, seed: int = 0) -> pl.DataFrame:
    """Two listings of each of `items` items, words in another order, one word lost, some of them common."""
    rng = np.random.default_rng(seed)
    common, rare = [f"common{i}x" for i in "abcdef"], ["".join(rng.choice(list("abcdefghij"), 7)) for _ in range(items)]
    rows = []
    for item in range(items):
        words = [rare[item], rare[(item * 7 + 3) % items], *rng.choice(common, 4, replace=False)]
        for copy in "ab":
            kept = rng.permutation(words)[: 5 if copy == "b" else 6]
            rows.append((f"i{item:04d}{copy}", " ".join(kept)))
    return pl.DataFrame(rows, schema=["product_id", "title"], orient="row")


def test_candidates_find_what_all_pairs_would() -> None:
    """Verifying every pair accepts hardly any pair that the candidates lack."""
    products = catalogue(60)
    every = pl.DataFrame(
        list(itertools.combinations(products["product_id"], 2)), schema=["product_id_a", "product_id_b"], orient="row"
    )
    accepted = verify(products, every).filter("accepted")
    assert len(accepted) >= 50
    found = accepted.join(candidate_pairs(products), on=["product_id_a", "product_id_b"], how="semi")
    assert len(found) >= 0.99 * len(accepted)
    assert len(candidate_pairs(products)) < len(every)


def test_sparse_search_equals_naive_co_occurrence() -> None:
    """With blocks and neighbours unlimited, the candidates are the pairs that share a term."""
    rng = np.random.default_rng(1)
    terms = pl.DataFrame(
        {"row": rng.integers(0, 30, 90).astype(np.uint32), "term": rng.integers(1, 40, 90).astype(np.uint64)}
    ).unique()
    sets = [set(terms.filter(pl.col("row") == row)["term"]) for row in range(30)]
    naive = {(a, b) for a, b in itertools.combinations(range(30), 2) if sets[a] & sets[b]}
    assert naive
    a, b = search(terms, 30, DuplicateCandidates(rarest_terms=16, largest_block=1000, neighbours=1000))
    assert set(zip(a.tolist(), b.tolist(), strict=True)) == naive


def test_a_crowd_of_identical_listings_is_found() -> None:
    """More copies of one title than a block holds are still candidates of each other, in a connected chain of blocks."""
    copies = pl.DataFrame({"product_id": [f"p{i:03d}" for i in range(120)], "title": ["Bosch steel kettle"] * 120})
    pairs = candidate_pairs(copies)
    assert set(pairs["product_id_a"]) | set(pairs["product_id_b"]) == set(copies["product_id"])
    assert len(find_pairs(copies)) >= 119


def test_each_product_brings_a_bounded_number_of_pairs() -> None:
    """The number of candidates is bounded by products times neighbours."""
    products = catalogue(200)
    config_pairs = search_pairs(products, neighbours=3)
    assert 0 < len(config_pairs) <= 3 * len(products)


def search_pairs(products: pl.DataFrame, neighbours: int) -> pl.DataFrame:
    from roar.parameters import NearDuplicates

    return candidate_pairs(products, NearDuplicates(candidates=DuplicateCandidates(neighbours=neighbours)))
