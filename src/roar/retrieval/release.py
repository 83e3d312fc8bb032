"""What is shipped: one encoder, the index of the catalogue, BM25 and the hybrid's weight, in one folder that checks itself.

A shopper's query goes in as text, and products come out with what a page shows of them. Dense hits are those of `SearchIndex`;
BM25 reads the products that were there when the version was built (those put in since wait for the next one); the hybrid adds
both, each scaled to [0, 1], with the weight that validation queries chose.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.files import SEAL, seal, sha256
from roar.parameters import Encoder as EncoderSettings
from roar.retrieval import versions
from roar.retrieval.bm25 import LexicalIndex, Setting, best_of
from roar.retrieval.candidates import Hits
from roar.retrieval.filters import Where
from roar.retrieval.ranking import Ranking, by_one, fused
from roar.retrieval.search_index import SearchIndex
from roar.retrieval.served.beside import ENCODER, LEXICAL
from roar.retrieval.vector_index import VectorIndex

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from roar.encoder.short_queries import ShortQueries

System = Literal["dense", "bm25", "hybrid"]
SYSTEMS: tuple[System, ...] = ("dense", "bm25", "hybrid")
STAGE2 = "stage2"
"""What evaluation and service call `dense`; either name is understood."""

QUERY_ENCODER = "query_encoder"
"""Folder of the encoder for one query."""

FUSED = 100
"""Hits of each system that the hybrid adds up, at least."""
_DEEPER = 8
"""How many times as many candidates BM25 gives where groups stayed short of the page."""


class Release:
    """A version of a release, ready to answer; see the module."""

    def __init__(self, index: SearchIndex) -> None:
        """Answer by an index that `SearchIndex.read` gave: what lies beside it is loaded when it is first needed."""
        self.index = index
        self.vectors: VectorIndex = index
        """What dense hits are asked of: the index itself, or another that holds the same version."""
        self._lexical_of: tuple[str, LexicalIndex] | None = None

    @classmethod
    def read(cls, folder: Path) -> "Release":
        """Load the current version below a folder, or the version that the folder is.

        Raises:
            InputError: as `SearchIndex.read`, or there is no encoder in it.
        """
        index = SearchIndex.read(folder)
        base = _base(index)
        if not (base / ENCODER / SEAL).is_file():
            raise InputError(f"{base}: an index without an encoder; run: kedro run --pipelines release")
        index.manifest.require(encoder=sha256(base / ENCODER / SEAL)[:16])
        return cls(index)

    @cached_property
    def encoder(self) -> "SentenceTransformer":
        """The encoder of queries and products."""
        from roar.encoder import read_encoder  # loads torch, which BM25 does without

        return read_encoder(_base(self.index) / ENCODER)

    @property
    def lexical(self) -> LexicalIndex:
        """BM25 over the products of the version that is searched, which a rebuild replaces."""
        version = self.index.manifest.version
        if self._lexical_of is None or self._lexical_of[0] != version:
            self._lexical_of = version, LexicalIndex.read(_base(self.index) / LEXICAL, self.index.rows["product_id"])
        return self._lexical_of[1]

    @cached_property
    def _short_queries(self) -> "ShortQueries | None":
        """The encoder for one query, where that is faster than torch here."""
        folder = _base(self.index) / QUERY_ENCODER
        if not folder.is_dir():
            return None
        from roar.encoder.short_queries import ShortQueries

        return ShortQueries(folder)

    def encode(self, query: str) -> np.ndarray:
        """A query's float32 unit vector (dim,), at the index's dimension."""
        if self._short_queries is not None:
            return self._short_queries.encode(query, self.index.manifest.dimension)
        from roar.encoder import encode

        settings = EncoderSettings(precision="float32", dimension=self.index.manifest.dimension)
        return encode(self.encoder, [query], kind="query", config=settings)[0]

    def search(
        self,
        query: str,
        limit: int = 8,
        *,
        system: str = "dense",
        where: Where | None = None,
        group_by: str | None = None,
    ) -> pl.DataFrame:
        """Answer a query.

        Args:
            query: as a shopper types it.
            limit: products to find.
            system: dense (the encoder; stage2 as well), bm25, or hybrid.
            where: as `SearchIndex.search`.
            group_by: as `SearchIndex.search`.

        Returns:
            rank, product_id, score, cluster_id, and the fields that hits show.

        Raises:
            InputError: an empty query, or an unknown system, column or value.
        """
        if not query.strip():
            raise InputError("query: it is empty; type what a shopper would.")
        system = system_of(system)
        depth = max(limit, FUSED) if system == "hybrid" else limit
        ranking = self.rank(query, depth, system=system, where=where, group_by=group_by)
        hits = self.index.shown(ranking.rows[:limit])
        scores = pl.Series("score", ranking.scores[:limit], dtype=pl.Float64)
        return hits.select(pl.int_range(1, pl.len() + 1).alias("rank"), "product_id", scores, pl.exclude("product_id"))

    def rank(
        self,
        query: str,
        depth: int = FUSED,
        *,
        system: str = "dense",
        where: Where | None = None,
        group_by: str | None = None,
        vector: np.ndarray | None = None,
        weight: float | None = None,
    ) -> Ranking:
        """A system's best candidates.

        Args:
            query: as a shopper types it.
            depth: candidates of each retriever. The order of a hybrid depends on it, and on nothing else that a page asks for.
            system: as `search`.
            where: likewise.
            group_by: likewise.
            vector: the query's, float32 unit (dim,); encoded here where None.
            weight: the encoder's share in the hybrid; the one that validation chose where None.

        Returns:
            At most `depth` candidates, or groups, of dense and bm25; of the hybrid up to twice as many.

        Raises:
            InputError: an unknown system, column or value.
        """
        system = system_of(system)
        if system == "bm25":
            return self._by_words(query, depth, where, group_by)
        vector = self.encode(query) if vector is None else vector
        if system == "dense":
            return by_one("dense", self._dense(vector, depth, where, group_by))
        return self._grouped(self._hybrid(query, vector, depth, where, weight), group_by)

    def _dense(self, vector: np.ndarray, depth: int, where: Where | None, group_by: str | None = None) -> Hits:
        if self.vectors is self.index:
            return self.index.hits(vector, depth, where=where, group_by=group_by)
        found = self.vectors.search(vector, depth, where=where, group_by=group_by)
        known, rows = self.index.rows_of(found["product_id"])
        return rows, found["score"].to_numpy()[known]

    def _by_words(self, query: str, limit: int, where: Where | None, group_by: str | None) -> Ranking:
        """Ranked deep enough that groups fill the page."""
        scores = self._allowed_scores(query, where)
        wanted = limit
        while True:
            found = by_one("bm25", best_of(scores, wanted))
            grouped = self._grouped(found, group_by)
            if len(grouped.rows) >= limit or len(found.rows) < wanted:
                return grouped.where(np.arange(min(limit, len(grouped.rows))))
            wanted *= _DEEPER

    def _hybrid(self, query: str, vector: np.ndarray, depth: int, where: Where | None, weight: float | None) -> Ranking:
        scores = self._allowed_scores(query, where)
        dense = self._dense(vector, depth, where)
        own = self.index.manifest.lexical["weight"] if weight is None else weight

        def by_words(rows: np.ndarray) -> np.ndarray:
            known = rows < len(scores)
            return np.where(known, scores[np.where(known, rows, 0)], np.nan)

        scores_of = {"bm25": by_words, "dense": lambda rows: self.index.cosines(vector, rows)}
        return fused(best_of(scores, depth), dense, own, scores_of)

    def _allowed_scores(self, query: str, where: Where | None) -> np.ndarray:
        """BM25's scores of the rows it knows, (N,); 0 where they may not be found."""
        scores, allowed = self.lexical.scores(query), self.index.allowed(where)
        return scores if allowed.all() else np.where(allowed[: len(scores)], scores, 0)

    def _grouped(self, ranking: Ranking, group_by: str | None) -> Ranking:
        """Of candidates that share a value of `group_by`, the first alone."""
        if group_by is None:
            return ranking
        shown = self.index.shown(ranking.rows)
        if group_by not in shown.columns:
            raise InputError(f"group_by: this index has no column {group_by}; it has {', '.join(shown.columns)}.")
        return ranking.first_of(shown[group_by])


