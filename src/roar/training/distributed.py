"""One batch over many processes: every process sees all rows, and answers for the gradient of its own.

Each process embeds its share of the batch. The shares are gathered, and every process computes the same loss over the whole
score matrix: all negatives, all masks, and the number of comparisons are those of the whole batch, so that two processes minimise what
one would. Gradients flow through the local share alone; their sum over processes is the whole gradient.

The score matrix is computed once per process. At 8,192 rows of 1,024 dimensions that is a hundredth of a second on a GPU,
against the seconds of the encoder, and any loss can be used as it is.
"""

import os
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable


def world_size() -> int:
    """Number of processes that train together; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number among them."""
    return dist.get_rank() if world_size() > 1 else 0


def launched_ranks() -> tuple[int, int]:
    """(rank, processes) that the launcher (torchrun, accelerate) announced, before any process group exists."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def meet() -> None:
    """Wait until all launched processes are here; the first time sets up their group."""
    if launched_ranks()[1] > 1:
        if not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        dist.barrier()


def gather_rows(rows: Tensor) -> Tensor:
    """All processes' rows, in the order of the processes; each process may have another number of them.

    Args:
        rows: (n, ...) on every process, of one type and trailing shape.

    Returns:
        (sum of n, ...). The gradient reaches the local rows only, times the number of processes: what averages gradients over
        processes afterwards then gives their sum.
    """
    if world_size() == 1:
        return rows
    if rows.requires_grad:
        return _Gather.apply(rows)
    return torch.cat(_gather(rows))


def offset_of_rows(count: int, device: torch.device) -> int:
    """Where this process's rows begin among all gathered ones."""
    if world_size() == 1:
        return 0
    return int(_sizes(count, device)[: rank()].sum())


def from_first(value: float) -> float:
    """The first process's value, on every process: a decision that all must take alike."""
    if world_size() == 1:
        return value
    device = torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
    shared = torch.tensor(value, dtype=torch.float64, device=device)
    dist.broadcast(shared, 0)
    return float(shared)


def all_from_first(values: np.ndarray) -> np.ndarray:
    """The same of several float64 values, (n,)."""
    if world_size() == 1:
        return values
    device = torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
    shared = torch.tensor(values, dtype=torch.float64, device=device)
    dist.broadcast(shared, 0)
    found: np.ndarray = shared.cpu().numpy()
    return found


def _sizes(count: int, device: torch.device) -> Tensor:
    own = torch.tensor([count], dtype=torch.int64, device=device)
    found = [torch.empty_like(own) for _ in range(world_size())]
    dist.all_gather(found, own)
    return torch.cat(found)


def _gather(rows: Tensor) -> list[Tensor]:
    """Every process's rows; sent padded to the longest share, because a collective wants equal shapes."""
    sizes = _sizes(len(rows), rows.device).tolist()
    padded = rows.new_zeros((max(sizes), *rows.shape[1:]))
    padded[: len(rows)] = rows
    found = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(found, padded)
    return [part[:size] for part, size in zip(found, sizes, strict=True)]


class _Gather(torch.autograd.Function):
    """`gather_rows` of rows that carry a gradient."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = _gather(rows.detach())
        ctx.start, ctx.count = sum(len(part) for part in parts[: rank()]), len(rows)
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient[ctx.start : ctx.start + ctx.count] * world_size()
