"""Bootstrap and sign-flip resampling over queries, for many metrics at once.

Both draw one matrix of resamples and multiply it with all metrics: B resamples of n queries and M metrics cost B n
draws and B n M multiplications. Chunks keep the drawn matrix near 32 MB whatever B and n are.

Shapes: `values` (n, M) float64, NaN where a query lacks the metric; `weight` (n,) float64, positive.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

Floats = NDArray[np.floating]

_CHUNK = 4_000_000
"""Entries of the resampling matrix that are drawn at a time."""


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


def effective_size(values: Floats, weight: Floats) -> Floats:
    """Kish's effective number of rows of each column, (M,): the plain number where all weights are equal."""
    there = ~np.isnan(values)
    return _ratio((weight @ there) ** 2, weight**2 @ there)


def sign_flip_p(differences: Floats, weight: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Two-sided p-values (M,) of the paired permutation test: under no effect, a difference is as likely as its minus.

    All 2^n sign patterns are taken where they are no more than `resamples`; otherwise p = (1 + extreme) / (1 + B)
    (Phipson and Smyth 2010). NaN where no row has the metric.
    """
    shares = weight[:, None] * np.nan_to_num(differences)
    observed = np.abs(shares.sum(axis=0))
    bound = observed * (1 - 1e-12)  # equal up to rounding is as extreme
    n = len(shares)
    exact = n < 60 and 2**n <= resamples
    signs = [_all_signs(n)] if exact else _random_signs(n, resamples, rng)
    extreme = sum((np.abs(chunk @ shares) >= bound).sum(axis=0) for chunk in signs)
    p = extreme / 2**n if exact else (1 + extreme) / (1 + resamples)
    return np.where(np.isnan(differences).all(axis=0), np.nan, p)


def holm(p: Floats) -> Floats:
    """Holm's (1979) adjusted p-values of one family, (n,); statsmodels' does the same and a garbage collection each time."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _all_signs(n: int) -> Floats:
    patterns = np.arange(2**n)[:, None] >> np.arange(n) & 1
    return 2.0 * patterns - 1.0


def _random_signs(n: int, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    for size in _chunks(n, resamples):
        bits = np.unpackbits(np.frombuffer(rng.bytes(size * ((n + 7) // 8)), np.uint8).reshape(size, -1), axis=1)
        yield 2.0 * bits[:, :n] - 1.0


def _chunks(n: int, resamples: int) -> Iterator[int]:
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, resamples, step):
        yield min(step, resamples - start)


def _ratio(total: Floats, count: Floats) -> Floats:
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def slice_generator(seed: int, slice_: str, level: str) -> np.random.Generator:
    """The generator of one slice level: the same whatever other slices there are."""
    return np.random.default_rng([seed, *f"{slice_}/{level}".encode()])
