"""What is in memory: rows and their vectors, what proposes among them, and which of them can be found.

A state is never changed. A change or a rebuild puts another one in its place, and searches under way go on with theirs.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from roar.retrieval.filters import Where, allowed_rows
from roar.retrieval.served.ids import Ids
from roar.retrieval.vector_index import FaissIndex, StoredVectors


class State(NamedTuple):
    """All that a search reads. Rows are those that the index was built over, the base, and then those put in since."""

    stored: StoredVectors
    """Vectors of the base."""
    start: np.ndarray
    """(entries + 1,) where each entry's rows begin."""
    proposals: FaissIndex | None
    """The approximate index over entries; None for a scan."""
    products: pl.DataFrame
    """product_id, cluster_id and fields of every row."""
    filtered: pl.DataFrame
    """The fields that filters read, texts as categories."""
    live: np.ndarray
    """(N,) bool, False where a product was taken out or replaced."""
    ids: Ids
    """Of the base."""
    clusters: Ids
    """Of the base: an item's id stands in each of its listings' rows."""
    fresh: StoredVectors
    """Vectors of the rows put in since."""
    fresh_ids: Ids
    log: tuple[dict[str, Any], ...]
    """What was changed, in order."""

    @classmethod
    def of(
        cls,
        products: pl.DataFrame,
        stored: StoredVectors,
        start: np.ndarray,
        proposals: FaissIndex | None,
        filters: Sequence[str],
    ) -> "State":
        """An index as it was built, nothing changed since."""
        return cls(
            stored,
            start,
            proposals,
            products,
            _filtered(products, filters),
            live=np.ones(len(stored), dtype=bool),
            ids=Ids(products["product_id"]),
            clusters=Ids(products["cluster_id"]),
            fresh=StoredVectors.of(np.empty((0, stored.dimension), dtype=np.float32)),
            fresh_ids=Ids(products["product_id"][:0]),
            log=(),
        )

    @property
    def entries(self) -> int:
        """Vectors in the approximate index: near-copies share one."""
        return len(self.start) - 1

    @property
    def found(self) -> pl.DataFrame:
        """`products` that can be found."""
        return self.products.filter(pl.Series(self.live))

    @property
    def vectors(self) -> np.ndarray:
        """Float32 unit rows of `found`, to the precision that they are stored in."""
        return self.vectors_of(np.flatnonzero(self.live))

    def vectors_of(self, rows: np.ndarray) -> np.ndarray:
        """Float32 unit rows (n, dim) of rows (n,)."""
        total = len(self.stored)
        since = rows >= total
        if not since.any():
            return self.stored.vectors(rows)
        vectors = np.empty((len(rows), self.stored.dimension), dtype=np.float32)
        vectors[~since], vectors[since] = self.stored.vectors(rows[~since]), self.fresh.vectors(rows[since] - total)
        return vectors

    def listings(self, rows: np.ndarray) -> np.ndarray:
        """All rows, found or not, of those items of some rows that have several; rising."""
        total = len(self.stored)
        if not len(self.fresh):
            rows = rows[self.clusters.shared[rows]]
        if not len(rows):
            return rows
        items = self.products["cluster_id"][rows]
        found = self.clusters.find(items)[1]
        if not len(self.fresh):
            return np.unique(found)
        since = self.products["cluster_id"][total:].is_in(items.implode()).arg_true().to_numpy().astype(np.int64)
        return np.unique(np.concatenate([found, since + total]))

    def allowed(self, where: Where | None) -> np.ndarray:
        """(N,) bool, rows that can be found and meet a filter."""
        return self.live if where is None else self.live & allowed_rows(self.filtered, where).to_numpy()

    def find(self, product_ids: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """Positions of those ids that can be found, and the row of each; (found,) int64 each."""
        which, rows = self.ids.find(product_ids)
        since, fresh = self.fresh_ids.find(product_ids)
        which, rows = np.concatenate([which, since]), np.concatenate([rows, fresh + len(self.ids)])
        live = self.live[rows]
        return which[live], rows[live]

    def without(self, product_ids: pl.Series) -> "State":
        """These products taken out; unknown ones do nothing."""
        live = self.live.copy()
        live[self.find(product_ids)[1]] = False
        return self._replace(live=live)

    def having(self, table: pl.DataFrame, vectors: np.ndarray) -> "State":
        """Rows with the columns of `products` put in, in the place of those that have their ids."""
        kept, base = self.without(table["product_id"]), len(self.stored)
        products = _extended(self.products, base, table)
        return kept._replace(
            products=products,
            filtered=_extended(self.filtered, base, _filtered(table, self.filtered.columns)),
            live=np.concatenate([kept.live, np.ones(len(table), dtype=bool)]),
            fresh=self.fresh.and_further(vectors),
            fresh_ids=Ids(products["product_id"][base:]),
        )


def _extended(rows: pl.DataFrame, base: int, new: pl.DataFrame) -> pl.DataFrame:
    """Rows and new ones; those after the base in one chunk, for a filter takes 15 times as long over 2,000 of them."""
    return pl.concat([rows[:base], pl.concat([rows[base:], new], rechunk=True)])


def _filtered(products: pl.DataFrame, filters: Sequence[str]) -> pl.DataFrame:
    """The fields that filters read; texts as categories, whose comparison is one of numbers."""
    texts = [name for name in filters if products.schema[name] == pl.String]
    return products.select(filters).with_columns(pl.col(texts).cast(pl.Categorical))
