"""How many products have a second listing, and what that makes of every pair, learned from the catalogue itself.

Products with a model number tell: so many share it, and so many pairs that are each other's best by words state it on both sides, not on
one. Where few do, a pair is doubted before it is looked at: Bayes' rule, from even odds at a share of one half.

In a catalogue that many shops fill, the titles that are most alike are listings of one item. In one that lists an item once they are variants
of one line: alike but for a team, a handle, a finish. So where few products have a second listing, every further one that is as
like is a doubt (lines have many variants, items as many listings as model numbers say), and what only one of two titles says weighs so
much that words find no more second listings than model numbers do. Where words would find many times more, and whole families, the
catalogue lists an item once: any such word makes two items, and a number that many titles state names a series.

All is shrunk towards what holds for catalogues on average, by as much as a few dozen pairs.

References:
    Saerens, Latinne and Decaestecker (2002), Adjusting the Outputs of a Classifier to New a Priori Probabilities.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import logit

from roar.near_duplicates.comparison import ENOUGH, Comparison
from roar.near_duplicates.rivalry import lookalikes
from roar.parameters import DuplicateEvidence

EVEN = 0.5
"""Share of second listings with which weights speak as they are."""


class Prior(NamedTuple):
    """How many products have a second listing, and what that makes of every pair."""

    listed_twice: float | None = None
    """Share of products with a second listing, by those that state model numbers; None where the catalogue is too small to tell."""
    by_words: float = 0.0
    """The same by words alone, among the others, before `unlike`."""
    odds: float = 0.0
    """Log odds added to every pair: 0, or below where few products have a second listing."""
    lookalike: float = 0.0
    """Log odds added to a pair for every further listing that is about as like one of the two: 0, or below."""
    unlike: float = 0.0
    """Log odds taken off, per unit of information, for what only one title says."""
    listed_once: bool = False
    """Whether the catalogue lists an item once: two titles with different model numbers are two items, and numbers may name series."""


def learn_prior(
    comparison: Comparison,
    a: np.ndarray,
    b: np.ndarray,
    best: np.ndarray,
    similarity: np.ndarray,
    alone: np.ndarray,
    config: DuplicateEvidence,
) -> Prior:
    """What a pair is before it is looked at; even odds in a catalogue too small to tell (`fewest`).

    Args:
        comparison: of the catalogue.
        a: rows of pairs.
        b: likewise.
        best: places of the pairs that are each other's best by words.
        similarity: of the pairs, 0 … 1.
        alone: whether a pair shares no model number.
        config: learning_pairs, usual_share, prior, lookalike, fewest, unlike, tolerance, family, variant.
    """
    size = len(comparison.price)
    if size < config.fewest:
        return Prior()
    anchors = np.flatnonzero(comparison.coded)
    again, usually = (comparison.listed_again(contradicted=contradicted)[anchors] for contradicted in (False, True))
    stated = (again > 0).sum() / _stated_again(comparison, a[best], b[best], config)
    twice = min(_shrunk(stated, len(anchors), config), 1.0)
    odds = config.prior * min(float(np.log(twice / EVEN)), 0.0)
    doubt = min(-odds, 1.0)
    prior = Prior(twice, odds=odds, lookalike=config.lookalike * doubt * float(np.log(_further(again, config))))
    others = ~comparison.coded if (~comparison.coded).sum() >= config.fewest else np.ones(size, dtype=bool)
    words = _ByWords(comparison, a[alone], b[alone], others)
    by_words, family = words.found(logit(similarity[alone]))
    if by_words > config.tolerance * _shrunk((usually > 0).sum(), len(anchors), config) and family > config.family:
        return prior._replace(by_words=by_words, unlike=config.variant, listed_once=True)
    if odds == 0 or len(anchors) < ENOUGH:
        return prior._replace(by_words=by_words)
    doubted = lookalikes(a, b, logit(similarity) + odds, ~alone, prior.lookalike)[alone]
    most = twice + DEVIATIONS * np.sqrt(twice * (1 - twice) / len(anchors))
    return prior._replace(by_words=by_words, unlike=words.strength(doubted, most / doubt, config.unlike))


DEVIATIONS = 2.0
"""Standard deviations that the share of second listings may lie above its estimate."""


class _ByWords(NamedTuple):
    """Pairs (rows `a`, `b`) that words alone bring together, and the products (`others`) that are to tell how many."""

    comparison: Comparison
    a: np.ndarray
    b: np.ndarray
    others: np.ndarray

    def found(self, log_odds: np.ndarray) -> tuple[float, float]:
        """Share of the products that have a second listing by these odds, and how many they have."""
        hit = np.zeros(len(self.others), dtype=bool)
        near = log_odds >= 0
        hit[self.a[near]] = hit[self.b[near]] = True
        return float(hit[self.others].mean()), 2 * float(near.sum()) / max(int(hit.sum()), 1)

    def strength(self, log_odds: np.ndarray, most: float, limit: float) -> float:
        """The least that what only one of two titles says must weigh (log odds per unit of information, `limit` at most), so that
        words find a second listing for no more than the share `most` of the products.
        """
        if self.found(log_odds)[0] <= most:
            return 0.0
        near = log_odds >= 0
        unlike = np.zeros(len(log_odds))
        unlike[near] = self.comparison.unlike(self.a[near], self.b[near])
        low, high = 0.0, limit
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.found(log_odds - middle * unlike)[0] > most else (low, middle)
        return high


STEPS = 20
"""Halvings in which that strength is found."""


def _shrunk(count: float, of: int, config: DuplicateEvidence) -> float:
    """A share, shrunk towards the usual one of second listings."""
    return float(count + config.usual_share * config.learning_pairs) / (of + config.learning_pairs)


FURTHER = 0.2
"""Of listings that are a second one, on average over catalogues, those that are not the last."""


def _further(again: np.ndarray, config: DuplicateEvidence) -> float:
    """How often a second listing is followed by a further one, 0 … 1: with so many again (products with model numbers) on average,
    if every one is followed as often as the one before.
    """
    twice = int((again > 0).sum())
    mean = (again.sum() + config.learning_pairs / (1 - FURTHER)) / (twice + config.learning_pairs)
    return float(1 - 1 / mean)


def _stated_again(comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence) -> float:
    """How often the second listing states a model number where the first does: pairs (`a`, `b`) that are each other's best tell,
    whatever the numbers are. Shrunk towards always.
    """
    one, other = comparison.coded[a], comparison.coded[b]
    both, either = 2 * (one & other).sum(), (one ^ other).sum()
    return float((both + config.learning_pairs) / (both + either + config.learning_pairs))
