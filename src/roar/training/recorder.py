"""What happens beside the steps of training: history, progress, validation, the weights kept, and their checkpoints."""

import json
import logging
import math
import time
from pathlib import Path
from typing import Any

import polars as pl
from sentence_transformers import SentenceTransformer
from torch import Tensor
from tqdm import tqdm
from transformers import TrainerCallback

from roar.errors import InputError
from roar.files import clear_disk_errors, seal
from roar.parameters import Stage
from roar.training.checkpoints import keep_newest
from roar.training.choice import Choice
from roar.training.distributed import all_from_first, meet, rank
from roar.training.objectives import Objective
from roar.training.validation import Validate
from roar.training.weights import read_weights, save_weights, trained_weights

logger = logging.getLogger(__name__)

HISTORY = {
    "step": pl.Int64,
    "loss": pl.Float64,
    "contrastive": pl.Float64,
    "alignment": pl.Float64,
    "calibration": pl.Float64,
    "distillation": pl.Float64,
    "masked_share": pl.Float64,
    "grad_norm": pl.Float64,
    "learning_rate": pl.Float64,
    "pairs_per_s": pl.Float64,
    "validation": pl.Float64,
    "validation_gain": pl.Float64,
    "validation_error": pl.Float64,
    "interpolation": pl.Float64,
    "kept": pl.Boolean,
}
"""A row per step. validation is the criterion's mean, validation_gain its paired difference to the start with its standard error;
kept says of every validated row whether its weights are those that training ended with."""

WEIGHTS, BEST, RECORD = "trained.safetensors", "best.safetensors", "record.json"


class Recorder(TrainerCallback):
    """Keeps the history, shows progress, validates, remembers the best trained weights, and stops early.

    Args:
        objective: whose terms are recorded.
        encoder: that is trained.
        config: how often to validate, and when to stop.
        validate: scores the encoder by query; None to keep the last weights.
        title: what the progress bar says.
    """

    def __init__(
        self, objective: Objective, encoder: SentenceTransformer, config: Stage, validate: Validate | None, title: str
    ) -> None:
        self.objective, self.encoder, self.config, self.title = objective, encoder, config, title
        self.validate = validate if config.validations else None
        self.rows: list[dict[str, Any]] = []
        self.choice = Choice(config.validation.worse_by)
        self.best: dict[str, Tensor] = {}
        self.best_row = 0
        self.stopped = False

    def resume(self, folder: Path) -> None:
        """Take up history and best weights where a checkpoint left them."""
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        self.rows, self.best_row, self.stopped = record["rows"], record["best_row"], record["stopped"]
        self.choice.resume(record["choice"])
        if self.choice.best is not None:
            self.best = read_weights(folder / BEST)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Validate what training starts from."""
        bar = {"total": state.max_steps, "initial": state.global_step, "desc": self.title, "unit": "step"}
        if rank() > 0:
            bar["disable"] = True  # said only where it is: TQDM_DISABLE decides for the others
        self.bar = tqdm(**bar)
        checks = self.config.validations
        self.checked_at = {round(state.max_steps * (i + 1) / checks) for i in range(checks)}
        if state.global_step == 0:
            self._check(0, control)
        self.started = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Record a step.

        Raises:
            InputError: its gradient is NaN or infinite, before weights that it spoilt are saved.
        """
        if not logs or "loss" not in logs:
            return
        if not math.isfinite(logs["grad_norm"]):
            raise InputError(
                f"{self.title}: the gradient is {logs['grad_norm']} at step {state.global_step}. Lower the stage's learning_rate, "
                f"now {args.learning_rate:g}, and run again: another rate starts anew."
            )
        seconds = time.perf_counter() - self.started
        row = {name: float(logs[name]) for name in ("grad_norm", "learning_rate")} | self.objective.last
        row |= {"step": state.global_step, "pairs_per_s": self.objective.queries / seconds}
        self.rows.append(row)
        self.bar.set_postfix(loss=f"{row['loss']:.3f}", pairs_per_s=f"{row['pairs_per_s']:.0f}")
        self.bar.update(1)
        if state.global_step in self.checked_at:
            self._check(state.global_step, control)
        self.started = time.perf_counter()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Complete the trainer's checkpoint, and seal it, when every process has written its part."""
        meet()
        if args.should_save:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            with clear_disk_errors(folder):
                self.save(folder)
                seal(folder)
                keep_newest(folder.parent, 2)
        self.started = time.perf_counter()  # writing is no part of the next step

    def save(self, folder: Path) -> None:
        """Write history and best weights."""
        record = {
            "rows": self.rows,
            "choice": self.choice.state(),
            "best_row": self.best_row,
            "stopped": self.stopped,
        }
        (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")
        if self.best:
            save_weights(self.best, folder / BEST)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar.close()

    def _check(self, step: int, control: Any) -> None:
        """Validate now; keep a copy of the trained weights where they are the best so far."""
        if self.validate is None:
            return
        if not step:
            self.rows.append({"step": 0})
        self._look(step, self.validate)
        missed = self.choice.worse_in_a_row
        if self.config.patience is not None and missed >= self.config.patience:
            logger.info("%s: stopping at step %d, no better for %d validations.", self.title, step, missed)
            self.stopped = control.should_training_stop = True

    def between(self, share: float) -> None:
        """Validate weights a share of the way from the start, as `_check` does what training passes through."""
        if self.validate is not None and self.choice.best is not None:
            self.rows.append({"step": self.rows[-1]["step"], "interpolation": share})
            self._look(self.choice.best.step, self.validate)

    def _look(self, step: int, validate: Validate) -> None:
        seen = self.choice.look(step, all_from_first(validate(self.encoder)))
        said = {"validation": seen.score, "validation_gain": seen.gain, "validation_error": seen.error, "kept": False}
        self.rows[-1] |= said
        logger.info(
            "%s, step %d: criterion %.4f, %+.4f ± %.4f against the start.",
            self.title, step, seen.score, seen.gain, seen.error,
        )  # fmt: skip
        if self.choice.best is seen:
            self.best, self.best_row = trained_weights(self.encoder), len(self.rows) - 1

    def conclude(self) -> bool:
        """Mark the validated row whose weights are kept, and say why; whether they are the start's."""
        if self.choice.best is not None:
            self.rows[0 if self.choice.keeps_start else self.best_row]["kept"] = True
        logger.info("%s: %s.", self.title, self.choice.reason)
        return self.choice.keeps_start

    def history(self) -> pl.DataFrame:
        """The rows as a table; what a stage does not have is null."""
        return read_history(self.rows)


def read_history(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a table in the columns of `HISTORY`."""
    columns = {name: [row.get(name) for row in rows] for name in HISTORY}
    return pl.DataFrame(columns, schema=HISTORY)
