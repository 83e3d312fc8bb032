"""What the search page shows of queries that the evaluation knows: grades, strata, examples, what to annotate."""

import polars as pl

EXAMPLES = 5
"""Queries that lost most, and as many that gained most."""

_QUEUE = ["query_id", "query", "product_id", "title"]


def search_page_tables(
    queries: pl.DataFrame,
    strata: pl.DataFrame,
    judgments: pl.DataFrame,
    changes: pl.DataFrame,
    queue: pl.DataFrame,
) -> dict[str, pl.DataFrame]:
    """Small tables, sorted by what they are looked up by.

    Args:
        queries: query_id, query.
        strata: query_id, vertical, stratum.
        judgments: query_id, product_id, grade.
        changes: query_id, query, before, after, difference, as `roar.report.queries.query_changes` sorts them.
        queue: as `roar.report.queries.annotation_queue` returns.

    Returns:
        queries (key, query_id, query, vertical, stratum; of queries that differ in case alone the first), judgments, examples
        (with `best`), annotation_queue.
    """
    known = queries.select("query_id", "query").join(strata, on="query_id", how="left", maintain_order="left")
    told = ["query", "before", "after", "difference"]
    lost, gained = changes.filter(pl.col("difference") < 0), changes.filter(pl.col("difference") > 0)
    examples = [lost.head(EXAMPLES).select(*told, best=False), gained.tail(EXAMPLES).reverse().select(*told, best=True)]
    return {
        "queries": known.with_columns(key=pl.col("query").str.to_lowercase())
        .unique("key", keep="first", maintain_order=True)
        .sort("key"),
        "judgments": judgments.select("query_id", "product_id", pl.col("grade").cast(pl.String)).sort("query_id"),
        "examples": pl.concat(examples),
        "annotation_queue": queue.select(_QUEUE),
    }
