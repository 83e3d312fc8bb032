"""Trains one teacher: binary cross-entropy towards what a grade is worth, by sentence-transformers' trainer.

Binary cross-entropy with a soft target is a proper scoring rule: it is least where the score says the expected worth of the
product. Products in that order have the largest expected DCG (Cossock and Zhang, "Subset ranking using regression", COLT 2006),
and scores mean the same for every query, as the pooled AUC, a filter and a student need it.
"""

import json
import logging
import math
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from sentence_transformers import CrossEncoder, CrossEncoderTrainer, CrossEncoderTrainingArguments
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, Sampler
from tqdm import tqdm
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from datasets import Dataset
from roar.encoder.cpu import fast_on_cpu, row_gradients
from roar.errors import InputError
from roar.files import clear_disk_errors, seal
from roar.parameters import Teacher
from roar.teacher.cross_encoder import PairTokens
from roar.training.checkpoints import Checkpoints, keep_newest
from roar.training.weights import put_weights, read_weights, save_weights, trained_weights

logger = logging.getLogger(__name__)

_WEIGHTS, _RECORD = "trained.safetensors", "record.json"
_BATCHES_SORTED = 50
"""Batches that are cut from pairs sorted by length together: enough to save padding, few enough to stay random."""


@dataclass(frozen=True)
class JudgedPairs:
    """n tokenised pairs, what each is worth (n,) in [0, 1], and how much it weighs (n,)."""

    tokens: PairTokens
    target: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, Tensor]:
        """Collate rows: features, and a label (b, 2) of target and weight."""
        chosen = np.array([row["example"] for row in rows])
        label = np.stack([self.target[chosen], self.weight[chosen]], axis=1).astype(np.float32)
        return self.tokens.padded(chosen) | {"label": torch.from_numpy(label)}

    valid_label_columns = ("label",)


