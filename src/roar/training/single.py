"""One encoder where a set was cross-fitted: trained on all judged queries, for as many steps as the folds kept.

Cross-fitting says how good the method is; its encoders, each of which left a part of the queries out, are not what one ships.
The one that is shipped has no query left to validate on, so its steps are the median of those whose weights the folds kept; a
stage of which most folds kept the start is left out.
"""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import polars as pl
from sentence_transformers import SentenceTransformer

from roar.parameters import Encoder, Stage, Stage1, Stage2, TrainingSets
from roar.training.mining import fill_groups, mine_for_pairs
from roar.training.stages import ALL_FOLDS, Encoders, TrainingTables, train_stage1, train_stage2
from roar.training_sets import graded_groups, stage1_pairs

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=Stage)


def kept_steps(history: pl.DataFrame) -> int:
    """The median over the folds of the step whose weights were kept; all steps where nothing was validated.

    Args:
        history: fold, step, kept, of one stage.
    """
    kept = history.filter(pl.col("kept"))
    if kept.is_empty():
        return int(history["step"].max() or 0)  # type: ignore[arg-type]
    return round(float(kept.select(pl.col("step").median()).item()))


def train_single(
    base: Encoders,
    tables: TrainingTables,
    search_log: pl.DataFrame,
    variants: pl.DataFrame,
    histories: Mapping[str, pl.DataFrame],
    encoder: Encoder,
    training_sets: TrainingSets,
    stages: tuple[Stage1, Stage2],
    *,
    seed: int,
    checkpoints: Path | None = None,
) -> SentenceTransformer:
    """Both stages on all judged queries.

    Args:
        base: the encoder to start from.
        tables: what the folds were trained on; their splits and pairs are replaced.
        search_log: for pairs out of behaviour.
        variants: query, variant_group.
        histories: of "stage1" and "stage2" over the folds.
        encoder: how texts are read and weights trained.
        training_sets: which pairs and groups are built.
        stages: settings of both.
        seed: as the folds'.
        checkpoints: a folder that a killed run goes on from.
    """
    judged = tables.splits.unique("query_id", maintain_order=True)
    train = pl.lit("train").cast(tables.splits.schema["split"])
    splits = judged.with_columns(fold=pl.lit(ALL_FOLDS), split=train)
    pairs = stage1_pairs(
        tables.queries, tables.judgments, search_log, variants, splits, training_sets.stage1_sources,
        products=tables.products, seed=seed,
    )  # fmt: skip
    tables = tables._replace(splits=splits, pairs=pairs)
    steps = {name: kept_steps(history) for name, history in histories.items()}
    logger.info("One encoder on all %d judged queries: %s steps.", len(splits), steps)
    current = base
    if steps["stage1"]:
        mined = mine_for_pairs(base, tables, encoder, training_sets)
        short = _for_so_many(stages[0], steps["stage1"])
        place = _below(checkpoints, "stage1")
        trained, _ = train_stage1(base, tables, encoder, short, seed=seed, negatives=mined, checkpoints=place)
        current = _loaders(trained)
    if steps["stage2"]:
        groups = graded_groups(
            tables.queries, tables.judgments, tables.clusters, splits, training_sets.groups, seed=seed
        )
        filled, _ = fill_groups(current, groups, tables, encoder, training_sets, seed=seed)
        last = _for_so_many(stages[1], steps["stage2"])
        place = _below(checkpoints, "stage2")
        trained, _ = train_stage2(current, filled, tables, encoder, last, seed=seed, checkpoints=place)
        current = _loaders(trained)
    return current[ALL_FOLDS]()


def _for_so_many(stage: S, steps: int) -> S:
    """The stage's settings for so many steps, without validation."""
    return stage.model_copy(update={"max_steps": steps, "validations": 0, "interpolate": ()})


def _loaders(trained: Mapping[str, SentenceTransformer]) -> Encoders:
    return {fold: partial(_itself, encoder) for fold, encoder in trained.items()}


def _itself(encoder: SentenceTransformer) -> SentenceTransformer:
    return encoder


def _below(folder: Path | None, name: str) -> Path | None:
    return None if folder is None else folder / name
