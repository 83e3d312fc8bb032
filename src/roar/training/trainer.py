"""The engine of both stages: sentence-transformers' trainer with our batches, collation and objectives.

What the trainer gives: optimiser, schedule, mixed precision, gradient clipping, devices, checkpoints. What is ours:
conflict-free batches, groups without padding, one loss over all processes' shares, a history of every step, choosing among the
weights that it passed through (`choice`), and going on after a kill as if nothing had happened.
"""

import json
import logging
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import torch
from datasets.utils.logging import disable_progress_bar
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from torch.utils.data import DataLoader
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from datasets import Dataset
from roar.encoder.cpu import fast_on_cpu, row_gradients
from roar.errors import InputError
from roar.files import SEAL, clear_disk_errors, damage, seal
from roar.parameters import Stage
from roar.training.batching import ConflictFreeBatches
from roar.training.checkpoints import Checkpoints, checkpoints_in
from roar.training.collation import Collator
from roar.training.distributed import launched_ranks, rank
from roar.training.examples import Examples
from roar.training.interpolation import interpolated
from roar.training.objectives import Objective
from roar.training.recorder import RECORD, WEIGHTS, Recorder, read_history
from roar.training.validation import Validate
from roar.training.weights import put_weights, read_weights, save_weights, trained_weights

logger = logging.getLogger(__name__)


class Trained(NamedTuple):
    """An encoder after training, and how it went: one row per step (step 0 is validation before training)."""

    encoder: SentenceTransformer
    history: pl.DataFrame


class _Trainer(SentenceTransformerTrainer):
    """The library's trainer over our batches."""

    def __init__(self, folder: Path, collator: Collator, batches: ConflictFreeBatches, **kwargs: Any) -> None:
        self.folder, self.collator, self.batches = folder, collator, batches
        examples = Dataset.from_dict({"example": range(len(collator.examples))})
        super().__init__(train_dataset=examples, data_collator=collator, **kwargs)  # type: ignore[arg-type]

    def get_train_dataloader(self) -> DataLoader:
        """Our batches as they are: the collator takes each process's stretch of them."""
        return DataLoader(self.train_dataset, batch_sampler=self.batches, collate_fn=self.collator)  # type: ignore[arg-type]

    def add_model_card_callback(self, *_: Any) -> None:
        """No card from the library: it embeds sample texts before every training."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The objective's loss.

        Raises:
            InputError: it is NaN or infinite; names the step, the examples, and the checkpoint to go back to.
        """
        examples = inputs["label"]["example"].tolist()
        try:
            loss: Any = super().compute_loss(model, inputs, *args, **kwargs)
        except FloatingPointError as error:
            raise self._not_finite(str(error), examples) from error
        if not torch.isfinite(loss.detach()):
            raise self._not_finite(f"the loss is {float(loss.detach())}", examples)
        return loss

    def _not_finite(self, what: str, examples: list[int]) -> InputError:
        good = [path for path in checkpoints_in(self.folder).values() if (path / SEAL).exists()]
        texts = self.collator.examples.query_text
        named = "; ".join(f"{example} {texts[example]!r}" for example in examples[:5])
        return InputError(
            f"training: {what} at step {self.state.global_step + 1}, batch of {len(examples)} examples ({named}, …). "
            f"Last good checkpoint: {good[-1] if good else 'none yet'}. A rerun goes on from it and meets the same batch: lower "
            f"the stage's learning_rate, now {self.args.learning_rate:g}, which starts anew."
        )

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write the trained weights alone; what is frozen is where it came from."""
        folder = Path(output_dir or self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(trained_weights(self.model), folder / WEIGHTS)

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        with clear_disk_errors(self.folder):
            super()._save_checkpoint(*args, **kwargs)

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:  # type: ignore[override]
        put_weights(self.model, read_weights(Path(checkpoint_path) / WEIGHTS))


def train(
    encoder: SentenceTransformer,
    examples: Examples,
    objective: Callable[[SentenceTransformer], Objective],
    config: Stage,
    *,
    learning_rate: float,
    precision: str,
    gradient_checkpointing: bool = False,
    seed: int,
    validate: Validate | None = None,
    title: str = "training",
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train an encoder in place.

    Args:
        encoder: is changed.
        examples: of either stage.
        objective: makes the stage's objective around the encoder.
        config: batch size, epochs, schedule, validation, checkpoints.
        learning_rate: its peak; it falls to 0 on a cosine.
        precision: "bf16" autocasts matrix products, "float32" does not; `roar.encoder.settled` says what suits the device.
        gradient_checkpointing: compute activations twice instead of keeping them.
        seed: of the batches and of dropout.
        validate: scores the encoder by query, higher is better; None to keep the last weights.
        title: what the progress bar says.
        checkpoints: where to leave them, and to go on from; None leaves none.

    Raises:
        InputError: the batch is larger than the data, the loss is NaN or infinite, or a checkpoint cannot be written.
    """
    if len(examples) < config.batch_size:
        raise InputError(
            f"{title}: a batch of {config.batch_size} is larger than the data, {len(examples)} examples; "
            f"lower the stage's batch_size to {len(examples)} or less."
        )
    if checkpoints is not None and (checkpoints.finished / RECORD).exists() and not damage(checkpoints.finished):
        return _read_finished(encoder, checkpoints.finished, title)
    disable_progress_bar()
    process, processes = launched_ranks()
    loss = objective(encoder)
    start = trained_weights(encoder) if validate is not None else {}
    recorder = Recorder(loss, encoder, config, validate, title)
    batches = ConflictFreeBatches(examples, config.batch_size, seed, config.epochs, processes)
    steps = min(len(batches), config.max_steps or len(batches))
    with ExitStack() as stack:
        stack.enter_context(fast_on_cpu(encoder))
        if processes == 1:
            stack.enter_context(row_gradients(encoder))
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = checkpoints.folder if checkpoints is not None else temporary
        trainer = _Trainer(
            folder,
            Collator(examples, encoder, process, processes),
            batches,
            model=encoder,
            args=_arguments(folder, config, steps, learning_rate, precision, gradient_checkpointing, checkpoints, seed),
            loss=loss,
            callbacks=[recorder],
        )
        for unwanted in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(unwanted)
        _run(trainer, recorder, checkpoints.newest() if checkpoints is not None else None, steps)
        if recorder.best:
            put_weights(encoder, recorder.best)
            _interpolate(encoder, start, config, recorder)
            if recorder.conclude():
                put_weights(encoder, start)
    if checkpoints is not None and rank() == 0:
        _save_finished(encoder, recorder, checkpoints)
    return Trained(encoder, recorder.history())


