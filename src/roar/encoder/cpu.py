"""What makes a processor encode and train faster, without changing what is computed.

Three things take time on a CPU that they do not take on a GPU, each found with a profiler on short texts:

* memory given back to the system after every operation, and taken again, page by page;
* the fused attention kernel, whose backward pass on texts of 30 tokens costs more than all else together;
* the gradient of the embedding table, a matrix of its full size for every mini-batch, although a few hundred rows differ
  from zero.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # mallopt(3)
_LARGEST = 1 << 25  # of M_MMAP_THRESHOLD on 64-bit machines


@cache
def keep_freed_memory() -> None:
    """Let the C library keep what tensors free for the next ones; the process's peak stays what it was. glibc only."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, _LARGEST)
            mallopt(_TRIM_THRESHOLD, 2**31 - 1)


@contextmanager
def fast_on_cpu(encoder: SentenceTransformer | CrossEncoder) -> Iterator[None]:
    """Encode with plain attention and kept memory while the block lasts; nothing changes on another device."""
    model = getattr(encoder[0], "auto_model", None)
    if encoder.device.type != "cpu" or model is None:
        yield
        return
    keep_freed_memory()
    before = getattr(model.config, "_attn_implementation", None)
    if before == "sdpa":
        model.set_attn_implementation("eager")
    try:
        yield
    finally:
        if before == "sdpa":
            model.set_attn_implementation(before)


@contextmanager
def row_gradients(encoder: SentenceTransformer | CrossEncoder) -> Iterator[None]:
    """Train the embedding table with gradients that are added up row by row while the block lasts; on a CPU only.

    Not for several processes: what shares gradients between them waits for autograd's own.
    """
    model = getattr(encoder[0], "auto_model", None)
    table = model.get_input_embeddings() if model is not None else None
    if model is None or type(table) is not nn.Embedding or encoder.device.type != "cpu":
        yield
        return
    model.set_input_embeddings(RowEmbedding(table))
    try:
        yield
    finally:
        model.set_input_embeddings(table)


class RowEmbedding(nn.Embedding):
    """An embedding whose table is that of another one, and whose backward pass touches the rows that were read alone."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__(table.num_embeddings, table.embedding_dim, table.padding_idx, _weight=table.weight)
        self.weight = table.weight  # the very parameter: the optimiser holds it

    def forward(self, input: Tensor) -> Tensor:
        """Look up rows."""
        if not (self.weight.requires_grad and torch.is_grad_enabled()):
            return embedding(input, self.weight, self.padding_idx)
        return _Rows.apply(self.weight, input, self.padding_idx)


class _Rows(torch.autograd.Function):
    """Adds the gradient of each row read to `weight.grad` in place, and hands autograd none for the table."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, index: Tensor, padding: int | None) -> Tensor:
        ctx.weight, ctx.padding = weight, padding
        ctx.save_for_backward(index)
        return embedding(index, weight, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        (index,) = ctx.saved_tensors
        index, gradient = index.flatten(), gradient.flatten(0, -2).to(ctx.weight.dtype)
        if ctx.padding is not None:
            kept = index != ctx.padding
            index, gradient = index[kept], gradient[kept]
        if ctx.weight.grad is None:
            ctx.weight.grad = torch.zeros_like(ctx.weight)
        ctx.weight.grad.index_add_(0, index, gradient)
        return None, None, None
