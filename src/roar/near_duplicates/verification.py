"""Are two listings one item? Text brings them together, attributes decide.

The score of a pair is a sum of evidence (`comparison`), each weight a parameter and the same for every catalogue:

    score = text + model number + agreements - other model numbers - contradictions - unlike prices - accessory - competition

where text is the cosine of TF-IDF vectors (of the titles, and of titles with descriptions). A veto outweighs any score.
What the catalogue says of its own evidence (`learning`) is added where no model number speaks. Similarity is the score on a logistic scale, with the
catalogue's prior, less what rivals take (`rivalry`).
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.special import expit, logit
from tqdm import tqdm

from roar.near_duplicates.brands import aliases
from roar.near_duplicates.comparison import Comparison
from roar.near_duplicates.learning import (
    Weights,
    learn_columns,
    learn_prices,
    learn_trees,
    mutually_best,
    sure_pairs,
)
from roar.near_duplicates.prior import Prior, learn_prior
from roar.near_duplicates.rivalry import SURE, lookalikes, posterior
from roar.parameters import DuplicateEvidence

CHUNK = 200_000
"""Pairs compared at a time."""

THREADS = 2

APART = 2.0
"""Taken off where two titles state different model numbers, in a catalogue that lists an item once."""


def score(
    comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence, weights: Weights | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Similarity in [0, 1] and veto of each pair; a pair at or above 0.5 is accepted, a vetoed one has 0.

    `weights`: what the catalogue's evidence is worth (`learning`); that of the average catalogue if None.
    """
    comparison = informed(comparison, weights)
    evidence = _gather(comparison, a, b, config)
    return _similarity(comparison, a, b, evidence, weights.prior if weights else Prior(), config), evidence.veto


def informed(comparison: Comparison, weights: Weights | None) -> Comparison:
    """The comparison with what the catalogue taught of names, columns, prices and series."""
    if weights is None:
        return comparison
    comparison = comparison.naming(weights.aliases).weighing(weights.columns, weights.usual_gap)
    return comparison.without_series() if weights.prior.listed_once else comparison


def score_and_learn(
    comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence
) -> tuple[np.ndarray, np.ndarray, Weights]:
    """As `score`, with the weights that all candidate pairs of a catalogue (`a`, `b`) teach."""
    comparison, names, columns = _learned_by_model(comparison, a, b, config)
    evidence = _gather(comparison, a, b, config)
    words = np.where(evidence.veto, 0.0, evidence.text)
    best = mutually_best(a, b, words, len(comparison.price), config.threshold)
    gap = learn_prices(comparison, a[best], b[best], config)
    told = learn_trees(comparison, a[best], b[best], columns, config)
    if gap != comparison.usual_gap or told is not columns:
        columns = told
        comparison = comparison.weighing(columns, gap)
        evidence = _gather_again(comparison, a, b, ~evidence.veto, evidence, config)
    similarity = _similarity(comparison, a, b, evidence, Prior(), config)
    prior = learn_prior(comparison, a, b, best, similarity, ~evidence.named, config)
    if prior.listed_once:
        comparison = comparison.without_series()
        evidence = _gather_again(comparison, a, b, evidence.named, evidence, config)
    if prior.unlike > 0 or prior.odds < 0:
        similarity = _similarity(comparison, a, b, evidence, prior, config)
    return similarity, evidence.veto, Weights(prior, *_counted(comparison), columns, names, gap)


def learn_from(comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence) -> Weights:
    """What pairs that are taken for one item (`a`, `b`) teach of columns, brands and prices; of the prior nothing, they are chosen."""
    comparison, names, columns = _learned_by_model(comparison, a, b, config)
    told = learn_trees(comparison, a, b, columns, config)
    return Weights(Prior(), *_counted(comparison), told, names, learn_prices(comparison, a, b, config))


def _counted(comparison: Comparison) -> tuple[int, int]:
    """Products whose titles state a model number, and those that do not."""
    anchors = int(comparison.coded.sum())
    return anchors, len(comparison.coded) - anchors


def _learned_by_model(
    comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence
) -> tuple[Comparison, pl.DataFrame, pl.DataFrame]:
    """What shared model numbers teach: names of one brand, and what columns weigh; and the comparison with both."""
    x, y = sure_pairs(comparison, a, b)
    names = aliases(comparison.brands_of(x, y))
    comparison = comparison.naming(names)
    columns = learn_columns(comparison, x, y, config)
    return comparison.weighing(columns, comparison.usual_gap), names, columns


