"""Checkpoints that survive a kill at any moment: a folder counts only when its last file says that it is whole.

A fold's folder holds

    run.json              what is trained: a fingerprint of data, starting weights, parameters and seed
    checkpoint-<step>/    the trainer's optimiser, schedule and random state; the trained weights; our history and best weights
        SHA256SUMS        written last: the seal of `roar.files`
    finished/             the end result, in the same form

On a rerun the newest whole checkpoint is taken; damaged ones are named and passed over. Checkpoints of another run, whose
fingerprint differs, are removed.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder.identity import weights_hash
from roar.files import clear_disk_errors, damage, replaced_file
from roar.training.distributed import from_first, launched_ranks, meet, rank
from roar.training.examples import Examples

logger = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one training run, in a folder of its own.

    Args:
        folder: is created; what another run left in it is removed.
        fingerprint: of everything that decides the run's result.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        if launched_ranks()[0] == 0:
            self._prepare(fingerprint)
        meet()

    def _prepare(self, fingerprint: str) -> None:
        folder, marker = self.folder, self.folder / "run.json"
        with clear_disk_errors(folder):
            if folder.exists() and _read(marker).get("fingerprint") != fingerprint:
                logger.info("%s: removing checkpoints of another run.", folder)
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            with replaced_file(marker) as partial:
                partial.write_text(json.dumps({"fingerprint": fingerprint}), encoding="utf-8")

    @property
    def finished(self) -> Path:
        """Where the end result lies, whole or not."""
        return self.folder / "finished"

    def newest(self) -> Path | None:
        """The newest whole checkpoint; those that are damaged are named in the log, removed and passed over."""
        step = int(from_first(self._newest_step() if rank() == 0 else 0))
        return self.folder / f"checkpoint-{step}" if step else None

    def _newest_step(self) -> int:
        for step, path in reversed(checkpoints_in(self.folder).items()):
            if problem := damage(path):
                logger.warning("%s: not usable (%s); looking for an older one.", path, problem)
                shutil.rmtree(path)
            else:
                return step
        return 0

    def remove_steps(self) -> None:
        """Remove the checkpoints on the way, once the end is kept."""
        for path in checkpoints_in(self.folder).values():
            shutil.rmtree(path)


def fingerprint(
    encoder: SentenceTransformer, examples: Examples, asked: Iterable[pl.DataFrame], settings: Mapping[str, Any]
) -> str:
    """A hash of all that decides what training ends with: two runs that share it end with the same weights.

    Args:
        encoder: with its starting weights.
        examples: that are trained on.
        asked: tables that weights are chosen by.
        settings: parameters, learning rate, seed.
    """
    digest = hashlib.sha256(json.dumps([dict(settings), launched_ranks()[1]], sort_keys=True).encode())
    digest.update("\n".join(examples.query_text + [examples.product_text[p] for p in examples.product]).encode())
    known = [part for group in sorted(examples.relevant) for part in ([group], examples.relevant[group])]
    targets = () if examples.target is None else (examples.target,)
    parts = (examples.query_group, examples.start, examples.cluster, examples.grade, examples.weight, *targets, *known)
    for array in parts:
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(str([table.hash_rows(seed=0).sum() for table in asked]).encode())
    digest.update(weights_hash(encoder).encode())
    return digest.hexdigest()


def checkpoints_in(folder: Path) -> dict[int, Path]:
    """Checkpoints by step, in the order of their steps: clocks are set back, steps are not."""
    steps = {int(path.name.partition("-")[2]): path for path in folder.glob("checkpoint-*")}
    return dict(sorted(steps.items()))


def keep_newest(folder: Path, count: int) -> None:
    """Remove all checkpoints but the last `count` by step."""
    for path in list(checkpoints_in(folder).values())[:-count]:
        shutil.rmtree(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
