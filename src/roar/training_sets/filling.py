"""Members for groups that raters gave too few of, out of hard negatives: irrelevant ones, and substitutes that contradict the query.

What a retriever wrongly finds close teaches more than what nobody would show; but no rater has seen it, so it weighs
less, is never a listing of an item judged for the query, and no two members are listings of one item.
"""

import polars as pl

from roar.parameters import Filling
from roar.schemas import GRADES, Grade


def filled(members: pl.DataFrame, negatives: pl.DataFrame, clusters: pl.DataFrame, config: Filling) -> pl.DataFrame:
    """Fill each query's group up to `config.members` irrelevant products, and as many of each other grade that negatives have.

    Args:
        members: fold, query_id, product_id, item, grade, weight: the judged products of each fold's train queries.
        negatives: query_id, product_id in the order of preference; with a column `fold`, those of one fold only. Those with
            `contradicts` are of the kind that is asked for, but for what their text says: substitutes. With a column `grade`, what
            a teacher takes them for; one that it does not know is left out.
        clusters: product_id, cluster_id.
        config: how many, and their weight.

    Returns:
        `members` and further rows, in the same columns.
    """
    keys = ["fold", "query_id"]
    groups = members.group_by(keys).agg(
        *((config.members - (pl.col("grade") == grade).sum().cast(pl.Int64)).alias(grade) for grade in GRADES),
        judged=pl.col("item"),
    )
    if "contradicts" not in negatives.columns:
        negatives = negatives.with_columns(contradicts=pl.lit(False))
    mined = negatives.with_row_index("preference").join(clusters, on="product_id", how="left")
    said = pl.when("contradicts").then(pl.lit("substitute")).otherwise(pl.lit("irrelevant"))
    grade = pl.col("grade").cast(pl.String) if "grade" in negatives.columns else said
    candidates = (
        groups.join(mined, on=keys if "fold" in negatives.columns else "query_id")
        .with_columns(item=pl.coalesce("cluster_id", "product_id"), grade=grade)
        .filter(~pl.col("item").is_in(pl.col("judged")), pl.col("grade").is_not_null())
        .sort("preference", *keys)
        .unique([*keys, "item"], keep="first", maintain_order=True)
        .with_columns(wanted=pl.coalesce(pl.when(pl.col("grade") == one).then(pl.col(one)) for one in GRADES))
        .filter(pl.int_range(pl.len()).over(*keys, "grade") < pl.col("wanted"))
    )
    further = candidates.with_columns(pl.col("grade").cast(Grade), weight=pl.lit(config.weight))
    return pl.concat([members, further.select(members.columns)])
