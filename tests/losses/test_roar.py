"""ROAR against a float64 reference written from the formula, its properties, and its numerics."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.losses import log_odds, roar_loss


def naive_log_odds(row: torch.Tensor, j: int, members: list[int], temperature: float) -> torch.Tensor:
    """log P_j - log(1 - P_j), with 1 - P_j summed from the other products."""
    x = row.double() / temperature
    return x[j] - torch.logsumexp(torch.stack([x[k] for k in members if k != j]), dim=0)


def naive_roar(
    scores,
    group,
    grade,
    *,
    temperature,
    scope="batch",
    ties="pairs",
    mask=None,
    weight=None,
    gap_weight=False,
    by_worse=None,
    others="none",
):
    """The loss in plain loops, float64."""
    given = [1.0] * len(group) if weight is None else weight.tolist()
    terms, norms = [], []
    for q in range(scores.shape[0]):
        own = [p for p in range(len(group)) if group[p] == q]
        outside = lambda p: scope == "group" or (mask is not None and bool(mask[q, p]))  # noqa: E731, B023
        row = [p for p in range(len(group)) if p in own or not outside(p)]
        x = {p: naive_log_odds(scores[q], p, row, temperature) for p in row} if len(row) > 1 else {}
        grades = {p: int(grade[p]) if p in own else 0 for p in row}
        weights = [float(given[p]) if p in own else 1.0 for p in range(len(group))]
        compared = comparisons(own, grade, ties)
        if others != "none":
            compared = with_others(compared, own, row, grades, others)
        for pairs in compared:
            if ties == "means":
                better, worse = pairs
                w = [sum(weights[p] for p in side) / len(side) for side in pairs]
                mean = [
                    sum(weights[p] * x[p] for p in side) / max(sum(weights[p] for p in side), 1e-300) for side in pairs
                ]
                listed = [(mean[0] - mean[1], w[0] * w[1], grades[better[0]], grades[worse[0]])]
            else:
                listed = [(x[i] - x[j], weights[i] * weights[j], grades[i], grades[j]) for i, j in pairs]
            for margin, rater_weight, high, low in listed:
                factor = 1 if by_worse is None else [*by_worse, 1][low]
                w = rater_weight * factor * (high - low if gap_weight else 1) / len(listed)
                terms.append(-w * torch.nn.functional.logsigmoid(margin))
                norms.append(w)
    return sum(terms) / sum(norms) if norms and sum(norms) > 0 else torch.zeros((), dtype=torch.float64)


def with_others(compared, own, row, grades, others):
    """The comparisons of one query with other queries' products: the worst grade above irrelevant against each of them."""
    above = [p for p in own if grades[p] > 0]
    better = [p for p in above if grades[p] == min(grades[q] for q in above)]
    further = [(i, j) for i in better for j in row if j not in own]
    if not further:
        return compared
    if others == "apart" or not any(grades[p] == 0 for p in own):
        return [*compared, further]
    return [[*pairs, *further] if grades[pairs[0][1]] == 0 else pairs for pairs in compared]


def comparisons(own, grade, ties):
    """The comparisons of one query: lists of (better, worse) pairs, or for `means` the two sides."""
    ranked = sorted(own, key=lambda p: -int(grade[p]))
    if ties == "chain":
        return [[pair] for pair in itertools.pairwise(ranked)]
    sides = [[p for p in ranked if int(grade[p]) == g] for g in sorted({int(grade[p]) for p in own}, reverse=True)]
    two = list(itertools.pairwise(sides))
    return two if ties == "means" else [list(itertools.product(*pair)) for pair in two]


@st.composite
def batches(draw):
    """A batch: 1 to 4 queries, 2 to 14 products in any order, ties, empty groups and groups of one included."""
    queries, products = draw(st.integers(1, 4)), draw(st.integers(2, 14))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    return (
        torch.rand(queries, products, generator=generator, dtype=torch.float64) * 2 - 1,
        torch.randint(queries, (products,), generator=generator),
        torch.randint(4, (products,), generator=generator),
        torch.rand(queries, products, generator=generator) < 0.3,
        torch.randint(0, 3, (products,), generator=generator).double() / 2,
    )


@settings(max_examples=60, deadline=None)
@given(
    batches(),
    st.sampled_from(["batch", "group"]),
    st.sampled_from(["pairs", "means", "chain"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, (3.0, 1.0, 0.5)]),
)
def test_value_and_gradient_equal_the_naive_reference(batch, scope, ties, weighted, gap_weight, by_worse):
    options = {"scope": scope, "ties": ties, "gap_weight": gap_weight, "by_worse": by_worse}
    assert_equals_the_naive_reference(batch, weighted, **options)


@settings(max_examples=60, deadline=None)
@given(
    batches(),
    st.sampled_from(["joined", "apart"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, (3.0, 1.0, 0.5)]),
)
def test_other_queries_products_are_irrelevant_ones_as_in_the_naive_reference(
    batch, others, weighted, gap_weight, by_worse
):
    assert_equals_the_naive_reference(batch, weighted, others=others, gap_weight=gap_weight, by_worse=by_worse)


