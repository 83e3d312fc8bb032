"""The weights of evidence fitted to labelled pairs, where there are some: by choice, never in the default.

A regularised logistic regression of the labels on the evidence of the pairs, every kind scaled by its usual weight, so that
the penalty pulls all kinds towards one worth. Labels are few and of doubtful pairs, as a rule, so the catalogue's candidates
speak too, as the given weights judge them, with the weight of `COUNTED` labels: what no label tells of stays as it was. What
comes out is a configuration as any other.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from roar.errors import InputError
from roar.near_duplicates import candidates
from roar.near_duplicates.comparison import Comparison
from roar.near_duplicates.deduplication import ACCEPT, prepared, rows_of
from roar.near_duplicates.labels import FEWEST
from roar.near_duplicates.learning import Weights
from roar.near_duplicates.profiles import Profiles
from roar.near_duplicates.verification import informed, score, score_and_learn
from roar.parameters import DuplicateEvidence, NearDuplicates

FOLDS = 5
ASKED, COUNTED = 2_000, 300
"""Candidates that speak as the given weights judge them, and the labelled pairs that they count for together."""

_SIGNS = {
    "model": ("model_number", 1),
    "stem": ("model_stem", 1),
    "siblings": ("sibling_model", -1),
    "others": ("other_model", -1),
    "agreements": ("agreement", 1),
    "contradictions": ("contradiction", -1),
    "accessory": ("accessory", -1),
    "price": ("price", -1),
}
"""Evidence beside the text, its parameter, and whether it speaks for or against."""


class Scores(NamedTuple):
    """Precision, recall and F1 on labelled pairs."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, accepted: np.ndarray, same: np.ndarray) -> "Scores":
        """Of accepted pairs against what they are."""
        right = float((accepted & same).sum())
        precision, recall = right / max(int(accepted.sum()), 1), right / max(int(same.sum()), 1)
        return cls(precision, recall, 2 * precision * recall / max(precision + recall, 1e-9))


class Fitted(NamedTuple):
    """Weights fitted to labels.

    Attributes:
        config: the configuration with the fitted weights; what the catalogue teaches of its columns, brands and prices goes with it,
            but its prior does not: labels tell it.
        unsupervised: scores of the given configuration, which saw no label.
        cross_validated: scores of fitted weights on pairs that they did not see; no product is in two folds, or, where pairs hang
            together too much for that, no product is the first (`product_id_a`) in two.
    """

    config: NearDuplicates
    unsupervised: Scores
    cross_validated: Scores


def fit(products: pl.DataFrame, labelled: pl.DataFrame, config: NearDuplicates | None = None) -> Fitted:
    """Fit the weights of evidence to labelled pairs.

    Args:
        products: as for `find_pairs`.
        labelled: product_id_a, product_id_b, label (1: one item, 0: two).
        config: what is fitted from; the defaults if None.

    Raises:
        InputError: as `verify`; or a label is neither 0 nor 1, or fewer than 20 pairs have either.

    References:
        scikit-learn's LogisticRegression (L2).
    """
    config = config or NearDuplicates()
    same = _labels(labelled)
    products = prepared(products)
    a, b = rows_of(products, labelled)
    profiles = Profiles.read(products)
    comparison = Comparison.of(profiles)
    near = candidates.search(profiles.traits, profiles.size, config.candidates)
    taught = score_and_learn(comparison, *near, config.evidence)[2] if config.evidence.learn else None
    before = score(comparison, a, b, config.evidence, taught)[0] >= ACCEPT
    weights = replace(taught, prior=taught.prior._replace(odds=0.0)) if taught else None
    features = _features(informed(comparison, weights).signals(a, b, config.evidence), config.evidence)
    usual = _Usual.of(comparison, *near, config.evidence, weights)
    accepted = np.zeros(len(same), dtype=bool)
    groups = _apart(a, b, len(products))
    folds = GroupKFold(min(FOLDS, len(np.unique(groups))))
    for train, test in folds.split(features, same, groups):
        fitted = _fitted(features[train], same[train], usual, config.evidence)
        similarity, _ = score(comparison, a, b, fitted, weights)
        accepted[test] = similarity[test] >= _best_threshold(similarity[train], same[train])
    evidence = _fitted(features, same, usual, config.evidence)
    best = _best_threshold(score(comparison, a, b, evidence, weights)[0], same)
    threshold = evidence.threshold + float(logit(best)) / evidence.steepness  # where 0.5 is to lie
    evidence = evidence.model_copy(update={"threshold": threshold, "prior": 0.0})
    return Fitted(config.model_copy(update={"evidence": evidence}), Scores.of(before, same), Scores.of(accepted, same))


