"""Nodes of evaluation, first half: how each kind of system makes its runs. `judging` holds how all runs are judged."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import encode, identity_of, load_encoder, product_texts
from roar.errors import InputError
from roar.parameters import Encoder, Evaluation
from roar.retrieval import (
    LexicalIndex,
    ProductIndex,
    Runs,
    Setting,
    external_runs,
    random_runs,
    reciprocal_ranks,
    tune_bm25,
    tune_weight,
    weighted_sum,
)
from roar.retrieval.index import unit_rows
from roar.training.stages import ALL_FOLDS, of_fold
from roar.training_sets.rewordings import reworded

Encoders = dict[str, Callable[[], SentenceTransformer]]
Indexes = dict[str, ProductIndex]


class Asked(NamedTuple):
    """A fold's queries, their vectors (n, dim), and the identity of the encoder that made them."""

    queries: pl.DataFrame
    vectors: np.ndarray
    encoder: dict[str, Any]


Encoded = dict[str, Asked]
"""By fold."""

Frames = dict[str, pl.DataFrame]

logger = logging.getLogger(__name__)

_NO_RUN = pl.DataFrame(schema={"fold": pl.String, "query_id": pl.String, "product_id": pl.String, "score": pl.Float64})


def of_split(queries: pl.DataFrame, splits: pl.DataFrame, split: str = "test") -> pl.DataFrame:
    """The queries of a split, each with its fold."""
    return queries.join(
        splits.filter(pl.col("split") == split).select("query_id", "fold"), on="query_id", maintain_order="left"
    )


def edit_queries(
    queries: pl.DataFrame, products: pl.DataFrame, splits: pl.DataFrame, config: Evaluation, seed: int
) -> pl.DataFrame:
    """The test queries written differently, under the same ids."""
    tested = of_split(queries, splits).select("query_id", "query").unique("query_id", maintain_order=True)
    return reworded(tested, products, config.edits, seed=seed)


def run_random(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    config: Evaluation,
    seed: int,
) -> Runs:
    """Random order."""
    return random_runs(of_split(queries, splits), products["product_id"], judgments, config.depth, seed=seed)


def _lexical_index(products: pl.DataFrame, encoder: Encoder) -> LexicalIndex:
    """The same product fields that the encoder reads, uncut."""
    return LexicalIndex(products["product_id"], product_texts(products, encoder.product_fields, max_tokens=10_000))


