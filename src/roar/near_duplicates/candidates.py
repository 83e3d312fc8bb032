"""Pairs worth a closer look, without comparing all pairs.

Two listings of one item share a rare word, as a rule a model number, or a few words that are rare together. So each
product is filed under keys: first its rarest terms. A key that holds few products is a block. A key that holds too many
is refined with a second term of the same product, then a third: this bounds the work per product however large the
catalogue grows. Products that share blocks are neighbours, and each product keeps the few with which it shares most.
"""

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from tqdm import tqdm

from roar.parameters import DuplicateCandidates

LEVELS = 3
"""Terms in the longest key."""

SLICE = 20_000
"""Products whose neighbours are counted at a time."""

PORTION = 20_000_000
"""Entries that are refined at a time, roughly."""

MOST_BITS = 27
"""Of a bucket's number."""

THREADS = 2

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Filing:
    """Entries of products under keys: three arrays of one length."""

    row: np.ndarray
    key: np.ndarray
    slot: np.ndarray
    """Place, among its product's rarest terms, of the last term in the key."""

    def __getitem__(self, chosen: np.ndarray) -> "Filing":
        """The chosen entries."""
        return Filing(self.row[chosen], self.key[chosen], self.slot[chosen])


def search(terms: pl.DataFrame, products: int, config: DuplicateCandidates) -> tuple[np.ndarray, np.ndarray]:
    """Candidate pairs as row arrays (a, b), a < b, distinct and sorted; `terms` holds distinct `row`, `term`."""
    rarest = _rarest_terms(terms, products, config.rarest_terms)
    blocks = _blocks(rarest, products, config.largest_block)
    logger.info("%d blocks for %d products", blocks.shape[1], products)
    return _neighbours(blocks, config.neighbours)


def _rarest_terms(terms: pl.DataFrame, products: int, slots: int) -> np.ndarray:
    """(products, slots) uint64: each product's rarest terms that another product has too, rarest first; 0 is none."""
    frequency = terms.group_by("term").agg(frequency=pl.len()).filter(pl.col("frequency") > 1)
    ranked = terms.join(frequency, on="term").sort("row", "frequency", "term")
    ranked = ranked.with_columns(slot=pl.int_range(pl.len(), dtype=pl.UInt32).over("row")).filter(
        pl.col("slot") < slots
    )
    table = np.zeros((products, slots), dtype=np.uint64)
    table[ranked["row"].to_numpy(), ranked["slot"].to_numpy()] = ranked["term"].to_numpy()
    return table


def _blocks(rarest: np.ndarray, products: int, largest: int) -> sp.csr_matrix:
    """(products, blocks): the weight of a block is log(1 + products / its size), its square root in each cell."""
    row, slot = np.nonzero(rarest)
    filings: Iterable[Filing] = [Filing(row.astype(np.uint32), rarest[row, slot], slot.astype(np.uint8))]
    parts = []
    for level in range(LEVELS):
        crowds = []
        for filing in filings:
            size = _held(filing.key)
            parts.append(_incidence(filing[(size > 1) & (size <= largest)], products))
            crowds.append(filing[size > largest])
            parts.extend(_incidence(run, products) for run in _runs(crowds[-1], rarest, level, largest))
        filings = _refined(_together(crowds), rarest) if level < LEVELS - 1 else []
    return sp.hstack(parts, format="csr")


