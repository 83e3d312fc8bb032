"""Alignment losses of your own: registered under a name, they are chosen by it as those of `roar.losses` are."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from roar.errors import InputError
from roar.losses import ALIGNMENT_LOSSES, AlignmentLoss
from roar.parameters.training import FURTHER_LOSSES

_OWN: dict[str, AlignmentLoss] = {}


def register_alignment_loss(name: str, loss: Callable[..., Tensor]) -> None:
    """Make a loss one that `stage2.alignment.loss` can name, in this process.

    Args:
        name: lower-case letters, digits, underscores.
        loss: called as `loss(scores, group, grade, mask=..., weight=...)`, and with `temperature=...` where one is set; see
            `roar.losses.roar_loss` for the arguments. It gives a scalar.

    Raises:
        InputError: the name is taken, or is none.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(
            f"register_alignment_loss: {name!r} is no name; use lower-case letters, digits and underscores."
        )
    if name in ALIGNMENT_LOSSES or name in _OWN:
        raise InputError(f"register_alignment_loss: there is a loss {name!r} already; choose another name.")

    def without_draws(
        scores: Tensor, group: Tensor, grade: Tensor, *, generator: torch.Generator | None = None, **arguments: Any
    ) -> Tensor:
        return loss(scores, group, grade, **arguments)

    _OWN[name] = without_draws
    FURTHER_LOSSES.add(name)


def alignment_loss(name: str) -> AlignmentLoss:
    """The loss of a name that the parameters accept."""
    return _OWN[name] if name in _OWN else ALIGNMENT_LOSSES[name]
