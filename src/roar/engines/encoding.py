"""What workers of any engine do to encode a catalogue: write the shards of `roar.encoder.shards` that they are handed.

A worker loads the encoder once, from the folder of the shards, which every machine of the cluster has to see. It writes a shard
whole or not at all, and a shard that is there is not encoded again: so a task that an engine repeats, after it lost a worker, and a
run that is started again do no harm and lose no more than the shards under way.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roar.files import seal
from roar.parameters import Encoder, Engines

if TYPE_CHECKING:
    import pyarrow as pa
    from sentence_transformers import SentenceTransformer

    from roar.encoder.shards import Encode, Poison, Shard


def encoding_by(engines: Engines, encoder: "SentenceTransformer", settings: Encoder, folder: Path) -> "Encode | None":
    """Who encodes the shards of `encode_in_shards(…, by=…)`; None is this process.

    Args:
        engines: `encoding` chooses.
        encoder: whose vectors are wanted; it is written to the folder while the job lasts.
        settings: as `encode`.
        folder: of the shards, on storage that every machine of the cluster sees.
    """
    if engines.encoding == "ray":
        from roar.engines import ray

        return ray.encoding_on(engines.ray, encoder, settings, folder)
    if engines.encoding == "spark":
        from roar.engines import spark_encoding

        return spark_encoding.encoding_on(engines.spark, encoder, settings, folder)
    return None


class Writer:
    """An encoder in a process of its own."""

    def __init__(self, folder: str, settings: Encoder) -> None:
        from roar.encoder import read_encoder

        self._encoder = read_encoder(Path(folder))
        self._settings = settings

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """Write the shards of a batch (`items_of`); a row (`row`, `reason`) for every text that could not be encoded."""
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
def saved(encoder: "SentenceTransformer", folder: Path) -> Iterator[Path]:
    """The encoder in a folder beside the shards, for as long as the block lasts."""
    own = folder.resolve() / ".encoder"
    try:
        encoder.save_pretrained(str(own), create_model_card=False, safe_serialization=True)
        seal(own)
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def items_of(shards: "list[Shard]") -> list[dict[str, Any]]:
    """Shards as rows of a table: `start`, `texts`, `path`."""
    return [{"start": shard.start, "texts": shard.texts, "path": str(shard.path.resolve())} for shard in shards]


def poisoned(told: Iterable[Any]) -> "list[Poison]":
    """What writers told, in the order of the catalogue."""
    from roar.encoder.shards import Poison

    return sorted(Poison(one["row"], one["reason"]) for one in told)
