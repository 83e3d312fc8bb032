"""Texts to unit vectors, fast: every distinct text once, sorted by length, in batches of equal tokens.

Padding is the largest waste when texts of 8 and of 60 words share a batch. Sorted by token count and cut by a token budget,
batches hold next to none, and a short text costs what it should. Matrix products run in bfloat16 where the device is faster in it
(`precision`), pooling and normalisation in float32.

Cost: linear in tokens. Memory: the vectors, and one batch.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor
from tqdm import tqdm

from roar.encoder.cpu import fast_on_cpu
from roar.encoder.precision import autocast, settled
from roar.encoder.tokens import Kind, token_batches, tokenise
from roar.errors import InputError
from roar.parameters import Encoder

_SORTED_AT_ONCE = 8192


def encode(
    encoder: SentenceTransformer,
    texts: Sequence[str],
    *,
    kind: Kind = "product",
    config: Encoder | None = None,
    progress: str = "",
) -> np.ndarray:
    """Encode texts.

    Args:
        encoder: as `load_encoder` gives it.
        texts: n texts; equal ones are encoded once.
        kind: "query" puts the encoder's query prompt in front.
        config: `precision`, `batch_tokens` and `dimension` are read.
        progress: what a progress bar says; empty for none.

    Returns:
        float32 (n, dim); rows have norm 1.

    Raises:
        InputError: `config.dimension` exceeds the encoder's.
    """
    config = settled(config or Encoder(), encoder)
    dimension = dimension_of(encoder, config.dimension)
    distinct = list(dict.fromkeys(texts))
    vectors = np.empty((len(distinct), dimension), dtype=np.float32)
    with _ready(encoder), tqdm(total=len(distinct), desc=progress, unit="text", disable=not progress) as bar:
        for start in range(0, len(distinct), _SORTED_AT_ONCE):
            part = distinct[start : start + _SORTED_AT_ONCE]
            for rows, embedding in _embed_sorted(encoder, part, kind, config):
                kept = torch.nn.functional.normalize(embedding.float()[:, :dimension], dim=1)
                vectors[start + rows] = kept.cpu().numpy()
                bar.update(len(rows))
    if len(distinct) == len(texts):
        return vectors
    position = {text: row for row, text in enumerate(distinct)}
    return vectors[[position[text] for text in texts]]


@contextmanager
def _ready(encoder: SentenceTransformer) -> Iterator[None]:
    """The encoder in evaluation mode, without gradients, at its fastest; as it was afterwards."""
    was_training = encoder.training
    encoder.eval()
    try:
        with torch.inference_mode(), fast_on_cpu(encoder):
            yield
    finally:
        encoder.train(was_training)


def dimension_of(encoder: SentenceTransformer, wanted: int | None) -> int:
    """The wanted dimension, or all that the encoder has; an InputError where it has not as many."""
    full = int(encoder.get_embedding_dimension() or 0)
    if wanted is not None and wanted > full:
        raise InputError(f"encoder.dimension: {wanted} exceeds the {full} dimensions of this encoder.")
    return wanted or full


def _embed_sorted(
    encoder: SentenceTransformer, texts: list[str], kind: Kind, config: Encoder
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Rows and their embeddings, batch by batch, shortest texts first."""
    tokens = tokenise(encoder, texts, kind)
    order = np.argsort(tokens.length, kind="stable")
    for batch in token_batches(tokens.length[order], config.batch_tokens or _batch_tokens(encoder.device)):
        rows = order[batch.start : batch.stop]
        features = {name: value.to(encoder.device) for name, value in tokens.padded(rows).items()}
        with autocast(encoder.device, config.precision):
            embedded = encoder(features)["sentence_embedding"]
        yield rows, embedded


def _batch_tokens(device: torch.device) -> int:
    """Tokens at once that suit a device: a processor is fastest where a batch's activations stay in its cache."""
    return 1024 if device.type == "cpu" else 16_384


def trim(features: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drop columns that hold padding alone, on either side."""
    used = features["attention_mask"].any(dim=0).nonzero().squeeze(1)
    first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
    return {name: value[:, first:last] if value.ndim == 2 else value for name, value in features.items()}
