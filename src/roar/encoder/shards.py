"""A catalogue's vectors shard by shard, each kept on disk when it is done: a run that is killed goes on where it stopped."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from roar.encoder.encoding import dimension_of, encode
from roar.encoder.identity import identity_of
from roar.files import replaced_file
from roar.parameters import Encoder

_TEXTS = 16_384
"""Of a shard: some minutes of work on two cores, 25 MB."""


def encode_in_shards(
    encoder: SentenceTransformer, texts: Sequence[str], folder: Path, config: Encoder, *, progress: str = ""
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

    Returns:
        float32 (n, dim); rows have norm 1.
    """
    vectors = np.empty((len(texts), dimension_of(encoder, config.dimension)), dtype=np.float32)
    own = _digest(encoder, config)
    for start in range(0, len(texts), _TEXTS):
        part = list(texts[start : start + _TEXTS])
        name = hashlib.sha256("\0".join([own, *part]).encode("utf-8", "surrogatepass")).hexdigest()[:24]
        path = folder / f"{name}.npy"
        if path.is_file():
            vectors[start : start + len(part)] = np.load(path, allow_pickle=False)
            continue
        encoded = encode(encoder, part, config=config, progress=progress)
        vectors[start : start + len(part)] = encoded
        with replaced_file(path) as partial, partial.open("wb") as file:
            np.save(file, encoded, allow_pickle=False)
    return vectors


def _digest(encoder: SentenceTransformer, config: Encoder) -> str:
    decisive = {"encoder": identity_of(encoder, config), "settings": config.decisive()}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
