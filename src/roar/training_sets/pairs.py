"""Stage-1 pairs: a query and a product that answers it, from every source a shop has, each with weight and provenance.

Supervision is coarse here: substitutes are positives like exact products, and stage 2 tells them apart later. Each fold
first puts away what it must not see (`held_out`); every source then reads the rest: judgments, engagement (`behaviour`),
reworded searches (`reformulations`), substitutes (`co_clicks`), and all of these written differently (`augmentation`).
"""

import logging
from dataclasses import dataclass

import polars as pl

from roar.errors import InputError
from roar.parameters import AugmentationSource, PairSource, Stage1Sources
from roar.tables import require_columns
from roar.training_sets.augmentation import augmented, words_of
from roar.training_sets.behaviour import engaged, examination
from roar.training_sets.co_clicks import co_clicked
from roar.training_sets.counts import Counts
from roar.training_sets.held_out import allowed_texts, forbidden_texts
from roar.training_sets.reformulations import reformulated
from roar.training_sets.synonyms import mine_synonyms

logger = logging.getLogger(__name__)

COLUMNS = ("fold", "query", "variant_group", "product_id", "source", "weight")
SET = "stage-1 pairs"


@dataclass(frozen=True)
class _Fold:
    """What one fold may learn from."""

    name: str
    queries: pl.DataFrame
    judgments: pl.DataFrame
    search_log: pl.DataFrame
    variants: pl.DataFrame
    forbidden: pl.Series  # texts
    without: pl.DataFrame  # product_id
    products: pl.DataFrame | None


def stage1_pairs(
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    search_log: pl.DataFrame,
    variants: pl.DataFrame,
    splits: pl.DataFrame,
    config: Stage1Sources | None = None,
    *,
    seed: int,
    products: pl.DataFrame | None = None,
    held_out_products: pl.DataFrame | None = None,
    counts: Counts | None = None,
) -> pl.DataFrame:
    """Build the training pairs of stage 1 for every fold.

    Args:
        queries: query_id, query.
        judgments: query_id, product_id, grade, weight.
        search_log: impressions, possibly empty.
        variants: query, variant_group, for judged and logged queries alike.
        splits: fold, query_id, split, variant_group.
        config: the sources and their weights.
        seed: of the draw where a source is limited, and of the edits of augmentation.
        products: the catalogue, whose titles synonyms are mined from; without it there are none.
        held_out_products: fold, product_id that must not train (`held_out_products`); None leaves out none.
        counts: filled with what each step leaves.

    Returns:
        fold, query, variant_group, product_id, source, weight; a (fold, query, product) appears once, under the first
        source that gives it. The source of an augmented pair also names the edit ("augmentation: keyboard").

    Raises:
        InputError: no source gives a pair.
    """
    require_columns(queries, "queries", ["query_id", "query"])
    require_columns(judgments, "judgments", ["query_id", "product_id", "grade", "weight"])
    require_columns(search_log, "search log", ["query", "product_id", "clicked"])
    require_columns(variants, "query variants", ["query", "variant_group"])
    require_columns(splits, "query splits", ["fold", "query_id", "split"])
    config, counts = config or Stage1Sources(), counts or Counts()
    _say_what_is_missing(config, judgments, search_log)
    parts = []
    for name in splits["fold"].unique().sort():
        fold = _fold(name, queries, judgments, search_log, variants, splits, products, held_out_products)
        parts.append(_fold_pairs(fold, config, seed, counts))
    pairs = pl.concat(parts)
    if pairs.is_empty():
        raise InputError(
            "stage-1 pairs: no source gives any; judge exact products, or bring a search log (training_sets.stage1_sources)."
        )
    return pairs.sort("fold", "source", "query", "product_id")


def _say_what_is_missing(config: Stage1Sources, judgments: pl.DataFrame, search_log: pl.DataFrame) -> None:
    tables = {"annotation": judgments, "behaviour": search_log, "reformulations": search_log, "co_clicks": search_log}
    for source, table in tables.items():
        if getattr(config, source) is not None and table.is_empty():
            logger.info("Stage-1 source %r: its table is empty; skipped.", source)
    debias = config.behaviour.debias if config.behaviour else None
    if debias and not search_log.is_empty() and examination(search_log, debias).is_empty():  # type: ignore[union-attr]
        logger.warning(
            "Stage-1 source 'behaviour': clicks are not debiased, because the search log shows too few products of a query at "
            "two positions to tell how likely each is looked at."
        )


def _fold(
    name: str,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    search_log: pl.DataFrame,
    variants: pl.DataFrame,
    splits: pl.DataFrame,
    products: pl.DataFrame | None,
    held_out_products: pl.DataFrame | None,
) -> _Fold:
    """The tables without held-out queries and their variants."""
    allowed = allowed_texts(variants, splits, name)
    own = queries.join(allowed, on="query", how="semi", maintain_order="left")
    without = pl.DataFrame(schema={"product_id": judgments.schema["product_id"]})
    if held_out_products is not None:
        without = held_out_products.filter(pl.col("fold") == name).select("product_id")
    return _Fold(
        name=name,
        queries=own,
        judgments=judgments.join(own, on="query_id", how="semi", maintain_order="left"),
        search_log=search_log.join(allowed, on="query", how="semi", maintain_order="left"),
        variants=allowed,
        forbidden=forbidden_texts(variants, splits, name)["query"],
        without=without,
        products=products,
    )


