"""ROAR, Relative Odds Alignment for Retrieval: order a query's products by grade through the log odds of a softmax.

Source: arXiv 2606.01504. With P(p_j | q_i) = softmax(S_i / tau)_j over a row of products and odds = P / (1 - P), the loss
asks that a better product's odds exceed those of the next worse one:

    L_align = 1/C sum over comparisons of -log sigmoid( log odds(better) - log odds(worse) )

**Numerics.** At tau = 0.01 the textbook log P - log(1 - P) overflows float32 as soon as one product dominates its row. We
use log odds(p_j) = x_j - LSE_{l != j}(x_l), x = S / tau. Only the row's largest entry can have P > 1/2, so its excluded
log-sum-exp R is computed over the others by themselves; the full one is L = logaddexp(max, R), and for every other entry
L + log1p(-e^{x_j - L}) is exact, because there P <= 1/2.

**What does not hold.** Raising the best product's score can raise the loss. Odds are relative to the rest of the row: with
P = (.99, .0055, .0045) in three grades, log odds of the two lower ones are log P - log(1 - P); pushing the first up takes mass
from both in proportion, and the margin between them falls as their own (1 - P) terms, which differ, both tend to 1.
What does hold: every margin x_i - x_j rises in s_i and falls in s_j.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

from roar.losses.checks import check_scores, check_shape, check_temperature
from roar.losses.graded import (
    GRADES,
    Pairs,
    check_graded,
    comparison_weights,
    graded_pairs,
    order_by,
    weight_or_ones,
    weighted_mean,
)

Ties = Literal["pairs", "means", "chain"]
Scope = Literal["batch", "group"]
Others = Literal["none", "joined", "apart"]


class _Rows(NamedTuple):
    """What the log odds of a row need: the largest entry's column, its excluded log-sum-exp, and the row's full one."""

    dominant: Tensor  # (Q,)
    rest: Tensor  # (Q,) LSE over all but the dominant entry; of no meaning where a row has a single product
    full: Tensor  # (Q,)


def _rows(x: Tensor) -> _Rows:
    """Reduce each row of x (Q, P), in which -inf marks products outside the row."""
    top, dominant = x.detach().max(dim=1)
    others = x.scatter(1, dominant[:, None], -torch.inf)
    alone = torch.isneginf(others.detach()).all(dim=1)
    # logsumexp of nothing is -inf with a NaN gradient: a row of one product has no comparison, any finite value does.
    rest = torch.logsumexp(torch.where(alone[:, None], torch.zeros_like(others), others), dim=1)
    best = x.gather(1, dominant[:, None]).squeeze(1)
    best = torch.where(torch.isneginf(top), torch.zeros_like(best), best)
    return _Rows(dominant, rest, torch.logaddexp(best, rest))


def _log_odds_at(x: Tensor, rest: Tensor, full: Tensor, is_dominant: Tensor) -> Tensor:
    """Log odds of entries x given their rows' reductions; all of one shape (or broadcastable)."""
    # At the dominant entry the generic branch is unused: keep its argument in range, or 0 * inf poisons the gradient.
    log_p = torch.where(is_dominant, torch.full_like(x, -1.0), x - full)
    excluded = torch.where(is_dominant, rest, full + torch.log1p(-log_p.exp()))
    return x - excluded


def log_odds(scores: Tensor, *, temperature: float = 0.01, member: Tensor | None = None) -> Tensor:
    """Log odds of every product under its row's softmax.

    Args:
        scores: (Q, P) cosines.
        temperature: tau_a > 0.
        member: (Q, P) bool; restricts the softmax of a row to the products marked True.

    Returns:
        (Q, P) float32; -inf for a product outside its row, +inf for the only product of one.

    Raises:
        ValueError: shapes disagree, scores are not finite, or temperature <= 0.

    Examples:
        Of two equal products each is as likely as not.

        >>> log_odds(torch.tensor([[0.5, 0.5], [0.6, 0.4]]), temperature=0.1).round(decimals=3).tolist()
        [[0.0, 0.0], [2.0, -2.0]]

    References:
        arXiv 2606.01504.
    """
    check_scores(scores)
    check_temperature(temperature)
    check_shape("member", member, tuple(scores.shape))
    x = scores.float() / temperature
    if member is not None:
        x = x.masked_fill(~member, -torch.inf)
    rows = _rows(x)
    is_dominant = torch.zeros_like(x, dtype=torch.bool).scatter(1, rows.dominant[:, None], True)
    inside = torch.isfinite(x.detach())
    odds = _log_odds_at(
        torch.where(inside, x, torch.zeros_like(x) - 1), rows.rest[:, None], rows.full[:, None], is_dominant
    )
    odds = torch.where(inside, odds, torch.full_like(odds, -torch.inf))
    return torch.where(inside & (inside.sum(dim=1, keepdim=True) == 1), torch.full_like(odds, torch.inf), odds)


