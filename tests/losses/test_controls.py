"""The controls against loops in float64, what each may ignore, and the names under which a study finds them."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.losses import (
    ALIGNMENT_LOSSES,
    bixse_loss,
    lambda_loss,
    list_mle_loss,
    list_net_loss,
    margin_mse_loss,
    ranknet_loss,
    roar_loss,
)
from roar.losses.graded import graded_pairs

TAU = 0.1
ZERO = torch.zeros((), dtype=torch.float64)


def lists(scores, group):
    """Each query's row and products, queries without products left out."""
    for q in range(scores.shape[0]):
        own = [p for p in range(len(group)) if group[p] == q]
        if own:
            yield q, own


def mean(terms):
    """The weighted mean of (value, weight), 0 where the weights sum to 0."""
    total = sum(weight for _, weight in terms)
    return sum(value * weight for value, weight in terms) / total if total > 0 else ZERO


def compared_grades(own, grade, pairs):
    """The products of each two grades of a query that are compared, the better ones first."""
    present = sorted({int(grade[p]) for p in own}, reverse=True)
    chosen = itertools.pairwise(present) if pairs == "adjacent" else itertools.combinations(present, 2)
    return [[[p for p in own if grade[p] == g] for g in two] for two in chosen]


def naive_pairwise(term, pairs):
    def loss(scores, group, grade, weight, by_worse=(1, 1, 1)):
        terms = []
        for q, own in lists(scores, group):
            x = scores[q] / TAU
            for better, worse in compared_grades(own, grade, pairs):
                for i, j in itertools.product(better, worse):
                    share = float(weight[i] * weight[j]) * by_worse[int(grade[j])] / (len(better) * len(worse))
                    terms.append((term(x[i] - x[j], int(grade[i] - grade[j])), share))
        return mean(terms)

    return loss


def naive_pooled(scores, group, grade, weight, by_worse=(1, 1, 1)):
    """Pairs of any two grades of the batch, whatever their queries."""
    terms, x = [], [scores[group[p], p] / TAU for p in range(len(group))]
    for better, worse in compared_grades(range(len(group)), grade, "all"):
        for i, j in itertools.product(better, worse):
            share = float(weight[i] * weight[j]) * by_worse[int(grade[j])] / (len(better) * len(worse))
            terms.append((logistic(x[i] - x[j], None), share))
    return mean(terms)


def naive_lambda(scores, group, grade, weight):
    total, norm = ZERO, 0.0
    for q, own in lists(scores, group):
        ranked = sorted(own, key=lambda p: -float(scores[q, p].detach()))
        discount = {p: 1 / math.log2(2 + place) for place, p in enumerate(ranked)}
        gains = {p: 2 ** int(grade[p]) - 1 for p in own}
        ideal = sum(g / math.log2(2 + place) for place, g in enumerate(sorted(gains.values(), reverse=True)))
        pairs = [(i, j) for i, j in itertools.permutations(own, 2) if grade[i] > grade[j]]
        for i, j in pairs:
            swap = (gains[i] - gains[j]) * abs(discount[i] - discount[j]) / ideal
            margin = (scores[q, i] - scores[q, j]) / TAU
            total = total - float(weight[i] * weight[j]) * swap * torch.nn.functional.logsigmoid(margin)
            norm += float(weight[i] * weight[j]) / len(pairs)
    return total / norm if norm > 0 else ZERO


def naive_list_mle(scores, group, grade, weight):
    """Without a generator ties are picked in the given order."""
    terms = []
    for q, own in lists(scores, group):
        ranked = sorted(own, key=lambda p: (-int(grade[p]), p))
        if grade[ranked[0]] > grade[ranked[-1]]:
            x = scores[q, ranked] / TAU
            terms += [(torch.logsumexp(x[k:], 0) - x[k], float(weight[p])) for k, p in enumerate(ranked[:-1])]
    return mean(terms)


def naive_list_net(scores, group, grade, weight):
    terms = []
    for q, own in lists(scores, group):
        if len({int(grade[p]) for p in own}) > 1:
            target = torch.softmax(2.0 ** grade[own].double() - 1, 0)
            log_p = torch.log_softmax(scores[q, own] / TAU, 0)
            terms += [(-log_p[k], float(target[k] * weight[p])) for k, p in enumerate(own)]
    return mean(terms)


