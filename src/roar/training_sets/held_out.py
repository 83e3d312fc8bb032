"""What a fold must not learn from: its validation and test queries, their variants, and, by choice, their products.

Texts are left out before any source reads a table, so that no source can leak whatever it computes. Products are left
out only where `training_sets.splits.products_apart` asks for it: queries share products so widely that whole queries
cannot be kept apart by them, and a shop meets its old products with new queries every day. The strict mode measures what
is left when it does not.
"""

import polars as pl

from roar.parameters import Splits
from roar.tables import require_columns


def allowed_texts(variants: pl.DataFrame, splits: pl.DataFrame, fold: str) -> pl.DataFrame:
    """The rows of `variants` (query, variant_group) whose group neither validates nor tests in `fold`."""
    return variants.join(_held_out(splits, fold), on="variant_group", how="anti", maintain_order="left")


def forbidden_texts(variants: pl.DataFrame, splits: pl.DataFrame, fold: str) -> pl.DataFrame:
    """The other rows of `variants`: held-out queries and every variant of them."""
    return variants.join(_held_out(splits, fold), on="variant_group", how="semi", maintain_order="left")


def _held_out(splits: pl.DataFrame, fold: str) -> pl.DataFrame:
    return splits.filter((pl.col("fold") == fold) & (pl.col("split") != "train")).select("variant_group")


def held_out_products(
    splits: pl.DataFrame, judgments: pl.DataFrame, clusters: pl.DataFrame, config: Splits | None = None
) -> pl.DataFrame:
    """Products that must not train, fold by fold: those of held-out queries, with all their near-duplicates.

    Args:
        splits: fold, query_id, split.
        judgments: query_id, product_id, grade.
        clusters: product_id, cluster_id.
        config: `products_apart` says which of a query's products count: none (the default), exact ones, or all judged.

    Returns:
        fold, product_id; without rows where `products_apart` is off.
    """
    require_columns(splits, "query splits", ["fold", "query_id", "split"])
    require_columns(judgments, "judgments", ["query_id", "product_id"])
    require_columns(clusters, "product clusters", ["product_id", "cluster_id"])
    config = config or Splits()
    if config.products_apart is None:
        return pl.DataFrame(schema={"fold": pl.String, "product_id": pl.String})
    judged = judgments.filter(pl.col("grade") == "exact") if config.products_apart == "exact" else judgments
    held_out = splits.filter(pl.col("split") != "train").join(judged, on="query_id").select("fold", "product_id")
    members = pl.concat([clusters.select("product_id", "cluster_id"), _alone(judged, clusters)])
    reached = held_out.join(members, on="product_id").select("fold", "cluster_id").unique()
    return reached.join(members, on="cluster_id").select("fold", "product_id").sort("fold", "product_id")


def _alone(judged: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Judged products that the cluster table does not know, each a cluster of its own."""
    unknown = judged.select("product_id").unique().join(clusters, on="product_id", how="anti")
    return unknown.with_columns(cluster_id="product_id")
