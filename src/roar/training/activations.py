"""Whether what a batch keeps for its backward pass fits into memory, or each text has to be embedded twice (GradCache).

A pair of MiniLM keeps 10 MB, one of a decoder with adapters 80 MB and more: the same batch that is nothing to the one ends a machine with the
other. So it is measured, on the first mini-batch of a training.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

MOST = 1 / 3
"""Share of the memory that a batch may keep: the backward pass itself takes as much again, and weights and everybody else need the rest."""

SHARERS_VARIABLE = "ROAR_TRAININGS_SIDE_BY_SIDE"
"""Environment variable: trainings that share this machine's memory, where there are several."""

_CGROUP = Path("/sys/fs/cgroup/memory.max")


def fits(model: nn.Module, embed: Callable[[], Tensor], share: float) -> bool:
    """Whether a batch's activations take no more than `MOST` of the memory.

    Args:
        model: what is trained; its weights do not count.
        embed: embeds a part of the batch, with gradients.
        share: the part's share of the batch's tokens.
    """
    device = next(model.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):  # dropout goes on as if nobody had looked
        needed, there = kept_bytes(model, embed) / share, memory_of(device)
    if needed <= MOST * there:
        return True
    logger.info(
        "A batch would keep %.1f GB of %.1f for its backward pass: texts are embedded twice instead (gradient_cache).",
        needed / 1e9,
        there / 1e9,
    )
    return False


def kept_bytes(model: nn.Module, embed: Callable[[], Tensor]) -> int:
    """Bytes of the tensors that a forward pass keeps for the backward pass, the model's weights apart."""
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        embedded = embed()
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    total = sum(size for pointer, size in sizes.items() if pointer not in weights)
    del embedded  # until here its graph held every storage, so that no address was given twice
    return total


def memory_of(device: torch.device) -> int:
    """Bytes of a device; of a processor what the machine has, or the container may take, over the trainings there."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _CGROUP.read_text().strip() if _CGROUP.is_file() else "max"
    whole = min(machine, int(limit)) if limit.isdigit() else machine
    return whole // int(os.environ.get(SHARERS_VARIABLE, "1"))
