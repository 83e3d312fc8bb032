"""Nodes of evaluation: how systems with an encoder make their runs. Others are in `lexical`, how all are judged in `judging`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import encode, load_encoder, product_texts
from roar.parameters import Encoder, Evaluation
from roar.pipelines.evaluation.judging import Frames, require_free_names
from roar.pipelines.evaluation.lexical import NO_RUN, chosen, joined, of_split
from roar.retrieval import (
    ProductIndex,
    Runs,
    external_runs,
    reciprocal_ranks,
    tune_weight,
    weighted_sum,
)
from roar.retrieval.index import unit_rows
from roar.training.stages import ALL_FOLDS, of_fold

Encoders = dict[str, Callable[[], SentenceTransformer]]
Indexes = dict[str, ProductIndex]
Encoded = dict[str, tuple[pl.DataFrame, np.ndarray]]
"""By fold: its queries and their vectors (n, dim)."""


def index_products(encoders: Encoders, products: pl.DataFrame, encoder: Encoder, config: Evaluation) -> Indexes:
    """Encode the catalogue with every fold's encoder."""
    texts = product_texts(products, encoder.product_fields, encoder.max_tokens).to_list()
    return {
        fold: ProductIndex.build(
            encode(load(), texts, config=encoder, progress=f"catalogue, {fold}"), products["product_id"], config.index
        )
        for fold, load in encoders.items()
    }


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
    runs = [NO_RUN]
    for fold, (own, vectors) in _encode_queries(encoders, of_split(queries, splits, "validation"), encoder).items():
        run = of_fold(indexes, fold).retrieved(vectors, own, config.depth)
        runs.append(run.select(pl.lit(fold).alias("fold"), pl.all()))
    return pl.concat(runs)


def _encode_queries(encoders: Encoders, queries: pl.DataFrame, encoder: Encoder) -> Encoded:
    settings = encoder.model_copy(update={"dimension": None})
    encoded: Encoded = {}
    for (fold,), own in queries.group_by("fold", maintain_order=True):
        texts = own["query"].to_list()
        encoded[str(fold)] = own, encode(of_fold(encoders, str(fold))(), texts, kind="query", config=settings)
    return encoded


def _search(indexes: Indexes, encoded: Encoded, judgments: pl.DataFrame, depth: int) -> Runs:
    """Search each fold's index, with query vectors cut to its dimension."""
    parts = []
    for fold, (queries, vectors) in encoded.items():
        index = of_fold(indexes, fold)
        parts.append(index.runs(unit_rows(vectors[:, : index.index.d]), queries, judgments, depth))
    return joined(parts)


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
    for fold, (weight,) in chosen(tuning, splits, {"weight": 0.5}).items():
        tested = splits.filter(pl.col("split") == "test", pl.col("fold") == fold)
        pairs = ((lexical_judged, semantic_judged), (lexical_catalogue, semantic_catalogue))
        own = [[run.join(tested, on="query_id", how="semi") for run in pair] for pair in pairs]
        parts.append(Runs(*(weighted_sum(lexical, semantic, weight) for lexical, semantic in own)))
    return joined(parts)


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
    require_free_names([*config.encoders, *external], config)
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