def system_of(name: str) -> System:
    """A system by any of its names.

    Raises:
        InputError: there is none by that name.
    """
    own = "dense" if name == STAGE2 else name
    if own not in SYSTEMS:
        raise InputError(f"system {name!r}: expected one of {STAGE2}, {', '.join(SYSTEMS)}.")
    return own


_COMPARED = 32
"""Queries on which the encoder for one query is compared."""


def write_release(
    root: Path,
    index: SearchIndex,
    encoder: "SentenceTransformer",
    lexical: Mapping[str, float],
    queries: Sequence[str] = (),
) -> SearchIndex:
    """Write an index, its encoder and BM25 as a new version below `root`, and make it current.

    Args:
        root: folder of all versions.
        index: in memory, saying in its manifest what is read of a product.
        encoder: that made its vectors.
        lexical: k1, b, and weight, the encoder's share in the hybrid.
        queries: real ones, on which the encoder for one query is compared with torch; without them there is none.

    Returns:
        The index as it is on disk.

    Raises:
        InputError: the disk refuses, or another process writes there; what was current still is.
    """

    def beside(built: SearchIndex, base: Path) -> dict[str, Any]:
        card = bool(encoder._model_card_text)  # written by the stage that trained it
        encoder.save_pretrained(str(base / ENCODER), create_model_card=card, safe_serialization=True)
        seal(base / ENCODER)
        built.lexical_index().write(base / LEXICAL, Setting(lexical["k1"], lexical["b"]))
        measured = dict(built.manifest.measured)
        if queries:
            from roar.encoder.short_queries import write_short_queries

            measured |= write_short_queries(encoder, base / QUERY_ENCODER, list(queries)[:_COMPARED])
        prompts = {name: prompt or "" for name, prompt in encoder.prompts.items()}
        own = sha256(base / ENCODER / SEAL)[:16]
        return {"encoder": own, "prompts": prompts, "lexical": dict(lexical), "measured": measured}

    return index.write(root, beside, keep=index.manifest.keep)


