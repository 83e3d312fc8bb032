"""Which products a query is about: grades by rule, and candidates drawn the way a shop would pool them."""

from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from roar.marketplace.catalogue import Catalogue, Items
from roar.marketplace.draws import Draws
from roar.marketplace.queries import Intents

EXACT, SUBSTITUTE = 3, 2


class Postings:
    """Rows by key: draws a random row of a key without listing them."""

    def __init__(self, keys: np.ndarray, rows: np.ndarray) -> None:
        order = np.argsort(keys, kind="stable")
        self._keys, self._rows = keys[order], rows[order].astype(np.int32)

    def draw(self, keys: np.ndarray, u: np.ndarray) -> np.ndarray:
        """A row for each key by the uniform draw u; -1 where the key has none."""
        first, last = (np.searchsorted(self._keys, keys, side) for side in ("left", "right"))
        place = np.minimum(first + (u * (last - first)).astype(np.int64), len(self._rows) - 1)
        return np.where(last > first, self._rows[place], -1)


class Grader:
    """The rule of relevance, on numbers of queries and products.

    exact: of a type that is meant, and every value asked for is met; substitute: of a type that is meant, or of its
    family, otherwise; complement: of a type that is used together with one that is meant; irrelevant: all else.
    """

    def __init__(self, catalogue: Catalogue, items: Items, item_facets: np.ndarray, intents: Intents) -> None:
        self.relation = catalogue.lexicon.relation
        self.types = items.type
        self.facets = np.column_stack([items.facets, item_facets])
        self.intents = intents

    def grade(self, queries: np.ndarray, products: np.ndarray) -> np.ndarray:
        """Grades (n,) 0 irrelevant … 3 exact for pairs of rows."""
        meant = self.intents.types[queries]
        related = np.where(meant < 0, 0, self.relation[meant, self.types[products][:, None]]).max(axis=1)
        met = np.ones(len(queries), dtype=bool)
        for asked in self.intents.asked[queries].T:
            met &= (asked < 0) | (self.facets[products] == asked[:, None]).any(axis=1)
        return np.where((related == EXACT) & ~met, SUBSTITUTE, related)


class Words:
    """Lexical overlap between queries and titles, weighted by inverse document frequency."""

    def __init__(self, titles: pl.Series, queries: pl.Series) -> None:
        counter = CountVectorizer(token_pattern=r"[^\W_]+", binary=True, dtype=np.float32)
        self._titles = counter.fit_transform(titles.to_list()).tocsr()
        known = np.asarray(self._titles.sum(axis=0)).ravel()
        self._weight = np.log1p(len(titles) / (0.5 + known)).astype(np.float32)
        self._queries = counter.transform(queries.to_list()).tocsr() @ sparse.diags(self._weight)
        rows = np.repeat(np.arange(len(titles)), np.diff(self._titles.indptr))
        self._postings = Postings(self._titles.indices, rows)
        self._length = np.sqrt(np.diff(self._titles.indptr)).astype(np.float32)

    def overlap(self, queries: np.ndarray, products: np.ndarray) -> np.ndarray:
        """Summed weight of shared words over the root of the title's length, for pairs of rows."""
        scores = np.empty(len(queries), dtype=np.float32)
        for start in range(0, len(queries), 100_000):
            part = slice(start, start + 100_000)
            shared = self._queries[queries[part]].multiply(self._titles[products[part]])
            scores[part] = np.asarray(shared.sum(axis=1)).ravel()
        return scores / np.maximum(1, self._length[products])

    def draw(self, queries: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """A product that shares a word with each query, rare words first; -1 where there is none."""
        total = np.concatenate([[0.0], np.cumsum(self._queries.data, dtype=np.float64)])
        first, last = self._queries.indptr[queries], self._queries.indptr[queries + 1]
        target = total[first] + u * (total[last] - total[first])
        word = np.minimum(np.searchsorted(total, target, side="right") - 1, len(total) - 2)
        return np.where(last > first, self._postings.draw(self._queries.indices[word], v), -1)


class PoolMix(NamedTuple):
    """How many draws a pool takes from each source."""

    anchor: int
    facet: int
    type: int
    close: int
    complement: int
    lexical: int
    random: int


class Pools:
    """Draws candidate products for queries from the sources that a shop has."""

    def __init__(self, catalogue: Catalogue, items: Items, intents: Intents, words: Words) -> None:
        self.lexicon = catalogue.lexicon
        self.intents, self.words = intents, words
        self.size = len(items.type)
        rows = np.arange(self.size)
        self._by_type = Postings(items.type, rows)
        keys = items.type[:, None].astype(np.int64) * len(self.lexicon.facets) + items.facets
        used = items.facets >= 0
        self._by_facet = Postings(keys[used], np.nonzero(used)[0])
        relation = self.lexicon.relation
        close, complement = np.nonzero(relation == SUBSTITUTE), np.nonzero(relation == 1)
        self._families, self._accessories = Postings(*close), Postings(*complement)

    def draw(self, name: str, queries: np.ndarray, mix: PoolMix, draws: Draws) -> pl.DataFrame:
        """Candidates of these query rows: distinct (query, product) rows, as int columns, sorted by query."""
        frames = []
        for source, times in mix._asdict().items():
            for turn in range(times):
                u = draws.uniform(f"{name} {source} {turn}", queries, 3).T
                found = getattr(self, f"_{source}")(queries, *u)
                frames.append(pl.DataFrame({"query": queries, "product": found.astype(np.int64)}))
        pairs = pl.concat(frames).filter(pl.col("product") >= 0)
        return pairs.unique(maintain_order=True).sort("query", maintain_order=True)

    def _meant(self, queries: np.ndarray, u: np.ndarray) -> np.ndarray:
        """One of the types that each query means."""
        types = self.intents.types[queries]
        return types[np.arange(len(queries)), (u * (types >= 0).sum(axis=1)).astype(np.int64)]

    def _anchor(self, queries: np.ndarray, *_: np.ndarray) -> np.ndarray:
        return self.intents.anchor[queries]

    def _facet(self, queries: np.ndarray, u: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Of a type that is meant, with one of the values asked for."""
        asked = self.intents.asked[queries]
        asked = np.where(asked >= len(self.lexicon.facets), -1, asked)
        order = np.argsort(asked < 0, axis=1, kind="stable")
        number = (asked >= 0).sum(axis=1)
        facet = np.take_along_axis(asked, order, axis=1)[np.arange(len(queries)), (u * number).astype(np.int64)]
        key = self._meant(queries, v) * len(self.lexicon.facets) + facet
        return self._by_facet.draw(np.where(number > 0, key, -1), w)

    def _type(self, queries: np.ndarray, u: np.ndarray, v: np.ndarray, _: np.ndarray) -> np.ndarray:
        return self._by_type.draw(self._meant(queries, u), v)

    def _close(self, queries: np.ndarray, u: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
        return self._by_type.draw(self._families.draw(self._meant(queries, u), v), w)

    def _complement(self, queries: np.ndarray, u: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
        return self._by_type.draw(self._accessories.draw(self._meant(queries, u), v), w)

    def _lexical(self, queries: np.ndarray, u: np.ndarray, v: np.ndarray, _: np.ndarray) -> np.ndarray:
        return self.words.draw(queries, u, v)

    def _random(self, queries: np.ndarray, u: np.ndarray, *_: np.ndarray) -> np.ndarray:
        return (u * self.size).astype(np.int64)