class _OwnRows(torch.autograd.Function):
    """x = S / tau of each query's own products, and each row's largest entry and log-sum-exp of the others.

    Written out because autograd would keep, fill and add up a (Q, P) tensor for each of the three: here one holds the softmax
    of the others from the forward pass, and becomes the gradient in the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, group: Tensor, temperature: float, outside: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Own x (P,), best x (Q,), LSE of the others (Q,) (0 where there are none), column of the best (Q,)."""
        x = scores.float() / temperature
        own = x[group, torch.arange(len(group), device=group.device)]
        if outside is not None:
            x.masked_fill_(outside, -torch.inf)
        best, dominant = x.max(dim=1)
        second = x.scatter_(1, dominant[:, None], -torch.inf).amax(dim=1)
        shift = second.masked_fill(torch.isneginf(second), 0)
        total = x.sub_(shift[:, None]).exp_().sum(dim=1)
        rest = (shift + total.log()).masked_fill(total == 0, 0)
        ctx.save_for_backward(x, total, group, dominant)
        ctx.temperature, ctx.dtype = temperature, scores.dtype
        ctx.mark_non_differentiable(dominant)
        return own, best.masked_fill(torch.isneginf(best), 0), rest, dominant

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, own: Tensor, best: Tensor, rest: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:
        """d LSE(others) / d x is their softmax; the own and the best entries add theirs."""
        exponential, total, group, dominant = ctx.saved_tensors
        scale = 1 / ctx.temperature
        gradient = exponential * (rest * scale / total.clamp_min(torch.finfo(total.dtype).tiny))[:, None]
        gradient.scatter_add_(1, dominant[:, None], (best * scale)[:, None])
        gradient[group, torch.arange(len(group), device=group.device)] += own * scale
        return gradient.to(ctx.dtype), None, None, None


def _own_log_odds(scores: Tensor, group: Tensor, temperature: float, scope: Scope, mask: Tensor | None) -> Tensor:
    """(P,) log odds of each product on its own query's row; the full (Q, P) matrix of them is never needed."""
    column = torch.arange(scores.shape[1], device=scores.device)
    outside = torch.ones_like(scores, dtype=torch.bool) if scope == "group" else mask
    if outside is not None:
        outside = outside.index_put((group, column), torch.zeros((), dtype=torch.bool, device=scores.device))
    own, best, rest, dominant = _OwnRows.apply(scores, group, temperature, outside)
    return _log_odds_at(own, rest[group], torch.logaddexp(best, rest)[group], dominant[group] == column)


def _neighbours(group: Tensor, grade: Tensor) -> Pairs:
    """Each two neighbours of a query's list sorted by grade, ties included, as published."""
    order = order_by(group, grade)
    better, worse = order[:-1], order[1:]
    same = group[better] == group[worse]
    better, worse = better[same], worse[same]
    return Pairs(better, worse, torch.ones(len(better), device=group.device))


