"""Draws are a function of (seed, name, row)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from roar.marketplace.draws import Draws


@given(seed=st.integers(0, 2**31), start=st.integers(0, 10**9))
def test_a_row_draws_the_same_in_any_company(seed, start):
    rows = np.arange(start, start + 50)
    draws = Draws(seed)
    assert draws.uniform("x", rows)[17] == draws.uniform("x", rows[17:18])[0]
    assert (draws.uniform("x", rows, 4)[17] == draws.uniform("x", rows[17:18], 4)[0]).all()


def test_draws_are_uniform_and_independent_between_names_columns_and_seeds():
    rows = np.arange(100_000)
    a = Draws(1).uniform("a", rows, 2)
    others = [Draws(1).uniform("b", rows), Draws(2).uniform("a", rows), a[:, 1], np.roll(a[:, 0], 1)]
    counts = np.histogram(a[:, 0], bins=20, range=(0, 1))[0]
    assert abs(counts - 5_000).max() < 350  # five standard deviations
    assert all(abs(np.corrcoef(a[:, 0], other)[0, 1]) < 0.016 for other in others)


def test_normal_and_weighted_draws_have_their_distribution():
    rows = np.arange(50_000)
    normal = Draws(3).normal("n", rows)
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03
    shares = np.bincount(Draws(3).weighted("w", rows, np.array([1.0, 0.0, 3.0])), minlength=3) / len(rows)
    np.testing.assert_allclose(shares, [0.25, 0, 0.75], atol=0.01)
