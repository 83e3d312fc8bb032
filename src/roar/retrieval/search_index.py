"""An index of a catalogue that is served: searched by vector, filtered, changed while it is served, and kept on disk.

Stored vectors (`StoredVectors`, in half precision, mapped from disk) are the truth: a score is always their cosine with the
query. An approximate index over entries, one for each set of near-copies, proposes; what it proposes is opened into products
and scored. Products put in later are scanned beside it, and those taken out are masked, until so much has changed that the
index is built again. Where a filter leaves few products, those are scanned and nothing is approximate.

Cost of a search: the approximate index's, a few hundred dot products, and a scan of the products put in since it was built.
Memory: the approximate index, ids and shown fields; the mapped vectors are the system's to drop.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.files import replaced_folder, seal
from roar.parameters import Encoder as EncoderSettings
from roar.retrieval import versions
from roar.retrieval.bm25 import LexicalIndex, Setting
from roar.retrieval.candidates import Hits, best, joined, opened, scanned
from roar.retrieval.collapse import collapse
from roar.retrieval.filters import Where, allowed_rows
from roar.retrieval.manifest import Manifest
from roar.retrieval.vector_index import FLAT, Effort, FaissIndex, StoredVectors

logger = logging.getLogger(__name__)

LEXICAL, ENCODER = "lexical", "encoder"
"""Folders that may lie beside the index's own files."""

Encode = Callable[[pl.DataFrame], np.ndarray]
"""Products to float32 unit rows, as the index's own were made."""

Beside = Callable[["SearchIndex", Path], Mapping[str, Any]]
"""Writes what lies in a version beside the index's own files, and gives what the manifest is to say of it."""

_SCANNED_BELOW = 20_000
"""Where a filter leaves fewer products than this, they are scanned: faster than a search that loses its way among them."""
_FILTERED = 0.5
"""Share of allowed products below which an approximate search looks further, in proportion, up to `_FURTHER` times."""
_FURTHER = 32
_UNIT = 0.01
"""How far a unit vector's norm may be from 1."""


class _State(NamedTuple):
    """All that a search reads; changes and rebuilds put another one in its place, and searches under way go on with theirs."""

    stored: StoredVectors
    """Of the rows that the index was built over."""
    start: np.ndarray
    """(entries + 1,) where each entry's rows begin."""
    proposals: FaissIndex | None
    """The approximate index over entries; None for a scan."""
    products: pl.DataFrame
    """product_id, cluster_id and fields: the rows of the base, then those put in since."""
    filtered: pl.DataFrame
    """The fields that filters read, texts as categories."""
    live: np.ndarray
    """(N,) bool, False where a product was taken out or replaced."""
    fresh: StoredVectors
    """Vectors of the rows put in since."""
    log: tuple[dict[str, Any], ...]
    """What was changed, in order."""