def _mean_per_grade(x: Tensor, group: Tensor, grade: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Replace a query's products of one grade by one entry: weighted mean of x, the query, the grade, mean weight."""
    levels = int(grade.max()) + 1
    level, member = torch.unique(group * levels + grade, return_inverse=True)
    zero = torch.zeros(len(level), dtype=x.dtype, device=x.device)
    total = zero.index_add(0, member, weight)
    # A grade whose raters all weigh nothing has weight 0 itself: its mean is never used, but must stay finite.
    mean = zero.index_add(0, member, x * weight) / total.clamp_min(torch.finfo(x.dtype).tiny)
    count = zero.index_add(0, member, torch.ones_like(weight))
    return mean, torch.div(level, levels, rounding_mode="floor"), level % levels, total / count


class _Compared(NamedTuple):
    """N comparisons of a product with the log odds of a worse one on its query's row."""

    better: Tensor  # (N,) product indices
    worse: Tensor  # (N,) log odds
    worse_grade: Tensor  # (N,)
    weight: Tensor  # (N,)
    size: Tensor  # (N,) float32, pairs among which a comparison's weight is shared


def _other_products(
    scores: Tensor, group: Tensor, grade: Tensor, temperature: float, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Each query's products of its worst grade above irrelevant against the unmasked products of other queries.

    Returns:
        (N,) the better product of each pair, and (N,) the log odds of the other on the better one's row.
    """
    own = group[None, :] == torch.arange(len(scores), device=group.device)[:, None]
    other = ~own if mask is None else ~(own | mask)
    above = torch.where(grade > 0, grade, GRADES)
    worst = torch.full((len(scores),), GRADES, device=grade.device).scatter_reduce(0, group, above, "amin")
    candidate = (grade == worst[group]).nonzero().squeeze(1)
    place, column = other[group[candidate]].nonzero(as_tuple=True)
    better = candidate[place]
    return better, log_odds(scores, temperature=temperature, member=own | other)[group[better], column]


def _with_others(
    compared: _Compared, row: tuple[Tensor, Tensor], group: Tensor, weight: Tensor, *, joined: bool
) -> _Compared:
    """The comparisons and those with other queries' products, in the comparison of own irrelevant ones or in a further one."""
    better, worse = row
    lowest, queries = compared.worse_grade == 0, int(group.max()) + 1
    own, further = (torch.bincount(group[found], minlength=queries) for found in (compared.better[lowest], better))
    size = compared.size
    if joined:
        further = own + further
        size = torch.where(lowest, further[group[compared.better]], size)
    others = _Compared(better, worse, torch.zeros_like(better), weight[better], further[group[better]])
    return _Compared(*map(torch.cat, zip(compared._replace(size=size), others, strict=True)))


def roar_loss(
    scores: Tensor,
    group: Tensor,
    grade: Tensor,
    *,
    temperature: float = 0.01,
    scope: Scope = "batch",
    ties: Ties = "pairs",
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    gap_weight: bool = False,
    by_worse: Sequence[float] | None = None,
    others: Others = "none",
) -> Tensor:
    """ROAR over groups of any size (arXiv 2606.01504; what the paper leaves open is a parameter here).

    Cost: one softmax reduction of (Q, P), and the pairs across consecutive grades within a query.

    Args:
        scores: (Q, P) cosines.
        group: (P,) int64, the row (query) each product belongs to.
        grade: (P,) int64, 3 exact, 2 substitute, 1 complement, 0 irrelevant.
        temperature: tau_a > 0.
        scope: "batch": a row's softmax spans all products of the batch but the masked; "group": the query's own only.
        ties: "pairs": for each two consecutive grades present, the mean over all pairs across them; "means": one
            comparison of the mean log odds of the two; "chain": neighbours of the list sorted by grade (stable), ties
            included, as published, which forces an order on products of one grade.
        mask: (Q, P) bool, True = left out of the row (another query's product that is a near-duplicate or known relevant);
            a query's own products always stay. Ignored with scope "group".
        weight: (P,) non-negative rater agreement; a pair weighs the product of its two.
        gap_weight: weigh a comparison by the difference of its two grades too.
        by_worse: what a comparison weighs besides where its worse product is irrelevant, a complement, a substitute.
        others: the products of other queries that are not masked count as irrelevant to this one. "joined": they join its own
            irrelevant products in their comparison; "apart": they are in one of their own, against the same better grade, so
            that hundreds of easy ones do not thin out the few that were judged. Each weighs 1. Cost: products of that
            better grade times P.

    Returns:
        Scalar, float32: the weighted mean over comparisons; 0 with a zero gradient where there is none.

    Raises:
        ValueError: shapes disagree, an index or grade is out of range, scores are not finite, temperature <= 0, `by_worse` is
            not three non-negative numbers, an unknown scope, ties or others, or others that a scope or ties has no place for.

    Examples:
        The order of two grades is right, then wrong.

        >>> group, grade = torch.tensor([0, 0]), torch.tensor([3, 0])
        >>> [round(roar_loss(torch.tensor([row]), group, grade, temperature=0.1).item(), 3) for row in ([0.6, 0.4], [0.4, 0.6])]
        [0.018, 4.018]

    References:
        Semantic Retrieval for Product Search in E-Commerce, arXiv 2606.01504.
    """
    check_graded(scores, group, grade, temperature, mask, weight)
    if scope not in ("batch", "group"):
        raise ValueError(f"scope: expected 'batch' or 'group', got {scope!r}")
    if ties not in ("pairs", "means", "chain"):
        raise ValueError(f"ties: expected 'pairs', 'means' or 'chain', got {ties!r}")
    if others not in ("none", "joined", "apart"):
        raise ValueError(f"others: expected 'none', 'joined' or 'apart', got {others!r}")
    if others != "none" and (scope, ties) != ("batch", "pairs"):
        raise ValueError(f"others: {others!r} compares pairs of the batch; scope {scope!r} and ties {ties!r} do not")
    x = _own_log_odds(scores, group, temperature, scope, mask)
    weight = weight_or_ones(weight, x)
    if ties == "means":
        x, group, grade, weight = _mean_per_grade(x, group, grade, weight)
    pairs = _neighbours(group, grade) if ties == "chain" else graded_pairs(group, grade, "adjacent")
    better, worse, size = pairs
    compared = _Compared(better, x[worse], grade[worse], weight[better] * weight[worse], size)
    if others != "none":
        row = _other_products(scores, group, grade, temperature, mask)
        compared = _with_others(compared, row, group, weight, joined=others == "joined")
    factor = comparison_weights(by_worse, compared.worse_grade)
    if gap_weight:
        factor = factor * (grade[compared.better] - compared.worse_grade)
    return weighted_mean(softplus(compared.worse - x[compared.better]), factor * compared.weight / compared.size)
