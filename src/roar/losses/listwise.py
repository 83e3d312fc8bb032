"""Controls that read a query's products as one list: ListMLE and ListNet.

A list of one grade says nothing about order: it is left out, though the formulas give it a value. Like the pairwise controls
these read the query's own products alone.
"""

import torch
from torch import Tensor

from roar.losses.graded import (
    check_graded,
    gain,
    has_comparison,
    order_by,
    own_scores,
    places,
    weight_or_ones,
    weighted_mean,
)


def list_mle_loss(
    scores: Tensor,
    group: Tensor,
    grade: Tensor,
    *,
    temperature: float = 0.01,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """ListMLE (Xia et al., ICML 2008): the Plackett-Luce likelihood of the list sorted by grade.

        L = -1/C sum over queries, over places k  log( e^{x_k} / sum_{l >= k} e^{x_l} ),    x = s / tau

    The list picks its products one by one, the best first; C counts the picks that have an alternative, one fewer than
    the list has products. Products of one grade are shuffled anew in each call, so that no order among them is learned.

    Args:
        scores: (Q, P) cosines.
        group: (P,) int64, the row (query) each product belongs to.
        grade: (P,) int64, 3 exact, 2 substitute, 1 complement, 0 irrelevant.
        temperature: tau > 0.
        mask: (Q, P) bool, ignored: a query's own products always stay, and there are no others here.
        weight: (P,) non-negative rater agreement; a pick weighs what the picked product does.
        generator: shuffles the ties; None: they are picked in the given order.

    Returns:
        Scalar, float32: the weighted mean over picks; 0 with a zero gradient where no query has two grades.

    Raises:
        ValueError: shapes disagree, an index or grade is out of range, scores are not finite, or temperature <= 0.

    Examples:
        Cosines in the order of the grades, and the other way round.

        >>> group, grade = torch.tensor([0, 0, 0]), torch.tensor([3, 2, 0])
        >>> [round(list_mle_loss(torch.tensor([row]), group, grade, temperature=0.1).item(), 3) for row in ([0.7, 0.6, 0.4], [0.4, 0.6, 0.7])]
        [0.238, 2.331]

    References:
        Xia et al. (2008), Listwise approach to learning to rank: theory and algorithm, ICML.
    """
    check_graded(scores, group, grade, temperature, mask, weight)
    x = own_scores(scores, group, temperature)
    order = _worst_first(group, grade, generator)
    query, place = group[order], places(group[order], len(scores))
    # Worst first: what is left at a pick is a prefix, and the zeros that fill up shorter lists come after it.
    lists = x.new_zeros(len(scores), int(place.max()) + 1).index_put((query, place), x[order])
    left = torch.logcumsumexp(lists, dim=1)[query, place]
    picks = weight_or_ones(weight, x)[order] * (has_comparison(group, grade, len(scores))[order] & (place > 0))
    return weighted_mean(left - x[order], picks)


def list_net_loss(
    scores: Tensor,
    group: Tensor,
    grade: Tensor,
    *,
    temperature: float = 0.01,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    target_temperature: float = 1.0,
) -> Tensor:
    """ListNet, top one (Cao et al., ICML 2007): cross-entropy between two chances of each product to be picked first.

        L = -1/Q sum over queries, over their products  softmax(G / t)_j log softmax(s / tau)_j,    G = 2^grade - 1

    Args:
        scores: (Q, P) cosines.
        group: (P,) int64, the row (query) each product belongs to.
        grade: (P,) int64, 3 exact, 2 substitute, 1 complement, 0 irrelevant.
        temperature: tau > 0.
        mask: (Q, P) bool, ignored: a query's own products always stay, and there are no others here.
        weight: (P,) non-negative rater agreement; a product's term weighs this much.
        target_temperature: t > 0; at 1 the best grade takes nearly all of the target, a larger t spreads it.

    Returns:
        Scalar, float32: the weighted mean over queries with two grades; 0 with a zero gradient where there is none.

    Raises:
        ValueError: as `list_mle_loss`, or target_temperature <= 0.

    Examples:
        Cosines in the order of the grades, and the other way round.

        >>> group, grade = torch.tensor([0, 0, 0]), torch.tensor([3, 2, 0])
        >>> [round(list_net_loss(torch.tensor([row]), group, grade, temperature=0.1).item(), 3) for row in ([0.7, 0.6, 0.4], [0.4, 0.6, 0.7])]
        [0.37, 3.31]

    References:
        Cao et al. (2007), Learning to rank: from pairwise approach to listwise approach, ICML.
    """
    check_graded(scores, group, grade, temperature, mask, weight)
    if not target_temperature > 0:
        raise ValueError(f"target_temperature: expected a positive number, got {target_temperature}")
    x = own_scores(scores, group, temperature)
    target = _log_softmax(gain(grade) / target_temperature, group, len(scores)).exp()
    share = target * weight_or_ones(weight, x) * has_comparison(group, grade, len(scores))
    return weighted_mean(-_log_softmax(x, group, len(scores)), share)


def _worst_first(group: Tensor, grade: Tensor, generator: torch.Generator | None) -> Tensor:
    """(P,) product indices sorted by query, the worst grade first, ties shuffled or the last given first."""
    count = len(group)
    if generator is None:
        start = torch.arange(count, device=group.device).flip(0)
    else:
        start = torch.randperm(count, generator=generator, device=generator.device).to(group.device)
    return start[order_by(group[start], -grade[start])]


def _log_softmax(x: Tensor, group: Tensor, queries: int) -> Tensor:
    """(P,) log softmax of each product among its query's own."""
    top = x.new_zeros(queries).scatter_reduce(0, group, x.detach(), "amax", include_self=False)
    shifted = x - top[group]
    return shifted - x.new_zeros(queries).index_add(0, group, shifted.exp())[group].log()
