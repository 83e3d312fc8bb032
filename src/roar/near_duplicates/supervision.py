"""The weights of evidence fitted to labelled pairs, where there are some: by choice, never in the default.

A regularised logistic regression of the labels on the evidence of the pairs, every kind scaled by its usual weight, so that
the penalty pulls all kinds towards one worth. What comes out is a configuration as any other.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from roar.errors import InputError
from roar.near_duplicates.comparison import Comparison
from roar.near_duplicates.deduplication import ACCEPT, prepared, rows_of
from roar.near_duplicates.profiles import Profiles
from roar.near_duplicates.verification import score
from roar.parameters import DuplicateEvidence, NearDuplicates

FOLDS = 5
FEWEST = 20
"""Labelled pairs of either kind from which weights are fitted."""

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
        precision, recall = right / max(accepted.sum(), 1), right / max(same.sum(), 1)
        return cls(precision, recall, 2 * precision * recall / max(precision + recall, 1e-9))


class Fitted(NamedTuple):
    """Weights fitted to labels.

    Attributes:
        config: the configuration with the fitted weights.
        unsupervised: scores of the given configuration, which saw no label.
        cross_validated: scores of fitted weights on pairs that they did not see; no product is in two folds.
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
    comparison = Comparison.of(Profiles.read(products))
    features = _features(comparison.signals(a, b, config.evidence), config.evidence)
    accepted = np.zeros(len(same), dtype=bool)
    groups = _components(a, b, len(products))
    folds = GroupKFold(min(FOLDS, len(np.unique(groups))))
    for train, test in folds.split(features, same, groups):
        fitted = _fitted(features[train], same[train], config.evidence)
        similarity, _ = score(comparison, a, b, fitted)
        accepted[test] = similarity[test] >= _best_threshold(similarity[train], same[train])
    before = score(comparison, a, b, config.evidence)[0] >= ACCEPT
    weights = _fitted(features, same, config.evidence)
    best = _best_threshold(score(comparison, a, b, weights)[0], same)
    threshold = weights.threshold + float(logit(best)) / weights.steepness
    weights = weights.model_copy(update={"threshold": threshold, "learn": False})  # as they were fitted
    return Fitted(config.model_copy(update={"evidence": weights}), Scores.of(before, same), Scores.of(accepted, same))


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


def _fitted(features: np.ndarray, same: np.ndarray, config: DuplicateEvidence) -> DuplicateEvidence:
    """The configuration with the weights of a logistic regression; evidence keeps its sign."""
    model = LogisticRegression(C=1.0, max_iter=1000).fit(features, same)
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


def _components(a: np.ndarray, b: np.ndarray, products: int) -> np.ndarray:
    """The connected component of each pair."""
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(products, products))
    return connected_components(graph, directed=False)[1][a]
