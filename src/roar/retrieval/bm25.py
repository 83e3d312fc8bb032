"""BM25 over product text (bm25s): the lexical system that any encoder has to beat.

The texts are tokenised once; term weights depend on k1 and b and are computed for each setting, so that trying a few on
validation queries costs a few indexings.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import bm25s
import numpy as np
import polars as pl
from tqdm import tqdm

from roar.metrics import mean_value
from roar.retrieval.runs import Runs, judged_positions, run_table

_TOKEN = r"(?u)\b\w+\b"
"""Single characters count: "size 8" is not "size 9"."""


class Setting(NamedTuple):
    """BM25's two parameters."""

    k1: float
    """Term-frequency saturation."""
    b: float
    """Length normalisation."""


class LexicalIndex:
    """Tokenised product texts, searched under any setting of BM25."""

    def __init__(self, product_ids: pl.Series, texts: pl.Series) -> None:
        """Tokenise N texts with N ids."""
        self.product_ids = product_ids
        self._corpus = bm25s.tokenize(texts.to_list(), token_pattern=_TOKEN, stopwords=[], show_progress=False)
        self._setting: Setting | None = None

    def runs(self, queries: pl.DataFrame, judgments: pl.DataFrame, depth: int, setting: Setting) -> Runs:
        """Score the catalogue.

        Cost: one pass over the postings of each query's words, and an array of N scores per query.

        Args:
            queries: query_id, query.
            judgments: query_id, product_id; pairs of other queries are ignored.
            depth: products to retrieve.
            setting: k1 and b.

        Returns:
            Runs; in `catalogue` only products that share a word with the query.
        """
        judged = judged_positions(queries, self.product_ids, judgments)
        columns = dict(judged.group_by("row").agg("column").iter_rows())
        found, asked = [], []
        scored = enumerate(self._scores(queries["query"].to_list(), setting))
        for row, scores in tqdm(scored, total=queries.height, desc="bm25", unit="query", disable=not depth):
            best = _top(scores, depth)
            found.append((np.full(len(best), row), best, scores[best]))
            wanted = np.array(columns.get(row, []), dtype=np.int64)
            asked.append((np.full(len(wanted), row), wanted, scores[wanted]))
        return Runs(self._table(queries, asked), self._table(queries, found))

    def judged(self, queries: pl.DataFrame, judgments: pl.DataFrame, setting: Setting) -> pl.DataFrame:
        """The judged run alone."""
        return self.runs(queries, judgments, 0, setting).judged

    def best(self, query: str, limit: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows and scores of the products that share a word with a query, best first, under the setting it was written with.

        Args:
            query: a text.
            limit: products to find.
            allowed: (N,) bool, which may be found; all where None.
        """
        assert self._setting is not None, "an index that was read has a setting"
        (scores,) = self._scores([query], self._setting)
        scores = scores if allowed is None else np.where(allowed, scores, 0)
        rows = _top(scores, limit)
        rows = rows[np.argsort(-scores[rows], kind="stable")]
        return rows, scores[rows]

    def write(self, folder: Path, setting: Setting) -> None:
        """Save the term weights under a setting, for `read`."""
        self._weigh(setting)
        self._model.save(folder, show_progress=False)

    @classmethod
    def read(cls, folder: Path, product_ids: pl.Series) -> "LexicalIndex":
        """Load what `write` saved; the products are searched under its setting alone."""
        index = cls.__new__(cls)
        index.product_ids, index._model = product_ids, bm25s.BM25.load(folder, mmap=True, show_progress=False)
        index._setting = Setting(index._model.k1, index._model.b)
        return index

    def _weigh(self, setting: Setting) -> None:
        """Compute term weights, unless they are those of the setting."""
        if setting != self._setting:
            self._model = bm25s.BM25(k1=setting.k1, b=setting.b)
            self._model.index(self._corpus, show_progress=False)
            self._setting = setting

    def _scores(self, queries: Sequence[str], setting: Setting) -> Iterable[np.ndarray]:
        """Each query's scores of all products, (N,) float32."""
        self._weigh(setting)
        words = bm25s.tokenize(list(queries), token_pattern=_TOKEN, stopwords=[], return_ids=False, show_progress=False)
        for query in words:
            known = [word for word in query if word in self._model.vocab_dict]
            yield self._model.get_scores(known) if known else np.zeros(len(self.product_ids), dtype=np.float32)

    def _table(self, queries: pl.DataFrame, parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> pl.DataFrame:
        empty = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
        rows, columns, scores = map(np.concatenate, zip(empty, *parts, strict=True))
        return run_table(queries["query_id"], self.product_ids, rows, columns, scores)


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
    """Score a catalogue of N products by BM25 once; see `LexicalIndex.runs`."""
    return LexicalIndex(product_ids, texts).runs(queries, judgments, depth, Setting(k1, b))


def tune_bm25(
    index: LexicalIndex,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    k1: Sequence[float],
    b: Sequence[float],
    metric: str = "ndcg@8",
) -> pl.DataFrame:
    """Try every k1 with every b on the judged products of validation queries.

    Args:
        index: the catalogue.
        queries: fold, query_id, query; a query may validate several folds.
        judgments: query_id, product_id, grade.
        k1: values to try.
        b: values to try.
        metric: that decides.

    Returns:
        fold, k1, b, value, best (bool): one row a fold and setting; exactly one best in each fold, the first of equals.
    """
    distinct = queries.select("query_id", "query").unique("query_id", maintain_order=True)
    rows = []
    for setting in map(Setting._make, product(k1, b)):
        run = index.judged(distinct, judgments, setting)
        for (fold,), own in queries.group_by("fold", maintain_order=True):
            rows.append((str(fold), *setting, mean_value(run, judgments, own["query_id"], metric)))
    tried = pl.DataFrame(
        rows, schema={"fold": pl.String, "k1": pl.Float64, "b": pl.Float64, "value": pl.Float64}, orient="row"
    )
    place = pl.int_range(pl.len()).over("fold")
    return tried.with_columns(best=place == pl.col("value").fill_null(-1.0).arg_max().over("fold"))


def _top(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k largest positive scores, ties at the edge by position."""
    k = min(k, len(scores))
    if not k:
        return np.empty(0, dtype=np.int64)
    edge = np.partition(scores, len(scores) - k)[len(scores) - k]
    better = np.flatnonzero(scores > max(edge, 0))
    ties = np.flatnonzero(scores == edge)[: k - len(better)] if edge > 0 else np.empty(0, dtype=np.int64)
    return np.concatenate([better, ties])
