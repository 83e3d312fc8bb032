"""A listing is one item: what its other partners say of a pair.

Partners that contradict each other cannot both be right.

"Suntavi tomato sauce 250 ml" may be the basil one or the arrabbiata one, never both. So the odds of a pair are set against
those of its rivals: pairs of either product with a third that contradicts the other product. With exclusive hypotheses
the posterior is odds / (1 + odds + rivals' odds). The denser a catalogue, the more rivals a vague listing has, so
precision holds where items differ in a single attribute, without a threshold that depends on size.

Partners that do not may be a line of variants, alike but for a phrase. Where items have few listings, a listing with many that
are as like it as the next has none of its own among them, as a rule.
"""

import numpy as np

from roar.near_duplicates.comparison import Comparison

LIVING = 0.1
"""Odds below which a pair is no rival worth counting."""

PARTNERS = 50
"""Partners of one product that are set against each other, the likeliest."""

CHUNK = 200_000
"""Pairs of partners compared at a time."""


def posterior(comparison: Comparison, a: np.ndarray, b: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Probability of each pair (a, b), in [0, 1), given the odds of all of them (0 where vetoed).

    Cost: linear in the living pairs, times the partners that a product has, 50 at most.
    """
    living = np.flatnonzero(odds > LIVING)
    edge = np.concatenate([living, living])
    node, partner = np.concatenate([a[living], b[living]]), np.concatenate([b[living], a[living]])
    order = np.lexsort((-odds[edge], node))
    edge, node, partner = edge[order], node[order], partner[order]
    rivals = np.zeros(len(odds))
    for distance in range(1, PARTNERS):
        first = np.flatnonzero(node[:-distance] == node[distance:])
        if not len(first):
            break
        for start in range(0, len(first), CHUNK):
            one = first[start : start + CHUNK]
            other = one + distance
            against = comparison.contradict(partner[one], partner[other])
            np.add.at(rivals, edge[one[against]], odds[edge[other[against]]])
            np.add.at(rivals, edge[other[against]], odds[edge[one[against]]])
    return odds / (1 + odds + rivals)


AS_LIKE = 1.0
"""Log odds that a further listing may lie below the pair's."""


def lookalikes(a: np.ndarray, b: np.ndarray, log_odds: np.ndarray, certain: np.ndarray, each: float) -> np.ndarray:
    """Log odds of pairs (a, b), lowered for further listings about as like (`AS_LIKE`) one of the two, by the more of either.

    Args:
        a: rows of pairs.
        b: likewise.
        log_odds: of all pairs.
        certain: pairs that are not lowered, those that share a model number; they count as further listings.
        each: log odds added for each further listing, 0 or below.

    Cost: that of a sort of the pairs that are likely at all.
    """
    likely = np.flatnonzero(log_odds >= -AS_LIKE)
    if each == 0 or not len(likely):
        return log_odds
    node, pair = np.concatenate([a[likely], b[likely]]), np.concatenate([likely, likely])
    order = np.lexsort((-log_odds[pair], node))
    node, pair = node[order], pair[order]
    start = np.searchsorted(node, node)
    falling = -np.minimum(log_odds[pair], SURE)
    place = node * (2 * (SURE + AS_LIKE) + 1) + falling  # one rising order over all products
    alike = np.searchsorted(place, place + AS_LIKE + TIE, side="right") - start
    further = np.zeros(len(log_odds))
    np.maximum.at(further, pair, alike - 1)
    return np.where(certain, log_odds, log_odds + each * further)


SURE = 50.0
"""Log odds above which nothing can be told apart."""

TIE = 1e-9
"""Rounding that does not part equal odds."""
