"""Grades that people give on the page: `judgments_made.parquet`, in the contract's columns, with rater, time and comment.

A rater's later grade of a pair replaces the earlier one; two raters' grades of a pair are both kept, and it is ingestion that
brings them together. A query that no table knows gets the id that ingestion's `{hash: [query]}` gives.
"""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from roar.files import Lock, replaced_file

NAME = "judgments_made.parquet"


def schema() -> dict[str, Any]:
    """Columns and their types."""
    from roar.schemas import Grade  # loads what checks tables, which a search does without

    texts = dict.fromkeys(("query_id", "product_id"), pl.String)
    own = dict.fromkeys(("query", "rater"), pl.String) | {"timestamp": pl.Datetime("us"), "comment": pl.String}
    return texts | {"grade": Grade, "weight": pl.Float64} | own


class Judgments:
    """A folder's table; one process at a time writes it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._lock, self._mutex = Lock(folder), threading.Lock()

    def table(self) -> pl.DataFrame:
        """All grades, in the order given."""
        return pl.read_parquet(self.path) if self.path.is_file() else pl.DataFrame(schema=schema())

    def of(self, rater: str, query: str | None = None) -> list[dict[str, Any]]:
        """A rater's grades, of one query or of all."""
        where = {"rater": rater} | ({"query": query} if query is not None else {})
        return self.table().filter(**where).to_dicts()

    def add(
        self, query_id: str | None, query: str, product_id: str, grade: str, rater: str, comment: str | None = None
    ) -> str:
        """Keep a grade, and give the query's id.

        Raises:
            InputError: the disk refuses, or another process writes there.
        """
        row = {
            "query_id": query_id or query_id_of(query),
            "product_id": product_id,
            "grade": grade,
            "weight": 1.0,
            "query": query,
            "rater": rater,
            "timestamp": datetime.now(UTC).replace(tzinfo=None),
            "comment": comment or None,
        }
        with self._mutex:
            self._lock.take()
            try:
                self._replace(row)
            finally:
                self._lock.release()
        return str(row["query_id"])

    def _replace(self, row: dict[str, Any]) -> None:
        both = pl.concat([self.table(), pl.DataFrame([row], schema=schema())])
        with replaced_file(self.path) as part:
            both.filter(pl.struct("rater", "query_id", "product_id").is_last_distinct()).write_parquet(part)


def query_id_of(query: str) -> str:
    """The id of a query that no table knows."""
    from roar.ingestion.expressions import evaluate  # likewise
    from roar.parameters import ContentHash

    return evaluate(ContentHash(hash=("query",)), pl.DataFrame({"query": [query]}))[0]