class _Evidence(NamedTuple):
    """What is known of pairs: the score before competition, vetoes, shared model numbers, shared but for a suffix, the text's part."""

    raw: np.ndarray
    veto: np.ndarray
    model: np.ndarray
    named: np.ndarray
    text: np.ndarray


def _gather(comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence) -> _Evidence:
    def weighed(i: int) -> _Evidence:
        return _weigh(comparison.signals(a[i : i + CHUNK], b[i : i + CHUNK], config), config)

    starts = range(0, len(a), CHUNK)
    with ThreadPoolExecutor(THREADS) as pool:  # scipy's products release the interpreter
        parts = list(
            tqdm(pool.map(weighed, starts), desc="verifying pairs", total=len(starts), disable=len(starts) < 2)
        )
    empty = np.zeros(0), *[np.zeros(0, dtype=bool)] * 3, np.zeros(0)
    return _Evidence(*(np.concatenate(column) for column in zip(empty, *parts, strict=True)))


def _gather_again(
    comparison: Comparison, a: np.ndarray, b: np.ndarray, where: np.ndarray, known: _Evidence, config: DuplicateEvidence
) -> _Evidence:
    """`known`, with the pairs `where` something changed gathered anew."""
    changed = _gather(comparison, a[where], b[where], config)
    columns = [column.copy() for column in known]
    for column, new in zip(columns, changed, strict=True):
        column[where] = new
    return _Evidence(*columns)


def _similarity(
    comparison: Comparison, a: np.ndarray, b: np.ndarray, evidence: _Evidence, prior: Prior, config: DuplicateEvidence
) -> np.ndarray:
    """Similarity of pairs with their rivals in view.

    Competition looks at all given pairs: the score falls with the distance to the best unvetoed pair of either product,
    because the second best of a shop's range is, as a rule, its sibling. A shared model number stands above competition.
    Pairs that exclude one another then share their odds, and pairs with many look-alikes lose some.
    """
    raw, veto, model, *_ = evidence
    if prior.unlike > 0:
        open_to_doubt = np.flatnonzero(~veto & (raw >= config.threshold))
        x, y = a[open_to_doubt], b[open_to_doubt]
        raw = raw.copy()
        raw[open_to_doubt] -= prior.unlike * comparison.unlike(x, y) / config.steepness
        raw[open_to_doubt] -= APART * _numbered_apart(comparison, x, y) if prior.listed_once else 0.0
    best = np.full(len(comparison.price), -np.inf)
    for side in (a, b):
        np.maximum.at(best, side, np.where(veto, -np.inf, raw))
    lead = np.minimum(np.maximum(best[a], best[b]) - raw, 1.0)
    final = raw - config.competition * np.where(veto | model, 0.0, lead)
    log_odds = config.steepness * (final - config.threshold) + prior.odds
    if config.rivalry:
        log_odds = logit(posterior(comparison, a, b, np.where(veto, 0.0, np.exp(np.minimum(log_odds, SURE)))))
    log_odds = lookalikes(a, b, np.where(veto, -np.inf, log_odds), evidence.named, prior.lookalike)
    return np.where(veto, 0.0, expit(log_odds))


def _numbered_apart(comparison: Comparison, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether both titles state model numbers, by what is no series, and share none."""
    shared, stem, siblings = comparison.models_compared(a, b)
    numbered = np.diff(comparison.titled_code.indptr) > 0
    return siblings | (numbered[a] & numbered[b] & ~shared & ~stem)


def _weigh(signals: dict[str, np.ndarray], config: DuplicateEvidence) -> _Evidence:
    raw = (
        signals["text"]
        + config.model_number * signals["model"]
        + config.model_stem * signals["stem"]
        - config.sibling_model * signals["siblings"]
        - config.other_model * signals["others"]
        + config.agreement * np.minimum(signals["agreements"], config.enough_agreement)
        - config.contradiction * np.minimum(signals["contradictions"], 2)
        - config.accessory * signals["accessory"]
        - config.price * signals["price"]
    )
    return _Evidence(raw, signals["vetoes"] > 0, signals["model"], signals["model"] | signals["stem"], signals["text"])
