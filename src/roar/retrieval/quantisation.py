"""What fewer dimensions and fewer bits cost: recall, NDCG and bytes of one catalogue under every way to store it.

All are exact scans, so that the figures are the storage's own and not an index's. Leading dimensions are normalised again
(Matryoshka); `binary` keeps signs alone and scores the best few hundred again on int8.
"""

from collections.abc import Sequence

import faiss
import numpy as np
import polars as pl

from roar.metrics import mean_value
from roar.retrieval.index import unit_rows

DEPTH = 100
_RESCORED = 4
_SCALAR = {
    "float32": (None, 4.0),
    "float16": (faiss.ScalarQuantizer.QT_fp16, 2.0),
    "int8": (faiss.ScalarQuantizer.QT_8bit, 1.0),
}


def quantisation_prices(
    vectors: np.ndarray,
    product_ids: pl.Series,
    query_vectors: np.ndarray,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    dimensions: Sequence[int],
) -> pl.DataFrame:
    """Store a catalogue in every precision at every dimension, and see what is found.

    Cost: a scan of the catalogue by all queries for each row. Memory: one copy of the vectors at a time.

    Args:
        vectors: float32 unit rows (N, dim), all dimensions.
        product_ids: of the rows.
        query_vectors: float32 unit rows (Q, dim).
        queries: query_id of each.
        judgments: query_id, product_id, grade.
        dimensions: leading dimensions to keep; those that the vectors do not have are left out.

    Returns:
        precision, dimension, bytes (of a vector), recall@100 (of the best by all dimensions in float32), ndcg@8 (over the
        full catalogue): a row for each, the full one first.
    """
    exact = _scan(vectors, query_vectors, "float32")
    rows = []
    for dimension in [vectors.shape[1], *sorted({d for d in dimensions if d < vectors.shape[1]}, reverse=True)]:
        own, asked = (unit_rows(np.ascontiguousarray(rows[:, :dimension])) for rows in (vectors, query_vectors))
        for precision in (*_SCALAR, "binary"):
            found = _scan(own, asked, precision)
            size = dimension * (1 / 8 + 1 if precision == "binary" else _SCALAR[precision][1])
            recall = np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, exact, strict=True)])
            ndcg = mean_value(_run(found, product_ids, queries), judgments, queries["query_id"], "ndcg@8")
            rows.append((precision, dimension, size, float(recall), ndcg))
    schema = {
        "precision": pl.String,
        "dimension": pl.Int64,
        "bytes": pl.Float64,
        "recall@100": pl.Float64,
        "ndcg@8": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _scan(vectors: np.ndarray, queries: np.ndarray, precision: str) -> np.ndarray:
    """Rows of the best products, (Q, 100) or as many as there are, best first."""
    depth, dimension = min(DEPTH, len(vectors)), vectors.shape[1]
    if precision == "binary":
        index = faiss.IndexBinaryFlat(8 * -(-dimension // 8))
        index.add(_signs(vectors))
        _, proposed = index.search(_signs(queries), min(depth * _RESCORED, len(vectors)))
        return _rescored(vectors, queries, proposed)[:, :depth]
    kind = _SCALAR[precision][0]
    flat = (
        faiss.IndexFlatIP(dimension)
        if kind is None
        else faiss.IndexScalarQuantizer(dimension, kind, faiss.METRIC_INNER_PRODUCT)
    )
    flat.train(vectors)
    flat.add(vectors)
    return flat.search(queries, depth)[1]


def _signs(vectors: np.ndarray) -> np.ndarray:
    return np.packbits(vectors > 0, axis=1)


def _rescored(vectors: np.ndarray, queries: np.ndarray, proposed: np.ndarray) -> np.ndarray:
    """Proposed rows by falling cosine with vectors in int8."""
    codec = faiss.ScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_8bit)
    codec.train(vectors)
    ordered = np.empty_like(proposed)
    for row, (query, own) in enumerate(zip(queries, proposed, strict=True)):
        kept = codec.decode(codec.compute_codes(np.ascontiguousarray(vectors[own])))
        ordered[row] = own[np.argsort(-(kept @ query), kind="stable")]
    return ordered


def _run(found: np.ndarray, product_ids: pl.Series, queries: pl.DataFrame) -> pl.DataFrame:
    rows = np.repeat(np.arange(len(found)), found.shape[1])
    score = np.tile(-np.arange(found.shape[1], dtype=np.float64), len(found))
    return pl.DataFrame(
        {
            "query_id": queries["query_id"].gather(rows),
            "product_id": product_ids.gather(found.reshape(-1)),
            "score": score,
        }
    )
