"""What interleaved lists (`roar.ab_testing.drafting`) say: a click is a vote for the ranker whose pick it was.

As a searcher compares both rankings at once, far fewer searchers are needed than in an A/B test; what it measures is a
preference, not an uplift.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import stats

from roar.ab_testing.reading import Frame
from roar.errors import InputError

FEW, FEW_APART = 30, 5
"""The test is exact below so many searchers with a preference, in effect, and below so many who differ from the others."""


class Preference(NamedTuple):
    """Which ranker the searchers' clicks prefer.

    preference: mean over searchers of (searches won by the treatment - won by the control) / searches, -1 to 1; where the
        test is exact, of the searchers with a preference those for the treatment less those for the control, as a share.
    low, high: its interval; p: of no preference, two-sided. The interval leaves out 0 exactly where p is below alpha.
    searchers, won, lost, tied: searchers, and searches by outcome.
    needed: searchers that would find this preference with the power asked for; None where it is 0.
    decided: searchers with a preference.
    exact: whether the test is the binomial one over these, one vote each.
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
    decided: int
    exact: bool


def votes_of(log: Frame, control: str, treatment: str) -> pl.DataFrame:
    """Votes out of the service's search log, whose `team` says whose pick each product was.

    Args:
        log: request_id, unit_id, team, clicked: a row per product shown; others' teams, and searches without one, are left
            out. Further pages of a search are requests of their own.
        control: team that stands for the control.
        treatment: the other.

    Returns:
        unit_id, won, lost, tied, as `preference` reads them; no rows where nothing was interleaved.
    """
    names = log.lazy().collect_schema().names()
    if any(name not in names for name in ("request_id", "unit_id", "team")):
        return pl.DataFrame(schema={"unit_id": pl.String, **dict.fromkeys(("won", "lost", "tied"), pl.Int64)})
    clicks = pl.col("clicked").cast(pl.Int64)
    margin = (clicks.filter(pl.col("team") == treatment).sum() - clicks.filter(pl.col("team") == control).sum()).sign()
    searches = (
        log.lazy()
        .filter(pl.col("team").is_in([control, treatment]), pl.col("unit_id").is_not_null())
        .group_by("unit_id", "request_id")
        .agg(margin=margin)
    )
    outcomes = {"won": 1, "lost": -1, "tied": 0}
    counts = (((pl.col("margin") == sign).sum()).cast(pl.Int64).alias(name) for name, sign in outcomes.items())
    return searches.group_by("unit_id").agg(counts).sort("unit_id").collect(engine="streaming")


def preference(votes: pl.DataFrame, *, alpha: float = 0.05, power: float = 0.8) -> Preference:
    """Estimate the preference, searchers being independent and their searches not.

    By Student's t over searchers; where fewer than `FEW` of them (in effect: Kish 1965) have a preference, or nearly all have
    the same, by the exact binomial test with Clopper and Pearson's interval (Biometrika 1934), which inverts it.

    Args:
        votes: unit_id, won, lost, tied: a searcher's searches in which the treatment's, the control's, or neither's
            products got more clicks.
        alpha: of the interval.
        power: at which `needed` is stated.

    Raises:
        InputError: a column is missing, a unit repeats, a count is negative, or nobody searched.
    """
    _require_votes(votes)
    counts = votes.select(pl.col("won", "lost", "tied").cast(pl.Int64))
    searched = counts.filter(pl.sum_horizontal("won", "lost", "tied") > 0)
    if searched.is_empty():
        raise InputError("interleaving: nobody searched; expected a row for each of many searchers")
    shares = searched.select((pl.col("won") - pl.col("lost")) / pl.sum_horizontal("won", "lost", "tied"))
    values = shares.to_series().to_numpy()
    decided, commonest = int((values != 0).sum()), int(np.unique(values, return_counts=True)[1].max())
    few = np.abs(values).sum() ** 2 < FEW * (values**2).sum() or decided == 0
    exact = bool(few or len(values) - commonest < FEW_APART)
    mean, low, high, p, spread = (_exact if exact else _student)(values, alpha)
    needed = None
    if mean:
        quantiles = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
        needed = max(int(np.ceil((quantiles * spread / mean) ** 2)), int(np.ceil(np.log2(2 / alpha))))
        needed = int(np.ceil(needed * len(values) / decided)) if exact else needed
    won, lost, tied = (int(searched[name].sum()) for name in ("won", "lost", "tied"))
    return Preference(mean, low, high, p, len(values), won, lost, tied, needed, decided, exact)


def _student(values: np.ndarray, alpha: float) -> tuple[float, float, float, float, float]:
    """Mean, interval, p and standard deviation of the searchers' shares."""
    test = stats.ttest_1samp(values, 0.0)
    low, high = test.confidence_interval(1 - alpha)
    return float(values.mean()), float(low), float(high), float(test.pvalue), float(values.std(ddof=1))


def _exact(values: np.ndarray, alpha: float) -> tuple[float, float, float, float, float]:
    """The same of the searchers with a preference, one vote each; nothing is known where there is none."""
    for_treatment, decided = int((values > 0).sum()), int((values != 0).sum())
    if not decided:
        return 0.0, -1.0, 1.0, 1.0, 1.0
    test = stats.binomtest(for_treatment, decided)
    low, high = (2 * end - 1 for end in test.proportion_ci(1 - alpha, method="exact"))
    mean = 2 * for_treatment / decided - 1
    return mean, float(low), float(high), float(test.pvalue), (1 - mean**2) ** 0.5


def _require_votes(votes: pl.DataFrame) -> None:
    if missing := [name for name in ("unit_id", "won", "lost", "tied") if name not in votes.columns]:
        raise InputError(f"interleaving: no column {', '.join(missing)}; the table has {', '.join(votes.columns)}")
    if votes["unit_id"].is_duplicated().any():
        raise InputError("interleaving: a unit_id repeats; add a searcher's searches up to one row")
    counts = votes.select("won", "lost", "tied")
    if bad := [name for name, dtype in counts.schema.items() if not dtype.is_integer()]:
        raise InputError(f"interleaving: column {bad[0]} holds {counts.schema[bad[0]]}; expected numbers of searches")
    if (counts.min_horizontal() < 0).any() or counts.null_count().sum_horizontal().item():
        raise InputError("interleaving: a count is negative or missing; expected numbers of searches")
