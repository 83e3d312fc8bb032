"""The engine of both stages: sentence-transformers' trainer with our batches, collation and objectives.

What the trainer gives: optimiser, schedule, mixed precision, gradient clipping, devices. What is ours: conflict-free batches,
groups without padding, a history of every step, and keeping the weights that did best on validation.
"""

import logging
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import polars as pl
import torch
from datasets.utils.logging import disable_progress_bar
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from torch import Tensor
from tqdm import tqdm
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from datasets import Dataset
from roar.parameters import Stage
from roar.training.batching import ConflictFreeBatches
from roar.training.collation import Collator
from roar.training.examples import Examples
from roar.training.objectives import Objective

logger = logging.getLogger(__name__)

Validate = Callable[[SentenceTransformer], float]

HISTORY = {
    "step": pl.Int64,
    "loss": pl.Float64,
    "contrastive": pl.Float64,
    "alignment": pl.Float64,
    "masked_share": pl.Float64,
    "grad_norm": pl.Float64,
    "learning_rate": pl.Float64,
    "pairs_per_s": pl.Float64,
    "validation_ndcg8": pl.Float64,
}


class Trained(NamedTuple):
    """An encoder after training, and how it went: one row per step (step 0 is validation before training)."""

    encoder: SentenceTransformer
    history: pl.DataFrame


class _Trainer(SentenceTransformerTrainer):
    """The library's trainer over our batches."""

    def __init__(self, *args: Any, batches: ConflictFreeBatches, **kwargs: Any) -> None:
        self._batches = batches
        super().__init__(*args, **kwargs)

    def get_batch_sampler(self, *_: Any, **__: Any) -> ConflictFreeBatches:  # type: ignore[override]
        return self._batches

    def add_model_card_callback(self, *_: Any) -> None:
        """No card from the library: it embeds sample texts before every training."""


class _Recorder(TrainerCallback):
    """Keeps the history, shows progress, validates, and remembers the best weights."""

    def __init__(
        self, objective: Objective, encoder: SentenceTransformer, config: Stage, validate: Validate | None, title: str
    ) -> None:
        self.objective, self.encoder, self.config, self.title = objective, encoder, config, title
        self.validate = validate if config.validations else None
        self.rows: list[dict[str, float]] = []
        self.best: tuple[float, dict[str, Tensor]] | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.bar = tqdm(total=state.max_steps, desc=self.title, unit="step")
        self.checked_at = {
            round(state.max_steps * (i + 1) / self.config.validations) for i in range(self.config.validations)
        }
        self._check(0)
        self.started = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        if not logs or "loss" not in logs:
            return
        if not torch.isfinite(torch.tensor(logs["loss"])):
            raise FloatingPointError(
                f"{self.title}: the loss is {logs['loss']} at step {state.global_step}; lower the learning rate."
            )
        seconds = time.perf_counter() - self.started
        row = {name: logs[name] for name in ("loss", "grad_norm", "learning_rate")} | self.objective.last
        row |= {"step": state.global_step, "pairs_per_s": self.objective.queries / seconds}
        self.rows.append(row)
        self.bar.set_postfix(loss=f"{logs['loss']:.3f}", queries_per_s=f"{row['pairs_per_s']:.0f}")
        self.bar.update(1)
        if state.global_step in self.checked_at:
            self._check(state.global_step)
        self.started = time.perf_counter()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.bar.close()
        if self.best is not None:
            self.encoder.load_state_dict(self.best[1], strict=False)

    def _check(self, step: int) -> None:
        """Validate now; keep a copy of the trained weights where they are the best so far."""
        if self.validate is None:
            return
        score = self.validate(self.encoder)
        if step:
            self.rows[-1]["validation_ndcg8"] = score
        else:
            self.rows.append({"step": 0, "validation_ndcg8": score})
        if self.best is None or score > self.best[0]:
            trained = {name: p.detach().cpu().clone() for name, p in self.encoder.named_parameters() if p.requires_grad}
            self.best = (score, trained)

    def history(self) -> pl.DataFrame:
        """The rows as a table; what a stage does not have is null."""
        return pl.DataFrame(self.rows, schema_overrides=HISTORY, infer_schema_length=None).select(
            [pl.col(c) if c in set().union(*self.rows) else pl.lit(None, dtype=t).alias(c) for c, t in HISTORY.items()]
        )


def train(
    encoder: SentenceTransformer,
    examples: Examples,
    objective: Callable[[SentenceTransformer], Objective],
    config: Stage,
    *,
    learning_rate: float,
    precision: str = "bf16",
    seed: int,
    validate: Validate | None = None,
    title: str = "training",
) -> Trained:
    """Train an encoder in place.

    Args:
        encoder: is changed.
        examples: of either stage.
        objective: makes the stage's objective around the encoder.
        config: batch size, epochs, schedule, validation.
        learning_rate: its peak; it falls to 0 on a cosine.
        precision: "bf16" autocasts matrix products.
        seed: of the batches and of dropout.
        validate: scores the encoder, higher is better; None to keep the last weights.
        title: what the progress bar says.

    Raises:
        FloatingPointError: the loss is NaN or infinite.
    """
    disable_progress_bar()
    loss = objective(encoder)
    recorder = _Recorder(loss, encoder, config, validate, title)
    with tempfile.TemporaryDirectory() as folder:
        trainer = _Trainer(
            model=encoder,
            args=_arguments(folder, config, learning_rate, precision, seed),
            train_dataset=Dataset.from_dict({"example": range(len(examples))}),
            loss=loss,
            data_collator=Collator(examples, encoder),
            batches=ConflictFreeBatches(examples, config.batch_size, seed, config.epochs),
            callbacks=[recorder],
        )
        for unwanted in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(unwanted)
        trainer.train()
    return Trained(encoder, recorder.history())


def _arguments(
    folder: str, config: Stage, learning_rate: float, precision: str, seed: int
) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=config.batch_size,
        num_train_epochs=1,  # all epochs come as one run of batches
        max_steps=config.max_steps or -1,
        learning_rate=learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        bf16=precision == "bf16",
        use_cpu=not torch.accelerator.is_available(),
        seed=seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
    )
