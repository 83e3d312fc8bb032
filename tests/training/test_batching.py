"""Conflict-free batches: every example once, no contradiction inside a batch, the order from the seed alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.training.batching import ConflictFreeBatches
from roar.training.examples import Examples


def pool(groups: list[int], products: list[int], clusters: list[int]) -> Examples:
    """One pair per entry of `groups`."""
    return Examples(
        query_text=[f"query {g}" for g in groups],
        query_group=np.array(groups),
        start=np.arange(len(groups) + 1),
        product=np.array(products),
        grade=np.full(len(groups), 3),
        weight=np.ones(len(groups), dtype=np.float32),
        product_text=[f"product {p}" for p in range(len(clusters))],
        cluster=np.array(clusters),
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 2**31))
def test_an_epoch_holds_every_example_once_and_no_batch_a_conflict(count, batch_size, seed):
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, 6, 10)
    examples = pool(rng.integers(0, 8, count).tolist(), rng.integers(0, 10, count).tolist(), clusters.tolist())
    batches = list(ConflictFreeBatches(examples, batch_size, seed))
    assert sorted(e for batch in batches for e in batch) == list(range(count))
    for batch in batches:
        asked, items = examples.query_group[batch], examples.cluster[examples.product[batch]]
        assert 0 < len(batch) <= batch_size and len(set(asked)) == len(set(items)) == len(batch)


def test_without_conflicts_batches_are_full():
    sizes = [
        len(batch) for batch in ConflictFreeBatches(pool(list(range(50)), list(range(50)), list(range(50))), 16, 1)
    ]
    assert sizes == [16, 16, 16, 2]


def test_epochs_are_one_run_of_known_length_each_in_its_own_order():
    examples = pool([0, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 3, 5])
    one, three = (list(ConflictFreeBatches(examples, 3, 7, epochs)) for epochs in (1, 3))
    assert three[: len(one)] == one and three[len(one) : 2 * len(one)] != one
    assert sorted(e for batch in three for e in batch) == sorted(list(range(6)) * 3)
    sampler = ConflictFreeBatches(examples, 3, 7, 3)
    assert len(sampler) == len(three) and list(sampler) == three


@pytest.mark.parametrize("count", [200])
def test_one_question_with_all_examples_gives_batches_of_one(count):
    """The worst case ends, and quickly: nothing fits beside anything."""
    batches = list(ConflictFreeBatches(pool([0] * count, list(range(count)), list(range(count))), 32, 1))
    assert [len(batch) for batch in batches] == [1] * count


def test_a_batch_with_fewer_examples_than_processes_is_left_out():
    examples = pool([0, 0, 1, 2, 3, 4, 4, 4], list(range(8)), list(range(8)))
    alone = list(ConflictFreeBatches(examples, 3, 7, 2))
    shared = ConflictFreeBatches(examples, 3, 7, 2, processes=2)
    assert list(shared) == [batch for batch in alone if len(batch) > 1] and len(shared) == len(list(shared))
    assert len(shared) < len(alone)
