"""Members for groups that raters gave too few of, out of hard negatives: irrelevant ones, and substitutes that contradict the query.

What a retriever wrongly finds close teaches more than what nobody would show; but no rater has seen it, so it weighs
less, is never a listing of an item judged for the query, and no two members are listings of one item.
"""

import polars as pl

from roar.parameters import Filling
from roar.schemas import Grade


def filled(members: pl.DataFrame, negatives: pl.DataFrame, clusters: pl.DataFrame, config: Filling) -> pl.DataFrame:
    """Fill each query's group up to `config.members` irrelevant products, and as many substitutes of those that contradict it.

    Args:
        members: fold, query_id, product_id, item, grade, weight: the judged products of each fold's train queries.
        negatives: query_id, product_id in the order of preference; with a column `fold`, those of one fold only. Those with
            `contradicts` are of the kind that is asked for, but for what their text says: substitutes.
        clusters: product_id, cluster_id.
        config: how many, and their weight.

    Returns:
        `members` and further rows of grade irrelevant or substitute, in the same columns.
    """
    keys = ["fold", "query_id"]
    groups = members.group_by(keys).agg(
        *((config.members - (pl.col("grade") == grade).sum().cast(pl.Int64)).alias(grade) for grade in _GRADES),
        judged=pl.col("item"),
    )
    if "contradicts" not in negatives.columns:
        negatives = negatives.with_columns(contradicts=pl.lit(False))
    mined = negatives.with_row_index("preference").join(clusters, on="product_id", how="left")
    grade = pl.when("contradicts").then(pl.lit("substitute")).otherwise(pl.lit("irrelevant"))
    candidates = (
        groups.join(mined, on=keys if "fold" in negatives.columns else "query_id")
        .with_columns(item=pl.coalesce("cluster_id", "product_id"), grade=grade)
        .filter(~pl.col("item").is_in(pl.col("judged")))
        .sort("preference", *keys)
        .unique([*keys, "item"], keep="first", maintain_order=True)
        .with_columns(wanted=pl.when("contradicts").then("substitute").otherwise("irrelevant"))
        .filter(pl.int_range(pl.len()).over(*keys, "grade") < pl.col("wanted"))
    )
    further = candidates.with_columns(pl.col("grade").cast(Grade), weight=pl.lit(config.weight))
    return pl.concat([members, further.select(members.columns)])


_GRADES = ("irrelevant", "substitute")
"""Of members that no rater has seen."""
