"""What reporting knows of queries, from the folder `search_page` that it writes: small tables, read when they are asked for.

A folder that is not there, or an older one without a table, knows nothing; a newer report is read with the next page.
"""

from pathlib import Path
from typing import Any

import polars as pl

from roar.service.settings import Settings

FOLDER = "08_reporting/search_page"
"""Where reporting leaves them in an environment's data."""
_EXAMPLES = 10


class Evidence:
    """Tables of a folder; None for no folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def of(cls, settings: Settings) -> "Evidence":
        """That of the environment that is served."""
        return cls(settings.data / FOLDER if settings.data is not None else None)

    def about(self, query: str) -> dict[str, Any]:
        """query_id, vertical and stratum of a query that was logged or judged; empty where it was not."""
        rows = self._rows("queries", pl.col("key") == pl.lit(query).str.to_lowercase())
        return rows[0] if rows else {}

    def grades(self, query_id: str | None) -> dict[str, str]:
        """Products judged for a query, and their grades."""
        rows = self._rows("judgments", pl.col("query_id") == query_id) if query_id else []
        return {row["product_id"]: row["grade"] for row in rows}

    def known(self, query: str) -> dict[str, str]:
        """As `grades`, by the query's text."""
        return self.grades(self.about(query).get("query_id"))

    def examples(self) -> list[dict[str, Any]]:
        """query, before, after, difference, best (bool): the queries that lost and gained most."""
        return self._rows("examples")

    def judged(self) -> list[str]:
        """The queries of which most products were judged: examples where nothing has changed yet."""
        judgments, queries = (self._table(name) for name in ("judgments", "queries"))
        if judgments is None or queries is None:
            return []
        most = (
            judgments.group_by("query_id")
            .len()
            .join(queries, on="query_id")
            .sort("len", "query", descending=[True, False])
        )
        return most.head(_EXAMPLES).collect()["query"].to_list()

    def queue(self) -> list[dict[str, Any]]:
        """query_id, query, product_id, title: pairs to judge, a query's pairs together."""
        return self._rows("annotation_queue")

    def _table(self, name: str) -> pl.LazyFrame | None:
        path = self._folder / f"{name}.parquet" if self._folder is not None else None
        return pl.scan_parquet(path) if path is not None and path.is_file() else None

    def _rows(self, name: str, *where: pl.Expr) -> list[dict[str, Any]]:
        table = self._table(name)
        return [] if table is None else table.filter(*where).collect().to_dicts()
