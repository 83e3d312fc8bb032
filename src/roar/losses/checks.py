"""Argument checks shared by the losses: a ValueError that names the argument and its shape, never a silent NaN."""

import torch
from torch import Tensor


def check_scores(scores: Tensor) -> None:
    """Raise ValueError unless `scores` is a finite (Q, P) matrix with at least one row and column."""
    if scores.ndim != 2 or 0 in scores.shape:
        raise ValueError(f"scores: expected a non-empty (Q, P) matrix, got shape {tuple(scores.shape)}")
    # One read where all is well: a NaN or infinity survives a sum.
    if not torch.isfinite(scores.detach().sum()) and not torch.isfinite(scores).all():
        raise ValueError(f"scores: shape {tuple(scores.shape)} holds NaN or infinite values")


def check_shape(name: str, value: Tensor | None, shape: tuple[int, ...]) -> None:
    """Raise ValueError if `value` is given and its shape is not `shape`."""
    if value is not None and tuple(value.shape) != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {tuple(value.shape)}")


def check_index(name: str, value: Tensor, size: int) -> None:
    """Raise ValueError if an integer index lies outside [0, size)."""
    if value.is_floating_point():
        raise ValueError(f"{name}: expected integers, got {value.dtype} of shape {tuple(value.shape)}")
    if value.numel() and (int(value.min()) < 0 or int(value.max()) >= size):
        raise ValueError(f"{name}: shape {tuple(value.shape)} holds values outside [0, {size})")


def check_temperature(temperature: float) -> None:
    """Raise ValueError unless `temperature` is positive."""
    if not temperature > 0:
        raise ValueError(f"temperature: expected a positive number, got {temperature}")


def check_weight(weight: Tensor | None, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless `weight` is absent or non-negative, finite and of the given shape."""
    check_shape("weight", weight, shape)
    if weight is not None and not (torch.isfinite(weight).all() and (weight >= 0).all()):
        raise ValueError(f"weight: shape {tuple(weight.shape)} holds negative, NaN or infinite values")