def _fold_pairs(fold: _Fold, config: Stage1Sources, seed: int, counts: Counts) -> pl.DataFrame:
    """All pairs of one fold, each once."""
    log, parts = fold.search_log, []
    annotated = 0
    if config.annotation:
        parts.append(_admit(fold, "annotation", config.annotation, _annotated(fold), seed, counts))
        annotated = parts[0].height
    if config.behaviour:
        examined = examination(log, config.behaviour.debias)
        clicks = engaged(log, examined, config.behaviour.debias)
        parts.append(_admit(fold, "behaviour", config.behaviour, clicks, seed, counts, annotated))
    if config.reformulations:
        reworded = _not_rejected(fold, reformulated(log, config.reformulations))
        parts.append(_admit(fold, "reformulations", config.reformulations, reworded, seed, counts, annotated))
    if config.co_clicks:
        substitutes = _not_rejected(fold, co_clicked(log, engaged(log), config.co_clicks))
        parts.append(_admit(fold, "co_clicks", config.co_clicks, substitutes, seed, counts, annotated))
    if not parts:
        return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String) | {"weight": pl.Float64})
    pairs = _once(pl.concat(parts))
    if config.augmentation:
        pairs = _once(pl.concat([pairs, _augmented(fold, pairs, config.augmentation, seed, counts, annotated)]))
    counts.add(SET, fold.name, "all", "each pair once", pairs)
    return pairs


def _annotated(fold: _Fold) -> pl.DataFrame:
    """Judged exact and substitute products, weighed by rater agreement."""
    relevant = fold.judgments.filter(pl.col("grade").is_in(["exact", "substitute"]))
    return relevant.join(fold.queries.select("query_id", "query"), on="query_id").select(
        "query", "product_id", "weight"
    )


def _not_rejected(fold: _Fold, raw: pl.DataFrame) -> pl.DataFrame:
    """Derived pairs that no judgment contradicts: what raters called complement or irrelevant is no positive."""
    rejected = fold.judgments.filter(pl.col("grade").is_in(["complement", "irrelevant"]))
    rejected = rejected.join(fold.queries.select("query_id", "query"), on="query_id")
    return raw.join(rejected, on=["query", "product_id"], how="anti")


def _admit(
    fold: _Fold, name: str, source: PairSource, raw: pl.DataFrame, seed: int, counts: Counts, annotated: int = 0
) -> pl.DataFrame:
    """Name and weigh a source's pairs, without held-out products, and no more than it may give."""
    counts.add(SET, fold.name, name, "found", raw)
    if "variant_group" not in raw.columns:
        raw = raw.join(fold.variants, on="query")
    kept = raw.join(fold.without, on="product_id", how="anti")
    # Joins come in any order; where a pair is found twice, the draw and the choice must not depend on it.
    others = sorted(set(kept.columns) - {"query", "product_id", "weight"})
    kept = kept.sort("query", "product_id", -pl.col("weight"), *others)
    counts.add(SET, fold.name, name, "products that may train", kept)
    draw = pl.struct("query", "product_id").hash(seed)
    if source.per_query is not None:
        kept = kept.filter(draw.rank("ordinal").over("query") <= source.per_query)
        counts.add(SET, fold.name, name, "per_query", kept)
    if source.relative is not None and annotated:
        kept = kept.filter(draw.rank("ordinal") <= source.relative * annotated)
        counts.add(SET, fold.name, name, "relative", kept)
    if source.limit is not None:
        kept = kept.filter(draw.rank("ordinal") <= source.limit)
        counts.add(SET, fold.name, name, "limit", kept)
    provenance = pl.format("{}: {}", pl.lit(name), "provenance") if "provenance" in kept.columns else pl.lit(name)
    named = kept.with_columns(fold=pl.lit(fold.name), source=provenance, weight=pl.col("weight") * source.weight)
    return named.select(COLUMNS)


def _augmented(
    fold: _Fold, pairs: pl.DataFrame, config: AugmentationSource, seed: int, counts: Counts, annotated: int
) -> pl.DataFrame:
    """The fold's pairs with their queries written differently."""
    vocabulary, synonyms = words_of(fold.variants["query"]), {}
    if fold.products is not None:
        vocabulary |= words_of(fold.products["title"])
        mined = mine_synonyms(fold.search_log, fold.products, config.synonyms)
        synonyms = dict(mined.select("word", "synonym").iter_rows())
    written = augmented(pairs, fold.forbidden, vocabulary, synonyms, config, seed=seed)
    logged = written.join(fold.variants, on="query", how="left", suffix="_logged", maintain_order="left")
    written = logged.with_columns(variant_group=pl.coalesce("variant_group_logged", "variant_group"))
    return _admit(fold, "augmentation", config, _not_rejected(fold, written), seed, counts, annotated)


def _once(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.unique(["fold", "query", "product_id"], keep="first", maintain_order=True)
