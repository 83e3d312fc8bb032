"""Which approximate index: candidates are built and measured on the catalogue and on real queries, and the fastest that finds enough
is taken.

Tables of other people's figures are of other vectors and other machines; a few seconds of measuring on the own ones decide
better. Recall is the share of the exactly best products that come back after everything an index does on the way: proposing,
opening near-copies, scoring on stored vectors. Latency is that of one query on one core, as a service sees it.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.retrieval.search_index import SearchIndex
from roar.retrieval.vector_index import FLAT, Effort, threads

logger = logging.getLogger(__name__)

DEPTH = 100
"""Of the recall that decides."""

FRONTIER = {
    "index": pl.String,
    "probes": pl.Int64,
    "candidates": pl.Int64,
    "recall": pl.Float64,
    "p50_ms": pl.Float64,
    "p99_ms": pl.Float64,
    "bytes_per_vector": pl.Float64,
    "memory_mb": pl.Float64,
    "build_s": pl.Float64,
}

_TIMED = 100
"""Queries that are timed one by one."""
_AS_FAST = 1.1
_ENOUGH = 0.999
"""More effort is not tried beyond this recall."""
_GRAPHS_UP_TO, _SCANS_UP_TO, _LISTS_FROM = 300_000, 200_000, 5_000

Candidates = Mapping[str, Sequence[Effort]]
"""FAISS factory string to the efforts to try, cheap ones first."""


def candidates(entries: int, dimension: int) -> dict[str, list[Effort]]:
    """What is worth trying over so many vectors: a scan and graphs while they are small, lists of codes from some size on."""
    graph = [Effort(probes, further) for further, probes in product((1, 2), (32, 64, 128, 256, 512))]
    lists = 1 << max(4, round(np.log2(2 * np.sqrt(max(entries, 1)))))
    probes = [probes for probes in (4, 8, 16, 32, 64, 128, 256) if probes <= lists]
    coded = [Effort(*pair[::-1]) for pair in product((1, 4, 8), probes)]
    coarse = f"IVF{lists}" if lists < 1024 else f"IVF{lists}_HNSW32"
    pieces = next(pieces for pieces in range(dimension // 2, 0, -1) if dimension % pieces == 0)
    tried: dict[str, list[Effort]] = {}
    if entries <= _SCANS_UP_TO:
        tried |= {FLAT: [Effort()]}
    if entries <= _GRAPHS_UP_TO:
        tried |= {"HNSW16,SQ8": graph, "HNSW32,Flat": graph[:5]}
    if entries >= _LISTS_FROM:
        tried |= {
            f"{coarse},SQ8": [Effort(number) for number in probes],
            f"{coarse},PQ{pieces}x4fs": coded,
            f"{coarse},RaBitQ": coded[len(probes) :],
        }
    return tried or {FLAT: [Effort()]}


def efforts_of(factory: str, entries: int, dimension: int) -> dict[str, list[Effort]]:
    """The efforts to try with a given factory string."""
    known = candidates(entries, dimension)
    if factory in known:
        return {factory: known[factory]}
    tuned = "IVF" in factory or "HNSW" in factory
    swept = [Effort(probes, more) for more, probes in product((1, 4), (8, 16, 32, 64, 128, 256, 512))]
    return {factory: swept if tuned else [Effort(), Effort(0, 4)]}


def measure(
    index: SearchIndex, tried: Candidates, recall: float, memory_mb: float | None = None
) -> tuple[pl.DataFrame, SearchIndex]:
    """Build and measure candidates over an index's products, on the queries kept with it.

    Cost: a build of each, and for each effort a few hundred searches. Memory: the best so far, and the one that is tried.

    Args:
        index: as `SearchIndex.build` gives it, with queries.
        tried: the candidates.
        recall: recall@100 that is asked for.
        memory_mb: most memory that the index may take; None for any.

    Returns:
        The frontier (`FRONTIER`, and `chosen`), and the index as chosen, saying in its manifest what was measured.

    Raises:
        InputError: the index has no queries to be measured on, or no candidate fits the memory.
    """
    if not len(index.queries) or not len(index):
        raise InputError(
            "release: no queries to measure an index on; state one, for example: release.index=HNSW32,Flat"
        )
    exact = index.exact_positions(index.queries, min(DEPTH, len(index)))
    frontier, best = pl.DataFrame(schema=FRONTIER), index
    for factory, efforts in tried.items():
        start = time.perf_counter()
        built = index.proposing_with(factory)
        seconds = time.perf_counter() - start
        held = built.size or index.stored_size
        about = {"bytes_per_vector": held / len(index), "memory_mb": held / 1e6, "build_s": seconds}
        rows = [
            {"index": factory, **effort._asdict(), **figures, **about}
            for effort, figures in _swept(built, efforts, exact)
        ]
        frontier = pl.concat([frontier, pl.DataFrame(rows, schema=FRONTIER)])
        fits = memory_mb is None or bool((frontier["memory_mb"] <= memory_mb).any())
        if fits and choose(frontier, recall, memory_mb)["index"] == factory:
            best = built
        logger.info("%s: recall@%d up to %.3f in %.2f s.", factory, DEPTH, max(row["recall"] for row in rows), seconds)
    return _with_choice(frontier, recall, memory_mb, best)


def choose(frontier: pl.DataFrame, recall: float, memory_mb: float | None = None) -> dict[str, Any]:
    """The fastest row that finds enough and fits; of those as fast to within a tenth, the one that finds most.

    Where none finds enough, the one that finds most is taken, and the log says so.

    Raises:
        InputError: none fits the memory.
    """
    fitting = frontier.filter(pl.col("memory_mb") <= (memory_mb if memory_mb is not None else float("inf")))
    if fitting.is_empty():
        least = float(frontier.select(pl.col("memory_mb").min()).item())
        raise InputError(f"release.memory: {memory_mb} MB, and the smallest index tried takes {least:.1f}; allow more.")
    enough = fitting.filter(pl.col("recall") >= recall)
    if enough.is_empty():
        return fitting.sort("recall", "p50_ms", descending=[True, False]).row(0, named=True)
    fast = enough.filter(pl.col("p50_ms") <= _AS_FAST * pl.col("p50_ms").min())
    return fast.sort("recall", "p50_ms", descending=[True, False]).row(0, named=True)


def _with_choice(
    frontier: pl.DataFrame, recall: float, memory_mb: float | None, index: SearchIndex
) -> tuple[pl.DataFrame, SearchIndex]:
    row = choose(frontier, recall, memory_mb)
    if row["recall"] < recall:
        logger.warning("No index tried has a recall of %.3f; %s has %.3f.", recall, row["index"], row["recall"])
    own = [pl.col(name) == row[name] for name in ("index", "probes", "candidates")]
    measured = {f"recall@{DEPTH}" if name == "recall" else name: row[name] for name in list(FRONTIER)[3:]}
    measured |= {"queries": len(index.queries)}
    chosen = index.saying(effort=Effort(row["probes"], row["candidates"]), measured=measured)
    return frontier.with_columns(chosen=pl.all_horizontal(own)), chosen


def _swept(
    index: SearchIndex, efforts: Sequence[Effort], exact: Sequence[np.ndarray]
) -> Iterator[tuple[Effort, dict[str, float]]]:
    """Each effort and its figures, until more of the same kind would find no more."""
    done: set[int] = set()
    for effort in efforts:
        if effort.candidates not in done:
            found = index.positions(index.queries, len(exact[0]), effort=effort)
            recall = np.mean([len(np.intersect1d(*pair)) / len(pair[1]) for pair in zip(found, exact, strict=True)])
            yield effort, {"recall": float(recall), **_latency(index, effort)}
            if recall >= _ENOUGH:
                done.add(effort.candidates)


def _latency(index: SearchIndex, effort: Effort) -> dict[str, float]:
    """Median and 99th percentile of one query on one core, in milliseconds."""
    seconds = []
    with threads(1):
        for query in index.queries[:_TIMED]:
            start = time.perf_counter()
            index.positions(query[None], DEPTH, effort=effort)
            seconds.append(time.perf_counter() - start)
    p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
    return {"p50_ms": float(p50), "p99_ms": float(p99)}
