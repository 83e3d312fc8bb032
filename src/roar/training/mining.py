"""Hard negatives of every fold, mined with the encoder that a stage starts from: what it gets wrong is what it should learn.

Stage 1 takes them as further products of each pair, stage 2 as irrelevant members of its groups. Both leave out what the
strict mode holds out (`training_sets.splits.products_apart`), and learn of relevance from the fold's train side only.
"""

import logging
from collections.abc import Iterator

import polars as pl
from sentence_transformers import SentenceTransformer

from roar.attributes import agreement
from roar.encoder import encode, product_texts
from roar.parameters import CatalogueGroups, Encoder, TrainingSets
from roar.schemas import Grade
from roar.training.stages import ALL_FOLDS, Encoders, TrainingTables, of_fold
from roar.training_sets import graded_groups, held_out_products
from roar.training_sets.catalogue_groups import catalogue_groups
from roar.training_sets.hard_negatives import Catalogue, Embed, mine
from roar.training_sets.teacher_scores import of_fold as of_fold_scores
from roar.training_sets.teacher_scores import rejected_pairs, taught_grades

logger = logging.getLogger(__name__)

COLUMNS = {
    "fold": pl.String,
    "query": pl.String,
    "positive": pl.String,
    "product_id": pl.String,
    "rank": pl.Int64,
    "score": pl.Float64,
    "positive_score": pl.Float64,
    "contradicts": pl.Boolean,
}
"""Of the table of hard negatives; that of groups has `query_id` in place of `positive`."""


def mine_for_pairs(start: Encoders, tables: TrainingTables, encoder: Encoder, config: TrainingSets) -> pl.DataFrame:
    """Mine hard negatives for every stage-1 pair.

    Args:
        start: the encoders that stage 1 starts from.
        tables: the training tables.
        encoder: how to encode.
        config: `hard_negatives` (how many, and the rules) and `splits.products_apart`.

    Returns:
        fold, query, positive (the pair's product), product_id, rank, score, positive_score, contradicts; nearest first. Without rows
        where `hard_negatives.per_pair` is 0.
    """
    keep = config.hard_negatives.per_pair
    if not keep:
        return pl.DataFrame(schema=COLUMNS)
    pairs = tables.pairs.select("fold", "query", "variant_group", positive="product_id").with_row_index("example")
    examples = pairs.with_columns(pl.col("example").cast(pl.Int64), product_id="positive")
    relevant = _train_judgments(tables).filter(pl.col("grade").is_in(["exact", "substitute"]))
    mined = _every_fold(start, examples, relevant, tables, encoder, config, keep)
    return mined.join(examples.drop("product_id"), on="example", maintain_order="left").select(*COLUMNS)


