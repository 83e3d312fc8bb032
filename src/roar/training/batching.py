"""Batches in which no two examples contradict each other.

Two variants of one question, or two listings of one item, in the same batch make each other's positive a negative. The
mask would catch it; a batch that never holds both wastes no place. Examples that do not fit wait for the next batch.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from functools import cached_property

import numpy as np
from torch.utils.data import Sampler

from roar.training.examples import Examples


class ConflictFreeBatches(Sampler[list[int]]):
    """Lists of example indices, `batch_size` at most each, in an order that depends on the seed alone.

    Every epoch visits each example once, in an order of its own; all epochs come as one run, because how many batches one
    takes depends on its order, and a trainer must know the number of its steps. The last batches of an epoch may be small:
    what waits at its end is dealt out in further ones.

    Where several processes train together, each is given its stretch of every batch: all of them make the same batches, so that
    none makes a step more than another. A batch with fewer examples than processes is left out.

    Cost: linear in examples; an example waits in a queue until a batch has room for it.
    """

    def __init__(
        self, examples: Examples, batch_size: int, seed: int, epochs: int = 1, rank: int = 0, processes: int = 1
    ) -> None:
        self.keys = [_conflict_keys(examples, e) for e in range(len(examples))]
        self.batch_size = batch_size
        self.seed = seed
        self.epochs = epochs
        self.rank, self.processes = rank, processes

    def __len__(self) -> int:
        return self._length

    @cached_property
    def _length(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._whole_batches():
            if len(batch) >= self.processes:
                first, last = (len(batch) * r // self.processes for r in (self.rank, self.rank + 1))
                yield batch[first:last]

    def _whole_batches(self) -> Iterator[list[int]]:
        for epoch in range(self.epochs):
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.keys))
            waiting: deque[int] = deque(int(e) for e in order)
            while waiting:
                yield self._next_batch(waiting)

    def _next_batch(self, waiting: deque[int]) -> list[int]:
        """Take examples from the front; those in conflict keep their order at the front for the next batch."""
        batch: list[int] = []
        taken: set[Hashable] = set()
        passed: list[int] = []
        # A run of refusals longer than this means that what waits conflicts with the batch; scanning on would be quadratic.
        while waiting and len(batch) < self.batch_size and len(passed) < 8 * self.batch_size:
            example = waiting.popleft()
            if taken.isdisjoint(self.keys[example]):
                batch.append(example)
                taken |= self.keys[example]
            else:
                passed.append(example)
        waiting.extendleft(reversed(passed))
        return batch


def _conflict_keys(examples: Examples, example: int) -> frozenset[tuple[str, int]]:
    """What an example must not share with another of its batch: its question, and the item of its positive."""
    positive = int(examples.product[examples.members(example).start])
    return frozenset({("query", int(examples.query_group[example])), ("cluster", int(examples.cluster[positive]))})