def naive_bixse(scores, group, grade, weight, mask):
    total, bias = ZERO, -0.5 / TAU
    for q, p in itertools.product(*map(range, scores.shape)):
        z = scores[q, p] / TAU + bias
        log_yes, log_no = (torch.nn.functional.logsigmoid(sign * z) for sign in (1, -1))
        if group[p] == q:
            target = int(grade[p]) / 3
            total = total - float(weight[p]) * (target * log_yes + (1 - target) * log_no)
        elif not mask[q, p]:
            total = total - float(weight[p]) * log_no
    return total / weight.sum() if weight.sum() > 0 else ZERO


def logistic(margin, _):
    return -torch.nn.functional.logsigmoid(margin)


def squared(margin, gap):
    return (margin - gap) ** 2


REFERENCES = {
    "ranknet_adjacent": naive_pairwise(logistic, "adjacent"),
    "ranknet_all": naive_pairwise(logistic, "all"),
    "ranknet_pooled": naive_pooled,
    "margin_mse": naive_pairwise(squared, "all"),
    "lambda": naive_lambda,
    "list_mle": naive_list_mle,
    "list_net": naive_list_net,
}


@st.composite
def batches(draw):
    """A batch: 1 to 4 queries, 1 to 14 products in any order, ties, empty groups, groups of one and weights of 0 included."""
    queries, products = draw(st.integers(1, 4)), draw(st.integers(1, 14))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    return (
        torch.rand(queries, products, generator=generator, dtype=torch.float64) * 2 - 1,
        torch.randint(queries, (products,), generator=generator),
        torch.randint(4, (products,), generator=generator),
        torch.rand(queries, products, generator=generator) < 0.3,
        torch.randint(0, 3, (products,), generator=generator).double() / 2,
    )


def assert_same_value_and_gradient(fast, reference, scores):
    fast_scores, reference_scores = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    value, expected = fast(fast_scores), reference(reference_scores)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), expected.detach(), rtol=1e-4, atol=1e-5)
    value.backward()
    if expected.requires_grad:
        expected.backward()
        torch.testing.assert_close(fast_scores.grad, reference_scores.grad, rtol=1e-3, atol=1e-4)
    else:
        assert fast_scores.grad.abs().sum() == 0


@pytest.mark.parametrize("name", REFERENCES)
@settings(max_examples=40, deadline=None)
@given(batch=batches(), weighted=st.booleans())
def test_value_and_gradient_equal_the_naive_reference(name, batch, weighted):
    scores, group, grade, _, weight = batch
    assert_same_value_and_gradient(
        lambda s: ALIGNMENT_LOSSES[name](s, group, grade, temperature=TAU, weight=weight if weighted else None),
        lambda s: REFERENCES[name](s, group, grade, weight if weighted else torch.ones(len(group))),
        scores,
    )


@pytest.mark.parametrize("pairs", ["adjacent", "all", "pooled"])
@settings(max_examples=20, deadline=None)
@given(batch=batches(), by_worse=st.tuples(*[st.sampled_from([0.0, 0.5, 3.0])] * 3))
def test_weights_of_comparisons_equal_the_naive_reference(pairs, batch, by_worse):
    scores, group, grade, _, weight = batch
    assert_same_value_and_gradient(
        lambda s: ranknet_loss(s, group, grade, temperature=TAU, weight=weight, pairs=pairs, by_worse=by_worse),
        lambda s: REFERENCES[f"ranknet_{pairs}"](s, group, grade, weight, by_worse),
        scores,
    )


@settings(max_examples=40, deadline=None)
@given(batches(), st.booleans(), st.booleans())
def test_bixse_equals_the_naive_reference_with_and_without_negatives(batch, masked, negatives):
    scores, group, grade, mask, weight = batch
    left_out = mask if masked else torch.zeros_like(mask)
    assert_same_value_and_gradient(
        lambda s: bixse_loss(
            s, group, grade, temperature=TAU, mask=left_out if masked else None, weight=weight, negatives=negatives
        ),
        lambda s: naive_bixse(s, group, grade, weight, left_out if negatives else torch.ones_like(mask)),
        scores,
    )


@settings(max_examples=60, deadline=None)
@given(batches(), st.sampled_from(["adjacent", "all"]))
def test_pairs_are_those_of_a_loop(batch, reach):
    _, group, grade, _, _ = batch
    pairs = graded_pairs(group, grade, reach)
    expected = {
        (i, j): len(better) * len(worse)
        for _, own in lists(torch.zeros(4, len(group)), group)
        for better, worse in compared_grades(own, grade, reach)
        for i, j in itertools.product(better, worse)
    }
    found = list(zip(pairs.better.tolist(), pairs.worse.tolist(), strict=True))
    assert len(found) == len(set(found))
    assert dict(zip(found, pairs.size.tolist(), strict=True)) == expected