class SortedBatches(Sampler[list[int]]):
    """Batches of pairs of like length in an order that depends on the seed alone; all epochs come as one run."""

    def __init__(self, length: np.ndarray, batch_size: int, epochs: int, seed: int) -> None:
        self.length, self.batch_size, self.epochs, self.seed = length, batch_size, epochs, seed

    def __len__(self) -> int:
        return self.epochs * math.ceil(len(self.length) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for epoch in range(self.epochs):
            rng = np.random.default_rng((self.seed, epoch))
            order = rng.permutation(len(self.length))
            pool = self.batch_size * _BATCHES_SORTED
            pools = [order[start : start + pool] for start in range(0, len(order), pool)]
            order = np.concatenate([part[np.argsort(self.length[part], kind="stable")] for part in pools])
            batches = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
            for place in rng.permutation(len(batches)):
                yield batches[place].tolist()


class WeightedBinaryCrossEntropy(nn.Module):
    """The mean over a batch's pairs, each with its rater agreement as its weight."""

    def __init__(self, model: CrossEncoder, names: list[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, features: list[Tensor], labels: Tensor, **_: Any) -> Tensor:
        """The loss from the features in the order of `names`, and labels (b, 2) of target and weight."""
        scores = self.model(dict(zip(self.names, features, strict=True)))["scores"].float().view(-1)
        target, weight = labels.unbind(dim=1)
        loss = binary_cross_entropy_with_logits(scores, target, weight, reduction="sum")
        return loss / weight.sum().clamp_min(torch.finfo(loss.dtype).tiny)


class _Trainer(CrossEncoderTrainer):
    """The library's trainer over our batches."""

    def __init__(self, pairs: JudgedPairs, batches: SortedBatches, **kwargs: Any) -> None:
        self.pairs, self.batches = pairs, batches
        examples = Dataset.from_dict({"example": range(len(pairs))})
        super().__init__(train_dataset=examples, data_collator=pairs, **kwargs)  # type: ignore[arg-type]

    def get_train_dataloader(self) -> DataLoader:
        """Our batches as they are."""
        return DataLoader(self.train_dataset, batch_sampler=self.batches, collate_fn=self.pairs)  # type: ignore[arg-type]

    def add_model_card_callback(self, *_: Any) -> None:
        """No card: a teacher is not shipped."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(trained_weights(self.model), folder / _WEIGHTS)

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:  # type: ignore[override]
        put_weights(self.model, read_weights(Path(checkpoint_path) / _WEIGHTS))


class _Recorder(TrainerCallback):
    """The loss of every step, progress, and sealed checkpoints."""

    def __init__(self, model: CrossEncoder, title: str) -> None:
        self.model, self.title = model, title
        self.rows: list[dict[str, float]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar."""
        self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc=self.title, unit="step")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Record a step.

        Raises:
            InputError: its loss or gradient is NaN or infinite.
        """
        if not logs or "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]) or not math.isfinite(logs["grad_norm"]):
            raise InputError(
                f"{self.title}: loss {logs['loss']} at step {state.global_step}; lower teacher.learning_rate."
            )
        self.rows.append({"step": state.global_step, "loss": logs["loss"]})
        self.bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)
        self.bar.update(1)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Complete the checkpoint and seal it."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        with clear_disk_errors(folder):
            (folder / _RECORD).write_text(json.dumps(self.rows), encoding="utf-8")
            seal(folder)
            keep_newest(folder.parent, 2)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the bar."""
        self.bar.close()


def train_teacher(
    model: CrossEncoder,
    pairs: JudgedPairs,
    config: Teacher,
    *,
    precision: str,
    seed: int,
    title: str = "teacher",
    checkpoints: Checkpoints | None = None,
) -> pl.DataFrame:
    """Train a cross-encoder in place.

    Args:
        model: with one output; is changed.
        pairs: judged pairs of its train queries.
        config: rate, schedule, batches.
        precision: of matrix products, "bf16" or "float32".
        seed: of the batches and of dropout.
        title: what the progress bar says.
        checkpoints: where to leave them, and to go on from; None leaves none.

    Returns:
        step, loss.

    Raises:
        InputError: there is no pair, the loss is NaN or infinite, or a checkpoint cannot be written.
    """
    if not len(pairs):
        raise InputError(f"{title}: no judged pair to train on; see the data section of the report for why.")
    batches = SortedBatches(pairs.tokens.ids.length, config.batch_size, config.epochs, seed)
    steps = min(len(batches), config.max_steps or len(batches))
    recorder = _Recorder(model, title)
    with ExitStack() as stack:
        stack.enter_context(fast_on_cpu(model))
        stack.enter_context(row_gradients(model))
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = checkpoints.folder if checkpoints is not None else temporary
        trainer = _Trainer(
            pairs,
            batches,
            model=model,
            args=_arguments(folder, config, steps, precision, seed, save=checkpoints is not None),
            loss=WeightedBinaryCrossEntropy(model, list(pairs.tokens.padded(np.zeros(1, dtype=np.int64)))),
            callbacks=[recorder],
        )
        for unwanted in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(unwanted)
        _run(trainer, recorder, checkpoints.newest() if checkpoints is not None else None, steps)
    return pl.DataFrame(recorder.rows, schema={"step": pl.Int64, "loss": pl.Float64})


def _run(trainer: _Trainer, recorder: _Recorder, newest: Path | None, steps: int) -> None:
    """Train, from the newest checkpoint if there is one; nothing where it is the end already."""
    if newest is None:
        trainer.train()
        return
    logger.info("%s: going on from %s.", recorder.title, newest.name)
    recorder.rows = json.loads((newest / _RECORD).read_text(encoding="utf-8"))
    if int(newest.name.partition("-")[2]) >= steps:
        put_weights(recorder.model, read_weights(newest / _WEIGHTS))
    else:
        trainer.train(resume_from_checkpoint=str(newest))


def _arguments(
    folder: Path, config: Teacher, steps: int, precision: str, seed: int, *, save: bool
) -> CrossEncoderTrainingArguments:
    return CrossEncoderTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=config.batch_size,
        num_train_epochs=1,  # all epochs come as one run of batches
        max_steps=steps,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        bf16=precision == "bf16",
        use_cpu=not torch.accelerator.is_available(),
        seed=seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps" if save else "no",
        save_steps=config.checkpoint_steps,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
    )
