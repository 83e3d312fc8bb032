"""BM25 over product text (bm25s): the lexical system that any encoder has to beat."""

import bm25s
import numpy as np
import polars as pl
from tqdm import tqdm

from roar.retrieval.runs import Runs, judged_positions, run_table

_TOKEN = r"(?u)\b\w+\b"
"""Single characters count: "size 8" is not "size 9"."""


def bm25_runs(
    queries: pl.DataFrame,
    product_ids: pl.Series,
    texts: pl.Series,
    judgments: pl.DataFrame,
    depth: int,
    *,
    k1: float,
    b: float,
) -> Runs:
    """Score the catalogue by BM25.

    Cost: one pass over the postings of each query's words, and an array of N scores per query.

    Args:
        queries: query_id, query.
        product_ids: N ids.
        texts: N product texts.
        judgments: query_id, product_id; pairs of other queries are ignored.
        depth: products to retrieve.
        k1: term-frequency saturation.
        b: length normalisation.

    Returns:
        Runs; in `catalogue` only products that share a word with the query.
    """
    model = bm25s.BM25(k1=k1, b=b)
    corpus = bm25s.tokenize(texts.to_list(), token_pattern=_TOKEN, stopwords=[], return_ids=False, show_progress=False)
    model.index(corpus, show_progress=False)
    words = bm25s.tokenize(
        queries["query"].to_list(), token_pattern=_TOKEN, stopwords=[], return_ids=False, show_progress=False
    )
    judged = judged_positions(queries, product_ids, judgments)
    columns = dict(judged.group_by("row").agg("column").iter_rows())
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    asked: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for row, query in enumerate(tqdm(words, desc="bm25", unit="query")):
        known = [word for word in query if word in model.vocab_dict]
        scores = model.get_scores(known) if known else np.zeros(len(product_ids), dtype=np.float32)
        best = _top(scores, depth)
        found.append((np.full(len(best), row), best, scores[best]))
        wanted = np.array(columns.get(row, []), dtype=np.int64)
        asked.append((np.full(len(wanted), row), wanted, scores[wanted]))
    return Runs(
        *(
            run_table(queries["query_id"], product_ids, *map(np.concatenate, zip(*parts, strict=True)))
            for parts in (asked, found)
        )
    )


def _top(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k largest positive scores, ties at the edge by position."""
    k = min(k, len(scores))
    edge = np.partition(scores, len(scores) - k)[len(scores) - k]
    better = np.flatnonzero(scores > max(edge, 0))
    ties = np.flatnonzero(scores == edge)[: k - len(better)] if edge > 0 else np.empty(0, dtype=np.int64)
    return np.concatenate([better, ties])
