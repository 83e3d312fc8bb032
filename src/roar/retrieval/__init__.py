"""Retrieval: a FAISS index over product vectors, BM25, hybrids, and what each returns for a query as a run."""

from typing import TYPE_CHECKING

from roar.lazy import loader

if TYPE_CHECKING:
    from roar.retrieval.bm25 import LexicalIndex, Setting, bm25_runs, tune_bm25
    from roar.retrieval.external import external_runs
    from roar.retrieval.fusion import reciprocal_ranks, tune_weight, weighted_sum
    from roar.retrieval.index import ProductIndex
    from roar.retrieval.manifest import Manifest
    from roar.retrieval.random_order import random_runs
    from roar.retrieval.release import Release, write_release
    from roar.retrieval.runs import Runs
    from roar.retrieval.search_index import SearchIndex
    from roar.retrieval.vector_index import Effort, VectorIndex

__all__ = [
    "Effort",
    "LexicalIndex",
    "Manifest",
    "ProductIndex",
    "Release",
    "Runs",
    "SearchIndex",
    "Setting",
    "VectorIndex",
    "bm25_runs",
    "external_runs",
    "random_runs",
    "reciprocal_ranks",
    "tune_bm25",
    "tune_weight",
    "weighted_sum",
    "write_release",
]

_HOMES = {
    "bm25": (
        "LexicalIndex",
        "Setting",
        "bm25_runs",
        "tune_bm25",
    ),
    "external": ("external_runs",),
    "fusion": (
        "reciprocal_ranks",
        "tune_weight",
        "weighted_sum",
    ),
    "index": ("ProductIndex",),
    "manifest": ("Manifest",),
    "random_order": ("random_runs",),
    "release": (
        "Release",
        "write_release",
    ),
    "runs": ("Runs",),
    "search_index": ("SearchIndex",),
    "vector_index": (
        "Effort",
        "VectorIndex",
    ),
}

__getattr__ = loader(__name__, _HOMES)  # a service does without what tunes and measures