class SearchIndex:
    """Products as unit vectors; see the module. `build` makes one, `write` keeps it, `read` loads it."""

    def __init__(
        self,
        products: pl.DataFrame,
        stored: StoredVectors,
        start: np.ndarray,
        proposals: FaissIndex | None,
        manifest: Manifest,
        queries: np.ndarray,
        *,
        folder: Path | None = None,
        encode: Encode | None = None,
    ) -> None:
        self.manifest, self.queries, self.folder, self.encode = manifest, queries, folder, encode
        fresh = StoredVectors.of(np.empty((0, manifest.dimension), dtype=np.float32))
        live = np.ones(len(stored), dtype=bool)
        filtered = _filtered(products, manifest)
        self._state = _State(stored, start, proposals, products, filtered, live, fresh, ())

    @classmethod
    def build(
        cls,
        products: pl.DataFrame,
        vectors: np.ndarray,
        factory: str = FLAT,
        effort: Effort | None = None,
        *,
        queries: np.ndarray | None = None,
        encode: Encode | None = None,
        **said: Any,
    ) -> "SearchIndex":
        """Index a catalogue in memory; `write` saves it.

        Args:
            products: product_id, cluster_id where near-copies are known, and any fields.
            vectors: float32 unit rows (N, dim), in their order.
            factory: a FAISS factory string; "Flat" scans, exactly.
            effort: how hard an approximate index searches.
            queries: float32 unit rows (Q, dim) of real queries, on which recall is measured; kept with the index.
            encode: what makes vectors of products put in later.
            said: further fields of the manifest.

        Raises:
            InputError: ids are missing or there twice, a filter is no column, or FAISS cannot build the index.
        """
        products = _checked(products)
        for what in ("filters", "shown"):
            if unknown := [name for name in said.get(what, ()) if name not in products.columns]:
                raise InputError(
                    f"release.{what}: {unknown[0]} is no column of table products ({', '.join(products.columns)})."
                )
        closest = said.get("collapse", Manifest.model_fields["collapse"].default)
        order, start = collapse(vectors, products["cluster_id"], closest)
        products, vectors = products[order], vectors[order]
        manifest = Manifest(
            **({"version": "", "created": _now()} | said),
            dimension=vectors.shape[1],
            products=len(products),
            entries=len(start) - 1,
            index=factory,
            effort=effort or Effort(),
            ids=_fingerprint(products["product_id"]),
        )
        proposals = None if factory == FLAT else FaissIndex.build(vectors[start[:-1]], factory)
        if queries is None:
            queries = vectors[:0]
        return cls(products, StoredVectors.of(vectors), start, proposals, manifest, queries, encode=encode)

    def proposing_with(self, factory: str) -> "SearchIndex":
        """The same products behind another approximate index: how candidates are compared."""
        state = self._state
        proposals = None if factory == FLAT else FaissIndex.build(state.stored.vectors(state.start[:-1]), factory)
        return self._with(proposals, index=factory)

    def saying(self, **said: Any) -> "SearchIndex":
        """The same index with further things said in its manifest."""
        return self._with(self._state.proposals, **said)

    def _with(self, proposals: FaissIndex | None, **said: Any) -> "SearchIndex":
        manifest = self.manifest.model_copy(update=said)
        state = self._state
        assert not state.log, "changes would be lost"
        own = state.products, state.stored, state.start
        return SearchIndex(*own, proposals, manifest, self.queries, folder=self.folder, encode=self.encode)

    # --- searching

    def search(
        self,
        vectors: np.ndarray,
        limit: int,
        *,
        where: Where | None = None,
        group_by: str | None = None,
        fields: bool = False,
    ) -> pl.DataFrame:
        """The best products of each query.

        Args:
            vectors: float32 unit rows (n, dim), or one (dim,), by the encoder that the products were encoded with.
            limit: products a query.
            where: conditions on fields, see `roar.retrieval.filters.Where`.
            group_by: a column of which each value is shown once, by its best product; "cluster_id" leaves one listing of
                each item. Products without a value stand for themselves.
            fields: give the shown fields of each product as well.

        Returns:
            row (of `vectors`), product_id, score (cosine), cluster_id; for each row by falling score, equal ones in the
            catalogue's order. Fewer than `limit` only where fewer are allowed.

        Raises:
            InputError: vectors of another dimension, or a column that the index does not have.
        """
        state = self._state
        rows, found, scores = self._find(state, vectors, limit, where, group_by, self.manifest.effort)
        products = state.products if fields else state.products.select("product_id", "cluster_id")
        hits = products[found].insert_column(0, pl.Series("row", rows))
        return hits.insert_column(2, pl.Series("score", scores))

    def details(self, product_ids: pl.Series) -> pl.DataFrame:
        """product_id, cluster_id and shown fields of products that can be found, in the index's order."""
        state = self._state
        return state.products.filter(pl.col("product_id").is_in(product_ids.implode()) & pl.Series(state.live))

    def positions(self, vectors: np.ndarray, limit: int, *, effort: Effort | None = None) -> list[np.ndarray]:
        """Rows of the best products of each query, as numbers: what recall is measured on."""
        rows, found, _ = self._find(self._state, vectors, limit, None, None, effort or self.manifest.effort)
        return np.split(found, np.searchsorted(rows, np.arange(1, len(vectors))))

    def exact_positions(self, vectors: np.ndarray, limit: int) -> list[np.ndarray]:
        """As `positions`, by scanning everything."""
        state = self._state
        found = self._scan(state, vectors, limit, state.live if not state.live.all() else None)
        return [best(rows, scores, limit, None)[0] for rows, scores in found]

    def recall(self, depth: int = 100, *, effort: Effort | None = None) -> float:
        """Share of the exactly best products that are found, over the queries kept with the index; NaN without queries."""
        depth = min(depth, len(self))
        if not len(self.queries) or not depth:
            return float("nan")
        pairs = zip(
            self.positions(self.queries, depth, effort=effort),
            self.exact_positions(self.queries, depth),
            strict=True,
        )
        return float(np.mean([len(np.intersect1d(found, exact)) / depth for found, exact in pairs]))

    def _find(
        self,
        state: _State,
        vectors: np.ndarray,
        limit: int,
        where: Where | None,
        group_by: str | None,
        effort: Effort,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row of the query, row of the product, cosine; (hits,) each."""
        queries = np.atleast_2d(np.ascontiguousarray(vectors, dtype=np.float32))
        self.manifest.require(dimension=queries.shape[1])
        if not np.isfinite(queries).all():
            raise InputError("search: a query vector has values that are no finite numbers; look at the encoder.")
        if limit < 1:
            raise InputError(f"limit: {limit} products are asked for; ask for at least one.")
        allowed = None if where is None and state.live.all() else state.live
        if where is not None:
            allowed = state.live & allowed_rows(state.filtered, where).to_numpy()
        groups = None if group_by is None else _column(state.products, group_by)
        hits = self._hits(state, queries, (limit, limit), allowed, groups, effort)
        rows = np.repeat(np.arange(len(hits), dtype=np.uint32), [len(found) for found, _ in hits])
        nothing: Hits = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
        found, scores = (np.concatenate(part) for part in zip(nothing, *hits, strict=True))
        return rows, found, scores

    def _hits(
        self,
        state: _State,
        queries: np.ndarray,
        depth: tuple[int, int],
        allowed: np.ndarray | None,
        groups: pl.Series | None,
        effort: Effort,
    ) -> list[Hits]:
        """The best of the candidates; queries that stay short of hits are asked again, deeper, until all was seen."""
        limit, wanted = depth
        found, everything = self._candidates(state, queries, wanted, allowed, effort)
        hits = [best(rows, scores, limit, groups) for rows, scores in found]
        if everything:
            return hits
        deeper = limit, wanted * 8
        for row, (rows, _) in enumerate(hits):
            if len(rows) < limit:
                hits[row] = self._hits(state, queries[row : row + 1], deeper, allowed, groups, effort)[0]
        return hits

    def _candidates(
        self, state: _State, queries: np.ndarray, wanted: int, allowed: np.ndarray | None, effort: Effort
    ) -> tuple[list[Hits], bool]:
        """For each query at least its `wanted` best products, as far as they are found, and whether these are all."""
        total, entries = len(state.stored), len(state.start) - 1
        count = total if allowed is None else int(np.count_nonzero(allowed[:total]))
        narrow = count < min(_SCANNED_BELOW, _FILTERED * total)
        if state.proposals is None or narrow or 2 * wanted * effort.candidates > entries:
            return self._scan(state, queries, wanted, allowed), wanted >= count + len(state.fresh)
        further = max(1.0, min(_FILTERED * total / max(count, 1), _FURTHER))
        proposed = self._proposed(state, queries, wanted, None if allowed is None else allowed[:total], effort, further)
        return joined(proposed, self._scan_fresh(state, queries, wanted, allowed)), False

    def _proposed(
        self,
        state: _State,
        queries: np.ndarray,
        wanted: int,
        allowed: np.ndarray | None,
        effort: Effort,
        further: float,
    ) -> list[Hits]:
        """Products of the entries that the approximate index proposes, scored on stored vectors."""
        assert state.proposals is not None
        opens = len(state.start) - 1 < len(state.stored)
        entries = np.logical_or.reduceat(allowed, state.start[:-1]) if opens and allowed is not None else allowed
        probes = int(effort.probes * further)
        _, found = state.proposals.search(queries, wanted * effort.candidates, allowed=entries, probes=probes)
        hits = []
        for query, own in zip(queries, found, strict=True):
            rows = own[own >= 0]
            if opens:
                rows = opened(rows, state.start)
                rows = rows if allowed is None else rows[allowed[rows]]
            hits.append((rows, state.stored.vectors(rows) @ query))
        return hits

    def _scan(self, state: _State, queries: np.ndarray, wanted: int, allowed: np.ndarray | None) -> list[Hits]:
        """The `wanted` best of all allowed products, exactly."""
        own = scanned(state.stored, queries, wanted, None if allowed is None else allowed[: len(state.stored)])
        return joined(own, self._scan_fresh(state, queries, wanted, allowed))

    def _scan_fresh(self, state: _State, queries: np.ndarray, wanted: int, allowed: np.ndarray | None) -> list[Hits]:
        if not len(state.fresh):
            return []
        total = len(state.stored)
        own = scanned(state.fresh, queries, wanted, None if allowed is None else allowed[total:])
        return [(rows + total, scores) for rows, scores in own]

    def allowed(self, where: Where | None = None) -> np.ndarray:
        """(N,) bool, which rows may be found: those that were there when the index was built, then those put in since."""
        state = self._state
        return state.live if where is None else state.live & allowed_rows(state.filtered, where).to_numpy()

    # --- what is in it

    def __len__(self) -> int:
        """Products that can be found."""
        return int(np.count_nonzero(self._state.live))

    @property
    def products(self) -> pl.DataFrame:
        """product_id, cluster_id and shown fields of the products that can be found."""
        state = self._state
        return state.products.filter(pl.Series(state.live))

    @property
    def rows(self) -> pl.DataFrame:
        """product_id, cluster_id and shown fields of every row that the index was built over, whatever happened since."""
        return self._state.products[: len(self._state.stored)]

    @property
    def vectors(self) -> np.ndarray:
        """Float32 unit rows (N, dim) of `products`, to the precision that they are stored in."""
        state = self._state
        base, fresh = np.split(state.live, [len(state.stored)])
        own = (state.stored.vectors(np.flatnonzero(base)), state.fresh.vectors(np.flatnonzero(fresh)))
        return np.concatenate(own)

    @property
    def log(self) -> pl.DataFrame:
        """Changes since the index was built, in order: number, change, products, at."""
        schema = {"number": pl.Int64, "change": pl.String, "products": pl.Int64, "at": pl.String}
        return pl.DataFrame(list(self._state.log), schema=schema)

    @property
    def changed(self) -> float:
        """Products put in or taken out since the index was built, as a share of those it was built over."""
        state = self._state
        return (len(state.fresh) + np.count_nonzero(~state.live)) / max(self.manifest.products, 1)

    @property
    def size(self) -> int:
        """Bytes of the approximate index, which is held in memory; the stored vectors are mapped."""
        return self._state.proposals.size if self._state.proposals else 0

    @property
    def stored_size(self) -> int:
        """Bytes of the stored vectors."""
        return len(self._state.stored) * self.manifest.dimension * 2

    def catalogue(self) -> pl.DataFrame:
        """Every column of the products that can be found, from disk where the index is kept there."""
        state = self._state
        if self.folder is None:
            return self.products
        changes = (versions.change_folder(self.folder, one["number"]) for one in state.log if one["change"] == "upsert")
        tables = [self.folder / versions.BASE / "products.parquet", *(path / "products.parquet" for path in changes)]
        whole = pl.concat([pl.read_parquet(path) for path in tables], how="diagonal")
        return whole.filter(pl.Series(state.live))

    # --- changing it

    def upsert(self, products: pl.DataFrame, vectors: np.ndarray | None = None) -> int:
        """Put products in, in the place of those that have their ids.

        Args:
            products: product_id and the catalogue's columns; what is missing is null.
            vectors: float32 unit rows (n, dim); encoded with the encoder beside the index where None.

        Returns:
            How many there are now that were not there before.

        Raises:
            InputError: ids are missing or there twice, a column has another type, no encoder lies beside the index, the
                disk refuses, or another process writes. The index is as it was, in memory and on disk.
        """
        table = self._fitted(products)
        if vectors is None:
            if self.encode is None:
                raise InputError("upsert: no encoder lies beside this index; give the products' vectors as well.")
            vectors = self.encode(table)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.manifest.require(dimension=vectors.shape[1])
        if len(vectors) != len(table):
            raise InputError(f"upsert: {len(vectors)} vectors for {len(table)} products; one each is needed.")
        norms = np.linalg.norm(vectors, axis=1)
        if len(odd := np.flatnonzero(~(np.abs(norms - 1) < _UNIT))):
            raise InputError(
                f"upsert, product {table['product_id'][int(odd[0])]!r}: its vector has norm {norms[odd[0]]:.3g}, and vectors "
                f"of norm 1 are needed ({len(odd)} are not)."
            )
        before = len(self)
        with self._writing():
            self._change(
                {"change": "upsert", "products": len(table)}, {"products.parquet": table, "vectors.npy": vectors}
            )
        return len(self) - before

    def remove(self, product_ids: pl.Series | list[str]) -> int:
        """Take products out: they are not returned again; unknown ids do nothing.

        Returns:
            How many were taken out.

        Raises:
            InputError: the disk refuses, or another process writes.
        """
        ids = pl.Series("product_id", product_ids, dtype=pl.String).unique().to_frame()
        with self._writing():
            known = ids.join(self.products, on="product_id", how="semi")
            if len(known):
                self._change({"change": "remove", "products": len(known)}, {"removed.parquet": known})
        return len(known)

    def compact(self) -> None:
        """Build the index again over what is in it now, as a new version; readers of the old one are not disturbed.

        Raises:
            InputError: the disk refuses, or another process writes. The index is as it was.
        """
        with self._writing(rebuild=False):
            built = self._rebuilt()
            if self.folder is not None:
                built = built.write(self.folder.parent, self._carry_over, keep=self.manifest.keep)
            self.manifest, self.folder, self._state = built.manifest, built.folder, built._state

    def _rebuilt(self) -> "SearchIndex":
        """A new index in memory over what is in this one now, its recall measured again."""
        products, vectors, own = self.catalogue(), self.vectors, self.manifest
        said = own.model_dump(exclude={"dimension", "products", "entries", "index", "effort", "ids"})
        said |= {"created": _now()}
        kept: dict[str, Any] = {"queries": self.queries, "encode": self.encode}
        try:
            built = SearchIndex.build(products, vectors, own.index, own.effort, **kept, **said)
        except InputError:
            logger.warning("Too few products are left for %s: a scan takes its place.", own.index)
            built = SearchIndex.build(products, vectors, FLAT, **kept, **said)
        return built.saying(measured=own.measured | {"recall@100": built.recall()})

    def refresh(self) -> None:
        """Take over the changes that other processes have made to this version.

        Raises:
            InputError: one of them is missing or damaged.
        """
        if self.folder is not None:
            for _, change in versions.changes_of(self.folder, after=len(self._state.log)):
                self._state = self._applied(*_read_change(change))

    @contextmanager
    def _writing(self, *, rebuild: bool = True) -> Iterator[None]:
        """Be the only writer, knowing all that others have written; build the index again afterwards where it is time."""
        with nullcontext() if self.folder is None else versions.writing(self.folder.parent):
            if self.folder is not None and (self.folder.parent / versions.CURRENT).is_file():
                current = versions.current_version(self.folder.parent)
                if current != self.folder:
                    raise InputError(
                        f"{self.folder}: version {current.name} has taken its place; read the index again and repeat the change."
                    )
            self.refresh()
            yield
            if rebuild and self.changed > self.manifest.rebuild:
                logger.info("%.0f%% of the products have changed: the index is built again.", 100 * self.changed)
                self.compact()

    def _change(self, what: dict[str, Any], content: dict[str, pl.DataFrame | np.ndarray]) -> None:
        """Make a change on disk, then in memory."""
        entry = {"number": len(self._state.log) + 1, **what, "at": _now()}
        after = self._applied(entry, content)
        if self.folder is not None:
            with replaced_folder(versions.change_folder(self.folder, entry["number"])) as partial:
                (partial / "change.json").write_text(json.dumps(entry), encoding="utf-8")
                for name, value in content.items():
                    if isinstance(value, pl.DataFrame):
                        value.write_parquet(partial / name)
                    else:
                        np.save(partial / name, value.astype(np.float16), allow_pickle=False)
                seal(partial)
        self._state = after

    def _applied(self, entry: dict[str, Any], content: dict[str, Any]) -> _State:
        """The state after a change."""
        state, log = self._state, (*self._state.log, entry)
        if entry["change"] == "remove":
            gone = state.products["product_id"].is_in(content["removed.parquet"]["product_id"].implode()).to_numpy()
            return state._replace(live=state.live & ~gone, log=log)
        table = content["products.parquet"].select(state.products.columns)
        gone = state.products["product_id"].is_in(table["product_id"].implode()).to_numpy()
        return state._replace(
            products=pl.concat([state.products, table]),
            filtered=pl.concat([state.filtered, _filtered(table, self.manifest)]),
            live=np.concatenate([state.live & ~gone, np.ones(len(table), dtype=bool)]),
            fresh=state.fresh.and_further(content["vectors.npy"]),
            log=log,
        )

    def _fitted(self, products: pl.DataFrame) -> pl.DataFrame:
        """New products under the index's columns; those that take an id over keep its cluster, unless they name one."""
        known = self._state.products.filter(pl.Series(self._state.live)).select("product_id", "cluster_id")
        if "cluster_id" not in products.columns and "product_id" in products.columns:
            ids = products.select(pl.col("product_id").cast(pl.String))
            kept = ids.join(known, on="product_id", how="left", maintain_order="left")["cluster_id"]
            products = products.with_columns(cluster_id=kept.fill_null(ids["product_id"]))
        table = _checked(products)
        for name, dtype in self._state.products.schema.items():
            given = table[name] if name in table.columns else pl.Series(name, [None] * len(table))
            try:
                table = table.with_columns(given.cast(dtype).alias(name))
            except pl.exceptions.PolarsError as error:
                raise InputError(f"upsert, column {name}: expected {dtype} ({str(error).splitlines()[0]}).") from error
        return table

    # --- keeping it

    def write(self, root: Path, beside: Beside | None = None, *, keep: int = 2) -> "SearchIndex":
        """Save as a new version below `root`, and make it current.

        Args:
            root: folder of all versions.
            beside: writes further files into the version.
            keep: versions to keep, with this one.

        Returns:
            The index as it was saved, its vectors mapped.

        Raises:
            InputError: the disk refuses, or another process writes; what was current still is.
        """
        if self._state.log or self.folder is not None:  # what is held in memory is not all of it
            return self._rebuilt().write(root, beside, keep=keep)
        state = self._state
        with versions.writing(root):
            manifest = self.manifest.model_copy(update={"version": versions.new_version(), "keep": keep})
            with versions.written_version(root, manifest.version, keep) as base:
                state.products.write_parquet(base / "products.parquet")
                state.stored.write(base / "vectors.faiss")
                np.save(base / "start.npy", state.start, allow_pickle=False)
                np.save(base / "queries.npy", self.queries.astype(np.float16), allow_pickle=False)
                if state.proposals is not None:
                    state.proposals.write(base / "index.faiss")
                said = beside(self, base) if beside is not None else {}
                manifest.model_copy(update=said).write(base)
            return SearchIndex.read(root / manifest.version, check=False, encode=self.encode)

    @classmethod
    def read(cls, folder: Path, *, check: bool = True, encode: Encode | None = None) -> "SearchIndex":
        """Load the current version below a folder, or the version that the folder is, with all changes made to it.

        Args:
            folder: of a release, or of one version.
            check: compare every file with its seal; takes a second for 2 GB.
            encode: what makes vectors of products put in later; the encoder beside the index where None.

        Raises:
            InputError: nothing is there, a file is missing, truncated or altered, the format is another one, or parts do
                not belong together; says which and what to do.
        """
        folder = versions.current_version(Path(folder))
        base = folder / versions.BASE
        if check:
            versions.require_whole(base)
        manifest = Manifest.read(base)
        try:
            products = pl.read_parquet(base / "products.parquet", columns=list(manifest.fields) or None)
            start, queries = (np.load(base / name, allow_pickle=False) for name in ("start.npy", "queries.npy"))
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise InputError(f"{base}: unreadable ({str(error).splitlines()[0]}); release again.") from error
        proposals = None if manifest.index == FLAT else FaissIndex.read(base / "index.faiss")
        stored = StoredVectors.read(base / "vectors.faiss")
        _require_together(base, manifest, products, stored, start, proposals)
        encode = encode or _encoder_beside(base, manifest)
        index = cls(
            products, stored, start, proposals, manifest, queries.astype(np.float32), folder=folder, encode=encode
        )
        index.refresh()
        return index

    def _carry_over(self, built: "SearchIndex", base: Path) -> dict[str, Any]:
        """Take what lies beside the index's own files into a new version: BM25 anew, the rest as it is."""
        assert self.folder is not None
        for path in (self.folder / versions.BASE).iterdir():
            if path.is_dir() and path.name != LEXICAL:
                shutil.copytree(path, base / path.name, copy_function=os.link)
        if self.manifest.lexical:
            built.lexical_index().write(
                base / LEXICAL, Setting(self.manifest.lexical["k1"], self.manifest.lexical["b"])
            )
        return {}

    def lexical_index(self) -> LexicalIndex:
        """BM25 over what the encoder reads of a product, uncut, its rows those of the index when it was built."""
        from roar.encoder import product_texts  # loads torch, which a search by vector does without

        texts = product_texts(self.rows, self.manifest.template["product_fields"], max_tokens=10_000)
        return LexicalIndex(self.rows["product_id"], texts)


def _checked(products: pl.DataFrame) -> pl.DataFrame:
    """Products with an id each, and a cluster: its own where none is given."""
    if "product_id" not in products.columns:
        raise InputError(f"products: no column product_id; there are {', '.join(products.columns)}.")
    products = products.with_columns(pl.col("product_id").cast(pl.String))
    empty = products.filter(pl.col("product_id").fill_null("") == "").height
    if empty or products["product_id"].is_duplicated().any():
        twice = products.filter(pl.col("product_id").is_duplicated())["product_id"].head(1).to_list()
        said = f"{empty} are empty" if empty else f"{twice[0]!r} is there more than once"
        raise InputError(f"products, column product_id: {said}; every product needs an id of its own.")
    if "cluster_id" not in products.columns:
        products = products.with_columns(cluster_id="product_id")
    return products.with_columns(pl.col("cluster_id").cast(pl.String).fill_null(pl.col("product_id")))


def _filtered(products: pl.DataFrame, manifest: Manifest) -> pl.DataFrame:
    """The fields that filters read; texts as categories, whose comparison is one of numbers."""
    texts = [name for name in manifest.filters if products.schema[name] == pl.String]
    return products.select(manifest.filters).with_columns(pl.col(texts).cast(pl.Categorical))


def _column(products: pl.DataFrame, name: str) -> pl.Series:
    if name not in products.columns:
        raise InputError(f"group_by: this index has no column {name}; it has {', '.join(products.columns)}.")
    return products[name]


def _read_change(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was changed, and the content of the change by file name."""
    content: dict[str, Any] = {path.name: pl.read_parquet(path) for path in folder.glob("*.parquet")}
    content |= {path.name: np.load(path, allow_pickle=False).astype(np.float32) for path in folder.glob("*.npy")}
    return json.loads((folder / "change.json").read_text(encoding="utf-8")), content


def _encoder_beside(base: Path, manifest: Manifest) -> Encode | None:
    """What encodes products as those of the index were: loaded when it is first needed."""
    if not (base / ENCODER).is_dir():
        return None

    @cache
    def encoder() -> Any:
        from roar.encoder import read_encoder  # loads torch, which a search by vector does without

        return read_encoder(base / ENCODER)

    def encode(products: pl.DataFrame) -> np.ndarray:
        from roar.encoder import encode, product_texts

        config = EncoderSettings(**manifest.template, dimension=manifest.dimension, precision="float32")
        absent = [name for name in config.product_fields if name not in products.columns and name != "title"]
        products = products.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)
        texts = product_texts(products, config.product_fields, config.max_tokens)
        if empty := products.filter(texts == "")["product_id"].head(1).to_list():
            raise InputError(
                f"upsert, product {empty[0]!r}: {', '.join(config.product_fields)} are empty, so there is nothing to encode."
            )
        return encode(encoder(), texts.to_list(), config=config)

    return encode


def _require_together(
    base: Path,
    manifest: Manifest,
    products: pl.DataFrame,
    stored: StoredVectors,
    start: np.ndarray,
    proposals: FaissIndex | None,
) -> None:
    """Refuse files that are each whole, and do not belong together."""
    entries = len(proposals) if proposals else manifest.entries
    found = {
        "products.parquet": (len(products), manifest.products, "products"),
        "vectors.faiss": (len(stored), manifest.products, "vectors"),
        "start.npy": (len(start) - 1, manifest.entries, "entries"),
        "index.faiss": (entries, manifest.entries, "entries"),
    }
    for name, (count, expected, what) in found.items():
        if count != expected:
            raise InputError(f"{base / name}: {count} {what}, and the manifest says {expected}; release again.")
    if stored.dimension != manifest.dimension:
        raise InputError(
            f"{base / 'vectors.faiss'}: {stored.dimension} dimensions, and the manifest says {manifest.dimension}; release again."
        )
    if _fingerprint(products["product_id"]) != manifest.ids:
        raise InputError(f"{base / 'products.parquet'}: not the ids that the index was built over; release again.")


def _fingerprint(ids: pl.Series) -> str:
    """16 digits that change with the ids or their order."""
    return hashlib.sha256((ids.str.join("\n").item() or "").encode()).hexdigest()[:16]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
