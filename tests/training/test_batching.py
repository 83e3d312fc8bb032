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
def test_an_epoch_holds_no_example_twice_and_no_batch_a_conflict(count, batch_size, seed):
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, 6, 10)
    examples = pool(rng.integers(0, 8, count).tolist(), rng.integers(0, 10, count).tolist(), clusters.tolist())
    batches = list(ConflictFreeBatches(examples, batch_size, seed))
    dealt = [e for batch in batches for e in batch]
    assert len(dealt) == len(set(dealt)) and set(dealt) <= set(range(count))
    for batch in batches:
        asked, items = examples.query_group[batch], examples.cluster[examples.product[batch]]
        assert 0 < len(batch) <= batch_size and len(set(asked)) == len(set(items)) == len(batch)


@pytest.mark.parametrize(("count", "sizes"), [(50, [13, 13, 12, 12]), (48, [16] * 3), (17, [9, 8]), (16, [16])])
def test_without_conflicts_batches_are_of_one_size_and_hold_everything(count, sizes):
    """No batch of what is left over: 17 examples are 9 and 8, not 16 and 1."""
    batches = list(ConflictFreeBatches(pool(list(range(count)), list(range(count)), list(range(count))), 16, 1))
    assert [len(batch) for batch in batches] == sizes
    assert sorted(e for batch in batches for e in batch) == list(range(count))


@pytest.mark.parametrize("seed", range(5))
def test_a_few_questions_with_many_products_leave_no_small_batches(seed):
    """Nine products of each of 40 questions, 40 of one more: batches of nearly one size, nearly all examples, a new draw each."""
    questions = [q for q in range(40) for _ in range(9)] + [40] * 40
    examples = pool(questions, list(range(400)), list(range(400)))
    sampler = ConflictFreeBatches(examples, 64, seed, epochs=2)
    batches = list(sampler)
    sizes = [len(batch) for batch in batches]
    assert max(sizes) - min(sizes) <= 2 and min(sizes) >= 19
    epochs = np.split(np.arange(len(batches)), 2)
    seen = [{e for b in epoch for e in batches[b]} for epoch in epochs]
    assert all(len(epoch) >= 0.95 * 400 for epoch in seen) and seen[0] != seen[1]


def test_epochs_are_one_run_of_known_length_each_in_its_own_order():
    examples = pool([0, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5])
    one, three = (list(ConflictFreeBatches(examples, 3, 7, epochs)) for epochs in (1, 3))
    assert three[: len(one)] == one and three[len(one) : 2 * len(one)] != one
    assert sorted(e for batch in three for e in batch) == sorted(list(range(6)) * 3)
    sampler = ConflictFreeBatches(examples, 3, 7, 3)
    assert len(sampler) == len(three) and list(sampler) == three


def test_one_question_with_all_examples_gives_batches_of_one():
    """The worst case ends, and quickly: nothing fits beside anything."""
    batches = list(ConflictFreeBatches(pool([0] * 200, list(range(200)), list(range(200))), 32, 1))
    assert [len(batch) for batch in batches] == [1] * 190


def test_a_batch_with_fewer_examples_than_processes_is_left_out():
    examples = pool([0, 0, 0, 1, 2], list(range(5)), list(range(5)))
    alone = list(ConflictFreeBatches(examples, 3, 7, 2))
    shared = ConflictFreeBatches(examples, 3, 7, 2, processes=2)
    assert list(shared) == [batch for batch in alone if len(batch) > 1] and len(shared) == len(list(shared))
    assert len(shared) < len(alone)
