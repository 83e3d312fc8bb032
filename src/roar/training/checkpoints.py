"""Checkpoints that survive a kill at any moment: a folder counts only when its last file says that it is whole.

A fold's folder holds

    run.json              what is trained: a fingerprint of data, starting weights, parameters and seed
    checkpoint-<step>/    the trainer's optimiser, schedule and random state; the trained weights; our history and best weights
        complete.json     written last: the name, size and SHA-256 of every other file
    finished/             the end result, in the same form

On a rerun the newest whole checkpoint is taken; damaged ones are named and passed over. Checkpoints of another run, whose
fingerprint differs, are removed.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer

from roar.errors import InputError
from roar.training.distributed import from_first, launched_ranks, meet, rank
from roar.training.examples import Examples

logger = logging.getLogger(__name__)

COMPLETE = "complete.json"
_BLOCK = 1 << 22


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
            _write(marker, {"fingerprint": fingerprint})

    @property
    def finished(self) -> Path:
        """Where the end result lies, whole or not."""
        return self.folder / "finished"

    def newest(self) -> Path | None:
        """The newest whole checkpoint; those that are damaged are named in the log, removed and passed over."""
        step = int(from_first(self._newest_step() if rank() == 0 else 0))
        return self.folder / f"checkpoint-{step}" if step else None

    def _newest_step(self) -> int:
        steps = {int(path.name.partition("-")[2]): path for path in self.folder.glob("checkpoint-*")}
        for step in sorted(steps, reverse=True):
            if problem := damage(steps[step]):
                logger.warning("%s: not usable (%s); looking for an older one.", steps[step], problem)
                shutil.rmtree(steps[step])
            else:
                return step
        return 0

    def remove_steps(self) -> None:
        """Remove the checkpoints on the way, once the end is kept."""
        for path in self.folder.glob("checkpoint-*"):
            shutil.rmtree(path)


def fingerprint(
    encoder: SentenceTransformer, examples: Examples, judged: pl.DataFrame, settings: Mapping[str, Any]
) -> str:
    """A hash of all that decides what training ends with: two runs that share it end with the same weights.

    Args:
        encoder: with its starting weights.
        examples: that are trained on.
        judged: that weights are chosen by.
        settings: parameters, learning rate, seed.
    """
    digest = hashlib.sha256(json.dumps([dict(settings), launched_ranks()[1]], sort_keys=True).encode())
    digest.update("\n".join(examples.query_text + [examples.product_text[p] for p in examples.product]).encode())
    known = [part for group in sorted(examples.relevant) for part in ([group], examples.relevant[group])]
    parts = (examples.query_group, examples.start, examples.cluster, examples.grade, examples.weight, *known)
    for array in parts:
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(str(judged.hash_rows(seed=0).sum() if len(judged) else 0).encode())
    for name, weight in encoder.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def seal(folder: Path) -> None:
    """Declare a folder whole, after all its files were written."""
    files = {path.name: [path.stat().st_size, _sha256(path)] for path in sorted(folder.iterdir()) if path.is_file()}
    files.pop(COMPLETE, None)
    _write(folder / COMPLETE, files)


def damage(folder: Path) -> str:
    """What is wrong with a sealed folder; empty where nothing is."""
    files = _read(folder / COMPLETE)
    if not files:
        return "writing it was interrupted"
    for name, (size, digest) in files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size or _sha256(path) != digest:
            return f"{name} is missing or changed"
    return ""


@contextmanager
def clear_disk_errors(folder: Path) -> Iterator[None]:
    """Turn what the disk refuses into one clear error.

    Raises:
        InputError: writing failed; says where, why, and how much room there is.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:  # torch and safetensors wrap the system's error
        if not (isinstance(error, OSError) or "os error" in str(error).lower() or "write" in str(error).lower()):
            raise
        there = next(path for path in (folder, *folder.resolve().parents) if path.exists())
        room = shutil.disk_usage(there).free / 2**30
        raise InputError(
            f"{folder}: a checkpoint could not be written ({error}); {room:.1f} GiB are free there. Make room and run again: "
            "training goes on from the last whole checkpoint."
        ) from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _write(path: Path, content: Mapping[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    partial.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
