"""Nodes of stage 1."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import load_encoder
from roar.parameters import Encoder, Stage1, Teacher, TrainingSets
from roar.report import training_chart, training_section
from roar.training.mining import mine_for_pairs
from roar.training.stages import ALL_FOLDS, TrainingTables, train_stage1
from roar.training_sets.teacher_scores import read_scores


def prepare_base_encoder(config: Encoder) -> dict[str, SentenceTransformer]:
    """The starting encoder, kept with the data so that later runs judge the very same weights."""
    return {ALL_FOLDS: load_encoder(config)}


def mine_hard_negatives(
    base: dict[str, Callable[[], SentenceTransformer]],
    products: pl.DataFrame,
    clusters: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    pairs: pl.DataFrame,
    scores: pl.DataFrame,
    variants: pl.DataFrame,
    teacher: Teacher,
    encoder: Encoder,
    config: TrainingSets,
) -> pl.DataFrame:
    """Products that the base encoder wrongly finds close to a pair's query, fold by fold."""
    taught = read_scores(scores, queries, products, variants, teacher)
    tables = TrainingTables(products, clusters, queries, judgments, splits, pairs, taught)
    return mine_for_pairs(base, tables, encoder, config)


def train_contrastive(
    base: dict[str, Callable[[], SentenceTransformer]],
    negatives: pl.DataFrame,
    products: pl.DataFrame,
    clusters: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    pairs: pl.DataFrame,
    encoder: Encoder,
    config: Stage1,
    checkpoints: Path,
    seed: int,
) -> tuple[dict[str, SentenceTransformer], pl.DataFrame]:
    """One encoder per fold, and the history of every step."""
    tables = TrainingTables(products, clusters, queries, judgments, splits, pairs)
    return train_stage1(base, tables, encoder, config, seed=seed, negatives=negatives, checkpoints=checkpoints)


def report_training(history: pl.DataFrame) -> tuple[dict[str, Any], go.Figure]:
    """How training went, as a section of the page and as a chart for Kedro-Viz."""
    return training_section(history, "stage1").model_dump(mode="json"), training_chart(history, "stage1")
