"""Pairs of any two products of a batch whatever their queries, without listing them.

P products have up to P^2 / 2 pairs: at 4,096 they are six million. They are compared in blocks of rows, value and gradient in one
pass, so that memory grows with P alone.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from roar.losses.graded import GRADES, comparison_weights

_BLOCK = 1 << 20
"""Pairs at once: 4 MB an array, which stays near the processor."""


def pooled_logistic(x: Tensor, grade: Tensor, weight: Tensor, by_worse: Sequence[float] | None = None) -> Tensor:
    """The logistic loss over all pairs of a better and a worse product.

        L = 1/C sum over two grades a > b of the batch  mean over i of a, j of b  v_b w_i w_j log(1 + e^{x_j - x_i})

    Args:
        x: (P,) float32 scores over the temperature.
        grade: (P,) int64, the larger the better.
        weight: (P,) float32, non-negative. C is the weighted number of comparisons.
        by_worse: v of each grade that another can beat, the lowest first; None for 1.

    Returns:
        Scalar, float32; 0 with a zero gradient where nothing can be compared.

    Raises:
        ValueError: `by_worse` is not three non-negative numbers.

    Cost: time O(P^2 / 2), memory O(P).
    """
    grade, order = torch.sort(grade, descending=True, stable=True)
    size = torch.bincount(grade, minlength=GRADES)
    better = weight[order] / size[grade]
    worse = better * comparison_weights(by_worse, grade)
    total = _AllPairs.apply(x[order], better, worse, size.flip(0).cumsum(0).tolist())
    above, below = (share.new_zeros(GRADES).index_add(0, grade, share) for share in (better, worse))
    comparisons = (below[:-1] * above.flip(0).cumsum(0).flip(0)[1:]).sum()
    return total / comparisons.clamp_min(torch.finfo(x.dtype).tiny)


class _AllPairs(torch.autograd.Function):
    """Sum of better_i worse_j log(1 + e^{x_j - x_i}) over pairs; x lies sorted by grade, `ends` says where each ends."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, better: Tensor, worse: Tensor, ends: list[int]) -> Tensor:
        total, gradient = x.new_zeros(()), torch.zeros_like(x)
        for start, end in zip([0, *ends], ends, strict=False):
            after = slice(end, len(x))
            rows = max(1, _BLOCK // max(1, len(x) - end))
            for first in range(start, end, rows) if end < len(x) else ():
                block = slice(first, min(first + rows, end))
                margin = x[after] - x[block, None]
                total += better[block] @ softplus(margin) @ worse[after]
                slope = margin.sigmoid_()
                gradient[block] -= better[block] * (slope @ worse[after])
                gradient[after] += worse[after] * (better[block] @ slope)
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return upstream * gradient, None, None, None
