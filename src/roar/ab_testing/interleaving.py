"""Team-draft interleaving: two rankings in one list, a click is a vote for the ranker whose pick it was.

Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?", CIKM 2008. In each round a coin
decides who picks first; each ranker adds its best product that is not in the list yet. As a searcher compares both
rankings at once, far fewer searchers are needed than in an A/B test; what it measures is a preference, not an uplift.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import stats

from roar.errors import InputError

EMPTY = -1


class Preference(NamedTuple):
    """Which ranker the searchers' clicks prefer.

    preference: mean over searchers of (searches won by the treatment - won by the control) / searches, -1 to 1.
    low, high: its interval; p: of no preference, two-sided.
    searchers, won, lost, tied: searchers, and searches by outcome.
    needed: searchers that would find this preference with the power asked for; None where it is 0.
    """

    preference: float
    low: float
    high: float
    p: float
    searchers: int
    won: int
    lost: int
    tied: int
    needed: int | None


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


def preference(votes: pl.DataFrame, *, alpha: float = 0.05, power: float = 0.8) -> Preference:
    """Estimate the preference, searchers being independent and their searches not.

    Args:
        votes: unit_id, won, lost, tied: a searcher's searches in which the treatment's, the control's, or neither's
            products got more clicks.
        alpha: of the interval.
        power: at which `needed` is stated.

    Raises:
        InputError: a column is missing, a unit repeats, a count is negative, or fewer than two searchers searched.
    """
    _require_votes(votes)
    searched = votes.filter(pl.col("won") + pl.col("lost") + pl.col("tied") > 0)
    shares = searched.select((pl.col("won") - pl.col("lost")) / (pl.col("won") + pl.col("lost") + pl.col("tied")))
    values = shares.to_series().to_numpy()
    if len(values) < 2:
        raise InputError("interleaving: fewer than two searchers searched; expected a row for each of many")
    test = stats.ttest_1samp(values, 0.0)
    low, high = test.confidence_interval(1 - alpha)
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    quantiles = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    needed = int(np.ceil((quantiles * spread / mean) ** 2)) if mean else None
    won, lost, tied = (int(searched[name].sum()) for name in ("won", "lost", "tied"))
    p = float(test.pvalue) if spread else float(mean == 0)
    return Preference(mean, float(low), float(high), p, len(values), won, lost, tied, needed)


def _require_votes(votes: pl.DataFrame) -> None:
    if missing := [name for name in ("unit_id", "won", "lost", "tied") if name not in votes.columns]:
        raise InputError(f"interleaving: no column {', '.join(missing)}; the table has {', '.join(votes.columns)}")
    if votes["unit_id"].is_duplicated().any():
        raise InputError("interleaving: a unit_id repeats; add a searcher's searches up to one row")
    if (votes.select("won", "lost", "tied").min_horizontal() < 0).any():
        raise InputError("interleaving: a count is negative; expected numbers of searches")
