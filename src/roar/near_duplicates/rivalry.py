"""A listing is one item: partners that contradict each other cannot both be right.

"Suntavi tomato sauce 250 ml" may be the basil one or the arrabbiata one, never both. So the odds of a pair are set against
those of its rivals: pairs of either product with a third that contradicts the other product. With exclusive hypotheses
the posterior is odds / (1 + odds + rivals' odds). The denser a catalogue, the more rivals a vague listing has, so
precision holds where items differ in a single attribute, without a threshold that depends on size.
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
