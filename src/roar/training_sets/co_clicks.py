"""Substitutes that searchers point out: products clicked for the same queries stand in for one another.

Two products that draw clicks under several queries in common answer alike; so the second answers the queries of the first.
Co-clicks are counted over distinct queries, not sessions: two searches of one query are one opinion about what it means,
and a basket of unrelated things is none.

Cost: the squares of at most `breadth` products of each query.
"""

import polars as pl

from roar.parameters import CoClickSource
from roar.tables import require_columns


def substitutes(search_log: pl.DataFrame, config: CoClickSource | None = None) -> pl.DataFrame:
    """Products that are clicked for the same queries.

    Args:
        search_log: impressions: query, product_id, clicked.
        config: how often and how exclusively two products must share queries.

    Returns:
        product_id, substitute, similarity: cosine of the two products' sets of queries, in (0, 1]; at most
        `config.substitutes` for a product, the most similar first.
    """
    require_columns(search_log, "search log", ["query", "product_id", "clicked"])
    config = config or CoClickSource()
    clicked = _clicked(search_log, config.breadth)
    sizes = clicked.group_by("product_id").agg(size=pl.len())
    together = (
        clicked.join(clicked.rename({"product_id": "substitute"}), on="query")
        .filter(pl.col("product_id") != pl.col("substitute"))
        .group_by("product_id", "substitute")
        .agg(shared=pl.len())
        .filter(pl.col("shared") >= config.queries)
    )
    similarity = pl.col("shared") / (pl.col("size") * pl.col("size_substitute")).cast(pl.Float64).sqrt()
    return (
        together.join(sizes, on="product_id")
        .join(sizes.rename({"product_id": "substitute", "size": "size_substitute"}), on="substitute")
        .select("product_id", "substitute", similarity=similarity)
        .filter(pl.col("similarity") >= config.similarity)
        .sort("product_id", "similarity", "substitute", descending=[False, True, False])
        .group_by("product_id", maintain_order=True)
        .head(config.substitutes)
    )


def _clicked(search_log: pl.DataFrame, breadth: int) -> pl.DataFrame:
    """Distinct query, product_id: the `breadth` most clicked products of each query."""
    return (
        search_log.filter("clicked")
        .group_by("query", "product_id")
        .agg(clicks=pl.len())
        .sort("query", "clicks", "product_id", descending=[False, True, False])
        .group_by("query", maintain_order=True)
        .head(breadth)
        .select("query", "product_id")
    )


def co_clicked(search_log: pl.DataFrame, engaged: pl.DataFrame, config: CoClickSource | None = None) -> pl.DataFrame:
    """Pairs of each query with the substitutes of what its searchers engaged with.

    Args:
        search_log: impressions.
        engaged: query, product_id, weight (`behaviour.engaged`).
        config: as for `substitutes`.

    Returns:
        query, product_id, weight: the largest product of an engagement's weight and a similarity; what the query's
        searchers engaged with themselves is left out.
    """
    return (
        engaged.join(substitutes(search_log, config), on="product_id")
        .group_by("query", product_id="substitute")
        .agg(weight=(pl.col("weight") * pl.col("similarity")).max())
        .join(engaged, on=["query", "product_id"], how="anti")
    )
