"""The contrastive loss and its false-negative mask against loops, and what may never be masked."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.losses import contrastive_loss, false_negative_mask


def naive_contrastive(scores, positive, mask, temperature, weight, margin=None):
    """The formula in loops, float64."""
    total, margin = 0.0, torch.zeros_like(scores) if margin is None else margin
    for i, p in enumerate(positive.tolist()):
        raised = [scores[i, j].double() + (0 if j == p else margin[i, j].double()) for j in range(scores.shape[1])]
        terms = [raised[j] / temperature for j in range(scores.shape[1]) if j == p or not mask[i, j]]
        total += weight[i].double() * (torch.logsumexp(torch.stack(terms), 0) - scores[i, p].double() / temperature)
    return total / weight.double().sum()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5), st.integers(1, 9), st.integers(0, 2**31), st.booleans())
def test_loss_equals_the_naive_reference(queries, products, seed, with_margin):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(queries, products, generator=generator) * 2 - 1
    positive = torch.randint(products, (queries,), generator=generator)
    mask = torch.rand(queries, products, generator=generator) < 0.4
    weight = torch.rand(queries, generator=generator) + 0.1
    margin = torch.rand(queries, products, generator=generator) * 0.4 - 0.2 if with_margin else None
    fast = contrastive_loss(scores, positive, mask=mask, margin=margin, temperature=0.05, weight=weight)
    expected = naive_contrastive(scores, positive, mask, 0.05, weight, margin)
    torch.testing.assert_close(fast.double(), expected, rtol=1e-5, atol=1e-5)


def test_a_margin_pushes_a_negative_harder_and_never_moves_the_positive_s_own_score():
    margin = torch.tensor([[0.3, 0.1, 0.0]])
    gradient = []
    for extra in (None, margin):
        scores = torch.tensor([[0.5, 0.4, 0.4]], requires_grad=True)
        contrastive_loss(scores, torch.tensor([0]), margin=extra, temperature=0.1).backward()
        gradient.append(scores.grad[0])
    plain, margined = gradient
    assert margined[1] > plain[1] == plain[2] > margined[2] > 0 > plain[0] > margined[0]


def test_margin_masks_what_beats_the_positive_by_more_than_delta():
    scores = torch.tensor([[0.5, 0.62, 0.58, 0.1]])
    assert false_negative_mask(scores, torch.tensor([0])).tolist() == [[False, True, False, False]]


def test_a_negative_margin_masks_near_misses_too():
    scores = torch.tensor([[0.5, 0.62, 0.45, 0.1]])
    assert false_negative_mask(scores, torch.tensor([0]), margin=-0.1).tolist() == [[False, True, True, False]]


def test_the_positive_is_never_masked_by_any_rule():
    everything = torch.ones(3, 3, dtype=torch.bool)
    mask = false_negative_mask(torch.rand(3, 3), torch.arange(3), same_cluster=everything, known_relevant=everything)
    assert torch.equal(mask, ~torch.eye(3, dtype=torch.bool))


def test_masks_combine_and_margin_can_be_switched_off():
    scores = torch.tensor([[0.1, 0.9, 0.2, 0.3]])
    cluster = torch.tensor([[False, False, True, False]])
    known = torch.tensor([[False, False, False, True]])
    mask = false_negative_mask(scores, torch.tensor([0]), margin=None, same_cluster=cluster, known_relevant=known)
    assert mask.tolist() == [[False, False, True, True]]


def test_masked_products_receive_no_gradient():
    scores = torch.rand(2, 4, requires_grad=True)
    mask = torch.tensor([[False, False, True, False], [False, False, False, True]])
    contrastive_loss(scores, torch.tensor([0, 1]), mask=mask).backward()
    assert scores.grad[0, 2] == 0 and scores.grad[1, 3] == 0 and scores.grad[0, 1] != 0


def test_the_mask_carries_no_gradient():
    scores = torch.rand(2, 4, requires_grad=True)
    assert not false_negative_mask(scores, torch.tensor([0, 1])).requires_grad


def test_zero_weights_give_zero_loss():
    assert contrastive_loss(torch.rand(2, 3), torch.tensor([0, 1]), weight=torch.zeros(2)) == 0


@pytest.mark.parametrize(
    ("positive", "options", "message"),
    [
        (torch.tensor([0, 9]), {}, r"positive: .*outside \[0, 3\)"),
        (torch.tensor([0]), {}, "positive: expected shape"),
        (torch.tensor([0, 1]), {"temperature": -1.0}, "temperature"),
        (torch.tensor([0, 1]), {"mask": torch.zeros(3, 2, dtype=torch.bool)}, "mask: expected shape"),
        (torch.tensor([0, 1]), {"margin": torch.zeros(3)}, "margin: expected shape"),
        (torch.tensor([0, 1]), {"weight": torch.tensor([1.0, torch.nan])}, "weight: .*NaN"),
    ],
)
def test_bad_arguments_are_named(positive, options, message):
    with pytest.raises(ValueError, match=message):
        contrastive_loss(torch.rand(2, 3), positive, **options)
