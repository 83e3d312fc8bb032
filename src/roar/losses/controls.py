"""Every alignment objective by name, in one signature: ROAR in its readings, and what it is compared with.

An alignment loss joins the contrastive term of stage 2, L_total = L_contrast + beta * L_align. "none" continues the contrastive
loss alone. Each is called as `loss(scores, group, grade, temperature=..., mask=..., weight=..., generator=...)`; what is left
out keeps the loss's own default, and the arguments that a loss has no use for are checked and ignored.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import torch
from torch import Tensor

from roar.losses.graded import check_graded
from roar.losses.listwise import list_mle_loss, list_net_loss
from roar.losses.pairwise import lambda_loss, margin_mse_loss, ranknet_loss
from roar.losses.pointwise import bixse_loss
from roar.losses.roar import roar_loss


class AlignmentLoss(Protocol):
    """Scores (Q, P), group (P,), grade (P,) in, a scalar out; see `roar_loss` for the arguments."""

    def __call__(
        self,
        scores: Tensor,
        group: Tensor,
        grade: Tensor,
        *,
        temperature: float = ...,
        mask: Tensor | None = ...,
        weight: Tensor | None = ...,
        generator: torch.Generator | None = ...,
    ) -> Tensor:
        """The loss of a graded batch; `generator` draws where the loss is random."""


def no_alignment(
    scores: Tensor,
    group: Tensor,
    grade: Tensor,
    *,
    temperature: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """0 with a zero gradient: the contrastive loss continued on stage-2 data. Arguments and errors as `roar_loss`.

    Examples:
        >>> no_alignment(torch.tensor([[0.4, 0.6]]), torch.tensor([0, 0]), torch.tensor([3, 0])).item()
        0.0

    References:
        None: the control in arXiv 2606.01504's sense, stage 1's loss continued.
    """
    check_graded(scores, group, grade, temperature, mask, weight)
    return scores.float().sum() * 0.0


def _without_draws(loss: Callable[..., Tensor], **options: Any) -> AlignmentLoss:
    """The loss with its options set; it takes a generator and has no use for it."""

    def named(
        scores: Tensor, group: Tensor, grade: Tensor, *, generator: torch.Generator | None = None, **arguments: Any
    ) -> Tensor:
        return loss(scores, group, grade, **options, **arguments)

    return named


ALIGNMENT_LOSSES: Mapping[str, AlignmentLoss] = MappingProxyType(
    {
        "none": _without_draws(no_alignment),
        "roar": _without_draws(roar_loss),
        "roar_chain": _without_draws(roar_loss, ties="chain"),
        "roar_means": _without_draws(roar_loss, ties="means"),
        "roar_group": _without_draws(roar_loss, scope="group"),
        "roar_gap": _without_draws(roar_loss, gap_weight=True),
        "roar_joined": _without_draws(roar_loss, others="joined"),
        "roar_apart": _without_draws(roar_loss, others="apart"),
        "ranknet_adjacent": _without_draws(ranknet_loss, pairs="adjacent"),
        "ranknet_all": _without_draws(ranknet_loss, pairs="all"),
        "ranknet_pooled": _without_draws(ranknet_loss, pairs="pooled"),
        "list_mle": list_mle_loss,
        "list_net": _without_draws(list_net_loss),
        "lambda": _without_draws(lambda_loss),
        "bixse": _without_draws(bixse_loss),
        "margin_mse": _without_draws(margin_mse_loss),
    }
)
"""Name -> loss. "roar_chain" is the published reading; "roar" compares pairs across consecutive grades."""