def _run(trainer: _Trainer, recorder: Recorder, newest: Path | None, steps: int) -> None:
    """Train, from the newest checkpoint if there is one; nothing where it is the end already."""
    if newest is None:
        trainer.train()
        return
    logger.info("%s: going on from %s.", recorder.title, newest.name)
    recorder.resume(newest)
    if recorder.stopped or int(newest.name.partition("-")[2]) >= steps:
        put_weights(recorder.encoder, read_weights(newest / WEIGHTS))
    else:
        trainer.train(resume_from_checkpoint=str(newest))


def _interpolate(encoder: SentenceTransformer, start: dict[str, Any], config: Stage, recorder: Recorder) -> None:
    """Try weights on the way from the start to the best trained ones; the encoder ends with the best of all."""
    end = recorder.best
    for share in config.interpolate:
        put_weights(encoder, interpolated(start, end, share))
        recorder.between(share)
    put_weights(encoder, recorder.best)


def _save_finished(encoder: SentenceTransformer, recorder: Recorder, checkpoints: Checkpoints) -> None:
    folder = checkpoints.finished
    with clear_disk_errors(folder):
        folder.mkdir(exist_ok=True)
        save_weights(trained_weights(encoder), folder / WEIGHTS)
        recorder.best = {}  # they are the weights
        recorder.save(folder)
        seal(folder)
    checkpoints.remove_steps()


def _read_finished(encoder: SentenceTransformer, folder: Path, title: str) -> Trained:
    logger.info("%s: finished by an earlier run that was interrupted later.", title)
    put_weights(encoder, read_weights(folder / WEIGHTS))
    return Trained(encoder, read_history(json.loads((folder / RECORD).read_text(encoding="utf-8"))["rows"]))


def _arguments(
    folder: Path,
    config: Stage,
    steps: int,
    learning_rate: float,
    precision: str,
    gradient_checkpointing: bool,
    checkpoints: Checkpoints | None,
    seed: int,
) -> SentenceTransformerTrainingArguments:
    accelerated = torch.accelerator.is_available()
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=config.batch_size,
        num_train_epochs=1,  # all epochs come as one run of batches
        max_steps=steps,
        learning_rate=learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        bf16=precision == "bf16",
        use_cpu=not accelerated,
        ddp_backend="gloo" if launched_ranks()[1] > 1 and not accelerated else None,
        ddp_broadcast_buffers=False,  # processes make different numbers of mini-batches: nothing may wait in a forward pass
        activation_checkpointing=gradient_checkpointing,
        seed=seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no" if checkpoints is None else "steps",
        save_steps=config.checkpoint_steps,
        save_total_limit=None,  # the library goes by the clock; `keep_newest` goes by step
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
    )
