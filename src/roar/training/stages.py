"""Both stages over every fold: tables in, an encoder per fold and the training history out.

A fold's encoder sees its train side only. Stage 1 starts each fold from the base encoder, stage 2 from the same fold's stage 1.
"""

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import preset_of, product_texts
from roar.parameters import Encoder, Stage, Stage1, Stage2
from roar.training.examples import Examples, group_examples, pair_examples
from roar.training.objectives import ContrastiveObjective, Objective, RoarObjective
from roar.training.trainer import train
from roar.training.validation import validator

logger = logging.getLogger(__name__)

ALL_FOLDS = "all"
"""Name under which an encoder that no fold trained is stored."""

T = TypeVar("T")

Encoders = Mapping[str, Callable[[], SentenceTransformer]]
"""A function per fold that loads its encoder."""


class TrainingTables(NamedTuple):
    """What both stages read, as `roar.schemas` describes it."""

    products: pl.DataFrame
    clusters: pl.DataFrame
    queries: pl.DataFrame
    judgments: pl.DataFrame
    splits: pl.DataFrame
    pairs: pl.DataFrame


def of_fold(by_fold: Mapping[str, T], fold: str) -> T:
    """What belongs to a fold, or what serves all of them."""
    return by_fold[fold if fold in by_fold else ALL_FOLDS]


def train_stage1(
    base: Encoders,
    tables: TrainingTables,
    encoder: Encoder,
    config: Stage1,
    *,
    seed: int,
    negatives: pl.DataFrame | None = None,
) -> tuple[dict[str, SentenceTransformer], pl.DataFrame]:
    """Contrastive learning over the pairs of every fold, with the hard negatives mined for them (`mining`).

    Returns:
        Encoder by fold, and the history: stage, fold, and the columns of `roar.training.trainer.HISTORY`.
    """
    texts = product_texts(tables.products, encoder.product_fields, encoder.max_tokens)

    def examples(fold: str) -> Examples:
        of_fold = pl.col("fold") == fold
        mined = None if negatives is None else negatives.filter(of_fold)
        return pair_examples(tables.pairs.filter(of_fold), tables.products, texts, tables.clusters, mined)

    rate = config.learning_rate or preset_of(encoder).stage1_learning_rate
    return _every_fold(
        "stage1",
        base,
        tables,
        texts,
        examples,
        lambda model: ContrastiveObjective(model, config),
        encoder,
        config,
        rate,
        seed,
    )


def train_stage2(
    start: Encoders, groups: pl.DataFrame, tables: TrainingTables, encoder: Encoder, config: Stage2, *, seed: int
) -> tuple[dict[str, SentenceTransformer], pl.DataFrame]:
    """ROAR over the graded groups of every fold, from the stage-1 encoders.

    Returns:
        As `train_stage1`.
    """
    texts = product_texts(tables.products, encoder.product_fields, encoder.max_tokens)

    def examples(fold: str) -> Examples:
        of_fold = pl.col("fold") == fold
        return group_examples(
            groups.filter(of_fold), tables.pairs.filter(of_fold), tables.products, texts, tables.clusters
        )

    rate = config.learning_rate or preset_of(encoder).stage2_learning_rate
    return _every_fold(
        "stage2",
        start,
        tables,
        texts,
        examples,
        lambda model: RoarObjective(model, config),
        encoder,
        config,
        rate,
        seed,
    )


def _every_fold(
    stage: str,
    start: Encoders,
    tables: TrainingTables,
    texts: pl.Series,
    examples: Callable[[str], Examples],
    objective: Callable[[SentenceTransformer], Objective],
    encoder: Encoder,
    config: Stage,
    learning_rate: float,
    seed: int,
) -> tuple[dict[str, SentenceTransformer], pl.DataFrame]:
    encoders, histories = {}, []
    for fold in tables.splits["fold"].unique().sort():
        held_out = tables.splits.filter((pl.col("fold") == fold) & (pl.col("split") == "validation"))
        judged = (
            tables.judgments.join(held_out, on="query_id", how="semi")
            .join(tables.queries.select("query_id", "query"), on="query_id")
            .join(tables.products.select("product_id").with_columns(text=texts), on="product_id")
        )
        trained = train(
            of_fold(start, fold)(),
            examples(fold),
            objective,
            config,
            learning_rate=learning_rate,
            precision=encoder.precision,
            seed=seed,
            validate=validator(judged, encoder, config.validation_queries, seed) if config.validations else None,
            title=f"{stage} {fold}",
        )
        encoders[fold] = trained.encoder.cpu()
        histories.append(trained.history.select(pl.lit(stage).alias("stage"), pl.lit(fold).alias("fold"), pl.all()))
    return encoders, pl.concat(histories)
