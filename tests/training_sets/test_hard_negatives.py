"""Hard negatives: equal to a naive search over all products, never an answer, never a listing of one, never held out."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.attributes import agreement
from roar.errors import InputError
from roar.parameters import Filling, HardNegatives
from roar.schemas import Grade
from roar.training_sets import hard_negatives
from roar.training_sets.filling import filled
from roar.training_sets.hard_negatives import Catalogue, mine

PRODUCTS, DIMENSIONS = 40, 6


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class World:
    """Random vectors: forty products in twenty-five clusters, twelve queries in eight variant groups, some answers."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.product_ids = pl.Series("product_id", [f"p{i:02}" for i in range(PRODUCTS)])
        self.product_vectors = unit(random.normal(size=(PRODUCTS, DIMENSIONS)))
        self.item = {p: f"c{random.integers(25)}" for p in self.product_ids}
        self.clusters = pl.DataFrame({"product_id": list(self.item), "cluster_id": list(self.item.values())})
        self.queries = [f"query {i:02}" for i in range(12)]
        self.group = {query: f"g{random.integers(8)}" for query in self.queries}
        self.query_vector = dict(zip(self.queries, unit(random.normal(size=(12, DIMENSIONS))), strict=True))
        rows = [
            (example, query, self.group[query], product)
            for example, query in enumerate(random.choice(self.queries, 15).tolist())
            for product in random.choice(self.product_ids.to_list(), random.integers(1, 3), replace=False).tolist()
        ]
        self.examples = pl.DataFrame(rows, schema=["example", "query", "variant_group", "product_id"], orient="row")
        answers = [(f"g{g}", p) for g in range(8) for p in random.choice(self.product_ids.to_list(), 3).tolist()]
        self.known = pl.DataFrame(answers, schema=["variant_group", "product_id"], orient="row")
        self.without = pl.Series(random.choice(self.product_ids.to_list(), 4, replace=False).tolist())

    def embed(self, queries: list[str]) -> np.ndarray:
        return np.stack([self.query_vector[query] for query in queries])

    def mine(self, config: HardNegatives, keep: int = 3) -> pl.DataFrame:
        catalogue = Catalogue.of(self.product_ids, self.product_vectors, self.clusters, config)
        return mine(self.examples, self.known, catalogue, self.embed, keep, config, without=self.without)

    def naive(self, config: HardNegatives, keep: int = 3) -> set[tuple[int, str]]:
        """All products of every example, one by one."""
        found = set()
        for (example, query, group), rows in self.examples.group_by("example", "query", "variant_group"):
            score = dict(zip(self.product_ids, self.product_vectors @ self.query_vector[query], strict=True))
            positive = np.mean([score[p] for p in rows["product_id"]])
            of_group = pl.concat([self.known, self.examples.select("variant_group", "product_id")])
            answers = {self.item[p] for p in of_group.filter(variant_group=group)["product_id"]}
            taken: set[str] = set()
            nearest = sorted(score, key=lambda p: -score[p])[config.skip : config.skip + config.depth]
            for product in nearest:
                limits = [positive - (1 - config.relative) * abs(positive)] if config.relative is not None else []
                limits += [positive - config.absolute] if config.absolute is not None else []
                free = product not in set(self.without) and self.item[product] not in answers | taken
                if free and all(score[product] < limit for limit in limits) and len(taken) < keep:
                    found.add((example, product))
                    taken.add(self.item[product])
        return found


RULES = st.builds(
    HardNegatives,
    depth=st.integers(1, 60),
    skip=st.integers(0, 10),
    relative=st.sampled_from([None, 0.5, 0.95, 1.0]),
    absolute=st.sampled_from([None, 0.0, 0.2]),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), RULES)
def test_mining_equals_a_naive_search(seed, config):
    world = World(seed)
    mined = world.mine(config)
    assert set(mined.select("example", "product_id").iter_rows()) == world.naive(config)


def test_the_default_rules_find_some_and_say_how_close_they_are(monkeypatch):
    """Whatever the size of a block."""
    world = World(2)
    whole = world.mine(HardNegatives())
    assert len(whole) > 10 and whole.equals(whole.sort("example", "rank"))
    assert (whole["score"] < whole["positive_score"]).all() and whole["rank"].min() >= 1
    monkeypatch.setattr(hard_negatives, "BLOCK", 5)
    assert world.mine(HardNegatives()).equals(whole)


