"""Which products of a batch must not be pushed away from a query although nobody labelled them relevant.

In-batch negatives are other queries' positives. Some of them answer this query just as well: a near-duplicate listing, a
product that is judged relevant elsewhere, or one that the encoder already scores above the labelled positive. Pushing them
away teaches the encoder to tell apart what is the same.
"""

import torch
from torch import Tensor

from roar.losses.checks import check_index, check_scores, check_shape


def false_negative_mask(
    scores: Tensor,
    positive: Tensor,
    *,
    margin: float | None = 0.1,
    same_cluster: Tensor | None = None,
    known_relevant: Tensor | None = None,
) -> Tensor:
    """Mark the products to leave out of each row's negatives.

    The margin rule is the published one (arXiv 2606.01504): d_j is left out where cos(q, d_j) > cos(q, d+) + margin.
    It reads raw cosines and carries no gradient. A negative margin gives a GISTEmbed-like rule scored by the model itself.

    Args:
        scores: (Q, P) cosines.
        positive: (Q,) int64, the column of each row's positive.
        margin: how far a product may beat the positive before it counts as relevant; None switches the rule off.
        same_cluster: (Q, P) bool, near-duplicates of the row's positive.
        known_relevant: (Q, P) bool, products known to answer the row's query.

    Returns:
        (Q, P) bool, True = left out; never True for the positive itself.

    Raises:
        ValueError: shapes disagree, an index is out of range, or scores are not finite.

    Examples:
        Of three products the second beats the positive by more than 0.1, and the third is known to answer.

        >>> scores, known = torch.tensor([[0.5, 0.7, 0.55]]), torch.tensor([[False, False, True]])
        >>> false_negative_mask(scores, torch.tensor([0]), known_relevant=known).tolist()
        [[False, True, True]]

    References:
        Semantic Retrieval for Product Search in E-Commerce, arXiv 2606.01504.
        Solatorio (2024), GISTEmbed, arXiv 2402.16829.
    """
    check_scores(scores)
    check_shape("positive", positive, (scores.shape[0],))
    check_index("positive", positive, scores.shape[1])
    raw = scores.detach()
    left_out = torch.zeros_like(raw, dtype=torch.bool)
    if margin is not None:
        left_out |= raw > raw.gather(1, positive[:, None]) + margin
    for name, extra in (("same_cluster", same_cluster), ("known_relevant", known_relevant)):
        check_shape(name, extra, tuple(scores.shape))
        if extra is not None:
            left_out |= extra
    return left_out.scatter(1, positive[:, None], False)
