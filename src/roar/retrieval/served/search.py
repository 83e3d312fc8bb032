"""From query vectors to the best rows: what is scanned, what is proposed and opened, and when to look further.

Cost of a query: the approximate index's, a few hundred dot products, and a scan of the products put in since it was built.
"""

import math
from typing import NamedTuple

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.retrieval.candidates import Hits, best, joined, opened, scanned
from roar.retrieval.filters import Where
from roar.retrieval.served.state import State
from roar.retrieval.vector_index import Effort

_SCANNED_BELOW = 20_000
"""Where a filter leaves fewer products than this, they are scanned: faster than a search that loses its way among them."""
_FILTERED = 0.5
"""Share of allowed products below which an approximate search looks further, in proportion, up to `_FURTHER` times."""
_FURTHER = 32
_GROUPED = 1.5
"""Candidates for each group that is wanted: most items have one or two listings."""
_DEEPER = 8
"""How many times as many candidates a query gets that stayed short of hits."""


class _Asked(NamedTuple):
    """What is asked of each query."""

    limit: int
    allowed: np.ndarray | None
    """(N,) bool; None where every row may be found."""
    groups: pl.Series | None
    """A value for each row, of which the best row alone is a hit."""
    effort: Effort


def find(
    state: State,
    queries: np.ndarray,
    limit: int,
    effort: Effort,
    *,
    where: Where | None = None,
    group_by: str | None = None,
) -> list[Hits]:
    """The best rows of each query and their cosines, by falling cosine and rising row; see `SearchIndex.search`."""
    if not np.isfinite(queries).all():
        raise InputError("search: a query vector has values that are no finite numbers; look at the encoder.")
    if limit < 1:
        raise InputError(f"limit: {limit} products are asked for; ask for at least one.")
    allowed = None if where is None and state.live.all() else state.allowed(where)
    groups = None if group_by is None else _column(state.products, group_by)
    wanted = limit if groups is None else math.ceil(_GROUPED * limit)
    return _hits(state, queries, wanted, _Asked(limit, allowed, groups, effort))


def find_exactly(state: State, queries: np.ndarray, limit: int) -> list[Hits]:
    """As `find`, by scanning everything."""
    found = _scan(state, queries, limit, None if state.live.all() else state.live)
    return [best(rows, scores, limit, None) for rows, scores in found]


def table_of(hits: list[Hits], products: pl.DataFrame) -> pl.DataFrame:
    """Hits as row (of the queries), product_id, score, and what else `products` say."""
    nothing: Hits = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
    found, scores = (np.concatenate(part) for part in zip(nothing, *hits, strict=True))
    row = np.repeat(np.arange(len(hits), dtype=np.uint32), [len(rows) for rows, _ in hits])
    table = products[found].insert_column(0, pl.Series("row", row))
    return table.insert_column(2, pl.Series("score", scores))


def _hits(state: State, queries: np.ndarray, wanted: int, asked: _Asked) -> list[Hits]:
    """The best of `wanted` candidates; queries that stay short of hits are asked again, deeper, until all was seen."""
    found, everything = _candidates(state, queries, wanted, asked)
    hits = [best(rows, scores, asked.limit, asked.groups) for rows, scores in found]
    if everything:
        return hits
    for row, (rows, _) in enumerate(hits):
        if len(rows) < asked.limit:
            hits[row] = _hits(state, queries[row : row + 1], _DEEPER * wanted, asked)[0]
    return hits


def _candidates(state: State, queries: np.ndarray, wanted: int, asked: _Asked) -> tuple[list[Hits], bool]:
    """For each query at least its `wanted` best products, as far as they are found, and whether these are all."""
    total, allowed, effort = len(state.stored), asked.allowed, asked.effort
    count = total if allowed is None else int(np.count_nonzero(allowed[:total]))
    narrow = count < min(_SCANNED_BELOW, _FILTERED * total)
    if state.proposals is None or narrow or 2 * wanted * effort.candidates > state.entries:
        return _scan(state, queries, wanted, allowed), wanted >= count + len(state.fresh)
    further = max(1.0, min(_FILTERED * total / max(count, 1), _FURTHER))
    base = None if allowed is None else allowed[:total]
    proposed = _proposed(state, queries, wanted * effort.candidates, int(effort.probes * further), base)
    return joined(proposed, _scan_fresh(state, queries, wanted, allowed)), False


def _proposed(state: State, queries: np.ndarray, count: int, probes: int, allowed: np.ndarray | None) -> list[Hits]:
    """Products of the `count` entries that the approximate index proposes, scored on stored vectors."""
    assert state.proposals is not None
    opens = state.entries < len(state.stored)
    entries = np.logical_or.reduceat(allowed, state.start[:-1]) if opens and allowed is not None else allowed
    _, found = state.proposals.search(queries, count, allowed=entries, probes=probes)
    hits = []
    for query, own in zip(queries, found, strict=True):
        rows = own[own >= 0]
        if opens:
            rows = opened(rows, state.start)
            rows = rows if allowed is None else rows[allowed[rows]]
        hits.append((rows, state.stored.vectors(rows) @ query))
    return hits


def _scan(state: State, queries: np.ndarray, wanted: int, allowed: np.ndarray | None) -> list[Hits]:
    """The `wanted` best of all allowed products, exactly."""
    own = scanned(state.stored, queries, wanted, None if allowed is None else allowed[: len(state.stored)])
    return joined(own, _scan_fresh(state, queries, wanted, allowed))


def _scan_fresh(state: State, queries: np.ndarray, wanted: int, allowed: np.ndarray | None) -> list[Hits]:
    """The `wanted` best of those put in since; empty altogether where there are none."""
    if not len(state.fresh):
        return []
    total = len(state.stored)
    own = scanned(state.fresh, queries, wanted, None if allowed is None else allowed[total:])
    return [(rows + total, scores) for rows, scores in own]


def _column(products: pl.DataFrame, name: str) -> pl.Series:
    if name not in products.columns:
        raise InputError(f"group_by: this index has no column {name}; it has {', '.join(products.columns)}.")
    return products[name]
