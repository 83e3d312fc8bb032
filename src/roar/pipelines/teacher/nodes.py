"""Nodes of the teacher."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import product_texts
from roar.parameters import Encoder, MetricSettings, Teacher, TrainingSets
from roar.teacher.candidates import find_candidates
from roar.teacher.cross_fitting import TeacherTables, cross_fit
from roar.teacher.gate import gate, judged_scores
from roar.teacher.parts import teacher_parts, with_logged
from roar.training.stages import ALL_FOLDS, of_fold
from roar.training_sets import held_out_products

Encoders = dict[str, Callable[[], SentenceTransformer]]


def deal_parts(
    splits: pl.DataFrame, queries: pl.DataFrame, variants: pl.DataFrame, config: Teacher, seed: int
) -> pl.DataFrame:
    """Which teacher scores which query: train queries, and logged ones that nobody judged."""
    parts = teacher_parts(splits, config.parts, seed=seed)
    return with_logged(parts, queries, variants, splits, config.logged_queries, seed=seed)


def propose_candidates(
    base: Encoders,
    parts: pl.DataFrame,
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    encoder: Encoder,
    config: Teacher,
) -> pl.DataFrame:
    """What the teachers score beside the judged products."""
    asked = queries.join(parts, on="query_id", how="semi", maintain_order="left").select("query_id", "query")
    return find_candidates(asked, products, judgments, base[ALL_FOLDS](), encoder, config.candidates)


def teach(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    clusters: pl.DataFrame,
    parts: pl.DataFrame,
    candidates: pl.DataFrame,
    encoder: Encoder,
    training_sets: TrainingSets,
    config: Teacher,
    checkpoints: Path,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Scores of train queries, scores of held-out queries, and the loss of every step."""
    apart = held_out_products(splits, judgments, clusters, training_sets.splits)
    tables = TeacherTables(products, queries, judgments, splits, parts, candidates, apart)
    return cross_fit(tables, encoder, config, seed=seed, checkpoints=checkpoints)


def open_gate(
    held_out: pl.DataFrame,
    stage2: Encoders,
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    encoder: Encoder,
    settings: MetricSettings,
) -> pl.DataFrame:
    """The teacher against stage 2 on validation queries, each in the first fold that it validates."""
    texts = products.select("product_id", text=product_texts(products, encoder.product_fields, encoder.max_tokens))
    validated = held_out.filter(pl.col("split") == "validation")
    first = validated.group_by("query_id").agg(pl.col("fold").min())
    run = validated.join(first, on=["query_id", "fold"], how="semi", maintain_order="left")
    asked = run.join(queries.select("query_id", "query"), on="query_id", maintain_order="left")
    asked = asked.join(texts, on="product_id", maintain_order="left")
    student = [
        judged_scores(of_fold(stage2, str(fold))(), own, encoder)
        for (fold,), own in asked.group_by("fold", maintain_order=True)
    ]
    return gate(run.select("query_id", "product_id", "score"), pl.concat(student), judgments, settings)
