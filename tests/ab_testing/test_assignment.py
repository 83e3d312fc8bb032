"""A unit's variant: always the same, in the shares that are asked for, and unrelated between experiments."""

import numpy as np
import pytest
from scipy import stats

from roar.ab_testing import assign
from roar.ab_testing.assignment import place

UNITS = [f"u{number}" for number in range(20_000)]


@pytest.mark.parametrize(
    "split", [{"a": 0.5, "b": 0.5}, {"a": 0.1, "b": 0.2, "c": 0.3}, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}]
)
def test_shares_are_those_asked_for(split):
    found = [assign(unit, split, "salt") for unit in UNITS]
    outside = 1 - sum(split.values())
    expected = {**split, None: outside} if outside > 1e-9 else split
    counts = [found.count(variant) for variant in expected]
    assert sum(counts) == len(UNITS)
    assert stats.chisquare(counts, [share * len(UNITS) for share in expected.values()]).pvalue > 0.001


def test_places_are_uniform():
    assert stats.kstest([place(unit, "salt") for unit in UNITS], "uniform").pvalue > 0.001


def test_two_experiments_have_nothing_to_do_with_each_other():
    split = {"a": 0.5, "b": 0.5}
    both = np.zeros((2, 2))
    for unit in UNITS:
        both["ab".index(assign(unit, split, "one")), "ab".index(assign(unit, split, "two"))] += 1
    assert stats.chi2_contingency(both).pvalue > 0.001


def test_it_is_the_same_on_every_machine():
    assert [assign(unit, {"a": 0.5, "b": 0.5}, "search") for unit in UNITS[:8]] == list("aabaabaa")


def test_ramping_up_moves_nobody_between_variants():
    before = [assign(unit, {"a": 0.2, "b": 0.2}, "s") for unit in UNITS[:2000]]
    after = [assign(unit, {"a": 0.2, "b": 0.5}, "s") for unit in UNITS[:2000]]
    assert all(old in (new, None) for old, new in zip(before, after, strict=True)) and before != after
