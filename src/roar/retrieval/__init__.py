"""Retrieval: a FAISS index over product vectors, BM25, and what each returns for a query as a run."""

from roar.retrieval.bm25 import bm25_runs
from roar.retrieval.index import ProductIndex
from roar.retrieval.random_order import random_runs
from roar.retrieval.runs import Runs

__all__ = ["ProductIndex", "Runs", "bm25_runs", "random_runs"]
