"""Batches in which no two examples contradict each other.

Two variants of one question, or two listings of one item, in the same batch make each other's positive a negative. The
mask would catch it; a batch that never holds both wastes no place. Examples that do not fit wait for the next batch.
"""

from collections import deque
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from torch.utils.data import Sampler

from roar.training.examples import Examples


class ConflictFreeBatches(Sampler[list[int]]):
    """Lists of example indices, `batch_size` at most each, in an order that depends on the seed alone.

    Every epoch visits each example once, in an order of its own; all epochs come as one run, because how many batches one
    takes depends on its order, and a trainer must know the number of its steps. The last batches of an epoch may be small:
    what waits at its end is dealt out in further ones.

    Where several processes train together, all of them make the same batches, of which the collator takes each one's stretch; a
    batch with fewer examples than processes is left out.

    Cost: linear in examples; an example waits in a queue until a batch has room for it.
    """

    def __init__(self, examples: Examples, batch_size: int, seed: int, epochs: int = 1, processes: int = 1) -> None:
        # An example must not share its question, or its positive's item, with another of its batch.
        self.question = examples.query_group
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
        return (batch for batch in self._batches() if len(batch) >= self.processes)

    def _batches(self) -> Iterator[list[int]]:
        for epoch in range(self.epochs):
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.item))
            waiting: deque[int] = deque(int(e) for e in order)
            while waiting:
                yield self._next_batch(waiting)

    def _next_batch(self, waiting: deque[int]) -> list[int]:
        """Take examples from the front; those in conflict keep their order at the front for the next batch."""
        batch: list[int] = []
        questions: set[int] = set()
        items: set[int] = set()
        passed: list[int] = []
        # A run of refusals longer than this means that what waits conflicts with the batch; scanning on would be quadratic.
        while waiting and len(batch) < self.batch_size and len(passed) < 8 * self.batch_size:
            example = waiting.popleft()
            question, item = int(self.question[example]), int(self.item[example])
            if question in questions or item in items:
                passed.append(example)
                continue
            batch.append(example)
            questions.add(question)
            items.add(item)
        waiting.extendleft(reversed(passed))
        return batch
