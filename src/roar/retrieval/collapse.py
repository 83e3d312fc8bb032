"""Near-copies of an item enter an index once.

A graph in which every vector has a hundred copies leads from copy to copy: HNSW with 8 links returns two places in five empty.
One vector for each set of copies is smaller, faster, and finds them all, because the set is opened again on the way out. Only
listings that are close to the one that stands for them are put under it: a cluster's outlier enters by itself.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

_AT_ONCE = 65_536


class Collapsed(NamedTuple):
    """N rows as E entries: `order` puts each entry's rows side by side, `start` (E + 1) says where they begin."""

    order: np.ndarray
    start: np.ndarray


def collapse(vectors: np.ndarray, cluster_ids: pl.Series, closest: float) -> Collapsed:
    """Put a cluster's listings under its first one, and rows of equal vectors under the first of them.

    Cost: linear. Memory: a few numbers for each row, and a block of vectors.

    Args:
        vectors: float32 unit rows (N, dim).
        cluster_ids: the near-duplicate cluster of each row.
        closest: the smallest cosine with the first row at which another one is put under it.
    """
    head = np.arange(len(vectors))
    for key in (cluster_ids.rank("dense").to_numpy(), _digests(vectors)):
        head = _under_the_first(head, key, vectors, closest)
    order = np.argsort(head, kind="stable")
    begins = np.flatnonzero(np.diff(head[order], prepend=-1))
    return Collapsed(order, np.append(begins, len(order)))


def _under_the_first(head: np.ndarray, key: np.ndarray, vectors: np.ndarray, closest: float) -> np.ndarray:
    """Heads that share a key go under the first of them, where they are close to it; (N,) the head of each row."""
    heads = np.unique(head)
    _, place, group = np.unique(key[heads], return_index=True, return_inverse=True)
    first = heads[place[group]]
    for start in range(0, len(heads), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        cosine = np.einsum("nd,nd->n", vectors[heads[part]], vectors[first[part]])
        first[part] = np.where(cosine >= closest, first[part], heads[part])
    moved = np.arange(len(vectors))
    moved[heads] = first
    return moved[head]


def _digests(vectors: np.ndarray) -> np.ndarray:
    """A number for each row, the same for the same vector in half precision; others rarely share one."""
    factors = np.random.default_rng(0).integers(1, 2**63, size=vectors.shape[1], dtype=np.uint64)
    blocks = (vectors[start : start + _AT_ONCE] for start in range(0, len(vectors), _AT_ONCE))
    sums = [(block.astype(np.float16).view(np.uint16) * factors).sum(axis=1, dtype=np.uint64) for block in blocks]
    return np.concatenate([np.empty(0, dtype=np.uint64), *sums])
