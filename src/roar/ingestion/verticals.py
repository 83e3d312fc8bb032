"""The vertical of queries that have none: that of the products judged for them.

A query counts its exact products (all judged ones where none is exact) that have a vertical; the vertical of more than
the share `majority` of them is the query's, else the query is ambiguous. Queries without any such product stay null.
"""

import polars as pl

from roar.parameters import QueryVertical


def fill_verticals(
    queries: pl.DataFrame, products: pl.DataFrame, judgments: pl.DataFrame, config: QueryVertical
) -> pl.DataFrame:
    """The queries with their `vertical` filled where it was null."""
    if not config.fill or not queries["vertical"].null_count():
        return queries
    of_query = _majority(products, judgments, config)
    filled = queries.join(of_query, on="query_id", how="left", maintain_order="left")
    return filled.with_columns(pl.coalesce("vertical", "_vertical").alias("vertical")).drop("_vertical")


def _majority(products: pl.DataFrame, judgments: pl.DataFrame, config: QueryVertical) -> pl.DataFrame:
    """query_id and `_vertical`, for the queries whose judged products have verticals."""
    judged = judgments.select("query_id", "product_id", exact=pl.col("grade") == "exact")
    judged = judged.join(products.select("product_id", "vertical"), on="product_id").drop_nulls("vertical")
    counted = judged.filter(pl.col("exact") | ~pl.col("exact").any().over("query_id"))
    shares = counted.group_by("query_id", "vertical").len().with_columns(pl.sum("len").over("query_id").alias("total"))
    # Shares may tie, so the name decides between them: the result never depends on the order of rows.
    top = shares.sort("len", "vertical", descending=[True, False]).unique("query_id", keep="first", maintain_order=True)
    clear = pl.col("len") > config.majority * pl.col("total")
    return top.select(
        "query_id", pl.when(clear).then("vertical").otherwise(pl.lit(config.ambiguous)).alias("_vertical")
    )
