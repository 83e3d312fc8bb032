"""A catalogue's vectors by the workers of Spark: the same shards as `roar.encoder.shards`, a task each.

By `mapInArrow` and not `predict_batch_udf`: what a task hands over is a file that is there or not, and the texts that are why not, so
no vectors travel through Spark, and a repeated task or run encodes nothing twice. Workers keep the encoder from task to task, as
`predict_batch_udf` would.
"""

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from roar.engines.encoding import Writer, items_of, poisoned, saved
from roar.engines.spark import session
from roar.parameters import Encoder, SparkEngine

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from roar.encoder.shards import Encode, Poison, Shard


def encoding_on(config: SparkEngine, encoder: "SentenceTransformer", settings: Encoder, folder: Path) -> "Encode":
    """As `roar.engines.encoding.encoding_by`."""
    return partial(_encode, config, encoder, settings, folder)


def _encode(
    config: SparkEngine, encoder: "SentenceTransformer", settings: Encoder, folder: Path, shards: "list[Shard]"
) -> "list[Poison]":
    running = session(config, chosen="engines.encoding spark")
    table = running.createDataFrame(pa.Table.from_pylist(items_of(shards)))
    with saved(encoder, folder) as encoder_folder:
        write = partial(_write, folder=str(encoder_folder), settings=settings.model_dump_json())
        told = table.repartitionByRange(len(shards), "start").mapInArrow(write, "row long, reason string")
        return poisoned(told.collect())


def _write(batches: Iterator[pa.RecordBatch], *, folder: str, settings: str) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield from _writer(folder, settings)(pa.Table.from_batches([batch])).to_batches()


@cache
def _writer(folder: str, settings: str) -> Writer:
    return Writer(folder, Encoder.model_validate_json(settings))
