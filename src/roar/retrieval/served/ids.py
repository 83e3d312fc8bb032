"""Where ids stand: a few are found among a million without reading the million."""

from functools import cached_property

import numpy as np
import polars as pl

from roar.retrieval.candidates import ranges

_FEW = 1_000
"""Ids that are compared one by one."""


class Ids:
    """Ids by their hashes in order, so that each is found by a binary search; an id may stand in several rows.

    Memory: 12 bytes a row beside the ids, from the first search on, which sorts them.
    """

    def __init__(self, ids: pl.Series) -> None:
        """Over ids (N,), texts."""
        self.ids = ids.rechunk()

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, wanted: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """Positions in `wanted`, rising, and for each a row in which that id stands; (found,) int64 each."""
        hashes, order = self._sorted
        own = wanted.hash().to_numpy()
        first, end = (np.searchsorted(hashes, own, side) for side in ("left", "right"))
        which = np.repeat(np.arange(len(own)), end - first)
        rows = order[ranges(first, end)].astype(np.int64)
        same = self._same(rows, wanted[which])
        return which[same], rows[same]

    @cached_property
    def shared(self) -> np.ndarray:
        """(N,) bool, rows whose id stands in another row as well."""
        hashes, order = self._sorted
        again = hashes[1:] == hashes[:-1]
        shared = np.zeros(len(hashes), dtype=bool)
        shared[order[1:][again]] = shared[order[:-1][again]] = True
        return shared

    def _same(self, rows: np.ndarray, wanted: pl.Series) -> np.ndarray:
        """Which hashes did not meet by chance; of a few a loop is faster than a query."""
        if len(rows) > _FEW:
            return self.ids[rows].eq_missing(wanted).to_numpy()
        pairs = zip(self.ids[rows].to_list(), wanted.to_list(), strict=True)
        return np.array([one == other for one, other in pairs], dtype=bool)

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """Hashes in order, and the row of each; stable within a process, which is as long as they live."""
        hashes = self.ids.hash().to_numpy()
        order = np.argsort(hashes)
        return hashes[order], order.astype(np.uint32)
