"""A catalogue's vectors by actors of Ray Data: the same shards as `roar.encoder.shards`, several at a time.

An actor loads the encoder once, from the folder of the shards, which every machine of the cluster has to see. It writes a shard
whole or not at all, and a shard that is there is not encoded again: so a task that Ray repeats, after it lost an actor, and a
run that is started again do no harm and lose no more than the shards under way.
"""

import logging
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roar.engines import engine
from roar.errors import InputError
from roar.files import seal
from roar.parameters import Encoder, RayEngine

if TYPE_CHECKING:
    import pyarrow as pa
    from sentence_transformers import SentenceTransformer

    from roar.encoder.shards import Encode, Poison, Shard

logger = logging.getLogger(__name__)

CHOSEN = "engines.encoding ray"
STARTS = 5
"""Attempts to start a local cluster: on a busy machine one may miss Ray's own limit of 30 seconds."""
SPARE = 2
"""Logical cores beside those of the actors, for what feeds them."""


def encoding_on(config: RayEngine, encoder: "SentenceTransformer", settings: Encoder, folder: Path) -> "Encode":
    """Who encodes the shards of `encode_in_shards(…, by=…)`.

    Args:
        config: the cluster.
        encoder: whose vectors are wanted; it is written to the folder while the job lasts.
        settings: as `encode`.
        folder: of the shards, on storage that every machine of the cluster sees.
    """
    return partial(_encode, config, encoder, settings, folder)


def _encode(
    config: RayEngine, encoder: "SentenceTransformer", settings: Encoder, folder: Path, shards: "list[Shard]"
) -> "list[Poison]":
    from roar.encoder.shards import Poison

    saved = folder.resolve() / ".encoder"
    items = [{"start": shard.start, "texts": shard.texts, "path": str(shard.path.resolve())} for shard in shards]
    try:
        encoder.save_pretrained(str(saved), create_model_card=False, safe_serialization=True)
        seal(saved)
        with _cluster(config) as ray:
            jobs = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
                _Actor,
                fn_constructor_args=(str(saved), settings),
                batch_size=1,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=min(config.actors, len(items))),
                num_cpus=config.cpus,
                num_gpus=config.gpus or None,
            )
            told = jobs.take_all()
    finally:
        shutil.rmtree(saved, ignore_errors=True)
    return sorted(Poison(row["row"], row["reason"]) for row in told)


class _Actor:
    """An encoder in a process of its own."""

    def __init__(self, folder: str, settings: Encoder) -> None:
        from roar.encoder import read_encoder

        self._encoder = read_encoder(Path(folder))
        self._settings = settings

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """Write the shards of a batch; a row for every text that could not be encoded."""
        import pyarrow as pa

        from roar.encoder.shards import Shard, write_shard

        found: list[Poison] = []
        for item in batch.to_pylist():
            path = Path(item["path"])
            if not path.is_file():
                found += write_shard(self._encoder, Shard(item["start"], item["texts"], path), self._settings)
        rows, reasons = [one.row for one in found], [one.reason for one in found]
        return pa.table({"row": pa.array(rows, pa.int64()), "reason": pa.array(reasons, pa.string())})


@contextmanager
def _cluster(config: RayEngine) -> Iterator[Any]:
    """Ray, connected; a cluster that was started here ends with the block.

    Raises:
        InputError: Ray is not installed, or no cluster answers.
    """
    ray = engine("ray", extra="ray", chosen=CHOSEN)
    engine("ray.data", extra="ray", chosen=CHOSEN)
    if ray.is_initialized():
        yield ray
        return
    _start(ray, config)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        yield ray
    finally:
        ray.shutdown()


def _start(ray: Any, config: RayEngine) -> None:
    where: dict[str, Any] = {"address": config.address}
    if config.address is None:
        where = {
            "num_cpus": math.ceil(config.actors * config.cpus) + SPARE,
            "include_dashboard": False,
            "_system_config": {"worker_niceness": 0},  # Ray's 15 starves them on a busy machine
        }
    for attempt in range(1, STARTS + 1):
        try:
            ray.init(**where, log_to_driver=False)
            return
        except Exception as error:  # a node that is late and an address that is silent come as several kinds
            ray.shutdown()
            said = " ".join(str(error).split())[:200]
            if config.address is not None or attempt == STARTS:
                raise InputError(f"{CHOSEN}: no cluster at {config.address or 'this machine'} ({said}).") from error
            logger.warning("Ray did not start (%s): attempt %d of %d.", said, attempt + 1, STARTS)
