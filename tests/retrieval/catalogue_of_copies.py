"""A small catalogue with near-copies, for tests of the index that is served."""

import numpy as np
import polars as pl

from roar.retrieval.index import unit_rows

DIMENSION = 16


def vectors(rows: int, seed: int = 0) -> np.ndarray:
    """Random unit rows."""
    return unit_rows(np.random.default_rng(seed).normal(size=(rows, DIMENSION)).astype(np.float32))


def products(rows: int, *, of_a_cluster: int = 1) -> pl.DataFrame:
    """`rows` products in clusters of neighbours, with fields to filter by."""
    return pl.DataFrame(
        {
            "product_id": [f"p{row}" for row in range(rows)],
            "cluster_id": [f"c{row // of_a_cluster}" for row in range(rows)],
            "title": [f"title {row}" for row in range(rows)],
            "brand": [("ada", "bob", None)[row % 3] for row in range(rows)],
            "price": [float(row) if row % 7 else None for row in range(rows)],
        }
    )


def brute_force(query: np.ndarray, own: np.ndarray, ids: list[str], limit: int) -> list[str]:
    """The ids of the nearest vectors, computed the plain way."""
    return [ids[row] for row in np.argsort(-(own @ query), kind="stable")[:limit]]
