"""Are two listings one item? Text brings them together, attributes decide.

The score of a pair is a sum of evidence (`comparison`), each weight a parameter and the same for every catalogue:

    score = text + model number + agreements - contradictions - unlike prices - accessory - competition

where text is the cosine of TF-IDF vectors (of the titles, and of titles with descriptions). A veto outweighs any score.
Similarity is the score on a logistic scale, less what rivals take (`rivalry`).
"""

import numpy as np
from scipy.special import expit
from tqdm import tqdm

from roar.near_duplicates.comparison import Comparison
from roar.near_duplicates.rivalry import posterior
from roar.parameters import DuplicateEvidence

CHUNK = 200_000
"""Pairs compared at a time."""

CERTAIN = 50.0
"""Log odds above which nothing can be told apart."""


def score(
    comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence
) -> tuple[np.ndarray, np.ndarray]:
    """Similarity in [0, 1] and veto of each pair; a pair at or above 0.5 is accepted, a vetoed one has 0.

    Competition comes last, since it looks at all given pairs: the score falls with the distance to the best
    unvetoed pair of either product, because the second best of a shop's range is, as a rule, its sibling. A shared model
    number stands above competition. Pairs that exclude one another then share their odds.
    """
    parts = [
        _weigh(comparison.signals(a[i : i + CHUNK], b[i : i + CHUNK], config), config)
        for i in tqdm(range(0, len(a), CHUNK), desc="verifying pairs", disable=len(a) <= CHUNK)
    ]
    empty = np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    raw, veto, model = (np.concatenate(column) for column in zip(empty, *parts, strict=True))
    best = np.full(len(comparison.price), -np.inf)
    for side in (a, b):
        np.maximum.at(best, side, np.where(veto, -np.inf, raw))
    lead = np.minimum(np.maximum(best[a], best[b]) - raw, 1.0)
    final = raw - config.competition * np.where(veto | model, 0.0, lead)
    logit = config.steepness * (final - config.threshold)
    if not config.rivalry:
        return np.where(veto, 0.0, expit(logit)), veto
    return posterior(comparison, a, b, np.where(veto, 0.0, np.exp(np.minimum(logit, CERTAIN)))), veto


def _weigh(signals: dict[str, np.ndarray], config: DuplicateEvidence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The score before competition, vetoes, shared model numbers."""
    raw = (
        signals["text"]
        + config.model_number * signals["model"]
        + config.model_stem * signals["stem"]
        - config.sibling_model * signals["siblings"]
        + config.agreement * np.minimum(signals["agreements"], config.enough_agreement)
        - config.contradiction * np.minimum(signals["contradictions"], 2)
        - config.accessory * signals["accessory"]
        - config.price * signals["price"]
    )
    return raw, signals["vetoes"] > 0, signals["model"]
