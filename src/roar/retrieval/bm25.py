"""BM25 over product text (bm25s): the lexical system that any encoder has to beat.

The texts are tokenised once; term weights depend on k1 and b and are computed for each setting, so that trying a few on
validation queries costs a few indexings.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import bm25s
import numpy as np
import polars as pl
from tqdm import tqdm

from roar.errors import InputError
from roar.retrieval.runs import Runs, judged_positions, run_table
from roar.tables import require_columns, require_values
from roar.text import folded, words


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
        require_values(product_ids, "product ids", "product_id")
        require_values(texts, "product texts", "title")
        self.product_ids = product_ids
        self._corpus = bm25s.tokenize(_words(texts), **_AS_IT_IS, show_progress=False)
        self._has_words = bool(self._corpus.vocab)
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
        require_columns(queries, "queries", ["query_id", "query"])
        require_columns(judgments, "judgments", ["query_id", "product_id"])
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
        scores = self.scores(query)
        return best_of(scores if allowed is None else np.where(allowed, scores, 0), limit)

    def scores(self, query: str) -> np.ndarray:
        """Scores of all products, (N,) float32, under the setting it was written with; 0 where no word is shared."""
        assert self._setting is not None, "an index that was read has a setting"
        (scores,) = self._scores([query], self._setting)
        return scores

    def write(self, folder: Path, setting: Setting) -> None:
        """Save the term weights under a setting, for `read`.

        Raises:
            InputError: no product has a word.
        """
        if not self._has_words:
            raise InputError("table products: no text has a word in it; there is nothing that BM25 could find.")
        self._weigh(setting)
        self._model.save(folder, show_progress=False)

    @classmethod
    def read(cls, folder: Path, product_ids: pl.Series) -> "LexicalIndex":
        """Load what `write` saved; the products are searched under its setting alone."""
        index = cls.__new__(cls)
        index.product_ids, index._model = product_ids, bm25s.BM25.load(folder, mmap=True, show_progress=False)
        index._has_words = True
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
        nothing = np.zeros(len(self.product_ids), dtype=np.float32)
        if not self._has_words:  # no product, or none with a word
            yield from (nothing for _ in queries)
            return
        self._weigh(setting)
        for query in map(str.split, _words(pl.Series(queries, dtype=pl.String))):
            known = [word for word in query if word in self._model.vocab_dict]
            yield self._model.get_scores(known) if known else nothing

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
    """Score a catalogue of N products by BM25 once; see `LexicalIndex.runs`.

    Examples:
        >>> queries = pl.DataFrame({"query_id": ["q"], "query": ["red shoe"]})
        >>> ids, texts = pl.Series(["a", "b", "c"]), pl.Series(["blue hat", "red running shoe", "red scarf"])
        >>> judged = pl.DataFrame({"query_id": ["q"], "product_id": ["a"]})
        >>> bm25_runs(queries, ids, texts, judged, 2, k1=1.2, b=0.75).catalogue["product_id"].to_list()
        ['b', 'c']
    """
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

    Examples:
        >>> index = LexicalIndex(pl.Series(["a", "b"]), pl.Series(["red shoe", "blue hat"]))
        >>> queries = pl.DataFrame({"fold": ["f"], "query_id": ["q"], "query": ["shoe"]})
        >>> judged = pl.DataFrame({"query_id": ["q"] * 2, "product_id": ["a", "b"], "grade": ["exact", "irrelevant"]})
        >>> tune_bm25(index, queries, judged, k1=(0.9, 1.2), b=(0.4,)).select("k1", "value", "best").rows()
        [(0.9, 1.0, True), (1.2, 1.0, False)]
    """
    from roar.metrics import mean_value  # loads statistics, which a search does without

    require_columns(queries, "queries", ["fold", "query_id", "query"])
    require_columns(judgments, "judgments", ["query_id", "product_id", "grade"])
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


_AS_IT_IS: dict[str, Any] = {"token_pattern": r"\S+", "stopwords": [], "lower": False}


def _words(texts: pl.Series) -> list[str]:
    """The words of each text (`roar.text.words`) with blanks between them."""
    folded_words = words(folded(pl.col("text").fill_null("")))
    return texts.to_frame("text").select(folded_words.list.join(" ")).to_series().to_list()


def best_of(scores: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and values of the `limit` largest positive scores, best first, ties by position."""
    rows = _top(scores, limit)
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    return rows, scores[rows]


def _top(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k largest positive scores, ties at the edge by position."""
    found = np.flatnonzero(scores > 0)
    if len(found) <= k:
        return found
    own = scores[found]
    edge = np.partition(own, len(own) - k)[len(own) - k] if k else np.inf
    better = found[own > edge]
    return np.concatenate([better, found[own == edge][: k - len(better)]])
