"""What of the test side was seen in training: counted, not assumed.

Queries are kept apart by construction, and a count above zero is a fault. Products are not, unless
`training_sets.splits.products_apart` says so: how many test products, or near-duplicates of them, training has seen tells
how much of a result may be memory. `trained` makes the count one of what training really read.
"""

import polars as pl

from roar.tables import require_columns

SEEN = ("same", "variant or near-duplicate")


def leakage(
    splits: pl.DataFrame,
    variants: pl.DataFrame,
    judgments: pl.DataFrame,
    clusters: pl.DataFrame,
    *,
    trained: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Count held-out queries and products that were seen in training.

    Args:
        splits: fold, query_id, split, variant_group.
        variants: query, variant_group.
        judgments: query_id, product_id, grade.
        clusters: product_id, cluster_id.
        trained: fold, query, product_id that training reads (stage-1 pairs, graded groups, or both); None stands for the
            judged products of the train queries.

    Returns:
        fold, split (validation, test), what (queries, judged products, exact products), seen (the same, or another of
        its variants or near-duplicates), count, total, share.
    """
    require_columns(splits, "query splits", ["fold", "query_id", "split", "variant_group"])
    require_columns(variants, "query variants", ["query", "variant_group"])
    require_columns(judgments, "judgments", ["query_id", "product_id", "grade"])
    require_columns(clusters, "product clusters", ["product_id", "cluster_id"])
    held_out = splits.filter(pl.col("split") != "train").with_columns(pl.col("split").cast(pl.String))
    reads = _judged(splits, judgments) if trained is None else _read(trained, variants)
    judged = held_out.join(judgments, on="query_id").select("fold", "split", "product_id", "grade")
    exact = judged.filter(pl.col("grade") == "exact")
    queries = held_out.select("fold", "split", thing="query_id", group="variant_group")
    tables = [
        _seen("queries", queries, reads.select("fold", thing="query_id", group="variant_group")),
        _seen("judged products", _items(judged, clusters), _items(reads, clusters)),
        _seen("exact products", _items(exact, clusters), _items(reads, clusters)),
    ]
    return pl.concat(tables).sort("fold", "split", "what", "seen", descending=[False, False, True, False])


def _judged(splits: pl.DataFrame, judgments: pl.DataFrame) -> pl.DataFrame:
    """What training reads if it reads every judgment of its queries."""
    train = splits.filter(pl.col("split") == "train").select("fold", "query_id", "variant_group")
    return train.join(judgments.select("query_id", "product_id"), on="query_id")


def _read(trained: pl.DataFrame, variants: pl.DataFrame) -> pl.DataFrame:
    """What training reads; a text that is no logged query belongs to the group that its row names."""
    own = ["variant_group"] if "variant_group" in trained.columns else []
    known = trained.select("fold", "query", "product_id", *own).join(variants, on="query", how="left", suffix="_logged")
    group = pl.coalesce("variant_group_logged", "variant_group") if own else pl.col("variant_group")
    query_id = pl.col("query_id") if "query_id" in known.columns else pl.lit(None, pl.String)
    return known.select("fold", "product_id", query_id=query_id, variant_group=group)


def _items(table: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Products as things, their clusters as groups."""
    split = ["split"] if "split" in table.columns else []
    joined = table.join(clusters, on="product_id", how="left")
    return joined.select("fold", *split, thing="product_id", group=pl.coalesce("cluster_id", "product_id")).unique()


def _seen(what: str, held_out: pl.DataFrame, reads: pl.DataFrame) -> pl.DataFrame:
    """Count the things that training reads themselves, and those of which it reads another of the group."""
    same = reads.select("fold", "thing", same=pl.lit(True)).drop_nulls("thing").unique()
    group = reads.select("fold", "group", alike=pl.lit(True)).drop_nulls("group").unique()
    marked = held_out.join(same, on=["fold", "thing"], how="left").join(group, on=["fold", "group"], how="left")
    marked = marked.with_columns(pl.col("same", "alike").fill_null(False)).with_columns(
        alike=pl.col("alike") & ~pl.col("same")
    )
    totals = marked.group_by("fold", "split").agg(pl.len().alias("total"), pl.col("same", "alike").sum())
    counts = totals.rename({"same": SEEN[0], "alike": SEEN[1]}).unpivot(
        on=SEEN, index=["fold", "split", "total"], variable_name="seen", value_name="count"
    )
    return counts.select(
        "fold",
        "split",
        pl.lit(what).alias("what"),
        "seen",
        pl.col("count", "total").cast(pl.Int64),
        share=pl.col("count") / pl.col("total"),
    )