@settings(max_examples=30, deadline=None)
@given(batches())
def test_adjacent_ranknet_is_roar_where_no_product_dominates(batch):
    """Other queries' products, far ahead on every row, leave each product of the batch a vanishing share of the softmax."""
    scores, group, grade, _, weight = batch
    queries, ahead = len(scores), 8
    scores = torch.cat([scores, torch.full((queries, ahead), 3.0)], dim=1)
    scores = torch.cat([scores, torch.zeros(1, scores.shape[1])])  # the row of the query that these products belong to
    group = torch.cat([group, torch.full((ahead,), queries)])
    grade = torch.cat([grade, torch.zeros(ahead, dtype=torch.int64)])
    options = {"temperature": 0.1, "weight": torch.cat([weight, torch.ones(ahead)])}
    assert_same_value_and_gradient(
        lambda s: ranknet_loss(s, group, grade, **options),
        lambda s: roar_loss(s, group, grade, **options).double(),
        scores,
    )


ACROSS_QUERIES = ("bixse", "ranknet_pooled", "roar_joined", "roar_apart")
SHUFFLED = [name for name in ALIGNMENT_LOSSES if name not in ("list_mle", "roar_chain")]


@pytest.mark.parametrize("name", SHUFFLED)
def test_the_order_in_which_products_are_given_does_not_matter(name):
    scores = torch.rand(3, 20, generator=torch.Generator().manual_seed(1))
    group, grade = torch.arange(20) % 3, torch.arange(20) // 3 % 4
    shuffled = torch.randperm(20, generator=torch.Generator().manual_seed(2))
    before = ALIGNMENT_LOSSES[name](scores, group, grade)
    after = ALIGNMENT_LOSSES[name](scores[:, shuffled], group[shuffled], grade[shuffled])
    torch.testing.assert_close(before, after)


def test_list_mle_shuffles_ties_by_the_generator_alone():
    scores = torch.rand(2, 12, generator=torch.Generator().manual_seed(0))
    group, grade = torch.arange(12) % 2, torch.arange(12) // 6

    def draws(seed):
        generator = torch.Generator().manual_seed(seed)
        return [list_mle_loss(scores, group, grade, generator=generator).item() for _ in range(5)]

    assert draws(1) == draws(1) and len(set(draws(1))) > 1


def test_list_mle_over_shuffled_ties_tends_to_the_mean_over_all_orders():
    scores, group = torch.tensor([[0.3, 0.1, 0.25, 0.2]]), torch.zeros(4, dtype=torch.int64)
    x = scores[0].double() / TAU
    orders = [(*a, *b) for a in itertools.permutations((0, 1)) for b in itertools.permutations((2, 3))]
    exact = sum(
        sum(torch.logsumexp(x[list(order[k:])], 0) - x[order[k]] for k in range(3)) / 3 for order in orders
    ) / len(orders)
    generator = torch.Generator().manual_seed(0)
    grade = torch.tensor([3, 3, 0, 0])
    drawn = [list_mle_loss(scores, group, grade, temperature=TAU, generator=generator) for _ in range(600)]
    torch.testing.assert_close(torch.stack(drawn).mean().double(), exact, rtol=0.02, atol=0)


@pytest.mark.parametrize(
    "name", ["ranknet_adjacent", "ranknet_all", "lambda", "list_mle", "list_net", "margin_mse", "none"]
)
def test_losses_within_a_query_read_nothing_but_its_own_products(name):
    scores = torch.rand(3, 12, generator=torch.Generator().manual_seed(3)).requires_grad_()
    group, grade = torch.arange(12) % 3, torch.arange(12) // 3
    loss = ALIGNMENT_LOSSES[name](scores, group, grade, mask=torch.ones(3, 12, dtype=torch.bool))
    loss.backward()
    own = group[None, :] == torch.arange(3)[:, None]
    torch.testing.assert_close(loss, ALIGNMENT_LOSSES[name](scores * own, group, grade))
    assert (scores.grad[~own] == 0).all() and ((scores.grad[own] != 0).any() or name == "none")


def test_within_query_losses_do_not_see_the_level_of_a_query_and_those_across_queries_do():
    scores = torch.rand(2, 8, generator=torch.Generator().manual_seed(4))
    group, grade = torch.arange(8) % 2, torch.arange(8) // 2
    raised = scores + torch.tensor([[0.5], [-0.5]])
    for name in ("ranknet_all", "lambda", "list_mle", "list_net", "margin_mse"):
        loss = ALIGNMENT_LOSSES[name]
        torch.testing.assert_close(loss(raised, group, grade), loss(scores, group, grade), rtol=1e-3, atol=1e-4)
    for name in ("bixse", "ranknet_pooled"):
        loss = ALIGNMENT_LOSSES[name]
        assert abs(loss(raised, group, grade) - loss(scores, group, grade)) > 0.1