def fill_groups(
    start: Encoders,
    groups: pl.DataFrame,
    tables: TrainingTables,
    encoder: Encoder,
    config: TrainingSets,
    *,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Mine hard negatives for the judged train queries, and build the graded groups anew with them.

    A query's negatives are held against the mean score of its exact products; a query without one gets none.

    Args:
        start: the encoders that stage 2 starts from.
        groups: the graded groups of judged products alone, handed back as they are where `groups.fill` is off.
        tables: the training tables.
        encoder: how to encode.
        config: `groups`, `hard_negatives` and `splits.products_apart`.
        seed: as for `graded_groups`.

    Returns:
        The groups, and the hard negatives: fold, query, query_id, product_id, rank, score, positive_score, contradicts.
    """
    columns = [name if name != "positive" else "query_id" for name in COLUMNS]
    if config.groups.fill is None:
        return groups, pl.DataFrame(schema=dict(zip(columns, COLUMNS.values(), strict=True)))
    judged = _train_judgments(tables)
    exact = judged.filter(pl.col("grade") == "exact")
    examples = exact.with_columns(example=pl.struct("fold", "query_id").rank("dense").cast(pl.Int64))
    mined = _every_fold(start, examples, judged, tables, encoder, config, config.groups.fill.members)
    names = examples.select("example", "query", "query_id").unique()
    negatives = mined.join(names, on="example", maintain_order="left").select(columns)
    if config.groups.fill.graded:
        negatives = _graded(negatives, tables)
    apart = held_out_products(tables.splits, tables.judgments, tables.clusters, config.splits)
    filled = graded_groups(
        tables.queries,
        tables.judgments,
        tables.clusters,
        tables.splits,
        config.groups,
        seed=seed,
        negatives=negatives,
        held_out_products=apart,
    )
    return filled, negatives.select(columns)


def add_catalogue_groups(
    start: Encoders,
    groups: pl.DataFrame,
    tables: TrainingTables,
    search_log: pl.DataFrame,
    encoder: Encoder,
    config: TrainingSets,
    *,
    seed: int,
) -> pl.DataFrame:
    """Add groups out of the catalogue to each fold's: those whose product the encoder finds among its first few.

    Args:
        start: the encoders that stage 2 starts from.
        groups: the graded groups of judged queries, handed back as they are where `catalogue_groups` is off.
        tables: the training tables.
        search_log: session_id, product_id, ordered.
        encoder: how to encode.
        config: `catalogue_groups` and `splits.products_apart`.
        seed: of the draws.

    Returns:
        The columns of `groups`; queries of groups out of the catalogue are called after their product.
    """
    if config.catalogue_groups is None:
        return groups
    apart = held_out_products(tables.splits, tables.judgments, tables.clusters, config.splits)
    parts = [groups]
    for fold, catalogue, embed in _catalogues(start, tables, encoder, config):
        own = pl.col("fold") == fold
        held_out = tables.splits.filter(own & (pl.col("split") != "train"))
        forbidden = tables.queries.join(held_out, on="query_id", how="semi")["query"]
        without = apart.filter(own)["product_id"]
        read = (tables.products, tables.clusters, search_log, forbidden, config.catalogue_groups)
        made = catalogue_groups(*read, seed=seed, without=without)
        found = _found(made, catalogue, embed, config.catalogue_groups)
        parts.append(found.select(pl.lit(fold).alias("fold"), *groups.columns[1:]).cast(groups.schema))
    return pl.concat(parts)


def _found(groups: pl.DataFrame, catalogue: Catalogue, embed: Embed, config: CatalogueGroups) -> pl.DataFrame:
    """The groups whose source is among the encoder's first products, up to the wanted number of them."""
    queries = groups.select("query_id", "query", product_id="source").unique(maintain_order=True)
    asked = catalogue.rows(queries)
    _, nearest = catalogue.index.search(embed(asked["query"].to_list()), config.first)
    hit = (nearest == asked["product"].to_numpy()[:, None]).any(axis=1)
    kept = asked.filter(pl.Series(hit)).head(config.queries)
    logger.info("%d of %d groups out of the catalogue: their product is found", kept.height, asked.height)
    return groups.join(kept, on="query_id", how="semi", maintain_order="left")


def _every_fold(
    start: Encoders,
    examples: pl.DataFrame,
    known: pl.DataFrame,
    tables: TrainingTables,
    encoder: Encoder,
    config: TrainingSets,
    keep: int,
) -> pl.DataFrame:
    """`mine` fold by fold; `fold` is added. Beside `known`, every pair's product is known to answer its question."""
    apart = held_out_products(tables.splits, tables.judgments, tables.clusters, config.splits)
    known = pl.concat([table.select("fold", "variant_group", "product_id") for table in (known, tables.pairs)])
    read = config.hard_negatives.kind != "mined"
    stated = agreement.stated(tables.products) if read else None
    parts = []
    for fold, catalogue, embed in _catalogues(start, tables, encoder, config):
        of = pl.col("fold") == fold
        mined = mine(
            examples.filter(of),
            known.filter(of),
            catalogue,
            embed,
            keep,
            config.hard_negatives,
            without=apart.filter(of)["product_id"],
            rejected=_rejected(tables, config.hard_negatives.teacher, fold),
            stated=stated,
            progress=f"mining hard negatives, {fold}",
        )
        parts.append(mined.with_columns(fold=pl.lit(fold)))
    return pl.concat(parts)


def _rejected(tables: TrainingTables, share: float | None, fold: str) -> pl.DataFrame | None:
    """What the fold's teacher takes for no answer; None where no teacher is asked.

    Raises:
        InputError: one is asked for, and the table has no scores of the fold.
    """
    if share is None:
        return None
    return rejected_pairs(of_fold_scores(tables.scores, tables.splits, fold), _judgments_of(tables, fold), share)


def _judgments_of(tables: TrainingTables, fold: str) -> pl.DataFrame:
    return _train_judgments(tables).filter(pl.col("fold") == fold)


def _graded(negatives: pl.DataFrame, tables: TrainingTables) -> pl.DataFrame:
    """The negatives with the grade that their fold's teacher gives them; those without a score are left out."""
    parts = []
    for (fold,), own in negatives.group_by("fold", maintain_order=True):
        scores = of_fold_scores(tables.scores, tables.splits, str(fold))
        grades = taught_grades(scores, _judgments_of(tables, str(fold)))
        parts.append(own.join(grades, on=["query_id", "product_id"], maintain_order="left"))
    return pl.concat(parts) if parts else negatives.with_columns(grade=pl.lit(None, Grade))


def _catalogues(
    start: Encoders, tables: TrainingTables, encoder: Encoder, config: TrainingSets
) -> Iterator[tuple[str, Catalogue, Embed]]:
    """Each fold with the catalogue as its encoder sees it; an encoder that serves all folds encodes it once."""
    texts = product_texts(tables.products, encoder.product_fields, encoder.max_tokens).to_list()
    seen: dict[str, tuple[Catalogue, Embed]] = {}
    for fold in tables.splits["fold"].unique().sort():
        key = fold if fold in start else ALL_FOLDS
        if key not in seen:
            model = of_fold(start, fold)()
            vectors = encode(model, texts, config=encoder, progress="encoding products")
            ids, clusters = tables.products["product_id"], tables.clusters
            seen = {key: (Catalogue.of(ids, vectors, clusters, config.hard_negatives), _embedding(model, encoder))}
        yield fold, *seen[key]


def _embedding(model: SentenceTransformer, config: Encoder) -> Embed:
    return lambda queries: encode(model, queries, kind="query", config=config)


def _train_judgments(tables: TrainingTables) -> pl.DataFrame:
    """fold, query_id, query, variant_group, product_id, grade: the judgments of each fold's train queries."""
    train = tables.splits.filter(pl.col("split") == "train").select("fold", "query_id", "variant_group")
    judged = train.join(tables.judgments.select("query_id", "product_id", pl.col("grade").cast(Grade)), on="query_id")
    return judged.join(tables.queries.select("query_id", "query"), on="query_id")
