"""Nodes of evaluation: how systems with an encoder make their runs. Others are in `lexical`, how all are judged in `judging`."""

import json
import logging
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import encode, identity_of, load_encoder, product_texts
from roar.parameters import TEACHER, Encoder, Evaluation
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
from roar.retrieval.constraints import sought_texts
from roar.retrieval.index import unit_rows
from roar.training.stages import ALL_FOLDS, of_fold

Encoders = dict[str, Callable[[], SentenceTransformer]]
Indexes = dict[str, ProductIndex]

logger = logging.getLogger(__name__)


def index_products(
    encoders: Encoders,
    products: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
    earlier: Indexes | None = None,
) -> Indexes:
    """Encode the catalogue with every fold's encoder; one whose training kept the weights it started from shares their index."""
    texts = product_texts(products, encoder.product_fields, encoder.max_tokens).to_list()
    indexes = {}
    for fold, load in encoders.items():
        model = load()
        made_by, known = identity_of(model, encoder), of_fold(earlier, fold) if earlier else None
        if known is not None and known.encoder == made_by and known.product_ids.equals(products["product_id"]):
            logger.info("catalogue, %s: the weights are those that training started from; their index serves.", fold)
            indexes[fold] = known
            continue
        vectors = encode(model, texts, config=encoder, progress=f"catalogue, {fold}")
        indexes[fold] = ProductIndex.build(vectors, products["product_id"], config.index, made_by)
    return indexes


def truncate_index(indexes: Indexes, config: Evaluation) -> Indexes:
    """The same vectors at the deployed dimension."""
    return _truncated(indexes, config.deployed_dimension, config)


def _truncated(indexes: Indexes, dimension: int, config: Evaluation) -> Indexes:
    return {fold: index.truncated(min(dimension, index.index.d), config.index) for fold, index in indexes.items()}


def encode_queries(
    encoders: Encoders, queries: pl.DataFrame, edited: pl.DataFrame, splits: pl.DataFrame, encoder: Encoder
) -> Frames:
    """Every text that any run of an encoder asks for, encoded once: query, vector, encoder (its identity), a table per fold."""
    asked = [of_split(queries, splits, "validation"), of_split(queries, splits), of_split(edited, splits)]
    asked += [sought_texts(table) for table in asked]
    texts = pl.concat([table.select("fold", "query") for table in asked]).unique(maintain_order=True)
    settings = encoder.model_copy(update={"dimension": None})
    vectors: Frames = {}
    for (fold,), own in texts.group_by("fold", maintain_order=True):
        model = of_fold(encoders, str(fold))()
        encoded = encode(model, own["query"].to_list(), kind="query", config=settings)
        made_by = json.dumps(identity_of(model, encoder))
        vectors[str(fold)] = own.select("query", vector=pl.Series(encoded), encoder=pl.lit(made_by))
    return vectors


def run_encoder(
    vectors: Frames,
    indexes: Indexes,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    config: Evaluation,
) -> Runs:
    """Search each fold's index for its test queries, by their vectors cut to the index's dimension."""
    return _search(indexes, vectors, of_split(queries, splits), judgments, config.depth)


def validate_encoder(
    vectors: Frames, indexes: Indexes, queries: pl.DataFrame, splits: pl.DataFrame, config: Evaluation
) -> pl.DataFrame:
    """Catalogue runs of each fold's validation queries: what the hybrid's weight is tuned on."""
    runs = [NO_RUN]
    for fold, index, own, rows in asked_of(indexes, vectors, of_split(queries, splits, "validation")):
        runs.append(index.retrieved(rows, own, config.depth).select(pl.lit(fold).alias("fold"), pl.all()))
    return pl.concat(runs)


def validate_judged(
    vectors: Frames, indexes: Indexes, queries: pl.DataFrame, judgments: pl.DataFrame, splits: pl.DataFrame
) -> pl.DataFrame:
    """Cosines of the judged products of each fold's validation queries: what constraints and cut-offs are tuned on."""
    runs = [NO_RUN]
    for fold, index, own, rows in asked_of(indexes, vectors, of_split(queries, splits, "validation")):
        runs.append(index.judged(rows, own, judgments).select(pl.lit(fold).alias("fold"), pl.all()))
    return pl.concat(runs)


def _search(indexes: Indexes, vectors: Frames, queries: pl.DataFrame, judgments: pl.DataFrame, depth: int) -> Runs:
    return joined(
        [index.runs(rows, own, judgments, depth) for _, index, own, rows in asked_of(indexes, vectors, queries)]
    )


def asked_of(
    indexes: Indexes, vectors: Frames, queries: pl.DataFrame
) -> Iterator[tuple[str, ProductIndex, pl.DataFrame, np.ndarray]]:
    """Each fold with its index, its queries, and their unit vectors of the index's dimension."""
    for (fold,), own in queries.group_by("fold", maintain_order=True):
        index = of_fold(indexes, str(fold))
        encoded = own.join(vectors[str(fold)], on="query", maintain_order="left")
        index.require(json.loads(encoded["encoder"][0]))  # cosines of two encoders' vectors mean nothing
        yield str(fold), index, own, unit_rows(encoded["vector"].to_numpy()[:, : index.index.d])


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
    stage2: Frames,
    indexes: Indexes,
    external: Frames,
    teacher: pl.DataFrame,
    products: pl.DataFrame,
    queries: pl.DataFrame,
    edited: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> Frames:
    """Systems that YAML or a dropped file adds: stage 2's vectors at further dimensions, other encoders, other engines' runs.

    And the teacher, where one was trained: it is too slow for a catalogue, and has judged products alone.

    Returns:
        Partitions named system.kind, where kind is judged, catalogue, edited_judged or edited_catalogue.
    """
    require_free_names([*config.encoders, *external], config)
    tested = of_split(queries, splits)
    parts: Frames = {}

    def add(name: str, searched: Indexes, vectors: Frames) -> None:
        for prefix, asked in {"": tested, "edited_": of_split(edited, splits)}.items():
            runs = _search(searched, vectors, asked, judgments, config.depth)
            parts.update({f"{name}.{prefix}{protocol}": run for protocol, run in runs._asdict().items()})

    full = min(index.index.d for index in indexes.values())
    for dimension in sorted({dimension for dimension in config.further_dimensions if dimension < full}, reverse=True):
        add(f"stage2_{dimension}", _truncated(indexes, dimension, config), stage2)
    for name, preset in config.encoders.items():
        settings = encoder.model_copy(update={"preset": preset, "dimension": None})
        loaded: Encoders = {ALL_FOLDS: partial(_itself, load_encoder(settings))}
        vectors = encode_queries(loaded, queries, edited, splits, settings)
        add(name, index_products(loaded, products, settings, config), vectors)
    if not teacher.is_empty():
        run = teacher.join(tested, on=["fold", "query_id"], how="semi", maintain_order="left")
        parts[f"{TEACHER}.judged"] = run.select("query_id", "product_id", "score")
    for name, table in external.items():
        runs = external_runs(table, name, tested, products["product_id"], judgments)
        parts.update({f"{name}.{protocol}": run for protocol, run in runs._asdict().items()})
    return parts


def _itself(encoder: SentenceTransformer) -> SentenceTransformer:
    return encoder