def test_pooled_pairs_of_one_query_are_all_its_pairs():
    scores, grade = torch.rand(1, 12, generator=torch.Generator().manual_seed(8)), torch.arange(12) % 4
    group = torch.zeros(12, dtype=torch.int64)
    pooled, within = (ranknet_loss(scores, group, grade, pairs=pairs) for pairs in ("pooled", "all"))
    torch.testing.assert_close(pooled, within)


def test_lambda_loss_by_hand():
    """An exact below an irrelevant product: swapping the two moves NDCG by 1 - 1 / log2(3)."""
    loss = lambda_loss(torch.tensor([[0.2, 0.3]]), torch.tensor([0, 0]), torch.tensor([3, 0]), temperature=0.1)
    assert loss.item() == pytest.approx((1 - 1 / math.log2(3)) * math.log1p(math.e), rel=1e-5)


def test_lambda_loss_pulls_hardest_at_the_top():
    """Two pairs of the same grades and margin, side by side at ranks 1 and 2, and 5 and 6."""
    scores = torch.tensor([[0.6, 0.5, 0.4, 0.3, 0.2, 0.1]]).requires_grad_()
    group, grade = torch.zeros(6, dtype=torch.int64), torch.tensor([0, 3, 0, 0, 0, 3])
    lambda_loss(scores, group, grade, temperature=0.1).backward()
    assert scores.grad[0, 0] > scores.grad[0, 4] > 0 > scores.grad[0, 5]


def test_a_better_order_can_have_a_larger_lambda_loss():
    """The documented property that does not hold: the weights follow the ranks."""
    scores, group = torch.tensor([[0.6, 0.5, 0.4, 0.3, 0.2, 0.1]]), torch.zeros(6, dtype=torch.int64)
    best, worse = (
        lambda_loss(scores, group, torch.tensor(grade), temperature=1.0)
        for grade in ([3, 2, 1, 1, 0, 0], [2, 3, 1, 1, 0, 0])
    )
    assert best > worse


def test_margin_mse_vanishes_where_margins_equal_the_grade_gaps():
    scores = torch.tensor([[0.8, 0.7, 0.5]])
    group, grade = torch.zeros(3, dtype=torch.int64), torch.tensor([3, 2, 0])
    assert margin_mse_loss(scores, group, grade, temperature=0.1) < 1e-10
    assert margin_mse_loss(scores * 2, group, grade, temperature=0.1) > 1


def test_list_net_is_least_where_scores_are_the_gains():
    group, grade = torch.zeros(4, dtype=torch.int64), torch.arange(4)
    scores = (2.0 ** torch.arange(4) - 1)[None, :].requires_grad_()
    list_net_loss(scores, group, grade, temperature=1.0).backward()
    torch.testing.assert_close(scores.grad, torch.zeros(1, 4))


def test_bixse_is_least_where_the_sigmoid_is_the_target():
    targets = (0.1, 0.2, 0.6, 0.9)
    scores = torch.logit(torch.tensor([targets])).requires_grad_()
    group, grade = torch.zeros(4, dtype=torch.int64), torch.arange(4)
    bixse_loss(scores, group, grade, temperature=1.0, bias=0.0, targets=targets).backward()
    torch.testing.assert_close(scores.grad, torch.zeros(1, 4))


def test_scale_and_bias_of_bixse_can_be_learned():
    temperature, bias = torch.tensor(0.1, requires_grad=True), torch.tensor(-5.0, requires_grad=True)
    scores = torch.rand(2, 6, generator=torch.Generator().manual_seed(5))
    bixse_loss(scores, torch.arange(6) % 2, torch.arange(6) // 2, temperature=temperature, bias=bias).backward()
    assert temperature.grad != 0 and bias.grad != 0


def test_gradcheck():
    scores = torch.rand(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).requires_grad_()
    group, grade = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([3, 2, 0, 3, 3, 1])
    for name in ("ranknet_all", "list_mle", "list_net", "bixse", "margin_mse"):
        # The losses compute in float32; the tolerance is what that allows.
        assert torch.autograd.gradcheck(
            lambda s, loss=ALIGNMENT_LOSSES[name]: loss(s, group, grade, temperature=0.5), scores, eps=1e-2, atol=2e-2
        )


@pytest.mark.parametrize("temperature", [1e-4, 0.01, 1.0])
@pytest.mark.parametrize("name", ALIGNMENT_LOSSES)
def test_extreme_scores_give_finite_values_and_gradients(name, temperature):
    scores = torch.tensor([[1.0, -1.0, 1.0, 0.0, -1.0], [-1.0, 1.0, 0.5, 0.5, 0.5]], requires_grad=True)
    group, grade = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 3, 3, 1, 0])
    loss = ALIGNMENT_LOSSES[name](scores, group, grade, temperature=temperature)
    loss.backward()
    assert math.isfinite(loss.item()) and torch.isfinite(scores.grad).all()
    assert (scores.grad.abs().sum() > 0) == (name != "none")