def test_a_negative_positive_score_still_bounds_from_below():
    """A share of a score below zero would admit what beats the positive."""
    vectors = np.array([[-0.2, 0.98], [-0.19, 0.98], [-0.5, 0.87]], dtype=np.float32)
    ids = pl.Series(["positive", "better", "worse"])
    clusters = pl.DataFrame({"product_id": ids, "cluster_id": ids})
    examples = pl.DataFrame({"example": [0], "query": ["q"], "variant_group": ["q"], "product_id": ["positive"]})
    catalogue = Catalogue.of(ids, unit(vectors), clusters, HardNegatives())
    known = pl.DataFrame(schema={"variant_group": pl.String, "product_id": pl.String})
    mined = mine(examples, known, catalogue, lambda q: np.array([[1.0, 0.0]], dtype=np.float32), 3)
    assert mined["product_id"].to_list() == ["worse"]


def test_nothing_to_mine_is_an_empty_table():
    world = World(1)
    world.examples = world.examples.clear()
    assert world.mine(HardNegatives()).is_empty()


def test_an_index_that_faiss_cannot_build_names_its_parameter():
    with pytest.raises(InputError, match=r"training_sets\.hard_negatives\.index 'Nonsense'"):
        World(1).mine(HardNegatives(index="Nonsense"))


TITLES = {
    "asked": "Orvane memory card 64 GB",
    "other size": "Orvane memory card 128 GB",
    "a copy": "Orvane memory card, 128 GB, black",
    "silent": "Orvane memory card",
    "far": "Lumo memory card 32 GB",
}


def contradicting(kind: str, keep: int = 3, **rules: float) -> pl.DataFrame:
    """Negatives of "64 gb memory card" among five cards that stand ever farther from it; two are listings of one item."""
    ids = pl.Series("product_id", list(TITLES))
    angles = np.arange(5) / 20
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    items = pl.DataFrame({"product_id": ids, "cluster_id": ["a", "b", "b", "c", "d"]})
    products = pl.DataFrame(
        {"product_id": ids, "title": list(TITLES.values()), "brand": None, "attributes": None}
    ).cast(pl.String)
    config = HardNegatives(kind=kind, **rules)  # type: ignore[arg-type]
    example = pl.DataFrame(
        {"example": [0], "query": ["64 gb memory card"], "variant_group": ["g"], "product_id": ["asked"]}
    )
    known = example.select("variant_group", "product_id")
    catalogue = Catalogue.of(ids, vectors, items, config)

    def embed(queries: list[str]) -> np.ndarray:
        return np.repeat(vectors[:1], len(queries), axis=0)

    return mine(example, known, catalogue, embed, keep, config, stated=agreement.stated(products))


def test_what_contradicts_the_query_is_a_negative_however_near_it_is() -> None:
    """The rule of the margin would leave out what is nearest; a silent product is none, and an item comes once."""
    found = contradicting("contradicting", relative=0.95)
    assert found["product_id"].to_list() == ["other size", "far"]
    assert found["contradicts"].all()
    assert contradicting("mined", relative=0.95)["product_id"].to_list() == []


def test_both_kinds_begin_with_what_contradicts() -> None:
    found = contradicting("both", relative=None)
    assert found["product_id"].to_list() == ["other size", "far", "silent"]
    assert found["contradicts"].to_list() == [True, True, False]


def test_groups_take_what_contradicts_as_substitutes() -> None:
    """And other negatives as irrelevant, up to the wanted number of either grade; a judged item stays what raters said."""
    members = pl.DataFrame(
        {
            "fold": "f",
            "query_id": "q",
            "product_id": ["asked", "seen"],
            "item": ["a", "s"],
            "grade": ["exact", "substitute"],
            "weight": 1.0,
        }
    ).with_columns(pl.col("grade").cast(Grade))
    negatives = pl.DataFrame(
        {
            "query_id": "q",
            "product_id": ["other size", "far", "silent", "seen"],
            "contradicts": [True, True, False, False],
        }
    )
    clusters = pl.DataFrame({"product_id": ["other size", "far", "silent", "seen"], "cluster_id": ["b", "d", "c", "s"]})
    got = filled(members, negatives, clusters, Filling(members=2, weight=0.5))
    grades = dict(got.select("product_id", pl.col("grade").cast(pl.String)).iter_rows())
    assert grades == {"asked": "exact", "seen": "substitute", "other size": "substitute", "silent": "irrelevant"}
