"""Texts as token ids without padding: tokenised once, cut into batches as often as needed.

Tokenising ahead of training takes the tokenizer out of every step; ragged storage lets a batch be as wide as its own longest
text and no wider.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

Kind = Literal["query", "product"]
_AT_ONCE = 8192
"""Texts tokenised together; bounds what their padded matrix takes."""


@dataclass(frozen=True)
class Tokens:
    """Token ids of n texts; those of text i are `ids[start[i]:start[i + 1]]`."""

    ids: np.ndarray  # (tokens,) int32
    start: np.ndarray  # (n + 1,) int64
    padding: int  # the id that fills up a row
    left: bool  # pad on the left, as decoders with last-token pooling want it
    prompt: int = 0  # leading tokens that pooling leaves out

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def length(self) -> np.ndarray:
        """(n,) int64, tokens of each text."""
        return np.diff(self.start)

    def padded(self, rows: np.ndarray) -> dict[str, Tensor]:
        """What an encoder reads of these texts, in this order.

        Args:
            rows: (b,) int64 text numbers.

        Returns:
            input_ids and attention_mask, (b, longest of them) int64; prompt_length, (b,) int64, where pooling leaves the prompt out.
        """
        length = self.length[rows]
        place = np.arange(max(int(length.max(initial=0)), 1))[None, :]
        offset = (
            place - (place.shape[1] - length)[:, None]
            if self.left
            else np.broadcast_to(place, (len(rows), place.shape[1]))
        )
        real = (offset >= 0) & (offset < length[:, None])
        ids = np.full(real.shape, self.padding, dtype=np.int64)
        ids[real] = self.ids[(self.start[rows][:, None] + offset)[real]]
        features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(real.astype(np.int64))}
        return features | ({"prompt_length": torch.full((len(rows),), self.prompt)} if self.prompt else {})


def tokenise(encoder: SentenceTransformer, texts: Sequence[str], kind: Kind) -> Tokens:
    """Tokenise texts as the encoder does: with the prompt of their kind, cut at its token limit.

    Cost: linear in texts; memory: the ids, and one padded matrix of a few thousand texts.
    """
    prompt = encoder.prompts.get(kind) or None
    ids, lengths, left_out = [np.empty(0, dtype=np.int32)], [np.zeros(1, dtype=np.int64)], 0
    for start in range(0, len(texts), _AT_ONCE):
        features = encoder.preprocess(list(texts[start : start + _AT_ONCE]), prompt=prompt)
        real = features["attention_mask"].bool()
        ids.append(features["input_ids"][real].numpy().astype(np.int32))
        lengths.append(real.sum(dim=1).numpy())
        left_out = int(features.get("prompt_length") or 0)
    tokenizer = encoder.tokenizer
    return Tokens(
        np.concatenate(ids),
        np.cumsum(np.concatenate(lengths)),
        padding=int(tokenizer.pad_token_id or 0),
        left=tokenizer.padding_side == "left",
        prompt=left_out,
    )


def token_batches(length: np.ndarray, budget: int) -> Iterator[range]:
    """Cut rows sorted by ascending length into runs whose padded size, rows times the longest, stays within the budget."""
    start = 0
    lengths = length.tolist()
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or (end + 1 - start) * lengths[end] > budget:
            yield range(start, end)
            start = end
