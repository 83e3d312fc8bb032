"""Batches in which no two examples contradict each other, all of nearly one size.

Two variants of one question, or two listings of one item, in the same batch make each other's positive a negative. The
mask would catch it; a batch that never holds both wastes no place. An epoch's examples are dealt out like cards, so that
no batch is made of what was left over: a step over three questions is no step.
"""

from collections import deque
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from torch.utils.data import Sampler

from roar.training.examples import Examples

_COVERED = 0.95
"""Share of the examples that an epoch has batches enough for."""

_LOOKED_AT = 64
"""Batches that an example is offered to: what fits nowhere costs no more than this."""


class ConflictFreeBatches(Sampler[list[int]]):
    """Lists of example indices, `batch_size` at most each, in an order that depends on the seed alone.

    An epoch has the fewest batches that can hold 95% of its examples. A question with more products, or an item that answers
    more questions, than there are batches leaves the rest out of that epoch; each draws anew which. All epochs come as one
    run, because a trainer must know the number of its steps.

    Where several processes train together, all of them make the same batches, of which the collator takes each one's stretch; a
    batch with fewer examples than processes is left out.

    Cost: linear in examples, in time and in memory (an epoch is dealt at once).
    """

    def __init__(self, examples: Examples, batch_size: int, seed: int, epochs: int = 1, processes: int = 1) -> None:
        # An example must not share its question, or its positive's item, with another of its batch.
        self.question = np.unique(examples.query_group, return_inverse=True)[1]
        self.item = examples.cluster[examples.product[examples.start[:-1]]]
        self.batch_size = batch_size
        self.seed = seed
        self.epochs = epochs
        self.processes = processes

    def __len__(self) -> int:
        return self._length

    @cached_property
    def _length(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[list[int]]:
        dealt = (batch for epoch in range(self.epochs) for batch in self._deal(epoch))
        return (batch for batch in dealt if len(batch) >= self.processes)

    @cached_property
    def batches_an_epoch(self) -> int:
        """The fewest that hold `_COVERED` of the examples, each with a question and an item once."""
        fewest = -(-len(self.item) // self.batch_size)
        return max(fewest, _rounds(np.bincount(self.question)), _rounds(np.unique(self.item, return_counts=True)[1]))

    def _deal(self, epoch: int) -> list[list[int]]:
        """Give every example to the batch whose turn it is, or to the next one that has no conflict with it."""
        batches: list[list[int]] = [[] for _ in range(self.batches_an_epoch)]
        items: list[set[int]] = [set() for _ in batches]
        turns = deque(range(len(batches)))
        asked, holding = -1, set[int]()  # the question now dealt, and the batches that have it
        for example in self._order(epoch):
            question, item = int(self.question[example]), int(self.item[example])
            if question != asked:
                asked, holding = question, set()
            for turn in range(min(_LOOKED_AT, len(turns))):
                batch = turns[turn]
                if batch not in holding and item not in items[batch] and len(batches[batch]) < self.batch_size:
                    del turns[turn]
                    turns.append(batch)
                    batches[batch].append(example)
                    items[batch].add(item)
                    holding.add(batch)
                    break
        return [batch for batch in batches if batch]

    def _order(self, epoch: int) -> list[int]:
        """Questions in random order, the examples of each together and in random order."""
        rng = np.random.default_rng((self.seed, epoch))
        places = rng.permutation(int(self.question.max()) + 1)
        order: list[int] = np.lexsort((rng.random(len(self.question)), places[self.question])).tolist()
        return order


def _rounds(counts: np.ndarray) -> int:
    """Batches needed for `_COVERED` of all examples, where a batch takes one of each kind.

    Args:
        counts: examples of each kind, (kinds,) int64.
    """
    enough, low, high = _COVERED * counts.sum(), 1, int(counts.max())
    while low < high:
        middle = (low + high) // 2
        if np.minimum(counts, middle).sum() >= enough:
            high = middle
        else:
            low = middle + 1
    return low
