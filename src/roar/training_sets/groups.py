"""Stage 2's graded groups: the products of one query, two grades at least, sized as judging left them.

Near-duplicate listings of one item are collapsed where their grades agree (where they differ, raters saw two items); large groups are cut so that
every grade present stays present. Contradictory judgments were resolved at ingestion; a group may be filled with mined hard
negatives (`filling`).
"""

import polars as pl

from roar.parameters import Groups
from roar.tables import require_columns
from roar.training_sets.counts import Counts
from roar.training_sets.filling import filled

SET = "graded groups"


def graded_groups(
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    clusters: pl.DataFrame,
    splits: pl.DataFrame,
    config: Groups | None = None,
    *,
    seed: int,
    negatives: pl.DataFrame | None = None,
    held_out_products: pl.DataFrame | None = None,
    counts: Counts | None = None,
) -> pl.DataFrame:
    """Build the groups of the train queries of every fold.

    Args:
        queries: query_id, query.
        judgments: query_id, product_id, grade, weight.
        clusters: product_id, cluster_id.
        splits: fold, query_id, split, variant_group.
        config: the largest group size, and whether groups are filled.
        seed: of the draw where a group is cut, and of the order of products within a grade.
        negatives: query_id, product_id of mined hard negatives, best first, and fold where they differ by fold; read only
            where `config.fill` is set.
        held_out_products: fold, product_id that must not train (`held_out_products`); None leaves out none.
        counts: filled with what each step leaves.

    Returns:
        fold, query_id, query, variant_group, product_id, grade, weight; best grade first within a group.
    """
    require_columns(queries, "queries", ["query_id", "query"])
    require_columns(judgments, "judgments", ["query_id", "product_id", "grade", "weight"])
    require_columns(clusters, "product clusters", ["product_id", "cluster_id"])
    require_columns(splits, "query splits", ["fold", "query_id", "split"])
    config, counts = config or Groups(), counts or Counts()
    train = splits.filter(pl.col("split") == "train").select("fold", "query_id", "variant_group")
    folds = train["fold"].unique().sort()
    members = train.select("fold", "query_id").join(judgments, on="query_id")
    _count(counts, folds, "judged products of train queries", members)
    members = _collapse(members.join(clusters, on="product_id", how="left"))
    _count(counts, folds, "one listing of an item", members)
    if config.fill is not None and negatives is not None:
        members = filled(members, negatives, clusters, config.fill)
        _count(counts, folds, "filled with hard negatives", members)
    if held_out_products is not None:
        members = members.join(held_out_products, on=["fold", "product_id"], how="anti")
        _count(counts, folds, "products that may train", members)
    members = _cut(members, config.max_size, seed)
    _count(counts, folds, "largest size", members)
    mixed = members.filter(pl.col("grade").n_unique().over("fold", "query_id") > 1)
    _count(counts, folds, "two grades", mixed)
    return (
        train.join(mixed, on=["fold", "query_id"])
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


def _count(counts: Counts, folds: pl.Series, step: str, members: pl.DataFrame) -> None:
    for fold in folds:
        counts.add(SET, fold, "judgments", step, members.filter(pl.col("fold") == fold))


def _collapse(judged: pl.DataFrame) -> pl.DataFrame:
    """One product per fold, query and cluster where its grades agree, the one whose raters agree most; all where they differ."""
    item = pl.coalesce("cluster_id", "product_id")
    agree = pl.col("grade").n_unique().over("fold", "query_id", item) == 1
    return (
        judged.with_columns(item=item, kept=pl.when(agree).then(item).otherwise("product_id"))
        .sort("fold", "query_id", "kept", "weight", "product_id", descending=[False] * 3 + [True, False])
        .unique(["fold", "query_id", "kept"], keep="first", maintain_order=True)
        .select("fold", "query_id", "product_id", "item", "grade", "weight")
    )


def _cut(members: pl.DataFrame, max_size: int, seed: int) -> pl.DataFrame:
    """Keep at most `max_size` products a query, dealt round-robin over its grades in a seeded order."""
    order = pl.struct("query_id", "product_id").hash(seed)
    return (
        members.with_columns(order=order)
        .with_columns(turn=pl.struct("order", "product_id").rank("ordinal").over("fold", "query_id", "grade"))
        .with_columns(place=pl.struct("turn", pl.col("grade").to_physical()).rank("ordinal").over("fold", "query_id"))
        .filter(pl.col("place") <= max_size)
        .drop("turn", "place")
    )
