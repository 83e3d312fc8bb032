"""A FAISS index over product vectors, with the product ids of its rows: what a search service loads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import polars as pl

from roar.errors import InputError
from roar.retrieval.runs import Runs, judged_positions, run_table

_QUERIES_AT_ONCE = 1024


@dataclass(frozen=True)
class ProductIndex:
    """Unit vectors of N products under inner product, so that a score is a cosine."""

    index: faiss.Index
    product_ids: pl.Series

    @classmethod
    def build(cls, vectors: np.ndarray, product_ids: pl.Series, factory: str = "Flat") -> "ProductIndex":
        """Index float32 unit rows (N, dim) by a FAISS factory string; "Flat" is exact.

        Raises:
            InputError: FAISS does not know the factory string, or it needs more products for training.
        """
        try:
            index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
            index.train(vectors)
            index.add(vectors)
            if cells := faiss.try_extract_index_ivf(index):
                cells.make_direct_map()  # from a product's place to its cell: what `vectors` reads
        except RuntimeError as error:
            reason = str(error).rpartition("Error: ")[2].splitlines()[0]
            raise InputError(
                f"evaluation.index {factory!r}: FAISS cannot build it over {len(vectors)} products ({reason}); "
                "Flat works for any number."
            ) from error
        return cls(index, product_ids)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Best k products of each query row (n, dim): cosines and positions, (n, k) each; -1 where there are fewer."""
        k = min(k, len(self.product_ids))
        if not k or not len(queries):
            return np.empty((len(queries), k), dtype=np.float32), np.empty((len(queries), k), dtype=np.int64)
        return self.index.search(np.ascontiguousarray(queries, dtype=np.float32), k)

    def vectors(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Stored vectors (n, dim) of the given rows."""
        if not len(positions):
            return np.empty((0, self.index.d), dtype=np.float32)
        return self.index.reconstruct_batch(np.asarray(positions, dtype=np.int64))

    def truncated(self, dimension: int, factory: str = "Flat") -> "ProductIndex":
        """The same products on their leading dimensions, normalised again (Matryoshka)."""
        vectors = self.vectors(np.arange(len(self.product_ids)))[:, :dimension]
        return ProductIndex.build(np.ascontiguousarray(unit_rows(vectors)), self.product_ids, factory)

    def runs(self, vectors: np.ndarray, queries: pl.DataFrame, judgments: pl.DataFrame, depth: int) -> Runs:
        """Both protocols' runs of encoded queries.

        Args:
            vectors: float32 unit rows (n, dim), one per row of `queries`.
            queries: query_id.
            judgments: query_id, product_id; pairs of other queries are ignored.
            depth: products to retrieve from the catalogue.
        """
        return Runs(self.judged(vectors, queries, judgments), self.retrieved(vectors, queries, depth))

    def retrieved(self, vectors: np.ndarray, queries: pl.DataFrame, depth: int) -> pl.DataFrame:
        """The catalogue run: the best `depth` products of each query."""
        scores, found = self.search(vectors, depth)
        row = np.repeat(np.arange(len(queries)), found.shape[1])
        real = found.reshape(-1) >= 0
        return run_table(
            queries["query_id"], self.product_ids, row[real], found.reshape(-1)[real], scores.reshape(-1)[real]
        )

    def judged(self, vectors: np.ndarray, queries: pl.DataFrame, judgments: pl.DataFrame) -> pl.DataFrame:
        """The judged run: cosines of the judged pairs."""
        pairs = judged_positions(queries, self.product_ids, judgments)
        rows, columns = pairs["row"].to_numpy(), pairs["column"].to_numpy()
        cosine = np.empty(len(pairs), dtype=np.float32)
        for start in range(0, len(pairs), _QUERIES_AT_ONCE * 16):
            part = slice(start, start + _QUERIES_AT_ONCE * 16)
            cosine[part] = np.einsum("nd,nd->n", vectors[rows[part]], self.vectors(columns[part]))
        return run_table(queries["query_id"], self.product_ids, rows, columns, cosine)

    def write(self, folder: Path) -> None:
        """Save as index.faiss and product_ids.parquet."""
        folder.mkdir(parents=True, exist_ok=True)
        faiss.write_index(self.index, str(folder / "index.faiss"))
        self.product_ids.to_frame("product_id").write_parquet(folder / "product_ids.parquet")

    @classmethod
    def read(cls, folder: Path) -> "ProductIndex":
        """Load what `write` saved.

        Raises:
            InputError: the folder is incomplete, or its two files disagree.
        """
        try:
            index = faiss.read_index(str(folder / "index.faiss"))
            product_ids = pl.read_parquet(folder / "product_ids.parquet")["product_id"]
        except (RuntimeError, OSError, pl.exceptions.PolarsError) as error:
            raise InputError(
                f"{folder}: unreadable product index ({str(error).splitlines()[0]}); run the evaluation again."
            ) from error
        if index.ntotal != len(product_ids):
            raise InputError(
                f"{folder}: {index.ntotal} vectors for {len(product_ids)} product ids; run the evaluation again."
            )
        return cls(index, product_ids)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their norms; a zero row stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