def released_under(index: SearchIndex, encoder: str, root: Path) -> SearchIndex:
    """The catalogue of an index under another encoder, as a release: what a service shows beside, the start beside the trained.

    Args:
        index: of a release, which says what is read of a product, what hits show, and how BM25 is set.
        encoder: a preset, hub id or folder.
        root: folder of the new release.

    Returns:
        The new index, a scan where the old one was, otherwise of the same kind, as it is on disk.

    Raises:
        InputError: there is no such encoder, or the disk refuses.
    """
    from roar.encoder import encode, load_encoder, product_texts
    from roar.retrieval.served.build import rebuilt

    settings = EncoderSettings(preset=encoder, **index.manifest.template, dimension=index.manifest.dimension)
    model, catalogue = load_encoder(settings), index.catalogue()
    texts = product_texts(catalogue, settings.product_fields, settings.max_tokens).to_list()
    vectors = encode(model, texts, config=settings, progress="catalogue")
    asked = catalogue["title"].drop_nulls().head(_COMPARED).to_list()
    queries = encode(model, asked, kind="query", config=settings)
    state, manifest = rebuilt(catalogue, vectors, index.manifest)
    new = SearchIndex(state, manifest.model_copy(update={"measured": {}, "constraints": {}}), queries)
    return write_release(root, new, model, index.manifest.lexical, asked)


def _base(index: SearchIndex) -> Path:
    assert index.folder is not None, "a release is on disk"
    return index.folder / versions.BASE
