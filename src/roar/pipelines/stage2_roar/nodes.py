"""Nodes of stage 2."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.parameters import Encoder, Stage2, Teacher, TrainingSets
from roar.report import training_chart, training_section
from roar.training import mining
from roar.training.stages import TrainingTables, train_stage2
from roar.training_sets.teacher_scores import read_scores


def fill_groups(
    stage1: dict[str, Callable[[], SentenceTransformer]],
    groups: pl.DataFrame,
    products: pl.DataFrame,
    clusters: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    pairs: pl.DataFrame,
    scores: pl.DataFrame,
    variants: pl.DataFrame,
    teacher: Teacher,
    search_log: pl.DataFrame,
    encoder: Encoder,
    config: TrainingSets,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The groups that stage 2 reads, with members mined with the stage-1 encoder and groups out of the catalogue where asked for."""
    taught = read_scores(scores, queries, products, variants, teacher)
    tables = TrainingTables(products, clusters, queries, judgments, splits, pairs, taught)
    filled, negatives = mining.fill_groups(stage1, groups, tables, encoder, config, seed=seed)
    return mining.add_catalogue_groups(stage1, filled, tables, search_log, encoder, config, seed=seed), negatives


def align_grades(
    stage1: dict[str, Callable[[], SentenceTransformer]],
    groups: pl.DataFrame,
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
    config: Stage2,
    checkpoints: Path,
    seed: int,
) -> tuple[dict[str, SentenceTransformer], pl.DataFrame]:
    """One encoder per fold, and the history of every step."""
    taught = read_scores(scores, queries, products, variants, teacher)
    tables = TrainingTables(products, clusters, queries, judgments, splits, pairs, taught)
    return train_stage2(stage1, groups, tables, encoder, config, seed=seed, checkpoints=checkpoints)


def report_training(history: pl.DataFrame) -> tuple[dict[str, Any], go.Figure]:
    """How training went, as a section of the page and as a chart for Kedro-Viz."""
    return training_section(history, "stage2").model_dump(mode="json"), training_chart(history, "stage2")
