"""A control that reads each product by itself: BiXSE, binary cross-entropy with the grade as a soft target.

Losses within a query leave the level of its scores free. This one says what a cosine means, the same for every query, so
that scores can be compared across queries.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from roar.losses.graded import GRADES, check_graded, own_scores, weight_or_ones


def bixse_loss(
    scores: Tensor,
    group: Tensor,
    grade: Tensor,
    *,
    temperature: float | Tensor = 0.05,
    bias: float | Tensor | None = None,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    targets: Sequence[float] = (0.0, 1 / 3, 2 / 3, 1.0),
    negatives: bool = True,
) -> Tensor:
    """BiXSE (arXiv 2508.06781): every judged pair, and every product of another query as a negative, is a yes or no.

        L = -1/N ( sum over judged (i, j)  t_j log sigmoid(z_ij) + (1 - t_j) log sigmoid(-z_ij)
                   + sum over j of other queries, not masked  log sigmoid(-z_ij) ),    z = s / tau + b

    with N the number of judged pairs. Scale 1 / tau and bias b are those of the sigmoid loss of SigLIP (arXiv 2303.15343);
    both may be tensors that training learns.

    Args:
        scores: (Q, P) cosines.
        group: (P,) int64, the row (query) each product belongs to.
        grade: (P,) int64, 3 exact, 2 substitute, 1 complement, 0 irrelevant.
        temperature: tau > 0, one over the scale.
        bias: b; None: -0.5 / tau, which puts even odds at a cosine of 0.5.
        mask: (Q, P) bool, True = not taken as a negative of the row (another query's product that is a near-duplicate or
            known relevant); a query's own products always stay.
        weight: (P,) non-negative rater agreement; all terms of a product weigh this much.
        targets: the chance, 0 to 1, that a product of grade 0, 1, 2, 3 is what the query asks for.
        negatives: take other queries' products as negatives; False reads the judged pairs alone.

    Returns:
        Scalar, float32: the sum above over the sum of weights; 0 with a zero gradient where all weights are 0.

    Raises:
        ValueError: shapes disagree, an index or grade is out of range, scores are not finite, temperature <= 0, or targets are
            not one chance for each grade.

    Examples:
        Cosines in the order of the grades, and the other way round.

        >>> group, grade = torch.tensor([0, 0, 0]), torch.tensor([3, 2, 0])
        >>> [round(bixse_loss(torch.tensor([row]), group, grade).item(), 3) for row in ([0.7, 0.6, 0.4], [0.4, 0.6, 0.7])]
        [0.313, 2.313]

    References:
        BiXSE, arXiv 2508.06781.
    """
    check_graded(scores, group, grade, temperature, mask, weight)
    if len(targets) != GRADES or not all(0 <= target <= 1 for target in targets):
        raise ValueError(f"targets: expected {GRADES} numbers from 0 to 1, one for each grade, got {tuple(targets)}")
    bias = -0.5 / temperature if bias is None else bias
    z = own_scores(scores, group, temperature) + bias
    weight = weight_or_ones(weight, z)
    target = torch.tensor(targets, dtype=z.dtype, device=z.device)[grade]
    loss = (weight * binary_cross_entropy_with_logits(z, target, reduction="none")).sum()
    if negatives:
        loss = loss + (_negatives(scores.float() / temperature + bias, group, mask) * weight).sum()
    return loss / weight.sum().clamp_min(torch.finfo(z.dtype).tiny)


def _negatives(z: Tensor, group: Tensor, mask: Tensor | None) -> Tensor:
    """(P,) sum of -log sigmoid(-z) over the queries that each product is a negative of; overwrites z (Q, P)."""
    left_out = torch.zeros_like(z, dtype=torch.bool) if mask is None else mask.clone()
    left_out[group, torch.arange(len(group), device=group.device)] = True
    return softplus(z.masked_fill_(left_out, -torch.inf)).sum(dim=0)
