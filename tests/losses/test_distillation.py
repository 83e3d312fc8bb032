"""Distillation against loops in float64, and the contract that it shares with the alignment losses."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.losses import DISTILLATION_LOSSES, listwise_kl_distillation, margin_mse_distillation

TAU = 0.1


def told(group, target):
    """The products of each query that the teacher scored."""
    for query in range(int(group.max()) + 1 if len(group) else 0):
        own = [p for p in range(len(group)) if group[p] == query and not math.isnan(target[p])]
        if len(own) > 1:
            yield query, own


def naive_margin_mse(scores, group, target):
    terms = []
    for query, own in told(group, target):
        pairs = list(itertools.permutations(own, 2))
        errors = [((scores[query, i] - scores[query, j]) / TAU - (target[i] - target[j])) ** 2 for i, j in pairs]
        terms.append(sum(errors) / len(pairs))
    return sum(terms) / len(terms) if terms else scores.sum() * 0


def naive_listwise_kl(scores, group, target):
    terms = []
    for query, own in told(group, target):
        teacher, student = target[own].softmax(0), (scores[query, own] / TAU).softmax(0)
        terms.append((teacher * (teacher.log() - student.log())).sum())
    return sum(terms) / len(terms) if terms else scores.sum() * 0


REFERENCES = {"margin_mse": naive_margin_mse, "listwise_kl": naive_listwise_kl}
NAMES = list(DISTILLATION_LOSSES)


@st.composite
def batches(draw):
    """Scores, groups of any size (empty ones too), targets of which a third are missing; float64."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    queries, products = draw(st.integers(1, 5)), draw(st.integers(1, 18))
    target = torch.randn(products, generator=generator, dtype=torch.float64)
    target[torch.rand(products, generator=generator) < 1 / 3] = math.nan
    scores = torch.rand(queries, products, generator=generator, dtype=torch.float64) * 2 - 1
    return scores, torch.randint(queries, (products,), generator=generator), target


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(batch=batches())
def test_value_and_gradient_equal_the_naive_reference(name, batch):
    scores, group, target = batch
    ours, theirs = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    value = DISTILLATION_LOSSES[name](ours, group, target, temperature=TAU)
    expected = REFERENCES[name](theirs, group, target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), expected.detach(), rtol=1e-4, atol=1e-5)
    value.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_it_vanishes_where_student_and_teacher_agree_at_whatever_level(name):
    group, target = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([2.0, 0.5, -1.0, 0.0, 1.0])
    scores = torch.stack([target * TAU + 0.3, target * TAU - 0.2])
    loss, further = (DISTILLATION_LOSSES[name](s, group, target, temperature=TAU) for s in (scores, scores * 2))
    assert loss < 1e-6 and further > 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_descent_raises_what_the_teacher_prefers(name):
    scores = torch.zeros(1, 3, requires_grad=True)
    target = torch.tensor([1.0, 0.0, -1.0])
    DISTILLATION_LOSSES[name](scores, torch.zeros(3, dtype=torch.int64), target, temperature=TAU).backward()
    assert scores.grad[0, 0] < 0 < scores.grad[0, 2]


@pytest.mark.parametrize("name", NAMES)
def test_products_without_a_target_and_other_rows_play_no_part(name):
    generator = torch.Generator().manual_seed(1)
    scores, group = torch.rand(3, 9, generator=generator).requires_grad_(), torch.arange(9) % 3
    target = torch.randn(9, generator=generator)
    target[4] = math.nan
    loss = DISTILLATION_LOSSES[name](scores, group, target)
    loss.backward()
    own = (group[None, :] == torch.arange(3)[:, None]) & ~torch.isnan(target)[None, :]
    assert (scores.grad[~own] == 0).all() and (scores.grad[own] != 0).any()
    there = ~torch.isnan(target)
    torch.testing.assert_close(loss, DISTILLATION_LOSSES[name](scores[:, there], group[there], target[there]))


@pytest.mark.parametrize("name", NAMES)
def test_order_and_the_level_of_either_side_do_not_matter(name):
    generator = torch.Generator().manual_seed(2)
    scores, group, target = (
        torch.rand(3, 12, generator=generator),
        torch.arange(12) % 3,
        torch.randn(12, generator=generator),
    )
    loss = DISTILLATION_LOSSES[name](scores, group, target)
    order = torch.randperm(12, generator=generator)
    torch.testing.assert_close(loss, DISTILLATION_LOSSES[name](scores[:, order], group[order], target[order]))
    shifted = DISTILLATION_LOSSES[name](scores + torch.rand(3, 1, generator=generator), group, target + 5)
    torch.testing.assert_close(loss, shifted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_compare_gives_zero_with_a_zero_gradient(name):
    scores = torch.rand(3, 4, requires_grad=True)
    loss = DISTILLATION_LOSSES[name](scores, torch.tensor([0, 1, 1, 2]), torch.tensor([1.0, 2.0, math.nan, math.nan]))
    loss.backward()
    assert loss == 0 and scores.grad.abs().sum() == 0


@pytest.mark.parametrize("temperature", [1e-4, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_extreme_scores_and_targets_give_finite_values_and_gradients(name, temperature):
    scores = torch.tensor([[1.0, -1.0, 1.0, 0.0], [-1.0, 1.0, 0.5, 0.5]], requires_grad=True)
    target = torch.tensor([300.0, -300.0, 0.0, 0.0])
    loss = DISTILLATION_LOSSES[name](scores, torch.tensor([0, 0, 1, 1]), target, temperature=temperature)
    loss.backward()
    assert math.isfinite(loss.item()) and torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_scores_stay_float32_under_autocast(name):
    query, product = torch.randn(4, 16), torch.randn(8, 16)
    with torch.autocast("cpu", torch.bfloat16):
        loss = DISTILLATION_LOSSES[name]((query @ product.T) / 16, torch.arange(8) % 4, torch.randn(8))
    assert loss.dtype == torch.float32


def test_margin_mse_by_hand():
    """Margins of 2 and of 1: off by 1, in both directions of the pair."""
    loss = margin_mse_distillation(torch.tensor([[0.3, 0.1]]), torch.tensor([0, 0]), torch.tensor([1.0, 0.0]))
    assert loss.item() == pytest.approx(1.0, rel=1e-5)


def test_listwise_kl_by_hand():
    """A teacher that is sure, and a student that does not know: log 2."""
    loss = listwise_kl_distillation(torch.tensor([[0.0, 0.0]]), torch.tensor([0, 0]), torch.tensor([50.0, -50.0]))
    assert loss.item() == pytest.approx(math.log(2), rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": torch.full((2, 4), torch.nan)}, "scores: shape .2, 4. holds NaN"),
        ({"group": torch.tensor([0, 0, 1, 2])}, r"group: .*outside \[0, 2\)"),
        ({"target": torch.zeros(3)}, "target: expected shape"),
        ({"target": torch.tensor([0.0, 0.0, 0.0, torch.inf])}, "target: .*infinite"),
        ({"temperature": 0.0}, "temperature: expected a positive"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_bad_arguments_are_named(name, change, message):
    arguments = {"scores": torch.rand(2, 4), "group": torch.tensor([0, 0, 1, 1]), "target": torch.rand(4)} | change
    with pytest.raises(ValueError, match=message):
        DISTILLATION_LOSSES[name](**arguments)
