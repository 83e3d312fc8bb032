"""A catalogue's vectors by actors of Ray Data: the same shards as `roar.encoder.shards`, several at a time.

An actor is a `roar.engines.encoding.Writer`, which loads the encoder once.
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roar.engines import engine
from roar.engines.encoding import Writer, items_of, poisoned, saved
from roar.errors import InputError
from roar.parameters import Encoder, RayEngine

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from roar.encoder.shards import Encode, Poison, Shard

logger = logging.getLogger(__name__)

CHOSEN = "engines.encoding ray"
STARTS = 5
"""Attempts to start a local cluster: on a busy machine one may miss Ray's own limit of 30 seconds."""
SPARE = 2
"""Logical cores beside those of the actors, for what feeds them."""


def encoding_on(config: RayEngine, encoder: "SentenceTransformer", settings: Encoder, folder: Path) -> "Encode":
    """As `roar.engines.encoding.encoding_by`."""
    return partial(_encode, config, encoder, settings, folder)


def _encode(
    config: RayEngine, encoder: "SentenceTransformer", settings: Encoder, folder: Path, shards: "list[Shard]"
) -> "list[Poison]":
    with saved(encoder, folder) as encoder_folder, _cluster(config) as ray:
        jobs = ray.data.from_items(items_of(shards), override_num_blocks=len(shards)).map_batches(
            Writer,
            fn_constructor_args=(str(encoder_folder), settings),
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=min(config.actors, len(shards))),
            num_cpus=config.cpus,
            num_gpus=config.gpus or None,
        )
        return poisoned(jobs.take_all())


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
