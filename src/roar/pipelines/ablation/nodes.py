"""Nodes of the ablation: run the studies' cells, summarise them, count what masks do, and say it on the page."""

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import polars as pl

from roar.ablation import Shop, cells, mask_coverage, run_cells, summarise
from roar.encoder import load_encoder, product_texts, settled
from roar.parameters import Ablation, AblationStudies, Encoder, MetricSettings, Stage1, Stage2, Teacher, TrainingSets
from roar.report import ablation_chart, ablation_section
from roar.training import pair_examples
from roar.training.stages import TrainingTables
from roar.training_sets.teacher_scores import read_scores


def run_studies(
    products: pl.DataFrame,
    clusters: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    pairs: pl.DataFrame,
    groups: pl.DataFrame,
    search_log: pl.DataFrame,
    variants: pl.DataFrame,
    scores: pl.DataFrame,
    folder: Path,
    encoder: Encoder,
    stage1: Stage1,
    stage2: Stage2,
    training_sets: TrainingSets,
    teacher: Teacher,
    config: Ablation,
    studies: AblationStudies,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Per-query metrics and judged scores of every cell; cells that are kept in the folder are not trained again."""
    taught = read_scores(scores, queries, products, variants, teacher)
    tables = TrainingTables(products, clusters, queries, judgments, splits, pairs, taught)
    encoder = settled(encoder, load_encoder(encoder))  # once: cells side by side would each measure a busy machine
    shop = Shop(tables, groups, search_log, variants, training_sets, load_encoder, encoder, seed)
    folds = splits["fold"].unique().sort().to_list()
    declared = cells(config, studies, encoder, stage1, stage2, training_sets, folds, shop.fingerprint())
    return run_cells(declared, shop, folder, config.workers)


def summarise_studies(
    metrics: pl.DataFrame,
    scores: pl.DataFrame,
    judgments: pl.DataFrame,
    config: Ablation,
    studies: AblationStudies,
    settings: MetricSettings,
) -> pl.DataFrame:
    """Every variant against its study's baseline."""
    return summarise(metrics, scores, judgments, config, studies, settings)


def cover_masks(
    true_items: pl.DataFrame,
    products: pl.DataFrame,
    clusters: pl.DataFrame,
    pairs: pl.DataFrame,
    encoder: Encoder,
    stage1: Stage1,
    seed: int,
) -> pl.DataFrame:
    """What each mask rule leaves out of the first fold's batches; no rows where the truth is not known."""
    if true_items.is_empty():
        return pl.DataFrame(schema={"rule": pl.String})
    texts = product_texts(products, encoder.product_fields, encoder.max_tokens)
    examples = pair_examples(pairs.filter(pl.col("fold") == pairs["fold"].min()), products, texts, clusters)
    item = products.join(true_items, on="product_id", how="left", maintain_order="left")["item_id"]
    numbers = item.fill_null(products["product_id"]).rank("dense").cast(pl.Int64).to_numpy()
    size, margin = stage1.batch_size, 0.1 if stage1.margin is None else abs(stage1.margin)
    return mask_coverage(load_encoder(encoder), examples, numbers, encoder, batch_size=size, margin=margin, seed=seed)


def report_studies(
    summary: pl.DataFrame, coverage: pl.DataFrame, config: Ablation, studies: AblationStudies
) -> tuple[dict[str, Any], go.Figure]:
    """The studies as a section of the page, and the first of them as a chart for Kedro-Viz."""
    section = ablation_section(summary, coverage, config, studies.primary)
    return section.model_dump(mode="json"), ablation_chart(summary, config.run[0], config.metrics[0])
