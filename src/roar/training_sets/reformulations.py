"""The query that failed, and the product that the next wording found.

Who does not find what they want says it in other words. The product that they then engage with answers the first wording
too, which is how a retriever learns the words that the catalogue does not use. Searches belong together while they are a
session's, without a long pause, and until something is found: what follows is another errand.
"""

import polars as pl

from roar.parameters import ReformulationSource

_STRENGTHS = ("clicked", "carted", "ordered")


def reformulated(search_log: pl.DataFrame, config: ReformulationSource | None = None) -> pl.DataFrame:
    """Pairs of each earlier query of an errand with what its last search found.

    Args:
        search_log: impressions: session_id, timestamp, query, product_id, clicked, carted, ordered.
        config: what counts as found, and the longest pause.

    Returns:
        query, product_id, weight in (0, 1]: the share of the query's reworded errands that found this product. A product
        clicked for the query itself is no news and left out.
    """
    config = config or ReformulationSource()
    found = pl.any_horizontal(_STRENGTHS[_STRENGTHS.index(config.engagement) :])
    searches = _errands(search_log, found, config.minutes)
    last = pl.col("timestamp") == pl.col("timestamp").max().over("session_id", "errand")
    endings = searches.filter(last & pl.col("found")).select("session_id", "errand", final="query")
    earlier = (
        searches.filter(~last).join(endings, on=["session_id", "errand"]).filter(pl.col("query") != pl.col("final"))
    )
    products = search_log.filter(found).select("session_id", "product_id", final="query").unique()
    pairs = (
        earlier.join(products, on=["session_id", "final"])
        .select("session_id", "errand", "query", "product_id")
        .unique()
    )
    known = search_log.filter("clicked").select("query", "product_id")
    errands = pl.struct("session_id", "errand").n_unique().over("query")
    return (
        pairs.with_columns(errands=errands)
        .group_by("query", "product_id")
        .agg(weight=pl.len() / pl.col("errands").first())
        .join(known, on=["query", "product_id"], how="anti")
    )


def _errands(search_log: pl.DataFrame, found: pl.Expr, minutes: float) -> pl.DataFrame:
    """One row a search: session_id, query, timestamp, found, and the number of its errand within the session."""
    searches = (
        search_log.group_by("session_id", "timestamp", "query")
        .agg(found=found.any())
        .sort("session_id", "timestamp", "query")
    )
    pause = pl.col("timestamp").diff().over("session_id") > pl.duration(seconds=round(minutes * 60))
    ends = pl.col("found").shift(1).over("session_id").fill_null(False) | pause.fill_null(False)
    return searches.with_columns(errand=ends.cast(pl.Int32).cum_sum().over("session_id"))