def _refined(crowded: Filing, rarest: np.ndarray) -> Iterator[Filing]:
    """Refined filings, some keys at a time: a key's entries stay together, and what is not a block is soon let go."""
    portions = max(1, len(crowded.key) * rarest.shape[1] // PORTION)
    portion = (crowded.key >> np.uint64(7)) % np.uint64(portions)
    for number in range(portions):
        yield _refine(crowded[portion == number], rarest)


def _incidence(filing: Filing, products: int) -> sp.csr_matrix:
    bucket, size = _buckets(filing.key)
    column = (np.cumsum(size > 0) - 1)[bucket]
    weight = np.sqrt(np.log1p(products / size[bucket])).astype(np.float32)
    return sp.csr_matrix((weight, (filing.row, column)), shape=(products, int((size > 0).sum())))


def _runs(crowded: Filing, rarest: np.ndarray, level: int, largest: int) -> list[Filing]:
    """Cut what cannot be refined (the same leading terms, and no further one) into two sets of overlapping runs.

    Without this, more identical listings than a block may hold would find none of each other.
    """
    last = level in (LEVELS - 1, rarest.shape[1] - 1)
    stuck = (crowded.slot == level) & (last | (rarest[crowded.row, min(level + 1, rarest.shape[1] - 1)] == 0))
    stuck = crowded[stuck]
    stuck = stuck[np.lexsort((stuck.row, stuck.key))]
    place = np.arange(len(stuck.key)) - np.searchsorted(stuck.key, stuck.key)
    runs = []
    for shift in (0, largest // 2):
        number = ((place + shift) // largest * 2 + (shift > 0)).astype(np.uint64)
        runs.append(Filing(stuck.row, _mix(stuck.key, number), stuck.slot))
    return runs


def _refine(crowded: Filing, rarest: np.ndarray) -> Filing:
    """File every entry of a crowded key under that key plus each later term of its product."""
    parts = []
    for slot in range(1, rarest.shape[1]):
        term = rarest[crowded.row, slot]
        chosen = (crowded.slot < slot) & (term > 0)
        key = _mix(crowded.key[chosen], term[chosen])
        parts.append(Filing(crowded.row[chosen], key, np.full(chosen.sum(), slot, dtype=np.uint8)))
    return _together(parts)


def _together(parts: list[Filing]) -> Filing:
    return Filing(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "key", "slot")))


def _mix(key: np.ndarray, term: np.ndarray) -> np.ndarray:
    """Hash of a longer key (the multiplier is that of Knuth's multiplicative hashing, wrapping is intended)."""
    mixed = (key ^ (key >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + term
    return mixed ^ (mixed >> np.uint64(32))


def _buckets(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each entry's bucket, and the sizes of all buckets: counting hashed keys is several times faster than sorting them.

    Two keys seldom share a bucket; where they do, a few pairs more are looked at.
    """
    bits = bits_for(len(key))
    bucket = bucket_of(key, bits)
    return bucket, np.bincount(bucket, minlength=2**bits)


def bits_for(entries: int) -> int:
    """How many bits number the buckets of so many entries."""
    return min(max(entries.bit_length() + 1, 8), MOST_BITS)


def bucket_of(key: np.ndarray, bits: int) -> np.ndarray:
    """The bucket of each key, int64."""
    return ((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - bits)).astype(np.int64)


def _held(key: np.ndarray) -> np.ndarray:
    """How many entries the bucket of each entry holds."""
    bucket, size = _buckets(key)
    return size[bucket]


def _neighbours(blocks: sp.csr_matrix, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For each row, the `count` later rows with which it shares the heaviest blocks; sorted pairs."""
    transposed = blocks.T.tocsr()
    starts = range(0, blocks.shape[0], SLICE)

    def pairs_from(start: int) -> tuple[np.ndarray, np.ndarray]:
        near = (blocks[start : start + SLICE] @ transposed).tocoo()
        row, other = _heaviest(near.row, near.col - start, near.data, count)
        return row + start, other + start

    with ThreadPoolExecutor(THREADS) as pool:
        slices = pool.map(pairs_from, starts)
        found = list(tqdm(slices, desc="finding candidates", total=len(starts), disable=len(starts) < 2))
    empty = np.zeros(0, dtype=np.int64)
    a, b = zip(*found, strict=True) if found else ((empty,), (empty,))
    return np.concatenate(a), np.concatenate(b)


def _heaviest(row: np.ndarray, other: np.ndarray, weight: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Keep each row's `count` heaviest later neighbours, lower rows first among equals.

    Row, weight and neighbour are packed into one integer (15, 20 and 29 bits), since sorting plain integers is several
    times faster than sorting by three keys.
    """
    later = other > row
    row, other, weight = row[later], other[later], weight[later]
    lightness = (weight * ((1 - 2**20) / weight.max(initial=1e-9)) + (2**20 - 1)).astype(np.uint64)
    packed = (row.astype(np.uint64) << np.uint64(49)) | (lightness << np.uint64(29)) | other.astype(np.uint64)
    packed.sort()
    row = (packed >> np.uint64(49)).astype(np.int64)
    kept = np.arange(len(row)) - np.searchsorted(row, row) < count
    row, other = row[kept], (packed[kept] & np.uint64(2**29 - 1)).astype(np.int64)
    order = np.lexsort((other, row))
    return row[order], other[order]
