"""Losses that draw a query's scores towards a teacher's: what it says of how products stand to each other, not at what level.

Each product (column) carries its teacher's `target` (P,), NaN where the teacher has not scored it; such products, and queries with fewer
than two that it scored, play no part. Each product is read on its own query's row alone.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from roar.losses.checks import check_index, check_scores, check_shape, check_temperature
from roar.losses.graded import own_scores, weighted_mean


class DistillationLoss(Protocol):
    """Scores (Q, P), group (P,), target (P,) in, a scalar out."""

    def __call__(self, scores: Tensor, group: Tensor, target: Tensor, *, temperature: float = ...) -> Tensor:
        """The loss of a batch."""


def margin_mse_distillation(scores: Tensor, group: Tensor, target: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Margin-MSE: the student's margin between two products of a query should be the teacher's.

        L = mean over queries  mean over its pairs (i, j), i not j  ((s_i - s_j)/tau - (t_i - t_j))^2

    Over all pairs that is 2 n/(n - 1) times the variance of s/tau - t over the query's n products, which is how it is computed.

    Args:
        scores: (Q, P) cosines.
        group: (P,) int64, the row (query) each product belongs to.
        target: (P,) the teacher's scores, NaN where it has none.
        temperature: tau > 0, the difference of cosines that one unit of the teacher's scores is worth.

    Returns:
        Scalar, float32: the mean over queries with two scored products; 0 with a zero gradient where there is none.

    Raises:
        ValueError: shapes disagree, an index is out of range, scores or targets are infinite, or temperature <= 0.

    Cost: linear in P, however many pairs there are.

    Examples:
        The teacher has not scored the third product; its margin of one is a tenth of cosine.

        >>> group, target = torch.tensor([0, 0, 0]), torch.tensor([2.0, 1.0, torch.nan])
        >>> [round(margin_mse_distillation(torch.tensor([row]), group, target).item(), 3) for row in ([0.5, 0.4, 0.9], [0.4, 0.5, 0.9])]
        [0.0, 4.0]

    References:
        Hofstaetter, Althammer, Schroeder, Sertkan and Hanbury, "Improving efficient neural ranking models with cross-architecture
        knowledge distillation", arXiv 2010.02666 (there over pairs of a relevant and another passage).
    """
    own = _scored(scores, group, target, temperature)
    error = own.score - own.target
    mean = own.summed(error) / own.size.clamp_min(1)
    spread = own.summed((error - mean[own.query]).square())
    return weighted_mean(2 * spread / (own.size - 1).clamp_min(1), own.compared)


def listwise_kl_distillation(scores: Tensor, group: Tensor, target: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Listwise distillation: the student's softmax over a query's products should be the teacher's.

        L = mean over queries  sum_i p_i (log p_i - log q_i),  p = softmax(t),  q = softmax(s / tau)

    Args:
        scores: (Q, P) cosines.
        group: (P,) int64, the row (query) each product belongs to.
        target: (P,) the teacher's scores, NaN where it has none.
        temperature: as in `margin_mse_distillation`.

    Returns:
        As `margin_mse_distillation`.

    Raises:
        ValueError: as `margin_mse_distillation`.

    Cost: linear in P.

    Examples:
        The student agrees with the teacher, whatever the level; then it does not.

        >>> group, target = torch.tensor([0, 0]), torch.tensor([2.0, 1.0])
        >>> [round(listwise_kl_distillation(torch.tensor([row]), group, target).item(), 3) for row in ([0.5, 0.4], [0.4, 0.5])]
        [0.0, 0.462]

    References:
        Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", arXiv 1503.02531; over ranked lists: Ren et al.,
        "RocketQAv2", arXiv 2110.07367.
    """
    own = _scored(scores, group, target, temperature)
    teacher, student = own.log_softmax(own.target), own.log_softmax(own.score)
    return weighted_mean(own.summed(teacher.exp() * (teacher - student)), own.compared)


class _Scored(NamedTuple):
    """The N products that the teacher scored, and the Q queries."""

    query: Tensor  # (N,)
    score: Tensor  # (N,) s / tau
    target: Tensor  # (N,)
    size: Tensor  # (Q,) scored products

    @property
    def compared(self) -> Tensor:
        """(Q,) 1 for queries with a pair to compare."""
        return (self.size > 1).to(self.score.dtype)

    def summed(self, value: Tensor) -> Tensor:
        """(Q,) sums over each query's products."""
        return value.new_zeros(len(self.size)).index_add(0, self.query, value)

    def log_softmax(self, value: Tensor) -> Tensor:
        """(N,) over each query's own products."""
        top = value.detach().new_full((len(self.size),), -torch.inf)
        top = top.scatter_reduce(0, self.query, value.detach(), "amax")[self.query]
        total = self.summed((value - top).exp())
        return value - top - total[self.query].log()


def _scored(scores: Tensor, group: Tensor, target: Tensor, temperature: float) -> _Scored:
    check_scores(scores)
    check_temperature(temperature)
    columns = (scores.shape[1],)
    check_shape("group", group, columns)
    check_index("group", group, scores.shape[0])
    check_shape("target", target, columns)
    if torch.isinf(target).any():
        raise ValueError(f"target: shape {tuple(target.shape)} holds infinite values; NaN says that there is none")
    there = ~torch.isnan(target)
    query = group[there]
    size = torch.bincount(query, minlength=scores.shape[0]).to(torch.float32)
    return _Scored(query, own_scores(scores, group, temperature)[there], target[there].float(), size)


DISTILLATION_LOSSES: Mapping[str, DistillationLoss] = MappingProxyType(
    {"margin_mse": margin_mse_distillation, "listwise_kl": listwise_kl_distillation}
)
"""Name -> loss."""
