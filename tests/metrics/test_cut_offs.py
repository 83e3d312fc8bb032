"""Cut-offs against all that could be chosen, and micro-averaged F1 against scikit-learn's."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from roar.metrics.cut_offs import fit_cut_offs, grades_of


def best_of_all(score: np.ndarray, grade: np.ndarray) -> float:
    """The largest share of right grades under any three cut-offs, tried one by one."""
    candidates = [-np.inf, *np.unique(score), np.inf]
    triples = itertools.combinations_with_replacement(candidates, 3)
    return max(float(np.mean([sum(s >= c for c in t) for s in score] == grade)) for t in triples)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=9))
def test_no_three_cut_offs_give_more_products_their_grade(pairs) -> None:
    """With equal scores among them, which no cut-off may part, and grades that nobody has."""
    score, grade = np.array([s / 4 for s, _ in pairs]), np.array([g for _, g in pairs])
    cut_offs = fit_cut_offs(score, grade)
    assert cut_offs.shape == (3,) and (cut_offs[:-1] <= cut_offs[1:]).all()
    found = grades_of(score, cut_offs)
    assert np.mean(found == grade) == pytest.approx(best_of_all(score, grade))
    assert np.mean(found == grade) == pytest.approx(f1_score(grade, found, average="micro"))


def test_cut_offs_lie_between_the_scores_that_they_part() -> None:
    score, grade = np.array([0.1, 0.2, 0.4, 0.5, 0.8, 0.9]), np.array([0, 0, 1, 2, 3, 3])
    assert fit_cut_offs(score, grade) == pytest.approx([0.3, 0.45, 0.65])
    assert grades_of(np.array([0.29, 0.31, 0.46, 0.66]), np.array([0.3, 0.45, 0.65])).tolist() == [0, 1, 2, 3]


def test_a_grade_that_nobody_has_is_given_to_nobody() -> None:
    score, grade = np.linspace(0, 1, 20), np.repeat([0, 3], 10)
    assert set(grades_of(score, fit_cut_offs(score, grade))) == {0, 3}
    assert grades_of(np.array([-9.0, 9.0]), fit_cut_offs(score, np.full(20, 2))).tolist() == [2, 2]


def test_the_order_of_products_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    score, grade = rng.normal(size=200).round(1), rng.integers(0, 4, 200)
    shuffled = rng.permutation(200)
    assert fit_cut_offs(score, grade).tolist() == fit_cut_offs(score[shuffled], grade[shuffled]).tolist()


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(ValueError, match="n > 0"):
        fit_cut_offs(np.empty(0), np.empty(0, dtype=np.int64))
