"""A catalogue's vectors shard by shard, each kept on disk when it is done: a run that is killed goes on where it stopped."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sentence_transformers import SentenceTransformer

from roar.encoder.encoding import dimension_of, encode
from roar.encoder.identity import identity_of
from roar.errors import InputError
from roar.files import replaced_file
from roar.parameters import Encoder

_TEXTS = 16_384
"""Of a shard: some minutes of work on two cores, 25 MB."""


class Shard(NamedTuple):
    """Some texts, and the file of their vectors; it is there when they are encoded, and whole when it is there."""

    start: int
    texts: list[str]
    path: Path


class Poison(NamedTuple):
    """A text that cannot be encoded."""

    row: int
    reason: str


Encode = Callable[[list[Shard]], list[Poison]]
"""Writes shards, all but those with a text that cannot be encoded, and says which texts these are."""


def encode_in_shards(
    encoder: SentenceTransformer,
    texts: Sequence[str],
    folder: Path,
    config: Encoder,
    *,
    progress: str = "",
    names: Sequence[str] | None = None,
    by: Encode | None = None,
) -> np.ndarray:
    """As `encode`, over shards that are kept in a folder.

    A shard is named by a hash of its texts, the encoder's weights and prompts, and the settings, so that another encoder's or
    catalogue's is never taken.

    Args:
        encoder: as `load_encoder` gives it.
        texts: of products.
        folder: where shards are kept; the caller removes it.
        config: as `encode`.
        progress: what progress bars say; empty for none.
        names: of the products, for errors; their rows if None.
        by: who encodes; this process if None.

    Returns:
        float32 (n, dim); rows have norm 1.

    Raises:
        InputError: texts cannot be encoded, after all other shards are done; names the first product.
    """
    own = _digest(encoder, config)
    shards: list[Shard] = []
    for start in range(0, len(texts), _TEXTS):
        part = list(texts[start : start + _TEXTS])
        shards.append(Shard(start, part, folder / f"{_name(own, part)}.npy"))
    waiting = [shard for shard in shards if not shard.path.is_file()]
    if by is None:
        poisoned = [found for shard in waiting for found in write_shard(encoder, shard, config, progress)]
    else:
        poisoned = by(waiting) if waiting else []
    if poisoned:
        row, reason = poisoned[0]
        raise InputError(
            f"products, {names[row] if names is not None else f'row {row}'}: its text cannot be encoded ({reason}), nor can "
            f"{len(poisoned) - 1} others; mend or drop them and run again: all other shards are done and kept."
        )
    vectors = np.empty((len(texts), dimension_of(encoder, config.dimension)), dtype=np.float32)
    for shard in shards:
        vectors[shard.start : shard.start + len(shard.texts)] = np.load(shard.path, allow_pickle=False)
    return vectors


def write_shard(encoder: SentenceTransformer, shard: Shard, config: Encoder, progress: str = "") -> list[Poison]:
    """Encode a shard and write its file, whole or not at all; where it cannot be, the texts that are why, and no file."""
    try:
        vectors = encode(encoder, shard.texts, config=config, progress=progress)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError) or not (found := _poison(encoder, shard, config)):
            raise
        return found
    with replaced_file(shard.path) as partial, partial.open("wb") as file:
        np.save(file, vectors, allow_pickle=False)
    return []


def _poison(encoder: SentenceTransformer, shard: Shard, config: Encoder) -> list[Poison]:
    found = []
    for place, text in enumerate(shard.texts):
        try:
            encode(encoder, [text], config=config)
        except (TypeError, ValueError) as error:
            found.append(Poison(shard.start + place, f"{text!r:.60}: {' '.join(str(error).split())[:120]}"))
    return found


def _name(digest: str, texts: Sequence[str]) -> str:
    joined = "\0".join([digest, *map(str, texts)])
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _digest(encoder: SentenceTransformer, config: Encoder) -> str:
    decisive = {"encoder": identity_of(encoder, config), "settings": config.decisive()}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
