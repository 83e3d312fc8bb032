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
from roar.retrieval.bm25 import LexicalIndex, Setting
from roar.retrieval.filters import Where
from roar.retrieval.fusion import weighted_sum
from roar.retrieval.search_index import SearchIndex
from roar.retrieval.served.beside import ENCODER, LEXICAL

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from roar.encoder.short_queries import ShortQueries

System = Literal["dense", "bm25", "hybrid"]
SYSTEMS: tuple[System, ...] = ("dense", "bm25", "hybrid")

QUERY_ENCODER = "query_encoder"
"""Folder of the encoder for one query."""

_FUSED = 100
"""Hits of each system that the hybrid adds up, at least."""


class Release:
    """A version of a release, ready to answer; see the module."""

    def __init__(self, index: SearchIndex) -> None:
        """Answer by an index that `SearchIndex.read` gave: what lies beside it is loaded when it is first needed."""
        self.index = index
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
        system: System = "dense",
        where: Where | None = None,
        group_by: str | None = None,
    ) -> pl.DataFrame:
        """Answer a query.

        Args:
            query: as a shopper types it.
            limit: products to find.
            system: dense (the encoder), bm25, or hybrid.
            where: as `SearchIndex.search`.
            group_by: as `SearchIndex.search`.

        Returns:
            rank, product_id, score, cluster_id, and the fields that hits show.

        Raises:
            InputError: an empty query, or an unknown system, column or value.
        """
        if not query.strip():
            raise InputError("query: it is empty; type what a shopper would.")
        match system:
            case "dense":
                hits = self._dense(query, limit, where, group_by)
            case "bm25":
                hits = self._by_words(query, limit, where, group_by)
            case "hybrid":
                hits = self._hybrid(query, limit, where, group_by)
            case _:
                raise InputError(f"system {system!r}: expected one of {', '.join(SYSTEMS)}.")
        return hits.select(
            pl.int_range(1, pl.len() + 1).alias("rank"), "product_id", "score", pl.exclude("product_id", "score")
        )

    def _dense(self, query: str, limit: int, where: Where | None, group_by: str | None) -> pl.DataFrame:
        found = self.index.search(self.encode(query), limit, where=where, group_by=group_by, fields=True)
        return found.drop("row").with_columns(pl.col("score").cast(pl.Float64))

    def _by_words(self, query: str, limit: int, where: Where | None, group_by: str | None) -> pl.DataFrame:
        """Ranked deep enough that groups fill the page."""
        lexical = self.lexical
        count = len(lexical.product_ids)
        rows, scores = lexical.best(query, limit if group_by is None else count, self.index.allowed(where)[:count])
        hits = pl.DataFrame({"product_id": lexical.product_ids.gather(rows), "score": scores.astype(np.float64)})
        return self._shown(hits, group_by).head(limit)

    def _hybrid(self, query: str, limit: int, where: Where | None, group_by: str | None) -> pl.DataFrame:
        depth = max(limit, _FUSED)
        parts = (system(query, depth, where, None) for system in (self._by_words, self._dense))
        one = pl.lit("").alias("query_id")
        lexical, dense = (part.select(one, "product_id", "score") for part in parts)
        both = weighted_sum(lexical, dense, self.index.manifest.lexical["weight"])
        hits = both.sort("score", "product_id", descending=[True, False]).select("product_id", "score")
        return self._shown(hits, group_by).head(limit)

    def _shown(self, hits: pl.DataFrame, group_by: str | None) -> pl.DataFrame:
        """Hits with their fields; of those that share a value of `group_by`, the first alone."""
        shown = hits.join(self.index.details(hits["product_id"]), on="product_id", maintain_order="left")
        if group_by is None:
            return shown
        if group_by not in shown.columns:
            raise InputError(f"group_by: this index has no column {group_by}; it has {', '.join(shown.columns)}.")
        return shown.filter(pl.col(group_by).is_first_distinct() | pl.col(group_by).is_null())


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


def _base(index: SearchIndex) -> Path:
    assert index.folder is not None, "a release is on disk"
    return index.folder / versions.BASE
