"""Random numbers that depend on (seed, name, row) alone, so that any part of a marketplace can be made by itself.

A sequential generator would tie row 900,000 to all rows before it. Here each draw is a hash of its key: tables come out
the same in chunks of any size, and a listing finds the properties of its item without a lookup table. The mixing is
SplitMix64's finaliser (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
"""

from hashlib import blake2b

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(x: np.ndarray) -> np.ndarray:
    """Scramble 64-bit words; multiplication wraps around by intent."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class Draws:
    """Keyed uniform draws: `Draws(seed).uniform("price", rows)`."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def uniform(self, name: str, rows: np.ndarray, columns: int | None = None) -> np.ndarray:
        """Uniform numbers in [0, 1): one per row, or `columns` per row as an array (rows, columns)."""
        key = np.uint64(int.from_bytes(blake2b(f"{self.seed}:{name}".encode(), digest_size=8).digest(), "little"))
        words = _mix(np.asarray(rows).astype(np.uint64) * _GOLDEN + key)
        if columns is not None:
            words = _mix(words[:, None] + np.arange(1, columns + 1, dtype=np.uint64) * _GOLDEN)
        return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, name: str, rows: np.ndarray, n: int | np.ndarray, columns: int | None = None) -> np.ndarray:
        """Integers in [0, n); `n` may differ by row."""
        return (self.uniform(name, rows, columns) * n).astype(np.int64)

    def normal(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Standard normal numbers (Box-Muller)."""
        u = self.uniform(name, rows, 2)
        return np.sqrt(-2.0 * np.log1p(-u[:, 0])) * np.cos(2.0 * np.pi * u[:, 1])

    def weighted(self, name: str, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Indices drawn in proportion to `weights` (with replacement)."""
        cumulative = np.cumsum(weights, dtype=np.float64)
        found = np.searchsorted(cumulative, self.uniform(name, rows) * cumulative[-1], side="right")
        return np.minimum(found, len(cumulative) - 1)
