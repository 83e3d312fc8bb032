"""What searchers clicked, put into carts and ordered, as pairs: how far they went is the weight.

Lists are read from the top, so a click far down says more than one at the top. With `debias`, each click counts as many
as the product would have had at the first position (inverse propensity, clipped so that a rare click cannot outweigh
everything: Joachims, Swaminathan and Schnabel, "Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017).
"""

import polars as pl

from roar.parameters import Debias
from roar.tables import require_columns
from roar.training_sets.propensities import DEPTH, propensities

_FULL_STRENGTH = 7.0
"""One click that became a cart and an order (1 + 2 + 4) has weight 1; more adds nothing."""


def engaged(
    search_log: pl.DataFrame, examined: pl.DataFrame | None = None, config: Debias | None = None
) -> pl.DataFrame:
    """Products that searchers clicked: a cart counts 2, an order 4 clicks more, on a log scale.

    Args:
        search_log: impressions.
        examined: position, propensity (`propensities`); None or empty: every position counts alike.
        config: the clip of the inverse propensities.

    Returns:
        query, product_id, weight in (0, 1].
    """
    require_columns(search_log, "search log", ["query", "product_id", "clicked", "carted", "ordered"])
    strength = pl.col("clicked").cast(pl.Float64) + 2.0 * pl.col("carted") + 4.0 * pl.col("ordered")
    clicks = search_log.filter("clicked")
    if examined is not None and not examined.is_empty():
        clicks = clicks.join(_inverse(examined, config or Debias()), on=pl.col("position").clip(1, DEPTH), how="left")
        strength = strength * pl.col("inverse")
    # Rounded, because the order of a float sum depends on the number of threads.
    weight = (pl.col("strength").round(6).log1p() / pl.lit(1.0 + _FULL_STRENGTH).log()).clip(0.0, 1.0)
    summed = clicks.group_by("query", "product_id").agg(strength=strength.sum())
    return summed.select("query", "product_id", weight=weight)


def examination(search_log: pl.DataFrame, config: Debias | None) -> pl.DataFrame | None:
    """The propensities to weigh with: None where debiasing is off, empty where the log cannot tell."""
    return None if config is None else propensities(search_log, clicks=config.clicks)


def _inverse(examined: pl.DataFrame, config: Debias) -> pl.DataFrame:
    return examined.select("position", inverse=(1.0 / pl.col("propensity")).clip(1.0, config.clip))
