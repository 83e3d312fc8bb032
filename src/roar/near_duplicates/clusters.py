"""Clusters of listings of one item, without chaining.

Accepted pairs alone would chain: A like B, B like C, and C, in another colour than A, in one cluster. So pairs are taken
from the most similar down, and two clusters merge only if no member of one contradicts a member of the other and
the mean similarity across them reaches `linkage` (average linkage). All pairs inside a connected component are verified
for that; a component too large for it is first split by leaving out its weakest pairs.
"""

from collections.abc import Callable, Iterator

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from roar.parameters import DuplicateClusters

Verify = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From row arrays (a, b) to similarity and veto of each pair."""


def partition(
    products: int, a: np.ndarray, b: np.ndarray, similarity: np.ndarray, verify: Verify, config: DuplicateClusters
) -> np.ndarray:
    """Label each of `products` rows with the smallest row of its cluster; `a`, `b`, `similarity`: accepted pairs."""
    a, b, similarity = _within_limit(products, a, b, similarity, config.largest)
    label = _components(products, a, b)
    inner_a, inner_b = _pairs_within(label)
    inner_similarity, veto = verify(inner_a, inner_b)
    inner_similarity = np.where(veto, 0.0, inner_similarity)
    result = label.copy()
    doubtful = np.unique(label[inner_a[veto | (inner_similarity < config.linkage)]])
    for members, likeness, vetoed, edges in _doubtful_components(
        doubtful, label, (inner_a, inner_b, inner_similarity, veto), (a, b, similarity)
    ):
        result[members] = members[_agglomerate(likeness, vetoed, edges, config.linkage)]
    return result


def _components(products: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Connected components, each labelled by its smallest row."""
    graph = sp.coo_matrix((np.ones(len(a), dtype=bool), (a, b)), shape=(products, products))
    _, component = connected_components(graph, directed=False)
    _, smallest = np.unique(component, return_index=True)
    return smallest[component]


def _within_limit(
    products: int, a: np.ndarray, b: np.ndarray, similarity: np.ndarray, largest: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Leave out the weaker half of the pairs of every component above `largest`, until none is."""
    order = np.lexsort((b, a, -similarity))
    a, b, similarity = a[order], b[order], similarity[order]
    while len(a):
        label = _components(products, a, b)
        crowded = (np.bincount(label, minlength=products)[label] > largest)[a]
        if not crowded.any():
            break
        place = np.zeros(len(a), dtype=np.int64)
        of = label[a][crowded]
        grouped = np.argsort(of, kind="stable")
        starts = np.searchsorted(of[grouped], of[grouped])
        place[np.flatnonzero(crowded)[grouped]] = np.arange(len(of)) - starts
        count = np.bincount(of, minlength=products)[label[a]]
        keep = ~crowded | (place < count // 2)
        a, b, similarity = a[keep], b[keep], similarity[keep]
    return a, b, similarity


def _pairs_within(label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of rows with one label, smaller row first."""
    rows = np.argsort(label, kind="stable")
    rows = rows[np.bincount(label, minlength=len(label))[label[rows]] > 1]
    found = []
    for distance in range(1, len(rows)):
        first, second = rows[:-distance], rows[distance:]
        together = label[first] == label[second]
        if not together.any():
            break
        found.append((first[together], second[together]))
    empty = np.zeros(0, dtype=np.int64)
    a, b = zip(*found, strict=True) if found else ((empty,), (empty,))
    return np.concatenate(a), np.concatenate(b)


def _doubtful_components(
    doubtful: np.ndarray, label: np.ndarray, inner: tuple[np.ndarray, ...], edges: tuple[np.ndarray, ...]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[int, int]]]]:
    """For each doubtful component: its rows, their similarity and veto matrices, its accepted pairs best first."""
    a, b, similarity, veto = inner
    places = zip(*(_places(of, doubtful) for of in (label, label[a], label[edges[0]])), strict=True)
    for members, pairs, links in places:
        i, j = np.searchsorted(members, a[pairs]), np.searchsorted(members, b[pairs])
        likeness, vetoed = np.ones((len(members),) * 2), np.zeros((len(members),) * 2, dtype=bool)
        likeness[i, j] = likeness[j, i] = similarity[pairs]
        vetoed[i, j] = vetoed[j, i] = veto[pairs]
        ends = (np.searchsorted(members, edge[links]).tolist() for edge in edges[:2])
        yield members, likeness, vetoed, list(zip(*ends, strict=True))


def _places(label: np.ndarray, wanted: np.ndarray) -> list[np.ndarray]:
    """Where each wanted label stands."""
    order = np.argsort(label, kind="stable")
    starts, stops = np.searchsorted(label[order], np.stack([wanted, wanted + 1]))
    return [order[start:stop] for start, stop in zip(starts, stops, strict=True)]


def _agglomerate(likeness: np.ndarray, vetoed: np.ndarray, edges: list[tuple[int, int]], linkage: float) -> np.ndarray:
    """Merge along `edges`, best first, where nothing is vetoed and average linkage holds; labels are smallest members."""
    label = np.arange(len(likeness))
    for i, j in edges:
        if label[i] == label[j]:
            continue
        left, right = np.flatnonzero(label == label[i]), np.flatnonzero(label == label[j])
        across = np.ix_(left, right)
        if not vetoed[across].any() and likeness[across].mean() >= linkage:
            label[np.concatenate([left, right])] = min(label[i], label[j])
    return label
