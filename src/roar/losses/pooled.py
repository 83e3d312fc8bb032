"""Pairs of any two products of a batch whatever their queries, without listing them.

P products have up to P^2 / 2 pairs: at 4,096 they are six million. They are compared in blocks of rows, value and gradient in one
pass, so that memory grows with P alone.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from roar.losses.graded import GRADES

_BLOCK = 1 << 20
"""Pairs at once: 4 MB an array, which stays near the processor."""


def pooled_logistic(x: Tensor, grade: Tensor, weight: Tensor) -> Tensor:
    """The logistic loss over all pairs of a better and a worse product.

        L = 1/C sum over two grades a > b of the batch  mean over i of a, j of b  w_i w_j log(1 + e^{x_j - x_i})

    Args:
        x: (P,) float32 scores over the temperature.
        grade: (P,) int64, the larger the better.
        weight: (P,) float32, non-negative. C is the weighted number of comparisons.

    Returns:
        Scalar, float32; 0 with a zero gradient where nothing can be compared.

    Cost: time O(P^2 / 2), memory O(P).
    """
    order = torch.sort(grade, descending=True, stable=True).indices
    size = torch.bincount(grade, minlength=GRADES)
    share = (weight / size[grade])[order]
    per_grade = weight.new_zeros(GRADES).index_add(0, grade[order], share)
    comparisons = (per_grade.sum() ** 2 - (per_grade**2).sum()) / 2
    total = _AllPairs.apply(x[order], share, size.flip(0).cumsum(0).tolist())
    return total / comparisons.clamp_min(torch.finfo(x.dtype).tiny)


class _AllPairs(torch.autograd.Function):
    """Sum of share_i share_j log(1 + e^{x_j - x_i}) over pairs; x lies sorted by grade, `ends` says where each ends."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, share: Tensor, ends: list[int]) -> Tensor:
        total, gradient = x.new_zeros(()), torch.zeros_like(x)
        for start, end in zip([0, *ends], ends, strict=False):
            worse = slice(end, len(x))
            rows = max(1, _BLOCK // max(1, len(x) - end))
            for first in range(start, end, rows) if end < len(x) else ():
                better = slice(first, min(first + rows, end))
                margin = x[worse] - x[better, None]
                total += share[better] @ softplus(margin) @ share[worse]
                slope = margin.sigmoid_()
                gradient[better] -= share[better] * (slope @ share[worse])
                gradient[worse] += share[worse] * (share[better] @ slope)
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return upstream * gradient, None, None