class _Usual(NamedTuple):
    """Candidates as the given weights judge them: (pairs, kinds of evidence), and the odds, 0 … 1, that each is one item."""

    features: np.ndarray
    similarity: np.ndarray

    @classmethod
    def of(
        cls, comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence, weights: Weights | None
    ) -> "_Usual":
        """Spread evenly over the candidates (rows `a`, `b`), each by itself; those that a contradiction excludes say nothing."""
        step = max(1, len(a) // ASKED)
        a, b = a[::step], b[::step]
        alone = config.model_copy(update={"competition": 0.0, "rivalry": False})
        similarity, veto = score(comparison, a, b, alone, weights)
        features = _features(informed(comparison, weights).signals(a[~veto], b[~veto], config), config)
        return cls(features, similarity[~veto])


def _labels(labelled: pl.DataFrame) -> np.ndarray:
    if "label" not in labelled.columns or not labelled["label"].is_in([0, 1]).all():
        raise InputError("labelled.label: expected 1 (one item) or 0 (two) for every pair; add or mend the column")
    same = labelled["label"].to_numpy() == 1
    if min(same.sum(), (~same).sum()) < FEWEST:
        raise InputError(
            f"labelled.label: expected {FEWEST} pairs of either kind, found {int(same.sum())} of one item and "
            f"{int((~same).sum())} of two; label more, or leave the weights as they are"
        )
    return same


def _features(signals: dict[str, np.ndarray], config: DuplicateEvidence) -> np.ndarray:
    """(pairs, kinds of evidence): the text, then each kind by its usual weight and sign."""
    caps = {"agreements": config.enough_agreement, "contradictions": 2}
    columns = [signals["text"]]
    for name, (parameter, sign) in _SIGNS.items():
        value = np.minimum(signals[name].astype(float), caps.get(name, np.inf))
        columns.append(sign * getattr(config, parameter) * value)
    return np.stack(columns, axis=1)


def _fitted(features: np.ndarray, same: np.ndarray, usual: _Usual, config: DuplicateEvidence) -> DuplicateEvidence:
    """The configuration with the weights of a logistic regression; evidence keeps its sign."""
    told = len(usual.similarity)
    worth = COUNTED / max(told, 1)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(
        np.concatenate([features, usual.features, usual.features]),
        np.concatenate([same, np.ones(told, dtype=bool), np.zeros(told, dtype=bool)]),
        np.concatenate([np.ones(len(same)), worth * usual.similarity, worth * (1 - usual.similarity)]),
    )
    slopes = np.maximum(model.coef_[0], 0.0)
    text = max(float(slopes[0]), 1e-3)
    weights = {
        parameter: getattr(config, parameter) * float(slope) / text
        for (parameter, _), slope in zip(_SIGNS.values(), slopes[1:], strict=True)
    }
    return config.model_copy(update=weights | {"threshold": -float(model.intercept_[0]) / text, "steepness": text})


def _best_threshold(similarity: np.ndarray, same: np.ndarray) -> float:
    """Similarity with the best F1: competition and rivalry, which look at all pairs, are no part of the regression."""
    tried = np.linspace(0.02, 0.98, 49)
    return float(tried[np.argmax([Scores.of(similarity >= threshold, same).f1 for threshold in tried])])


def _apart(a: np.ndarray, b: np.ndarray, products: int) -> np.ndarray:
    """The group of each pair, whole in one fold: its connected component, or its first product where one component would fill a fold."""
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(products, products))
    component = connected_components(graph, directed=False)[1][a]
    return a if np.bincount(component).max() > len(a) / FOLDS else component
