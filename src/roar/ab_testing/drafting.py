"""Team-draft interleaving: two rankings in one list.

Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?", CIKM 2008. In each round a coin
decides who picks first; each ranker adds its best product that is not in the list yet. A service drafts for every search, so
that nothing of statistics is loaded here.
"""

import numpy as np

EMPTY = -1


def team_draft(a: np.ndarray, b: np.ndarray, first: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Interleave the rankings of n searches.

    Args:
        a: (n, k) products of ranker a, best first, distinct in a row; `EMPTY` fills up short rows at their end.
        b: (n, k) the same of ranker b.
        first: (n, rounds) bool, whether a picks first in each round; rounds of 2 picks, at least length / 2.
        length: of the interleaved lists.

    Returns:
        (n, length) products and teams (0 for a, 1 for b), `EMPTY` where both rankers have run out.
    """
    rows = np.arange(len(a))
    rankings = [a, b]
    taken = [ranking == EMPTY for ranking in rankings]
    products = np.full((len(a), length), EMPTY, dtype=a.dtype)
    teams = np.full((len(a), length), EMPTY, dtype=np.int64)
    filled = np.zeros(len(a), dtype=np.int64)
    for pick in range(2 * first.shape[1]):
        turn = np.where(first[:, pick // 2] == (pick % 2 == 0), 0, 1)
        for team in (0, 1):
            place = np.argmin(taken[team], axis=1)
            able = (turn == team) & ~taken[team][rows, place] & (filled < length)
            row = rows[able]
            chosen = rankings[team][row, place[able]]
            products[row, filled[row]], teams[row, filled[row]] = chosen, team
            filled[row] += 1
            for ranking, gone in zip(rankings, taken, strict=True):
                gone[row] |= ranking[row] == chosen[:, None]
    return products, teams
