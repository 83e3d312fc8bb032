"""Stage 2's graded groups: the products of one query, two grades at least, sized as judging left them.

Near-duplicate listings of one item are collapsed, so that one thing cannot sit on two grades; large groups are cut so that
every grade present stays present.
"""

import polars as pl

from roar.parameters import Groups


def graded_groups(
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    clusters: pl.DataFrame,
    splits: pl.DataFrame,
    config: Groups | None = None,
    *,
    seed: int,
) -> pl.DataFrame:
    """Build the groups of the train queries of every fold.

    Args:
        queries: query_id, query.
        judgments: query_id, product_id, grade, weight.
        clusters: product_id, cluster_id.
        splits: fold, query_id, split, variant_group.
        config: the largest group size.
        seed: of the draw where a group is cut, and of the order of products within a grade.

    Returns:
        fold, query_id, query, variant_group, product_id, grade, weight; best grade first within a group.
    """
    config = config or Groups()
    members = _cut(_collapse(judgments.join(clusters, on="product_id", how="left")), config.max_size, seed)
    mixed = members.filter(pl.col("grade").n_unique().over("query_id") > 1)
    train = splits.filter(pl.col("split") == "train").select("fold", "query_id", "variant_group")
    return (
        train.join(mixed, on="query_id")
        .join(queries.select("query_id", "query"), on="query_id")
        .sort(
            "fold",
            "query_id",
            pl.col("grade").to_physical(),
            "order",
            "product_id",
            descending=[False, False, True, False, False],
        )
        .select("fold", "query_id", "query", "variant_group", "product_id", "grade", "weight")
    )


def _collapse(judged: pl.DataFrame) -> pl.DataFrame:
    """One product per query and cluster: the grade that its raters agree on most, ties to the lower grade."""
    item = pl.coalesce("cluster_id", "product_id")
    support = pl.col("weight").sum().over("query_id", item, "grade")
    return (
        judged.with_columns(support=support, item=item)
        .sort("query_id", "item", "support", "grade", "product_id", descending=[False, False, True, False, False])
        .unique(["query_id", "item"], keep="first", maintain_order=True)
        .select("query_id", "product_id", "grade", "weight")
    )


def _cut(members: pl.DataFrame, max_size: int, seed: int) -> pl.DataFrame:
    """Keep at most `max_size` products a query, dealt round-robin over its grades in a seeded order."""
    order = pl.struct("query_id", "product_id").hash(seed)
    return (
        members.with_columns(order=order)
        .with_columns(turn=pl.struct("order", "product_id").rank("ordinal").over("query_id", "grade"))
        .with_columns(place=pl.struct("turn", pl.col("grade").to_physical()).rank("ordinal").over("query_id"))
        .filter(pl.col("place") <= max_size)
        .drop("turn", "place")
    )
