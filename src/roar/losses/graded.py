"""What losses over graded products share: argument checks, the scores of a query's own products, and pairs of them.

A graded batch is scores (Q, P), and for each product (column) its query `group` (P,) and its `grade` (P,). Everything here is
indexing over the P products: groups have any size, and nothing loops over them.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from roar.losses.checks import check_index, check_scores, check_shape, check_temperature, check_weight

GRADES = 4
"""3 exact, 2 substitute, 1 complement, 0 irrelevant."""

Reach = Literal["adjacent", "all"]


def check_graded(
    scores: Tensor,
    group: Tensor,
    grade: Tensor,
    temperature: float | Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
) -> None:
    """Raise ValueError, naming argument and shape, unless the arguments describe one graded batch."""
    check_scores(scores)
    check_temperature(temperature.item() if isinstance(temperature, Tensor) else temperature)
    columns = (scores.shape[1],)
    check_shape("group", group, columns)
    check_index("group", group, scores.shape[0])
    check_shape("grade", grade, columns)
    check_index("grade", grade, GRADES)
    check_shape("mask", mask, tuple(scores.shape))
    check_weight(weight, columns)


def comparison_weights(by_worse: Sequence[float] | None, worse: Tensor) -> Tensor | float:
    """(N,) what the comparison of a pair weighs, by the grade `worse` (N,) of its worse product; 1 where nothing is said.

    Raises:
        ValueError: `by_worse` is not one non-negative number for each grade that another can beat.
    """
    if by_worse is None:
        return 1.0
    if len(by_worse) != GRADES - 1 or not all(0 <= weight < math.inf for weight in by_worse):
        raise ValueError(
            f"by_worse: expected {GRADES - 1} non-negative numbers, the lowest grade's first, got {tuple(by_worse)}"
        )
    return torch.tensor([*by_worse, 1.0], device=worse.device)[worse]


def own_scores(scores: Tensor, group: Tensor, temperature: float | Tensor) -> Tensor:
    """(P,) float32: s / tau of each product on its own query's row."""
    return scores[group, torch.arange(scores.shape[1], device=scores.device)].float() / temperature


def weight_or_ones(weight: Tensor | None, like: Tensor) -> Tensor:
    """The weights in `like`'s type; ones where there are none."""
    return torch.ones_like(like) if weight is None else weight.to(like.dtype)


def weighted_mean(value: Tensor, weight: Tensor) -> Tensor:
    """Scalar; 0 with a zero gradient where the weights sum to 0 or there is nothing to average."""
    return (weight * value).sum() / weight.sum().clamp_min(torch.finfo(value.dtype).tiny)


def gain(grade: Tensor) -> Tensor:
    """(P,) float32, 2^grade - 1: what a product of a grade adds to DCG."""
    return torch.exp2(grade.float()) - 1


def has_comparison(group: Tensor, grade: Tensor, queries: int) -> Tensor:
    """(P,) bool: the product's query has products of at least two grades."""
    best, worst = (
        torch.zeros(queries, dtype=grade.dtype, device=grade.device).scatter_reduce(
            0, group, grade, extreme, include_self=False
        )
        for extreme in ("amax", "amin")
    )
    return (best > worst)[group]


def order_by(group: Tensor, key: Tensor) -> Tensor:
    """(P,) product indices sorted by query, then by the largest key, otherwise in the given order."""
    by_key = torch.argsort(key, descending=True, stable=True)
    return by_key[torch.argsort(group[by_key], stable=True)]


def places(sorted_group: Tensor, queries: int) -> Tensor:
    """(P,) place of each product in its query's list, from 0, for products sorted by query."""
    count = torch.bincount(sorted_group, minlength=queries)
    return torch.arange(len(sorted_group), device=sorted_group.device) - (count.cumsum(0) - count)[sorted_group]


class Pairs(NamedTuple):
    """Pairs of a query's products, and how many pairs compare the same two grades of the same query."""

    better: Tensor  # (N,) product indices
    worse: Tensor  # (N,)
    size: Tensor  # (N,) float32


def graded_pairs(group: Tensor, grade: Tensor, reach: Reach) -> Pairs:
    """Every pair (better, worse) across two consecutive grades that a query has ("adjacent"), or any two ("all").

    In a query's list sorted by grade, the products worse than one of grade a follow without a gap, from the end of a's
    stretch to the end of the next grade's (adjacent) or of the list (all).

    Cost: O(P log P + N); N is at most the sum over queries of g^2 / 2.

    Raises:
        ValueError: an unknown reach.
    """
    if reach not in ("adjacent", "all"):
        raise ValueError(f"pairs: expected 'adjacent' or 'all', got {reach!r}")
    order = order_by(group, grade)
    level = group[order] * GRADES - grade[order]  # rises along the order, by 1 to 3 within a query
    _, stretch, count = torch.unique_consecutive(level, return_inverse=True, return_counts=True)
    end = count.cumsum(0)
    start = end[stretch]
    if reach == "all":
        stop = torch.bincount(group).cumsum(0)[group[order]]
    else:
        following = end[(stretch + 1).clamp_max(len(end) - 1)]
        same = group[order[(following - 1)]] == group[order]
        stop = torch.where(same, following, start)
    worse_count = stop - start
    first = torch.repeat_interleave(worse_count)
    rank = torch.arange(len(first), device=group.device) - (worse_count.cumsum(0) - worse_count)[first]
    better, worse = order[first], order[start[first] + rank]
    comparison = (group[better] * GRADES + grade[better]) * GRADES + grade[worse]
    return Pairs(better, worse, torch.bincount(comparison)[comparison].float())
