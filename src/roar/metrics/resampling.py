"""Bootstrap and sign-flip resampling over queries, for many metrics at once.

Both draw one matrix of resamples and multiply it with all metrics: B resamples of n queries and M metrics cost B n
draws and B n M multiplications. Chunks keep the drawn matrix near 32 MB whatever B and n are. Means get an interval from the
bootstrap, or, where they rest on a handful of queries, from the binomial; differences one from their own test.

Shapes: `values` (n, M) float64, NaN where a query lacks the metric; `weight` (n,) float64, positive.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit
from statsmodels.stats.proportion import proportion_confint

Floats = NDArray[np.floating]

_CHUNK = 4_000_000
"""Entries of the resampling matrix that are drawn at a time."""

FEW = 15
"""Queries that differ from the value of most others, in effect, below which a mean is a rare event's."""

_TIE = 1e-12
"""What is smaller than this is rounding: of a metric, and, as a share of the absolute terms, of a sum."""


def weighted_mean(values: Floats, weight: Floats) -> Floats:
    """Mean of each column over the rows that have it, (M,); NaN where none has."""
    return _ratio(weight @ np.nan_to_num(values), weight @ ~np.isnan(values))


def bootstrap_means(values: Floats, weight: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Weighted means of `resamples` draws of n rows with replacement, (B, M) (Efron 1979)."""
    there, mask = np.unique(~np.isnan(values), axis=1, return_inverse=True)  # metrics share a few patterns of nulls
    terms = weight[:, None] * np.hstack([np.nan_to_num(values), there])
    sums = np.concatenate([draws @ terms for draws in row_counts(len(values), resamples, rng)])
    metrics = values.shape[1]
    return _ratio(sums[:, :metrics], sums[:, metrics:][:, mask])


def row_counts(n: int, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each of n rows is in each bootstrap resample, in chunks (b, n)."""
    for size in _chunks(n, resamples):
        drawn = rng.integers(0, n, size=(size, n), dtype=np.int32) + n * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def interval(values: Floats, weight: Floats, draws: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Ends (M,), (M,) of the expanded percentile interval of bootstrap means (B, M).

    The percentiles are those at which a t interval of n - 1 degrees of freedom would stand, which mends the percentile
    interval's narrowness in small samples (Hesterberg 2015, "What teachers should know about the bootstrap", 5.3). n is
    the effective number of rows under the weights (Kish 1965); fewer than two rows have no interval (NaN).
    """
    low, high = np.full((2, values.shape[1]), np.nan)
    sizes = effective_size(values, weight)
    for size in np.unique(sizes[sizes > 1 + 1e-9]):
        columns = sizes == size
        quantile = np.sqrt(size / (size - 1)) * stdtrit(size - 1, (1 - confidence) / 2)
        drawn = draws[:, columns]
        quantiles = np.nanquantile if np.isnan(drawn).any() else np.quantile
        low[columns], high[columns] = quantiles(drawn, [ndtr(quantile), ndtr(-quantile)], axis=0)
    return low, high


def bootstrap_p(draws: Floats, size: float) -> float:
    """Two-sided p of no difference from bootstrap differences (B,): the smallest alpha whose `interval` leaves out 0.

    At least that of one draw in 1 + B beyond 0; NaN below two rows.
    """
    draws = np.sort(draws[~np.isnan(draws)])
    if size <= 1 + 1e-9 or not len(draws):
        return float("nan")
    share = max(min(_share_up_to_zero(draws), _share_up_to_zero(-draws[::-1])), 1 / (1 + len(draws)))
    return float(min(1.0, 2 * stdtr(size - 1, np.sqrt((size - 1) / size) * ndtri(share))))


def _share_up_to_zero(ordered: Floats) -> float:
    """The quantile level above which numpy's quantiles of these draws are positive."""
    below = int(np.searchsorted(ordered, 0.0, side="right"))
    if below in (0, len(ordered)):
        return float(below > 0)
    left, right = ordered[below - 1], ordered[below]
    return float((below - 1 - left / (right - left)) / (len(ordered) - 1))


def mean_interval(values: Floats, weight: Floats, draws: Floats, confidence: float) -> tuple[Floats, Floats]:
    """`interval`, and Clopper and Pearson's where the bootstrap cannot know what it did not see, (M,), (M,).

    Where more than half of the queries have one value (0, say) and the others count for fewer than `FEW`, most resamples
    hold one or none of these and their percentiles cover far less than they say. A metric between 0 and 1 varies no
    more than a proportion of the same mean, so that there the sum of the values stands for successes among the effective
    number of queries (Clopper and Pearson 1934). Twenty queries of value 0 reach up to 0.17.
    """
    low, high = interval(values, weight, draws, confidence)
    sizes, means = effective_size(values, weight), weighted_mean(values, weight)
    bounded = ((np.nan_to_num(values) >= -_TIE) & (np.nan_to_num(values) <= 1 + _TIE)).all(axis=0)
    rare = bounded & (sizes > 1 + 1e-9) & (_off_the_commonest(values, weight) < FEW)
    if rare.any():
        successes = np.clip(means[rare], 0, 1) * sizes[rare]
        low[rare], high[rare] = proportion_confint(successes, sizes[rare], 1 - confidence, method="beta")
    return low, high


def _off_the_commonest(values: Floats, weight: Floats) -> Floats:
    """Effective number of rows of each column that differ from the value of more than half of them; inf where none is that."""
    there, values = ~np.isnan(values), values.round(12)  # a metric of 1 may be off by its rounding
    count = there.sum(axis=0)
    ordered = np.sort(np.where(there, values, np.inf), axis=0)
    middle = np.take_along_axis(ordered, np.maximum(count - 1, 0)[None, :] // 2, axis=0)
    off = there & (values != middle)
    events = np.nan_to_num(_ratio((weight @ off) ** 2, weight**2 @ off))
    return np.where(2 * off.sum(axis=0) < count, events, np.inf)


def effective_size(values: Floats, weight: Floats) -> Floats:
    """Kish's effective number of rows of each column, (M,): the plain number where all weights are equal."""
    there = ~np.isnan(values)
    return _ratio((weight @ there) ** 2, weight**2 @ there)


def sign_flips(
    differences: Floats, weight: Floats, resamples: int, confidence: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Two-sided p-values of the paired permutation test and the intervals that invert it: p, low, high, (M,) each.

    Under no effect a difference is as likely as its minus. All 2^n sign patterns are taken where they are no more than
    `resamples`; otherwise p = (1 + extreme) / (1 + B) (Phipson and Smyth 2010). A pattern is as extreme as what was seen
    where the differences that it flips add up to nothing or less (for a gain), so that a shift of all differences
    is rejected exactly where too few means of such subsets lie beyond it: the ends are order statistics of the subsets'
    means (Hartigan 1969, "Using subsample values as typical values"). The interval leaves out 0 exactly where p is at most
    1 - confidence. NaN: no row has the metric; of low and high also: too few rows for any p so small.
    """
    n, metrics = differences.shape
    there, mask = np.unique(~np.isnan(differences), axis=1, return_inverse=True)
    terms = weight[:, None] * np.nan_to_num(differences)
    rounding = _TIE * np.abs(terms).sum(axis=0)
    exact = n < 60 and 2**n <= resamples
    flips = [_all_flips(n)] if exact else _random_flips(n, resamples, rng)
    sums = np.concatenate([chunk @ np.hstack([terms, weight[:, None] * there]) for chunk in flips])
    flipped, weights = sums[:, :metrics], sums[:, metrics:][:, mask]
    total, whole = terms.sum(axis=0), (weight @ there)[mask]
    flipped, others = (np.where(np.abs(part) <= rounding, 0.0, part) for part in (flipped, total - flipped))
    total = np.where(np.abs(total) <= rounding, 0.0, total)
    beyond = (np.sign(total) * part <= 0 for part in (flipped, others))
    extreme = np.minimum(sum(part.sum(axis=0) for part in beyond), len(sums))
    added = 0 if exact else 1
    p = (added + extreme) / (added + len(sums))
    means = np.concatenate([_part_means(flipped, weights, whole), _part_means(others, whole - weights, whole)])
    low, high = _order_statistics(means, int((1 - confidence) * (added + len(sums)) * (1 + _TIE)) - added)
    absent = np.isnan(differences).all(axis=0)
    return tuple(np.where(absent, np.nan, part) for part in (p, low, high))  # type: ignore[return-value]


def sign_flip_p(differences: Floats, weight: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """The p-values of `sign_flips` alone, (M,)."""
    return sign_flips(differences, weight, resamples, 0.95, rng)[0]


def _part_means(sums: Floats, weights: Floats, whole: Floats) -> Floats:
    """Means of subsets; NaN for those without a row that has the metric."""
    return np.divide(sums, weights, out=np.full(sums.shape, np.nan), where=weights > _TIE * whole)


def _order_statistics(means: Floats, allowed: int) -> tuple[Floats, Floats]:
    """The subset means (2B, M) beyond which so many lie, from either side; empty subsets (NaN) lie beyond any."""
    low, high = np.full((2, means.shape[1]), np.nan)
    empty = np.isnan(means).sum(axis=0)
    for nothing in np.unique(empty):
        columns, place = empty == nothing, allowed - nothing
        if place < 0:
            continue
        filled = len(means) - nothing
        own = np.partition(means[:, columns], sorted({place, filled - 1 - place}), axis=0)  # NaN goes to the end
        low[columns], high[columns] = own[place], own[filled - 1 - place]
    return low, high


def holm(p: Floats) -> Floats:
    """Holm's (1979) adjusted p-values of one family, (n,); statsmodels' does the same and a garbage collection each time."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _all_flips(n: int) -> Floats:
    """Every subset of n rows, (2^n, n)."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)


def _random_flips(n: int, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Random subsets of n rows in chunks (b, n)."""
    for size in _chunks(n, resamples):
        bits = np.unpackbits(np.frombuffer(rng.bytes(size * ((n + 7) // 8)), np.uint8).reshape(size, -1), axis=1)
        yield bits[:, :n].astype(np.float64)


def _chunks(n: int, resamples: int) -> Iterator[int]:
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, resamples, step):
        yield min(step, resamples - start)


def _ratio(total: Floats, count: Floats) -> Floats:
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def slice_generator(seed: int, slice_: str, level: str) -> np.random.Generator:
    """The generator of one slice level: the same whatever other slices there are."""
    return np.random.default_rng([seed, *f"{slice_}/{level}".encode()])