def tune_lexical(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """BM25's k1 and b by each fold's validation queries, and its catalogue run on them."""
    index, validation = _lexical_index(products, encoder), of_split(queries, splits, "validation")
    tried = tune_bm25(index, validation, judgments, config.bm25_k1, config.bm25_b)
    runs = [_NO_RUN]
    for fold, k1, b in tried.filter("best").select("fold", "k1", "b").iter_rows():
        own = index.runs(validation.filter(pl.col("fold") == fold), judgments, config.depth, Setting(k1, b)).catalogue
        runs.append(own.select(pl.lit(fold).alias("fold"), pl.all()))
    return tried, pl.concat(runs)


def run_bm25(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    tuning: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> Runs:
    """BM25 with the setting that each fold's validation queries chose."""
    index, tested = _lexical_index(products, encoder), of_split(queries, splits)
    settings = _chosen(tuning, splits, {"k1": 1.2, "b": 0.75})
    parts = []
    for fold, (k1, b) in sorted(settings.items(), key=lambda item: (item[1], item[0])):
        own = tested.filter(pl.col("fold") == fold)
        parts.append(index.runs(own, judgments, config.depth, Setting(k1, b)))
    return _joined(parts)


def _chosen(tuning: pl.DataFrame, splits: pl.DataFrame, otherwise: dict[str, float]) -> dict[str, tuple[float, ...]]:
    """Every tested fold's setting: the best tried, or the usual one where a fold has no query to validate on."""
    best = {str(fold): tuple(row) for fold, *row in tuning.filter("best").select("fold", *otherwise).iter_rows()}
    folds = splits.filter(pl.col("split") == "test")["fold"].unique().sort().to_list()
    if untuned := [fold for fold in folds if fold not in best]:
        logger.warning("%s: no validation queries; %s as usual.", ", ".join(untuned), otherwise)
    return {fold: best.get(fold, tuple(otherwise.values())) for fold in folds}


def index_products(encoders: Encoders, products: pl.DataFrame, encoder: Encoder, config: Evaluation) -> Indexes:
    """Encode the catalogue with every fold's encoder."""
    texts = product_texts(products, encoder.product_fields, encoder.max_tokens).to_list()
    indexes = {}
    for fold, load in encoders.items():
        model = load()
        vectors = encode(model, texts, config=encoder, progress=f"catalogue, {fold}")
        made_by = identity_of(model, encoder)
        indexes[fold] = ProductIndex.build(vectors, products["product_id"], config.index, made_by)
    return indexes


def truncate_index(indexes: Indexes, config: Evaluation) -> Indexes:
    """The same vectors at the deployed dimension."""
    return _truncated(indexes, config.deployed_dimension, config)


def _truncated(indexes: Indexes, dimension: int, config: Evaluation) -> Indexes:
    return {fold: index.truncated(min(dimension, index.index.d), config.index) for fold, index in indexes.items()}


def run_encoder(
    encoders: Encoders,
    indexes: Indexes,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> Runs:
    """Encode every test query with its fold's encoder, and search that fold's index."""
    return _search(indexes, _encode_queries(encoders, of_split(queries, splits), encoder), judgments, config.depth)


def validate_encoder(
    encoders: Encoders,
    indexes: Indexes,
    queries: pl.DataFrame,
    splits: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> pl.DataFrame:
    """Catalogue runs of each fold's validation queries: what the hybrid's weight is tuned on."""
    runs = [_NO_RUN]
    for fold, asked in _encode_queries(encoders, of_split(queries, splits, "validation"), encoder).items():
        run = _index_for(asked, indexes, fold).retrieved(asked.vectors, asked.queries, config.depth)
        runs.append(run.select(pl.lit(fold).alias("fold"), pl.all()))
    return pl.concat(runs)


def _encode_queries(encoders: Encoders, queries: pl.DataFrame, encoder: Encoder) -> Encoded:
    settings = encoder.model_copy(update={"dimension": None})
    encoded: Encoded = {}
    for (fold,), own in queries.group_by("fold", maintain_order=True):
        model = of_fold(encoders, str(fold))()
        vectors = encode(model, own["query"].to_list(), kind="query", config=settings)
        encoded[str(fold)] = Asked(own, vectors, identity_of(model, encoder))
    return encoded


def _index_for(asked: Asked, indexes: Indexes, fold: str) -> ProductIndex:
    """The fold's index, made by the encoder that asks: cosines of two encoders' vectors mean nothing."""
    index = of_fold(indexes, fold)
    index.require(asked.encoder)
    return index


def _search(indexes: Indexes, encoded: Encoded, judgments: pl.DataFrame, depth: int) -> Runs:
    """Search each fold's index, with query vectors cut to its dimension."""
    parts = []
    for fold, asked in encoded.items():
        index = _index_for(asked, indexes, fold)
        parts.append(index.runs(unit_rows(asked.vectors[:, : index.index.d]), asked.queries, judgments, depth))
    return _joined(parts)


def fuse_ranks(
    lexical_judged: pl.DataFrame,
    lexical_catalogue: pl.DataFrame,
    semantic_judged: pl.DataFrame,
    semantic_catalogue: pl.DataFrame,
    config: Evaluation,
) -> Runs:
    """BM25 and stage 2 by reciprocal ranks."""
    return Runs(
        reciprocal_ranks([lexical_judged, semantic_judged], config.fusion_constant),
        reciprocal_ranks([lexical_catalogue, semantic_catalogue], config.fusion_constant),
    )


def tune_fusion(
    lexical_validation: pl.DataFrame, semantic_validation: pl.DataFrame, judgments: pl.DataFrame, config: Evaluation
) -> pl.DataFrame:
    """The encoder's weight in the sum, by each fold's validation queries."""
    return tune_weight(lexical_validation, semantic_validation, judgments, config.fusion_weights)


def fuse_scores(
    lexical_judged: pl.DataFrame,
    lexical_catalogue: pl.DataFrame,
    semantic_judged: pl.DataFrame,
    semantic_catalogue: pl.DataFrame,
    tuning: pl.DataFrame,
    splits: pl.DataFrame,
) -> Runs:
    """BM25 and stage 2 by a sum of scores, with the weight that each fold's validation queries chose."""
    parts = []
    for fold, (weight,) in _chosen(tuning, splits, {"weight": 0.5}).items():
        tested = splits.filter(pl.col("split") == "test", pl.col("fold") == fold)
        pairs = ((lexical_judged, semantic_judged), (lexical_catalogue, semantic_catalogue))
        own = [[run.join(tested, on="query_id", how="semi") for run in pair] for pair in pairs]
        parts.append(Runs(*(weighted_sum(lexical, semantic, weight) for lexical, semantic in own)))
    return _joined(parts)


def run_further_systems(
    stage2: Encoders,
    indexes: Indexes,
    external: Frames,
    products: pl.DataFrame,
    queries: pl.DataFrame,
    edited: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> Frames:
    """Systems that YAML or a dropped file adds: stage 2 at further dimensions, other encoders, other engines' runs.

    Returns:
        Partitions named system.kind, where kind is judged, catalogue, edited_judged or edited_catalogue.
    """
    _require_free_names([*config.encoders, *external], config)
    tested = of_split(queries, splits)
    asked = {"": tested, "edited_": of_split(edited, splits)}
    parts: Frames = {}

    def add(name: str, searched: Indexes, encoded: dict[str, Encoded]) -> None:
        for prefix, queries_encoded in encoded.items():
            runs = _search(searched, queries_encoded, judgments, config.depth)
            parts.update({f"{name}.{prefix}{protocol}": run for protocol, run in runs._asdict().items()})

    full = min(index.index.d for index in indexes.values())
    if smaller := sorted({dimension for dimension in config.further_dimensions if dimension < full}, reverse=True):
        encoded = {prefix: _encode_queries(stage2, texts, encoder) for prefix, texts in asked.items()}
        for dimension in smaller:
            add(f"stage2_{dimension}", _truncated(indexes, dimension, config), encoded)
    for name, preset in config.encoders.items():
        settings = encoder.model_copy(update={"preset": preset, "dimension": None})
        loaded: Encoders = {ALL_FOLDS: partial(_itself, load_encoder(settings))}
        encoded = {prefix: _encode_queries(loaded, texts, settings) for prefix, texts in asked.items()}
        add(name, index_products(loaded, products, settings, config), encoded)
    for name, table in external.items():
        runs = external_runs(table, name, tested, products["product_id"], judgments)
        parts.update({f"{name}.{protocol}": run for protocol, run in runs._asdict().items()})
    return parts


def _itself(encoder: SentenceTransformer) -> SentenceTransformer:
    return encoder


OWN_SYSTEMS = ("random", "bm25", "base", "stage1", "stage2", "stage2_deployed", "hybrid_rrf", "hybrid_sum")


def _require_free_names(names: list[str], config: Evaluation) -> None:
    taken = [*OWN_SYSTEMS, *(f"stage2_{dimension}" for dimension in config.further_dimensions)]
    for place, name in enumerate(names):
        if name in taken or name in names[:place] or "." in name:
            raise InputError(
                f"Further system {name!r} (evaluation.encoders or a file of external_runs): names must be new and without "
                f"a dot; taken are {', '.join(taken)}."
            )


def _joined(parts: list[Runs]) -> Runs:
    return Runs(*(pl.concat(runs) for runs in zip(*parts, strict=True)))
