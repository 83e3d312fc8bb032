"""Mask rules by name: what each leaves out, alone and together."""

import itertools

import pytest
import torch

from roar.losses import MASK_RULES, false_negative_mask, mask_rule

SCORES = torch.tensor([[0.5, 0.62, 0.45, 0.1, 0.2]])
POSITIVE = torch.tensor([0])
TABLES = {
    "same_cluster": torch.tensor([[True, False, False, True, False]]),
    "known_relevant": torch.tensor([[False, False, False, False, True]]),
}
LEFT_OUT = {"none": set(), "margin": {1}, "gist": {1, 2}, "cluster": {3}, "known_relevant": {4}}


@pytest.mark.parametrize(
    "names", [names for size in range(1, len(MASK_RULES) + 1) for names in itertools.combinations(MASK_RULES, size)]
)
def test_rules_together_leave_out_what_any_of_them_does(names):
    mask = mask_rule(names, SCORES, POSITIVE, **TABLES)
    assert set(mask[0].nonzero().flatten().tolist()) == set().union(*(LEFT_OUT[name] for name in names))


def test_every_rule_has_an_expectation_and_one_name_may_stand_alone():
    assert set(LEFT_OUT) == set(MASK_RULES)
    assert torch.equal(
        mask_rule("margin", SCORES, POSITIVE, margin=0.2), false_negative_mask(SCORES, POSITIVE, margin=0.2)
    )


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        ("margins", {}, "mask rule: expected some of none, margin, gist, cluster, known_relevant, got margins"),
        (("margin", "all"), {}, "got all"),
        ((), {}, "mask rule: expected some of .*, got nothing"),
        ("cluster", {}, "same_cluster: the mask rule 'cluster' needs it"),
        ("known_relevant", {}, "known_relevant: the mask rule"),
        ("gist", {"margin": -0.1}, "margin: expected at least 0"),
        ("cluster", {"same_cluster": torch.ones(2, 2, dtype=torch.bool)}, "same_cluster: expected shape"),
    ],
)
def test_bad_rules_are_named(names, options, message):
    with pytest.raises(ValueError, match=message):
        mask_rule(names, SCORES, POSITIVE, **options)
