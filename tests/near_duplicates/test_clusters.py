"""Clusters: every product in one, none with members that contradict each other."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.near_duplicates import cluster, find_pairs, verify
from roar.near_duplicates.clusters import partition
from roar.parameters import DuplicateClusters


def test_clusters_do_not_chain() -> None:
    """A black and a white kettle are not joined by a third that names no colour."""
    titles = [
        "Smeg retro kettle black",
        "Smeg retro kettle",
        "Smeg retro kettle white",
        "oak bookshelf",
        "wool blanket",
    ]
    products = pl.DataFrame({"product_id": list("abcde"), "title": titles})
    pairs = pl.DataFrame({"product_id_a": ["a", "b"], "product_id_b": ["b", "c"], "similarity": [0.9, 0.8]})
    clusters = dict(cluster(products, pairs).iter_rows())
    assert clusters == {"a": "a", "b": "a", "c": "c", "d": "d", "e": "e"}


titles = st.builds(
    lambda brand, noun, colour, size: f"{brand} {noun} {colour} {size}",
    st.sampled_from(["Smeg", "Bosch"]),
    st.sampled_from(["retro kettle", "toaster"]),
    st.sampled_from(["", "black", "white"]),
    st.sampled_from(["", "1 l", "1000 ml", "2 l"]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(titles, min_size=2, max_size=14))
def test_no_two_members_contradict(some: list[str]) -> None:
    """Whatever the catalogue, no pair inside a cluster is vetoed, and every product is in exactly one cluster."""
    products = pl.DataFrame({"product_id": [f"p{i:02d}" for i in range(len(some))], "title": some})
    clusters = cluster(products, find_pairs(products))
    assert clusters["product_id"].to_list() == products["product_id"].to_list()
    inside = clusters.join(clusters, on="cluster_id", suffix="_b").filter(pl.col("product_id") < pl.col("product_id_b"))
    inside = inside.select(product_id_a="product_id", product_id_b="product_id_b")
    assert not verify(products, inside)["conflict"].any()
    smallest = clusters.group_by("cluster_id").agg(pl.col("product_id").min())
    assert smallest["cluster_id"].equals(smallest["product_id"], check_names=False)


def test_average_linkage_keeps_loose_chains_apart() -> None:
    """A chain whose ends are unlike is cut, even where nothing is vetoed."""
    a, b = np.array([0, 1, 2]), np.array([1, 2, 3])

    def verify_positions(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.where(b - a == 1, 0.9, 0.0), np.zeros(len(a), dtype=bool)

    label = partition(4, a, b, np.array([0.9, 0.8, 0.9]), verify_positions, DuplicateClusters())
    assert label.tolist() == [0, 0, 2, 2]


def test_a_component_above_the_limit_is_split() -> None:
    """More listings of one item than `largest` still end in clusters, none larger than that."""
    a, b = np.triu_indices(30, k=1)

    def agree(a: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.ones(len(a)), np.zeros(len(a), dtype=bool)

    label = partition(30, a, b, np.linspace(1, 0.6, len(a)), agree, DuplicateClusters(largest=10))
    assert np.bincount(label).max() <= 10
    assert len(np.unique(label)) < 30
