"""What reporting knows of queries, from the folder `search_page` that it writes: small tables, read when they are asked for.

A folder that is not there, or an older one without a table, knows nothing; a newer report is read with the next page.
"""

from pathlib import Path
from typing import Any

import polars as pl


class Evidence:
    """Tables of a folder; None for no folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def about(self, query: str) -> dict[str, Any]:
        """query_id, vertical and stratum of a query that was logged or judged; empty where it was not."""
        rows = self._rows("queries", pl.col("key") == pl.lit(query).str.to_lowercase())
        return rows[0] if rows else {}

    def grades(self, query_id: str | None) -> dict[str, str]:
        """Products judged for a query, and their grades."""
        rows = self._rows("judgments", pl.col("query_id") == query_id) if query_id else []
        return {row["product_id"]: row["grade"] for row in rows}

    def examples(self) -> list[dict[str, Any]]:
        """query, before, after, difference, best (bool): the queries that lost and gained most."""
        return self._rows("examples")

    def queue(self) -> list[dict[str, Any]]:
        """query_id, query, product_id, title: pairs to judge, a query's pairs together."""
        return self._rows("annotation_queue")

    def _rows(self, name: str, *where: pl.Expr) -> list[dict[str, Any]]:
        path = self._folder / f"{name}.parquet" if self._folder is not None else None
        if path is None or not path.is_file():
            return []
        return pl.scan_parquet(path).filter(*where).collect().to_dicts()
