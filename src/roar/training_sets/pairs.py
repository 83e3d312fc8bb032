"""Stage-1 pairs: a query and a product that answers it, from every source a shop has, each with weight and provenance.

Supervision is coarse here: substitutes are positives like exact products, and stage 2 tells them apart later. No source
gives a pair for a query, or a variant of one, that validates or tests in the same fold.
"""

import logging

import polars as pl

from roar.errors import InputError
from roar.parameters import PairSource, Stage1Sources

logger = logging.getLogger(__name__)

COLUMNS = ("fold", "query", "variant_group", "product_id", "source", "weight")


def stage1_pairs(
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    search_log: pl.DataFrame,
    variants: pl.DataFrame,
    splits: pl.DataFrame,
    config: Stage1Sources | None = None,
    *,
    seed: int,
) -> pl.DataFrame:
    """Build the training pairs of stage 1 for every fold.

    Args:
        queries: query_id, query.
        judgments: query_id, product_id, grade, weight.
        search_log: impressions, possibly empty.
        variants: query, variant_group, for judged and logged queries alike.
        splits: fold, query_id, split, variant_group.
        config: the sources and their weights.
        seed: of the draw where a source is limited.

    Returns:
        fold, query, variant_group, product_id, source, weight; a (fold, query, product) appears once, under the first
        source that gives it.

    Raises:
        InputError: no source gives a pair.
    """
    config = config or Stage1Sources()
    held_out = splits.filter(pl.col("split") != "train").select("fold", "variant_group")
    folds = splits.select(pl.col("fold").unique().sort())
    tables = []
    for name, source, raw in (
        ("annotation", config.annotation, _annotated(queries, judgments)),
        ("behaviour", config.behaviour, _engaged(search_log)),
    ):
        if source is None or raw.is_empty():
            logger.info(
                "Stage-1 source %r: %s; skipped.", name, "switched off" if source is None else "its table is empty"
            )
            continue
        allowed = (
            raw.join(variants, on="query")
            .join(folds, how="cross")
            .join(held_out, on=["fold", "variant_group"], how="anti")
        )
        weighted = allowed.with_columns(pl.lit(name).alias("source"), pl.col("weight") * source.weight)
        tables.append(_limit(weighted, source, seed).select(COLUMNS))
    if not tables:
        raise InputError(
            "stage-1 pairs: no source gives any; judge exact products, or bring a search log (training_sets.stage1_sources)."
        )
    pairs = pl.concat(tables).unique(["fold", "query", "product_id"], keep="first", maintain_order=True)
    return pairs.sort("fold", "source", "query", "product_id")


def _annotated(queries: pl.DataFrame, judgments: pl.DataFrame) -> pl.DataFrame:
    """Judged exact and substitute products, weighed by rater agreement."""
    relevant = judgments.filter(pl.col("grade").is_in(["exact", "substitute"]))
    return relevant.join(queries.select("query_id", "query"), on="query_id").select("query", "product_id", "weight")


def _engaged(search_log: pl.DataFrame) -> pl.DataFrame:
    """Products that searchers clicked, weighed by how far they went: a cart counts 2, an order 4 clicks, on a log scale."""
    strength = pl.col("clicked").cast(pl.Float64) + 2.0 * pl.col("carted") + 4.0 * pl.col("ordered")
    return (
        search_log.filter("clicked")
        .group_by("query", "product_id")
        .agg(strength=strength.sum())
        .select("query", "product_id", weight=(pl.col("strength").log1p() / pl.lit(8.0).log()).clip(0.0, 1.0))
    )


def _limit(pairs: pl.DataFrame, source: PairSource, seed: int) -> pl.DataFrame:
    """Keep `limit` pairs of each fold, drawn by a seeded hash."""
    if source.limit is None:
        return pairs
    order = pl.struct("query", "product_id").hash(seed)
    ranked = pairs.with_columns(rank=order.rank("ordinal").over("fold"))
    return ranked.filter(pl.col("rank") <= source.limit).drop("rank")
