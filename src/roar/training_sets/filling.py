"""Irrelevant members for groups that raters gave too few of, out of mined hard negatives.

What a retriever wrongly finds close teaches more than what nobody would show; but no rater has seen it, so it weighs
less, is never a listing of an item judged for the query, and no two members are listings of one item.
"""

import polars as pl

from roar.parameters import Filling
from roar.schemas import Grade


def filled(members: pl.DataFrame, negatives: pl.DataFrame, clusters: pl.DataFrame, config: Filling) -> pl.DataFrame:
    """Fill each query's group up to `config.members` irrelevant products.

    Args:
        members: fold, query_id, product_id, item, grade, weight: the judged products of each fold's train queries.
        negatives: query_id, product_id in the order of preference; with a column `fold`, those of one fold only; with a column
            `grade`, what a teacher takes them for, instead of irrelevant.
        clusters: product_id, cluster_id.
        config: how many, and their weight.

    Returns:
        `members` and further rows, in the same columns.
    """
    keys = ["fold", "query_id"]
    groups = members.group_by(keys).agg(
        wanted=config.members - (pl.col("grade") == "irrelevant").sum().cast(pl.Int64), judged=pl.col("item")
    )
    mined = negatives.with_row_index("preference").join(clusters, on="product_id", how="left")
    candidates = (
        groups.join(mined, on=keys if "fold" in negatives.columns else "query_id")
        .with_columns(item=pl.coalesce("cluster_id", "product_id"))
        .filter(~pl.col("item").is_in(pl.col("judged")))
        .sort("preference", *keys)
        .unique([*keys, "item"], keep="first", maintain_order=True)
        .filter(pl.int_range(pl.len()).over(keys) < pl.col("wanted"))
    )
    grade = pl.col("grade") if "grade" in negatives.columns else pl.lit("irrelevant").cast(Grade)
    further = candidates.with_columns(grade=grade, weight=pl.lit(config.weight))
    return pl.concat([members, further.select(members.columns)])
