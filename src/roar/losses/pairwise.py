"""Losses that compare judged products two by two: RankNet, LambdaLoss, and margin-MSE on grades.

Each product is read on its own query's row alone; the mask plays no part. Compared within a query, nothing ties the scores of one
query to those of another; RankNet's pooled pairs do.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from roar.losses.graded import (
    Pairs,
    Reach,
    check_graded,
    comparison_weights,
    gain,
    graded_pairs,
    order_by,
    own_scores,
    places,
    weight_or_ones,
    weighted_mean,
)
from roar.losses.pooled import pooled_logistic


def ranknet_loss(
    scores: Tensor,
    group: Tensor,
    grade: Tensor,
    *,
    temperature: float = 0.01,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    pairs: Reach | Literal["pooled"] = "adjacent",
    by_worse: Sequence[float] | None = None,
) -> Tensor:
    """RankNet (Burges et al., ICML 2005): the logistic loss of each pair's score difference.

        L = 1/C sum over two grades of a query  mean over its pairs (i better than j)  log(1 + e^{-(s_i - s_j)/tau})

    Adjacent pairs give the limit of `roar_loss` (ties="pairs") where no product dominates its row. Pooled pairs are those that the
    pooled AUC counts: an exact product of one query should score above an irrelevant one of any.

    Args:
        scores: (Q, P) cosines.
        group: (P,) int64, the row (query) each product belongs to.
        grade: (P,) int64, 3 exact, 2 substitute, 1 complement, 0 irrelevant.
        temperature: tau > 0.
        mask: (Q, P) bool, ignored: a query's own products always stay, and there are no others here.
        weight: (P,) non-negative rater agreement; a pair weighs the product of its two.
        pairs: "adjacent": across consecutive grades that the query has; "all": across any two; "pooled": across any two of the
            batch, whatever their queries. Each two grades of a query (pooled: of the batch) are one comparison of weight 1,
            however many pairs they have.
        by_worse: what a comparison weighs instead where its worse product is irrelevant, a complement, a substitute.

    Returns:
        Scalar, float32: the weighted mean over comparisons; 0 with a zero gradient where there is none.

    Raises:
        ValueError: shapes disagree, an index or grade is out of range, scores are not finite, temperature <= 0, `by_worse` is
            not three non-negative numbers, or an unknown choice of pairs.

    Cost: O(P log P + N) for N pairs, up to the sum over queries of g^2 / 2; pooled O(P^2 / 2) in time, O(P) in memory.

    Examples:
        Cosines in the order of the grades, and the other way round.

        >>> group, grade = torch.tensor([0, 0, 0]), torch.tensor([3, 2, 0])
        >>> [round(ranknet_loss(torch.tensor([row]), group, grade, temperature=0.1).item(), 3) for row in ([0.7, 0.6, 0.4], [0.4, 0.6, 0.7])]
        [0.22, 1.72]

    References:
        Burges et al. (2005), Learning to rank using gradient descent, ICML.
    """
    check_graded(scores, group, grade, temperature, mask, weight)
    x = own_scores(scores, group, temperature)
    if pairs == "pooled":
        return pooled_logistic(x, grade, weight_or_ones(weight, x), by_worse)
    compared = graded_pairs(group, grade, pairs)
    pair_weight = _pair_weight(compared, weight_or_ones(weight, x)) * comparison_weights(
        by_worse, grade[compared.worse]
    )
    return weighted_mean(softplus(x[compared.worse] - x[compared.better]), pair_weight / compared.size)


def margin_mse_loss(
    scores: Tensor,
    group: Tensor,
    grade: Tensor,
    *,
    temperature: float = 0.1,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    pairs: Reach = "all",
) -> Tensor:
    """Margin-MSE (arXiv 2010.02666) with the grades as the teacher: score margins against grade gaps.

        L = 1/C sum over two grades of a query  mean over its pairs (i better than j)  ((s_i - s_j)/tau - (grade_i - grade_j))^2

    Unlike a ranking loss it asks for a margin of a certain size, and pulls back what lies further apart.

    Args:
        scores: (Q, P) cosines.
        group: (P,) int64, the row (query) each product belongs to.
        grade: (P,) int64, 3 exact, 2 substitute, 1 complement, 0 irrelevant.
        temperature: tau > 0, the difference of cosines that one grade is worth.
        mask: (Q, P) bool, ignored: a query's own products always stay, and there are no others here.
        weight: (P,) non-negative rater agreement; a pair weighs the product of its two.
        pairs: as in `ranknet_loss`.

    Returns:
        Scalar, float32: the weighted mean over comparisons; 0 with a zero gradient where there is none.

    Raises:
        ValueError: as `ranknet_loss`.

    Examples:
        Margins of one, two and three tenths are what the grades ask for.

        >>> group, grade = torch.tensor([0, 0, 0]), torch.tensor([3, 2, 0])
        >>> [round(margin_mse_loss(torch.tensor([row]), group, grade).item(), 3) for row in ([0.7, 0.6, 0.4], [0.4, 0.6, 0.7])]
        [0.0, 18.0]

    References:
        Hofstätter et al. (2020), Improving efficient neural ranking models with cross-architecture knowledge
            distillation, arXiv 2010.02666.
    """
    check_graded(scores, group, grade, temperature, mask, weight)
    better, worse, size = compared = graded_pairs(group, grade, pairs)
    x = own_scores(scores, group, temperature)
    error = (x[better] - x[worse]) - (grade[better] - grade[worse])
    return weighted_mean(error.square(), _pair_weight(compared, weight_or_ones(weight, x)) / size)


def lambda_loss(
    scores: Tensor,
    group: Tensor,
    grade: Tensor,
    *,
    temperature: float = 0.01,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """LambdaLoss (Wang et al., CIKM 2018): RankNet with each pair weighed by what swapping the two would do to NDCG.

        L = mean over queries  1/M_q sum over grade_i > grade_j  |G_i - G_j| |1/D_i - 1/D_j| log(1 + e^{-(s_i - s_j)/tau})

    with G = 2^grade - 1, D = log2(1 + rank), the rank among the query's own products by current score (no gradient; equal
    scores in the given order), and M_q the ideal DCG, so that every query counts the same. Its gradient is what it is for: as
    the ranks change so do the weights, and a better order can have a larger value.

    Args:
        scores: (Q, P) cosines.
        group: (P,) int64, the row (query) each product belongs to.
        grade: (P,) int64, 3 exact, 2 substitute, 1 complement, 0 irrelevant.
        temperature: tau > 0.
        mask: (Q, P) bool, ignored: a query's own products always stay, and there are no others here.
        weight: (P,) non-negative rater agreement; a pair weighs the product of its two, a query the mean of its pairs.

    Returns:
        Scalar, float32: the weighted mean over queries with two grades; 0 with a zero gradient where there is none.

    Raises:
        ValueError: as `ranknet_loss`.

    Examples:
        Cosines in the order of the grades, and the other way round.

        >>> group, grade = torch.tensor([0, 0, 0]), torch.tensor([3, 2, 0])
        >>> [round(lambda_loss(torch.tensor([row]), group, grade, temperature=0.1).item(), 3) for row in ([0.7, 0.6, 0.4], [0.4, 0.6, 0.7])]
        [0.077, 1.489]

    References:
        Wang et al. (2018), The LambdaLoss framework for ranking metric optimization, CIKM.
    """
    check_graded(scores, group, grade, temperature, mask, weight)
    better, worse, _ = compared = graded_pairs(group, grade, "all")
    x = own_scores(scores, group, temperature)
    discount = _discount(group, x.detach(), len(scores))
    gains = gain(grade)
    ideal = x.new_zeros(len(scores)).index_add(0, group, gains * _discount(group, grade, len(scores)))
    swap = (gains[better] - gains[worse]) * (discount[better] - discount[worse]).abs() / ideal[group[better]]
    pair_weight = _pair_weight(compared, weight_or_ones(weight, x))
    per_query = torch.bincount(group[better], minlength=len(scores))[group[better]]
    loss = (pair_weight * swap * softplus(x[worse] - x[better])).sum()
    return loss / (pair_weight / per_query).sum().clamp_min(torch.finfo(x.dtype).tiny)


def _pair_weight(pairs: Pairs, weight: Tensor) -> Tensor:
    return weight[pairs.better] * weight[pairs.worse]


def _discount(group: Tensor, key: Tensor, queries: int) -> Tensor:
    """(P,) float32, 1 / log2(1 + rank) of each product in its query's list sorted by key, the largest first."""
    order = order_by(group, key)
    rank = 1 + places(group[order], queries).float()
    return torch.empty_like(rank).scatter(0, order, 1 / torch.log2(1 + rank))
