"""A FAISS index over product vectors, with the product ids of its rows: what a search service loads."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import polars as pl

from roar.errors import InputError
from roar.files import damage, seal
from roar.retrieval.runs import Runs, judged_positions, run_table
from roar.tables import require_columns

_QUERIES_AT_ONCE = 1024
_VECTORS, _IDS, _ABOUT = "index.faiss", "product_ids.parquet", "index.json"


@dataclass(frozen=True)
class ProductIndex:
    """Unit vectors of N products under inner product, so that a score is a cosine.

    `encoder` says which encoder made the vectors (`roar.encoder.identity_of`); empty where nobody said.
    """

    index: faiss.Index
    product_ids: pl.Series
    encoder: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        vectors: np.ndarray,
        product_ids: pl.Series,
        factory: str = "Flat",
        encoder: Mapping[str, Any] | None = None,
    ) -> "ProductIndex":
        """Index float32 unit rows (N, dim) by a FAISS factory string; "Flat" is exact.

        Args:
            vectors: of the products, in the order of their ids.
            product_ids: N ids.
            factory: the string.
            encoder: which encoder made the vectors.

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
        return cls(index, product_ids, encoder or {})

    def require(self, encoder: Mapping[str, Any]) -> None:
        """Make sure that queries come from the encoder that the products came from.

        Raises:
            InputError: another encoder made the index; names in what they differ.
        """
        if differing := [name for name, value in self.encoder.items() if encoder.get(name) != value]:
            raise InputError(
                f"product index: another encoder made it than the one that encodes the queries; they differ in "
                f"{', '.join(differing)}. Make the index again with this encoder: kedro run --pipelines evaluation"
            )

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
        return ProductIndex.build(np.ascontiguousarray(unit_rows(vectors)), self.product_ids, factory, self.encoder)

    def runs(self, vectors: np.ndarray, queries: pl.DataFrame, judgments: pl.DataFrame, depth: int) -> Runs:
        """Both protocols' runs of encoded queries.

        Args:
            vectors: float32 unit rows (n, dim), one per row of `queries`.
            queries: query_id.
            judgments: query_id, product_id; pairs of other queries are ignored.
            depth: products to retrieve from the catalogue.
        """
        require_columns(queries, "queries", ["query_id"])
        require_columns(judgments, "judgments", ["query_id", "product_id"])
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
        """Save as index.faiss, product_ids.parquet and index.json, what they were made from, under a seal."""
        folder.mkdir(parents=True, exist_ok=True)
        faiss.write_index(self.index, str(folder / _VECTORS))
        self.product_ids.to_frame("product_id").write_parquet(folder / _IDS)
        about = {"encoder": dict(self.encoder), "product_ids": _hash(self.product_ids), "dimension": self.index.d}
        (folder / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        seal(folder)

    @classmethod
    def read(cls, folder: Path) -> "ProductIndex":
        """Load what `write` saved, after checking every byte of it.

        Raises:
            InputError: the folder is incomplete, damaged, or put together from parts of several indexes.
        """
        if problem := damage(folder):
            raise InputError(
                f"{folder}: the product index is not as it was written ({problem}); run the evaluation again."
            )
        try:
            index = faiss.read_index(str(folder / _VECTORS))
            product_ids = pl.read_parquet(folder / _IDS)["product_id"]
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        except (RuntimeError, OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise InputError(
                f"{folder}: unreadable product index ({str(error).splitlines()[0]}); run the evaluation again."
            ) from error
        found = (index.ntotal, index.d, _hash(product_ids))
        if found != (len(product_ids), about.get("dimension"), about.get("product_ids")):
            raise InputError(
                f"{folder}: its {index.ntotal} vectors of {index.d} dimensions are not those of its {len(product_ids)} "
                "product ids; run the evaluation again."
            )
        return cls(index, product_ids, about["encoder"])


def _hash(product_ids: pl.Series) -> str:
    """Of the ids in their order."""
    return hashlib.sha256(json.dumps(product_ids.to_list()).encode()).hexdigest()


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their norms; a zero row stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