def assert_equals_the_naive_reference(batch, weighted, **options):
    scores, group, grade, mask, weight = batch
    options |= {"temperature": 0.1, "mask": mask, "weight": weight if weighted else None}
    reference_scores, fast_scores = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    reference = naive_roar(reference_scores, group, grade, **options)
    fast = roar_loss(fast_scores, group, grade, **options)
    fast.backward()
    torch.testing.assert_close(fast.double(), reference.detach(), rtol=1e-4, atol=1e-5)
    if reference.requires_grad:
        reference.backward()
        torch.testing.assert_close(fast_scores.grad, reference_scores.grad, rtol=1e-3, atol=1e-4)
    else:
        assert fast_scores.grad.abs().sum() == 0


@pytest.mark.parametrize("ties", ["pairs", "means"])
def test_order_within_a_grade_does_not_matter(ties):
    scores = torch.rand(3, 20, generator=torch.Generator().manual_seed(1))
    group, grade = torch.arange(20) % 3, torch.arange(20) // 3 % 4
    shuffled = torch.randperm(20, generator=torch.Generator().manual_seed(2))
    before = roar_loss(scores, group, grade, ties=ties)
    after = roar_loss(scores[:, shuffled], group[shuffled], grade[shuffled], ties=ties)
    torch.testing.assert_close(before, after)


@pytest.mark.parametrize("others", ["joined", "apart"])
def test_the_worst_judged_grade_rises_above_other_queries_products(others):
    """Sign of the gradient: a query's complement goes up against another query's product; its irrelevant product is not compared with it."""
    scores = torch.tensor([[0.6, 0.30, 0.1, 0.32], [0.0, 0.0, 0.0, 0.5]], requires_grad=True)
    group, grade = torch.tensor([0, 0, 0, 1]), torch.tensor([3, 1, 0, 3])
    roar_loss(scores, group, grade, others=others, temperature=0.1).backward()
    row = scores.grad[0]
    assert row[1] < 0 < row[3]
    plain = scores.detach().clone().requires_grad_()
    roar_loss(plain, group, grade, temperature=0.1).backward()
    assert row[3] > plain.grad[0, 3]


def test_joined_others_thin_out_the_judged_irrelevant_products_and_those_apart_do_not():
    """Forty easy products of other queries beside one hard, judged one."""
    scores = torch.full((2, 43), -0.5)
    scores[0, :3] = torch.tensor([0.6, 0.3, 0.35])
    group, grade = torch.ones(43, dtype=torch.int64), torch.full((43,), 3)
    group[:3], grade[:3] = 0, torch.tensor([3, 1, 0])
    pull = {}
    for others in ("none", "joined", "apart"):
        given = scores.clone().requires_grad_()
        roar_loss(given, group, grade, others=others, temperature=0.1).backward()
        pull[others] = float(given.grad[0, 2])
    assert pull["joined"] < 0.1 * pull["none"] < pull["apart"] < pull["none"]


def test_weights_of_comparisons_move_the_mean_towards_theirs():
    """Exact above substitute is right, complement above irrelevant is wrong."""
    scores, group, grade = (
        torch.tensor([[0.9, 0.8, 0.1, 0.2]]),
        torch.zeros(4, dtype=torch.int64),
        torch.tensor([3, 2, 1, 0]),
    )
    loss = [float(roar_loss(scores, group, grade, temperature=0.1, by_worse=(w, 1, 1))) for w in (0, 1, 3)]
    wrong = float(roar_loss(scores, group, grade, temperature=0.1, by_worse=(1, 0, 0)))
    assert loss[0] < loss[1] < loss[2] < wrong


def test_published_chain_orders_ties_as_they_are_given():
    scores = torch.tensor([[0.30, 0.35, 0.1]])
    group, grade = torch.zeros(3, dtype=torch.int64), torch.tensor([3, 3, 0])
    swapped = torch.tensor([1, 0, 2])
    given, other = (roar_loss(scores[:, o], group, grade[o], ties="chain") for o in (torch.arange(3), swapped))
    assert given > other + 0.5


