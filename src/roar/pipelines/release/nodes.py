"""Nodes of the release."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.datasets.release_folder import NewRelease
from roar.encoder import encode, identity_of, load_encoder, product_texts, read_encoder
from roar.encoder.shards import encode_in_shards
from roar.engines.encoding import encoding_by
from roar.errors import InputError
from roar.files import SEAL
from roar.parameters import Encoder, Engines, Evaluation, Release, Stage1, Stage2, Teacher, TrainingSets
from roar.report.release import frontier_chart, release_section
from roar.retrieval import ProductIndex, SearchIndex
from roar.retrieval.frontier import candidates, efforts_of, measure
from roar.retrieval.index import unit_rows
from roar.retrieval.quantisation import quantisation_prices
from roar.run_record import processor
from roar.tables import fingerprint
from roar.training.single import train_single
from roar.training.stages import TrainingTables
from roar.training_sets.teacher_scores import read_scores

logger = logging.getLogger(__name__)

Encoders = dict[str, Callable[[], SentenceTransformer]]

KEPT, SINGLE = "kept", "all"
"""Names of an encoder that `release.from` names, and of one that was trained on all judged queries."""


def choose_encoder(
    base: Encoders,
    stage2: Encoders,
    products: pl.DataFrame,
    clusters: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    pairs: pl.DataFrame,
    search_log: pl.DataFrame,
    variants: pl.DataFrame,
    stage1_history: pl.DataFrame,
    stage2_history: pl.DataFrame,
    scores: pl.DataFrame,
    teacher: Teacher,
    encoder: Encoder,
    training_sets: TrainingSets,
    stage1_config: Stage1,
    stage2_config: Stage2,
    config: Release,
    checkpoints: Path,
    seed: int,
) -> dict[str, SentenceTransformer]:
    """The encoder that is served: a kept one, the only one there is, or one trained on all judged queries."""
    if config.from_ is not None:
        return {KEPT: _kept(Path(config.from_), encoder)}
    if len(stage2) == 1 or not config.single_encoder:
        fold = min(stage2)
        return {fold: stage2[fold]()}
    taught = read_scores(scores, queries, products, variants, teacher)
    tables = TrainingTables(products, clusters, queries, judgments, splits, pairs, taught)
    histories = {"stage1": stage1_history, "stage2": stage2_history}
    stages = stage1_config, stage2_config
    trained = train_single(
        base,
        tables,
        search_log,
        variants,
        histories,
        encoder,
        training_sets,
        stages,
        seed=seed,
        checkpoints=checkpoints,
    )
    return {SINGLE: trained}


def _kept(folder: Path, encoder: Encoder) -> SentenceTransformer:
    """One of this project's, with the prompts and limits that it was saved with, or anybody's, with those of the parameters."""
    if not (folder / "modules.json").is_file():
        raise InputError(f"release.from: {folder} is no encoder; name a folder with a modules.json in it.")
    if (folder / SEAL).is_file():
        return read_encoder(folder)
    return load_encoder(encoder.model_copy(update={"preset": str(folder)}))


def build_release(
    encoders: Encoders,
    indexes: dict[str, ProductIndex],
    products: pl.DataFrame,
    clusters: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    bm25_tuning: pl.DataFrame,
    fusion_tuning: pl.DataFrame,
    stage2_constraints: pl.DataFrame,
    hybrid_constraints: pl.DataFrame,
    encoder: Encoder,
    evaluation: Evaluation,
    config: Release,
    engines: Engines,
    shards: Path,
    seed: int,
) -> tuple[NewRelease, pl.DataFrame, pl.DataFrame]:
    """The release, the frontier that its index was chosen from, and what storing vectors in fewer bits costs."""
    ((name, load),) = encoders.items()
    model = load()
    vectors = catalogue_vectors(model, indexes.get(name), products, encoder, engines, shards)
    deployed = min(evaluation.deployed_dimension, vectors.shape[1])
    settings = encoder.model_copy(update={"dimension": None})
    asked = _asked(queries, splits, config.queries, seed)
    index = SearchIndex.build(
        products.join(clusters, on="product_id", how="left", maintain_order="left"),
        unit_rows(vectors[:, :deployed]),
        queries=encode(
            model, asked["query"].to_list(), kind="query", config=settings.model_copy(update={"dimension": deployed})
        ),
        template=encoder.model_dump(include={"product_fields", "max_tokens"}, mode="json"),
        **config.model_dump(include={"filters", "shown", "collapse", "rebuild", "keep"}),
    )
    tried = candidates if config.index == "auto" else lambda *size: efforts_of(config.index, *size)
    frontier, chosen = measure(index, tried(index.manifest.entries, deployed), config.recall, config.memory)
    judged = _judged(queries, judgments, splits, config.queries, seed)
    judged_vectors = encode(model, judged["query"].to_list(), kind="query", config=settings)
    storage = quantisation_prices(
        vectors, products["product_id"], judged_vectors, judged, judgments, config.storage_dimensions
    )
    chosen = chosen.saying(
        data={"products": fingerprint(products), "product_clusters": fingerprint(clusters)},
        machine={"processor": processor(), "cores": os.cpu_count()},
        constraints={
            "stage2": _chosen({"penalty": 0.0, "bonus": 0.0}, stage2_constraints),
            "hybrid": _chosen({"penalty": 0.0, "bonus": 0.0}, hybrid_constraints),
        },
    )
    lexical = _chosen({"k1": 1.2, "b": 0.75, "weight": 0.5}, bm25_tuning, fusion_tuning)
    return NewRelease(chosen, model, lexical, asked["query"].to_list()), frontier, storage


def publish_vectors(release: Any, engines: Engines) -> dict[str, Any]:
    """Where the vectors of the release are searched: beside its folder, or in a collection that is written now."""
    if engines.vectors == "local":
        return {"engine": "local", "version": release.index.manifest.version, "products": len(release.index)}
    from roar.engines.milvus import MilvusIndex

    published = MilvusIndex.publish(release.index, engines.milvus)
    return {
        "engine": "milvus",
        "version": published.manifest.version,
        "products": len(published),
        "collection": engines.milvus.collection,
    }


def catalogue_vectors(
    model: SentenceTransformer,
    known: ProductIndex | None,
    products: pl.DataFrame,
    encoder: Encoder,
    engines: Engines,
    shards: Path,
) -> np.ndarray:
    """Vectors of all products: the evaluation's where they are this encoder's, encoded otherwise."""
    settings = encoder.model_copy(update={"dimension": None})
    ours = (
        known is not None
        and known.encoder == identity_of(model, encoder)
        and known.index.d == known.encoder["dimension"]
    )
    if known is not None and ours and known.product_ids.equals(products["product_id"]):
        return known.vectors(np.arange(len(products)))
    logger.info("Encoding %d products: no index of this encoder's is there.", len(products))
    texts = product_texts(products, encoder.product_fields, encoder.max_tokens).to_list()
    by = encoding_by(engines, model, settings, shards)
    names = products["product_id"].to_list()
    return encode_in_shards(model, texts, shards, settings, progress="catalogue, release", names=names, by=by)


def _asked(queries: pl.DataFrame, splits: pl.DataFrame, count: int, seed: int) -> pl.DataFrame:
    """Queries to measure an index on: logged ones and those that train, none that is tested; all where these are few."""
    tested = splits.filter(pl.col("split") == "test")
    free = queries.join(tested, on="query_id", how="anti", maintain_order="left")
    pool = free if len(free) >= min(count, 50) else queries
    return pool.sample(min(count, len(pool)), seed=seed, shuffle=True)


def _judged(
    queries: pl.DataFrame, judgments: pl.DataFrame, splits: pl.DataFrame, count: int, seed: int
) -> pl.DataFrame:
    """Judged queries that validate, or all judged ones where none does."""
    judged = queries.join(judgments, on="query_id", how="semi", maintain_order="left")
    validating = judged.join(
        splits.filter(pl.col("split") == "validation"), on="query_id", how="semi", maintain_order="left"
    )
    pool = validating if len(validating) else judged
    return pool.sample(min(count, len(pool)), seed=seed, shuffle=True)


def _chosen(usual: dict[str, float], *tunings: pl.DataFrame) -> dict[str, float]:
    """What most folds' validation queries chose, or what is usual."""
    chosen = dict(usual)
    for table in tunings:
        names = [name for name in usual if name in table.columns]
        folds = (
            table.filter("best").group_by(names).len().sort("len", *names, descending=[True, *(False for _ in names)])
        )
        for row in folds.head(1).select(names).to_dicts():
            chosen |= {name: float(value) for name, value in row.items()}
    return chosen


def report_release(
    release: Any, frontier: pl.DataFrame, storage: pl.DataFrame, config: Release
) -> tuple[dict[str, Any], go.Figure]:
    """What is shipped and how its index was chosen, as a section of the page and as a chart for Kedro-Viz."""
    section = release_section(release.index.manifest, frontier, storage, config.recall)
    return section.model_dump(mode="json"), frontier_chart(frontier, config.recall)
