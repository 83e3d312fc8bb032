"""Pairs of any two products of a batch, compared in blocks: as if each had been listed."""

import pytest
import torch

from roar.losses import pooled
from roar.losses.graded import comparison_weights, graded_pairs, weighted_mean


def listed(x, grade, weight, by_worse):
    better, worse, size = graded_pairs(torch.zeros_like(grade), grade, "all")
    pair = weight[better] * weight[worse] * comparison_weights(by_worse, grade[worse]) / size
    return weighted_mean(torch.nn.functional.softplus(x[worse] - x[better]), pair)


@pytest.mark.parametrize("by_worse", [None, (4.0, 0.0, 0.5)])
@pytest.mark.parametrize("block", [1, 700, 1 << 20])
def test_blocks_give_what_listed_pairs_give(block, by_worse, monkeypatch):
    monkeypatch.setattr(pooled, "_BLOCK", block)
    generator = torch.Generator().manual_seed(3)
    grade, weight = torch.randint(4, (600,), generator=generator), torch.rand(600, generator=generator)
    values = 20 * torch.randn(600, generator=generator)
    ours, theirs = values.clone().requires_grad_(), values.clone().requires_grad_()
    value, expected = pooled.pooled_logistic(ours, grade, weight, by_worse), listed(theirs, grade, weight, by_worse)
    (3 * value).backward()
    (3 * expected).backward()
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-7)


def test_nothing_but_a_row_for_each_product_is_kept_for_the_gradient():
    kept = []
    x = torch.randn(3_000, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()) or tensor, lambda t: t):
        pooled.pooled_logistic(x, torch.arange(3_000) % 4, torch.ones(3_000)).backward()
    assert kept and max(kept) <= 3_000


def test_products_of_one_grade_are_no_comparison():
    x = torch.randn(7, requires_grad=True)
    loss = pooled.pooled_logistic(x, torch.full((7,), 2), torch.rand(7))
    loss.backward()
    assert loss == 0 and x.grad.abs().sum() == 0
