"""What a system returned, under two protocols that are never mixed.

`judged` ranks only the products that were judged for a query: the paper's protocol, free of holes. `catalogue` retrieves from
everything on sale: what a shopper would see, with unjudged products in it.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from roar.tables import require_columns, require_values


class Runs(NamedTuple):
    """query_id, product_id, score under each protocol; scores are Float64, higher is better."""

    judged: pl.DataFrame
    catalogue: pl.DataFrame


def run_table(
    query_ids: pl.Series, product_ids: pl.Series, rows: np.ndarray, columns: np.ndarray, scores: np.ndarray
) -> pl.DataFrame:
    """A run from positions: query `rows`, product `columns`, and their scores, all (n,)."""
    return pl.DataFrame(
        {
            "query_id": query_ids.gather(rows),
            "product_id": product_ids.gather(columns),
            "score": pl.Series(scores, dtype=pl.Float64),
        }
    )


def judged_positions(queries: pl.DataFrame, product_ids: pl.Series, judgments: pl.DataFrame) -> pl.DataFrame:
    """Judged pairs as positions: `row` in queries and `column` in product_ids, sorted by both."""
    require_columns(queries, "queries", ["query_id"])
    require_columns(judgments, "judgments", ["query_id", "product_id"])
    require_values(product_ids, "product ids", "product_id")
    rows = queries.select("query_id").with_row_index("row")
    columns = product_ids.to_frame("product_id").with_row_index("column")
    return (
        judgments.join(rows, on="query_id").join(columns, on="product_id").select("row", "column").sort("row", "column")
    )
