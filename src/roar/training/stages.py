"""Both stages over every fold: tables in, an encoder per fold and the training history out.

A fold's encoder sees its train side only. Stage 1 starts each fold from the base encoder, stage 2 from the same fold's stage 1.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import preset_of, product_texts, settled, trains_lora
from roar.encoder.adapters import add_lora, has_lora, merge_lora
from roar.encoder.model_card import write_card
from roar.errors import InputError
from roar.parameters import Encoder, Stage, Stage1, Stage2
from roar.training.checkpoints import Checkpoints, fingerprint
from roar.training.distributed import from_first, meet
from roar.training.examples import Examples, group_examples, pair_examples
from roar.training.objectives import ContrastiveObjective, Objective, RoarObjective
from roar.training.taught import taught
from roar.training.trainer import Trained, train
from roar.training.validation import Questions, affordable_texts, questions, validator
from roar.training_sets.teacher_scores import no_scores

logger = logging.getLogger(__name__)

ALL_FOLDS = "all"
"""Name under which an encoder that no fold trained is stored."""

T = TypeVar("T")

Encoders = Mapping[str, Callable[[], SentenceTransformer]]
"""A function per fold that loads its encoder."""


class TrainingTables(NamedTuple):
    """What both stages read, as `roar.schemas` describes it, and what a teacher says (`roar.training_sets.teacher_scores`)."""

    products: pl.DataFrame
    clusters: pl.DataFrame
    queries: pl.DataFrame
    judgments: pl.DataFrame
    splits: pl.DataFrame
    pairs: pl.DataFrame
    scores: pl.DataFrame = no_scores()


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
    checkpoints: Path | None = None,
) -> tuple[dict[str, SentenceTransformer], pl.DataFrame]:
    """Contrastive learning over the pairs of every fold, with the hard negatives mined for them (`mining`).

    Args:
        base: the encoder to start from.
        tables: what is read.
        encoder: how texts are read and weights trained.
        config: of the stage.
        seed: of batches, adapters and dropout.
        negatives: hard negatives of the pairs, all folds' (`mining.mine_for_pairs`); None for in-batch negatives alone.
        checkpoints: a folder that a killed run goes on from; what every fold ended with stays in it.

    Returns:
        Encoder by fold, and the history: stage, fold, and the columns of `roar.training.recorder.HISTORY`.
    """
    texts = product_texts(tables.products, encoder.product_fields, encoder.max_tokens)

    def examples(fold: str) -> Examples:
        here = pl.col("fold") == fold
        mined = None if negatives is None else negatives.filter(here)
        return pair_examples(tables.pairs.filter(here), tables.products, texts, tables.clusters, mined)

    stage = _Stage(
        name="stage1",
        encoder=encoder,
        config=config,
        learning_rate=config.learning_rate or preset_of(encoder).stage1_learning_rate,
        seed=seed,
        objective=lambda model: ContrastiveObjective(model, config, seed),
    )
    return _every_fold(stage, base, tables, texts, examples, checkpoints)


def train_stage2(
    start: Encoders,
    groups: pl.DataFrame,
    tables: TrainingTables,
    encoder: Encoder,
    config: Stage2,
    *,
    seed: int,
    checkpoints: Path | None = None,
) -> tuple[dict[str, SentenceTransformer], pl.DataFrame]:
    """ROAR, or another alignment, over the graded groups of every fold, from the stage-1 encoders; by choice beside a teacher.

    Args:
        start: stage 1's encoders.
        groups: the graded groups of all folds.
        tables: what else is read.
        encoder: how texts are read and weights trained.
        config: of the stage.
        seed: of batches, adapters, dropout, and what a loss draws.
        checkpoints: as `train_stage1`.

    Returns:
        As `train_stage1`.
    """
    texts = product_texts(tables.products, encoder.product_fields, encoder.max_tokens)

    def examples(fold: str) -> Examples:
        here = pl.col("fold") == fold
        own, pairs = groups.filter(here), tables.pairs.filter(here)
        told = taught(tables.scores, own, tables.splits, config.distillation, fold, seed=seed)
        return group_examples(own, pairs, tables.products, texts, tables.clusters, told)

    stage = _Stage(
        name="stage2",
        encoder=encoder,
        config=config,
        learning_rate=config.learning_rate or preset_of(encoder).stage2_learning_rate,
        seed=seed,
        objective=lambda model: RoarObjective(model, config, seed),
    )
    return _every_fold(stage, start, tables, texts, examples, checkpoints)


class _Stage(NamedTuple):
    """What is the same for every fold of a stage."""

    name: str
    encoder: Encoder
    config: Stage
    learning_rate: float
    seed: int
    objective: Callable[[SentenceTransformer], Objective]

    def settings(self) -> dict[str, Any]:
        """All that decides the result, beside the data and the starting weights."""
        return {
            "encoder": self.encoder.model_dump(mode="json"),
            self.name: self.config.model_dump(mode="json"),
            "learning_rate": self.learning_rate,
            "seed": self.seed,
        }


def _every_fold(
    stage: _Stage,
    start: Encoders,
    tables: TrainingTables,
    texts: pl.Series,
    examples: Callable[[str], Examples],
    checkpoints: Path | None,
) -> tuple[dict[str, SentenceTransformer], pl.DataFrame]:
    encoders, histories = {}, []
    for fold in tables.splits["fold"].unique().sort():
        folder = checkpoints / fold if checkpoints is not None else None
        of = examples(fold)
        asked = _questions(stage, tables, texts, fold, of)
        trained = _one_fold(stage, fold, of_fold(start, fold)(), of, asked, folder)
        encoders[fold] = trained.encoder.cpu()
        labels = pl.lit(stage.name).alias("stage"), pl.lit(fold).alias("fold")
        histories.append(trained.history.select(*labels, pl.all()))
    return encoders, pl.concat(histories)


def _questions(
    stage: _Stage, tables: TrainingTables, texts: pl.Series, fold: str, examples: Examples
) -> Questions | None:
    """The fold's validation queries and the catalogue that they search; None where nothing is validated."""
    config = stage.config
    if not config.validations:
        return None
    held_out = tables.splits.filter((pl.col("fold") == fold) & (pl.col("split") == "validation"))
    judged = tables.judgments.join(held_out, on="query_id", how="semi").join(
        tables.queries.select("query_id", "query"), on="query_id"
    )
    read = len(examples.product) * config.epochs
    if config.max_steps is not None:
        read = min(read, len(examples.product) * config.max_steps * config.batch_size // len(examples))
    affordable = affordable_texts(read, config.validations + 1, config.validation.share)
    products = tables.products.select("product_id").with_columns(text=texts)
    return questions(judged, products, config.validation, affordable=affordable, seed=stage.seed)


def agreed(encoder: Encoder) -> Encoder:
    """The first process's precision: processes on different machines might each take another."""
    meet()
    bf16 = from_first(float(encoder.precision == "bf16"))
    return encoder.model_copy(update={"precision": "bf16" if bf16 else "float32"})


def _one_fold(
    stage: _Stage,
    fold: str,
    model: SentenceTransformer,
    examples: Examples,
    asked: Questions | None,
    folder: Path | None,
) -> Trained:
    stage = stage._replace(encoder=agreed(settled(stage.encoder, model)))
    encoder, config = stage.encoder, stage.config
    if trains_lora(encoder):
        if has_lora(model) and config.interpolate:
            raise InputError(f"{stage.name}.interpolate: adapters that go on cannot be; set encoder.merge_adapters.")
        add_lora(model, encoder.lora, seed=stage.seed)
    print_of_run = fingerprint(model, examples, asked or (), stage.settings()) if folder is not None else ""
    trained = train(
        model,
        examples,
        stage.objective,
        config,
        learning_rate=stage.learning_rate,
        precision=encoder.precision,
        gradient_checkpointing=encoder.gradient_checkpointing,
        seed=stage.seed,
        validate=validator(asked, encoder, config.validation.criterion) if asked is not None else None,
        title=f"{stage.name} {fold}",
        checkpoints=Checkpoints(folder, print_of_run) if folder is not None else None,
    )
    if has_lora(model) and encoder.merge_adapters:
        merge_lora(model)
    data = {"examples (queries with their products)": len(examples), "judged products": len(examples.product)}
    write_card(
        model,
        stage=f"{stage.name}, {fold}",
        config=encoder,
        parameters=stage.settings(),
        data=data,
        history=trained.history,
    )
    return trained
