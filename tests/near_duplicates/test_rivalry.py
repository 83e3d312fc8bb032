"""Pairs that exclude one another share their odds; how unlike prices are is learned from model numbers."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.near_duplicates import find_pairs, rivalry, verify
from roar.near_duplicates.comparison import ENOUGH, Comparison
from roar.near_duplicates.deduplication import prepared
from roar.near_duplicates.profiles import Profiles
from roar.parameters import DuplicateEvidence, NearDuplicates


def shop(*titles: str, **columns: list) -> pl.DataFrame:
    return pl.DataFrame({"product_id": [f"p{i:03}" for i in range(len(titles))], "title": titles, **columns})


class Contradictions:
    """A comparison that knows which products contradict each other."""

    def __init__(self, against: np.ndarray) -> None:
        self.against = against

    def contradict(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return self.against[a, b]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 12))
def test_posteriors_equal_a_naive_count_of_rivals(seed, products):
    random = np.random.default_rng(seed)
    against = random.random((products, products)) < 0.5
    against |= against.T
    a, b = np.nonzero(np.triu(random.random((products, products)) < 0.6, 1))
    odds = random.choice([0.0, 0.05, 0.5, 3.0, 40.0], len(a))
    expected = []
    for i, j, own in zip(a, b, odds, strict=True):
        rivals = 0.0
        for k, m, other in zip(a, b, odds, strict=True):
            shared = {int(i), int(j)} & {int(k), int(m)}
            if len(shared) == 1 and min(own, other) > rivalry.LIVING:
                (mine,), (theirs,) = {int(i), int(j)} - shared, {int(k), int(m)} - shared
                rivals += other * against[mine, theirs]
        expected.append(own / (1 + own + rivals))
    found = rivalry.posterior(Contradictions(against), a, b, odds)  # type: ignore[arg-type]
    assert found == pytest.approx(np.array(expected))


def test_a_vague_listing_is_neither_of_two_that_contradict_each_other():
    """Without colours, the middle one is like both; the two cannot be one item, so it is neither for sure."""
    titles = (
        "Orvane desk lamp LED dimmable red",
        "Orvane desk lamp LED dimmable",
        "Orvane desk lamp LED dimmable blue",
    )
    filler = [f"thing number {i} of another kind {i % 7}" for i in range(60)]
    alone = find_pairs(shop(*titles[:2], *filler))
    assert alone.height == 1
    assert find_pairs(shop(*titles, *filler)).is_empty()
    off = NearDuplicates(evidence=DuplicateEvidence(rivalry=False))
    assert find_pairs(shop(*titles, *filler), off).height == 2


def test_a_model_number_settles_what_is_vague():
    titles = ("Orvane lamp VX-23101 red", "Orvane lamp VX-23101", "Orvane lamp blue")
    table = verify(shop(*titles), pl.DataFrame({"product_id_a": ["p000", "p001"], "product_id_b": ["p001", "p002"]}))
    assert table["accepted"].to_list() == [True, False]


def catalogue(gap: float) -> pl.DataFrame:
    """Sixty models listed twice, the second `gap` times as dear; and two listings without a model, 1.5 times apart."""
    models = [f"Orvane lamp QX-{10_000 + i}" for i in range(ENOUGH + 10)]
    titles = [*models, *models, "Zimboro kettle 2400 W steel", "Zimboro kettle 2400 W steel"]
    prices = [20.0] * len(models) + [20.0 * gap] * len(models) + [40.0, 60.0]
    return shop(*titles, price=prices)


def test_unlike_prices_are_those_that_listings_of_one_model_do_not_have():
    steady, loose = (Comparison.of(Profiles.read(prepared(catalogue(gap)))) for gap in (1.05, 1.4))
    a, b = np.array([len(steady.price) - 2]), np.array([len(steady.price) - 1])
    assert steady.usual_gap == pytest.approx(np.log(1.05)) and loose.usual_gap == pytest.approx(np.log(1.4))
    assert steady.prices_compared(a, b, 3.0)[0] > 0.5 and loose.prices_compared(a, b, 3.0)[0] == 0


def test_a_catalogue_that_tells_nothing_of_prices_has_a_fixed_rule():
    few = Comparison.of(Profiles.read(prepared(catalogue(1.05)[-2:])))
    assert few.usual_gap is None
    assert few.prices_compared(np.array([0]), np.array([1]), 3.0)[0] == pytest.approx(np.log(1.5) / np.log(3))
    free = Comparison.of(Profiles.read(prepared(shop("a lamp", "a lamp", price=[0.0, None]))))
    assert free.prices_compared(np.array([0]), np.array([1]), 3.0)[0] == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 12))
def test_lookalikes_equal_a_naive_count(seed, products):
    """Every further listing about as like either end lowers a pair by as much; pairs that share a model number stay."""
    random = np.random.default_rng(seed)
    a, b = np.nonzero(np.triu(random.random((products, products)) < 0.6, 1))
    log_odds = random.choice([-np.inf, -3.0, -0.5, 0.0, 0.7, 4.0, 60.0, 70.0], len(a))
    certain = random.random(len(a)) < 0.2
    told = rivalry.lookalikes(a, b, log_odds, certain, -0.5)
    for pair, (i, j) in enumerate(zip(a, b, strict=True)):
        capped = np.minimum(log_odds, rivalry.SURE)
        as_like = capped >= max(capped[pair] - rivalry.AS_LIKE, -rivalry.AS_LIKE)
        further = max(sum(as_like & ((a == end) | (b == end))) for end in (i, j)) - 1
        lowered = 0.0 if certain[pair] or log_odds[pair] < -rivalry.AS_LIKE else -0.5 * further
        assert told[pair] == pytest.approx(log_odds[pair] + lowered)


def test_where_items_have_as_many_listings_look_alikes_are_no_doubt():
    nothing = np.array([1.0, 2.0])
    assert rivalry.lookalikes(np.array([0, 0]), np.array([1, 2]), nothing, np.zeros(2, bool), 0.0) is nothing