@pytest.mark.parametrize("name", [name for name in ALIGNMENT_LOSSES if name not in (*ACROSS_QUERIES, "roar_chain")])
def test_groups_without_a_comparison_contribute_nothing(name):
    """One product, products of one grade, and no product: losses across queries have something to say of them, and the published chain of ties."""
    scores = torch.rand(3, 4, requires_grad=True)
    loss = ALIGNMENT_LOSSES[name](scores, torch.tensor([0, 1, 1, 1]), torch.tensor([3, 2, 2, 2]))
    loss.backward()
    assert loss == 0 and scores.grad.abs().sum() == 0


@pytest.mark.parametrize("name", ALIGNMENT_LOSSES)
def test_zero_weights_give_a_zero_loss_and_gradient(name):
    scores = torch.rand(2, 6, requires_grad=True)
    loss = ALIGNMENT_LOSSES[name](scores, torch.arange(6) % 2, torch.arange(6) // 2, weight=torch.zeros(6))
    loss.backward()
    assert loss == 0 and scores.grad.abs().sum() == 0


@pytest.mark.parametrize("name", ALIGNMENT_LOSSES)
def test_scores_stay_float32_under_autocast(name):
    query, product = torch.randn(4, 16), torch.randn(8, 16)
    with torch.autocast("cpu", torch.bfloat16):
        loss = ALIGNMENT_LOSSES[name]((query @ product.T) / 16, torch.arange(8) % 4, torch.arange(8) // 4)
    assert loss.dtype == torch.float32


def test_the_named_readings_of_roar_differ_as_their_options_say():
    scores = torch.rand(3, 21, generator=torch.Generator().manual_seed(6)) * 0.1
    group, grade = torch.arange(21) % 3, torch.tensor([3, 0, 1, 3, 0, 1, 1]).repeat_interleave(3)
    options = {
        "roar": {},
        "roar_chain": {"ties": "chain"},
        "roar_means": {"ties": "means"},
        "roar_group": {"scope": "group"},
        "roar_gap": {"gap_weight": True},
        "roar_joined": {"others": "joined"},
        "roar_apart": {"others": "apart"},
    }
    values = {name: ALIGNMENT_LOSSES[name](scores, group, grade, generator=torch.Generator()) for name in options}
    assert values == {name: roar_loss(scores, group, grade, **options[name]) for name in options}
    assert len({value.item() for value in values.values()}) == len(options)


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
        ({"weight": torch.ones(2)}, "weight: expected shape"),
    ],
)
@pytest.mark.parametrize("name", ALIGNMENT_LOSSES)
def test_bad_arguments_are_named(name, change, message):
    arguments = {"scores": torch.rand(2, 4), "group": torch.tensor([0, 0, 1, 1]), "grade": torch.tensor([3, 0, 3, 1])}
    arguments |= change
    with pytest.raises(ValueError, match=message):
        ALIGNMENT_LOSSES[name](arguments.pop("scores"), arguments.pop("group"), arguments.pop("grade"), **arguments)


@pytest.mark.parametrize(
    ("loss", "option", "message"),
    [
        (ranknet_loss, {"pairs": "some"}, "pairs: expected 'adjacent' or 'all'"),
        (margin_mse_loss, {"pairs": "some"}, "pairs: expected 'adjacent' or 'all'"),
        (list_net_loss, {"target_temperature": 0.0}, "target_temperature: expected a positive"),
        (ranknet_loss, {"by_worse": (1.0, -1.0, 1.0)}, "by_worse: expected 3 non-negative numbers"),
        (bixse_loss, {"targets": (0.0, 1.0)}, "targets: expected 4 numbers"),
        (bixse_loss, {"targets": (0.0, 0.5, 1.0, 1.5)}, "targets: expected 4 numbers from 0 to 1"),
    ],
)
def test_bad_options_are_named(loss, option, message):
    with pytest.raises(ValueError, match=message):
        loss(torch.rand(1, 2), torch.tensor([0, 0]), torch.tensor([3, 0]), **option)