def test_without_a_dominant_product_the_margin_is_that_of_ranknet():
    """Many equal products: P is small for all, and a margin tends to (s_i - s_j) / tau."""
    scores = torch.full((1, 4000), 0.5)
    scores[0, 0] += 0.01
    group = torch.zeros(4000, dtype=torch.int64)
    grade = torch.zeros(4000, dtype=torch.int64).index_fill(0, torch.tensor([0]), 3)
    expected = torch.nn.functional.softplus(torch.tensor(-0.01 / 0.01))
    torch.testing.assert_close(roar_loss(scores, group, grade), expected, rtol=2e-3, atol=0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_each_margin_rises_in_the_better_score_and_falls_in_the_worse(seed):
    scores = (
        torch.rand(1, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).mul(0.3).requires_grad_()
    )
    odds = log_odds(scores, temperature=0.05)
    (gradient,) = torch.autograd.grad(odds[0, 0] - odds[0, 1], scores)
    assert gradient[0, 0] > 0 > gradient[0, 1]


def test_raising_the_best_score_can_raise_the_loss():
    """The documented property that does not hold."""
    p = torch.tensor([[0.99, 0.0055, 0.0045]], dtype=torch.float64)
    scores = p.log() * 0.01

    def lower_margin(s):
        odds = log_odds(s)
        return odds[0, 1] - odds[0, 2]

    assert lower_margin(scores + torch.tensor([[0.01, 0, 0]])) < lower_margin(scores)


def test_log_odds_match_float64_where_one_product_dominates():
    scores = torch.tensor([[0.9, 0.2, 0.1, -0.3]])
    expected = torch.stack([naive_log_odds(scores[0], j, [0, 1, 2, 3], 0.01) for j in range(4)])
    torch.testing.assert_close(log_odds(scores)[0].double(), expected, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("ties", ["pairs", "means", "chain"])
@pytest.mark.parametrize("temperature", [1e-4, 0.01, 1.0])
def test_extreme_scores_give_finite_values_and_gradients(temperature, ties):
    scores = torch.tensor([[1.0, -1.0, 1.0, 0.0, -1.0], [-1.0, 1.0, 0.5, 0.5, 0.5]], requires_grad=True)
    loss = roar_loss(
        scores, torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 3, 3, 1, 0]), temperature=temperature, ties=ties
    )
    loss.backward()
    assert math.isfinite(loss.item()) and torch.isfinite(scores.grad).all() and scores.grad.abs().sum() > 0


@pytest.mark.parametrize("scope", ["batch", "group"])
def test_groups_without_a_comparison_contribute_nothing(scope):
    scores = torch.rand(3, 4, requires_grad=True)
    loss = roar_loss(scores, torch.tensor([0, 1, 1, 1]), torch.tensor([3, 2, 2, 2]), scope=scope)
    loss.backward()
    assert loss == 0 and scores.grad.abs().sum() == 0


def test_a_group_of_one_beside_others_leaves_the_gradient_finite():
    scores = torch.tensor([[0.1, 0.2, 0.3], [0.1, 0.3, 0.2]], requires_grad=True)
    roar_loss(scores, torch.tensor([0, 1, 1]), torch.tensor([3, 3, 0]), scope="group", temperature=0.1).backward()
    assert torch.isfinite(scores.grad).all() and scores.grad[1].abs().sum() > 0 and scores.grad[0].abs().sum() == 0


def test_log_odds_of_the_only_member_and_of_outsiders():
    odds = log_odds(torch.tensor([[0.1, 0.2, 0.3]]), member=torch.tensor([[False, True, False]]))
    assert odds[0].tolist() == [-torch.inf, torch.inf, -torch.inf]


def test_scores_stay_float32_under_autocast():
    query, product = torch.randn(4, 16), torch.randn(8, 16)
    with torch.autocast("cpu", torch.bfloat16):
        loss = roar_loss((query @ product.T) / 16, torch.arange(8) % 4, torch.arange(8) // 4)
    assert loss.dtype == torch.float32


def test_gradcheck():
    scores = torch.rand(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).requires_grad_()
    group, grade = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([3, 2, 0, 3, 3, 1])
    # log_odds computes in float32; the tolerance is what that allows.
    assert torch.autograd.gradcheck(
        lambda s: roar_loss(s, group, grade, temperature=0.5), scores, eps=1e-2, atol=1e-2, rtol=1e-2, fast_mode=False
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": torch.full((2, 4), torch.nan)}, "scores: shape .2, 4. holds NaN"),
        ({"scores": torch.zeros(4)}, "scores: expected a non-empty"),
        ({"group": torch.tensor([0, 0, 1, 2])}, r"group: .*outside \[0, 2\)"),
        ({"group": torch.tensor([0, 0])}, "group: expected shape"),
        ({"grade": torch.tensor([0, 1, 2, 4])}, r"grade: .*outside \[0, 4\)"),
        ({"grade": torch.tensor([0.0, 1, 2, 3])}, "grade: expected integers"),
        ({"temperature": 0.0}, "temperature: expected a positive"),
        ({"mask": torch.zeros(4, 2, dtype=torch.bool)}, "mask: expected shape"),
        ({"weight": -torch.ones(4)}, "weight: .*negative"),
        ({"scope": "world"}, "scope: expected"),
        ({"ties": "none"}, "ties: expected"),
        ({"others": "all"}, "others: expected"),
        ({"others": "apart", "scope": "group"}, "others: 'apart' compares pairs of the batch; scope 'group'"),
        ({"others": "joined", "ties": "means"}, "others: 'joined' compares .* ties 'means' do not"),
        ({"by_worse": (1.0, 1.0)}, "by_worse: expected 3 non-negative"),
        ({"by_worse": (1.0, -1.0, 1.0)}, "by_worse: expected 3 non-negative"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"scores": torch.rand(2, 4), "group": torch.tensor([0, 0, 1, 1]), "grade": torch.tensor([3, 0, 3, 1])}
    arguments |= change
    with pytest.raises(ValueError, match=message):
        roar_loss(arguments.pop("scores"), arguments.pop("group"), arguments.pop("grade"), **arguments)
