"""InfoNCE over the products of a batch, with some of them left out."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from roar.losses.checks import check_index, check_scores, check_shape, check_temperature, check_weight


def contrastive_loss(
    scores: Tensor,
    positive: Tensor,
    *,
    mask: Tensor | None = None,
    margin: Tensor | None = None,
    temperature: float = 0.02,
    weight: Tensor | None = None,
) -> Tensor:
    """Contrastive loss of stage 1 (arXiv 2606.01504; InfoNCE, arXiv 1807.03748), by choice with additive margins (arXiv 1902.08564).

    L = -1/N sum_i log( e^{s_ii/tau} / (e^{s_ii/tau} + sum_{j not masked} e^{(s_ij + m_ij)/tau}) )

    Args:
        scores: (Q, P) cosines.
        positive: (Q,) int64, the column of each row's positive.
        mask: (Q, P) bool, True = left out of the denominator, as `false_negative_mask` gives it; the positive always counts.
        margin: (Q, P) m_ij, by how much more than the others a product must stay below the positive; None: 0. Ignored for the positive.
        temperature: tau > 0.
        weight: (Q,) non-negative; the result is the weighted mean over rows. All zero: loss 0.

    Returns:
        Scalar, float32.

    Raises:
        ValueError: shapes disagree, an index is out of range, scores are not finite, or temperature <= 0.

    Examples:
        The second product of another query beats the positive, until it is left out.

        >>> scores, positive = torch.tensor([[0.60, 0.65]]), torch.tensor([0])
        >>> masks = (None, torch.tensor([[False, True]]))
        >>> [round(contrastive_loss(scores, positive, mask=mask).item(), 3) for mask in masks]
        [2.579, 0.0]

    References:
        van den Oord et al. (2018), Representation learning with contrastive predictive coding, arXiv 1807.03748.
        Yang et al. (2019), Improving multilingual sentence embedding using bi-directional dual encoder with additive margin
            softmax, arXiv 1902.08564.
    """
    check_scores(scores)
    check_shape("positive", positive, (scores.shape[0],))
    check_index("positive", positive, scores.shape[1])
    check_shape("mask", mask, tuple(scores.shape))
    check_shape("margin", margin, tuple(scores.shape))
    check_temperature(temperature)
    check_weight(weight, (scores.shape[0],))
    if margin is not None:
        scores = scores + margin.scatter(1, positive[:, None], 0.0)
    logits = scores.float() / temperature
    if mask is not None:
        logits = logits.masked_fill(mask.scatter(1, positive[:, None], False), -torch.inf)
    if weight is None:
        return cross_entropy(logits, positive)
    total = weight.float().sum()
    return (cross_entropy(logits, positive, reduction="none") * weight).sum() / total.clamp_min(
        torch.finfo(torch.float32).tiny
    )
