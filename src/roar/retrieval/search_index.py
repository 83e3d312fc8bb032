"""An index of a catalogue that is served: searched by vector, filtered, changed while it is served, and kept on disk.

Stored vectors (`StoredVectors`, in half precision, mapped from disk) are the truth: a score is always their cosine with the
query. An approximate index over entries, one for each set of near-copies, proposes; what it proposes is opened into products
and scored. Products put in later are scanned beside it, and those taken out are masked, until so much has changed that the
index is built again. Where a filter leaves few products, those are scanned and nothing is approximate.

Memory: the approximate index, ids and shown fields; the mapped vectors are the system's to drop. The parts are in
`roar.retrieval.served`.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.retrieval import versions
from roar.retrieval.bm25 import LexicalIndex
from roar.retrieval.candidates import Hits
from roar.retrieval.filters import Where
from roar.retrieval.manifest import Manifest
from roar.retrieval.served import changes
from roar.retrieval.served import folder as files
from roar.retrieval.served.beside import Encode, carry_over, encoder_beside, lexical_index
from roar.retrieval.served.build import built, rebuilt
from roar.retrieval.served.search import find, find_exactly, table_of
from roar.retrieval.served.state import State
from roar.retrieval.vector_index import FLAT, Effort, FaissIndex

logger = logging.getLogger(__name__)

Beside = Callable[["SearchIndex", Path], Mapping[str, Any]]
"""Writes what lies in a version beside the index's own files, and gives what the manifest is to say of it."""


class SearchIndex:
    """Products as unit vectors; see the module. `build` makes one, `write` keeps it, `read` loads it."""

    def __init__(
        self,
        state: State,
        manifest: Manifest,
        queries: np.ndarray,
        *,
        folder: Path | None = None,
        encode: Encode | None = None,
    ) -> None:
        self._state, self.manifest, self.queries = state, manifest, queries
        self.folder, self.encode = folder, encode

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
        state, manifest = built(products, vectors, factory, effort or Effort(), said)
        queries = np.empty((0, manifest.dimension), dtype=np.float32) if queries is None else queries
        return cls(state, manifest, queries, encode=encode)

    def proposing_with(self, factory: str) -> "SearchIndex":
        """The same products behind another approximate index: how candidates are compared."""
        state = self._state
        proposals = None if factory == FLAT else FaissIndex.build(state.stored.vectors(state.start[:-1]), factory)
        return self._with(state._replace(proposals=proposals), index=factory)

    def saying(self, **said: Any) -> "SearchIndex":
        """The same index with further things said in its manifest."""
        return self._with(self._state, **said)

    def _with(self, state: State, **said: Any) -> "SearchIndex":
        manifest = self.manifest.model_copy(update=said)
        return SearchIndex(state, manifest, self.queries, folder=self.folder, encode=self.encode)

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
        hits = self._find(state, vectors, limit, self.manifest.effort, where=where, group_by=group_by)
        return table_of(hits, state.products if fields else state.products.select("product_id", "cluster_id"))

    def hits(self, vector: np.ndarray, limit: int, *, where: Where | None = None, group_by: str | None = None) -> Hits:
        """As `search` for one vector (dim,), as row numbers (hits,) int64 and cosines (hits,) float32.

        Row numbers hold until the index is built again; `shown` gives their fields.
        """
        return self._find(self._state, vector, limit, self.manifest.effort, where=where, group_by=group_by)[0]

    def cosines(self, vector: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Cosines (n,) float32 of rows (n,) with a unit vector (dim,)."""
        return self.vectors_of(rows) @ vector

    def vectors_of(self, rows: np.ndarray) -> np.ndarray:
        """Float32 unit vectors (n, dim) of rows (n,), to the precision that they are stored in."""
        return self._state.vectors_of(rows)

    def rows_of(self, product_ids: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """Positions of those ids that can be found, and the row of each; (found,) int64 each, by position."""
        which, rows = self._state.find(product_ids)
        order = np.argsort(which, kind="stable")
        return which[order], rows[order]

    def positions(self, vectors: np.ndarray, limit: int, *, effort: Effort | None = None) -> list[np.ndarray]:
        """Rows of the best products of each query, as numbers: what recall is measured on."""
        return [rows for rows, _ in self._find(self._state, vectors, limit, effort or self.manifest.effort)]

    def exact_positions(self, vectors: np.ndarray, limit: int) -> list[np.ndarray]:
        """As `positions`, by scanning everything."""
        return [rows for rows, _ in find_exactly(self._state, vectors, limit)]

    def _find(self, state: State, vectors: np.ndarray, limit: int, effort: Effort, **narrowed: Any) -> list[Hits]:
        queries = np.atleast_2d(np.ascontiguousarray(vectors, dtype=np.float32))
        self.manifest.require(dimension=queries.shape[1])
        return find(state, queries, limit, effort, **narrowed)

    def recall(self, depth: int = 100, *, effort: Effort | None = None) -> float:
        """Share of the exactly best products that are found, over the queries kept with the index; NaN without queries."""
        depth = min(depth, len(self))
        if not len(self.queries) or not depth:
            return float("nan")
        found, exact = self.positions(self.queries, depth, effort=effort), self.exact_positions(self.queries, depth)
        return float(np.mean([len(np.intersect1d(*pair)) / depth for pair in zip(found, exact, strict=True)]))

    # --- what is in it

    def __len__(self) -> int:
        """Products that can be found."""
        return int(np.count_nonzero(self._state.live))

    @property
    def products(self) -> pl.DataFrame:
        """product_id, cluster_id and shown fields of the products that can be found."""
        return self._state.found

    @property
    def vectors(self) -> np.ndarray:
        """Float32 unit rows (N, dim) of `products`, to the precision that they are stored in."""
        return self._state.vectors

    @property
    def rows(self) -> pl.DataFrame:
        """product_id, cluster_id and shown fields of every row that the index was built over, whatever happened since."""
        return self._state.products[: len(self._state.stored)]

    def allowed(self, where: Where | None = None) -> np.ndarray:
        """(N,) bool, which rows may be found: those that were there when the index was built, then those put in since."""
        return self._state.allowed(where)

    def details(self, product_ids: pl.Series) -> pl.DataFrame:
        """product_id, cluster_id and shown fields of products that can be found, in the index's order."""
        state = self._state
        return state.products[np.unique(state.find(product_ids)[1])]

    def shown(self, rows: np.ndarray) -> pl.DataFrame:
        """product_id, cluster_id and shown fields of rows (n,) that `hits` gave, in their order."""
        return self._state.products[rows]

    def listings(self, rows: np.ndarray, where: Where | None = None) -> pl.DataFrame:
        """As `shown`, of all products that share a cluster with one of some rows (n,), can be found and meet a filter.

        Rows that are alone in their cluster may be left out.
        """
        state = self._state
        rows = state.listings(rows)
        return state.products[rows[state.allowed(where)[rows]] if len(rows) else rows]

    def vector(self, product_id: str) -> np.ndarray | None:
        """A product's float32 unit vector (dim,); None where it cannot be found."""
        _, rows = self._state.find(pl.Series([product_id]))
        return self._state.vectors_of(rows)[0] if len(rows) else None

    def catalogue(self) -> pl.DataFrame:
        """Every column of the products that can be found, from disk where the index is kept there."""
        return self.products if self.folder is None else files.catalogue(self.folder, self._state)

    def documents(self, product_ids: pl.Series) -> pl.DataFrame:
        """Every column of some products that can be found, as `catalogue`."""
        found = self.details(product_ids)["product_id"]
        if self.folder is None or found.is_empty():
            return self.details(found)
        return files.documents(self.folder, self._state, found)

    @property
    def log(self) -> pl.DataFrame:
        """Changes since the index was built, in order: number, change, products, at."""
        schema = {"number": pl.Int64, "change": pl.String, "products": pl.Int64, "at": pl.String}
        return pl.DataFrame(list(self._state.log), schema=schema)

    @property
    def revision(self) -> int:
        """How many were made since the index was built."""
        return len(self._state.log)

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
        table = changes.fitted(self._state, products)
        if vectors is None:
            if self.encode is None:
                raise InputError("upsert: no encoder lies beside this index; give the products' vectors as well.")
            vectors = self.encode(table)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.manifest.require(dimension=vectors.shape[1])
        changes.require_units(vectors, table["product_id"])
        with self._writing():
            before = len(self)
            self._change(changes.putting_in(self._state, table, vectors))
            return len(self) - before

    def remove(self, product_ids: pl.Series | list[str]) -> int:
        """Take products out: they are not returned again; unknown ids do nothing.

        Returns:
            How many were taken out.

        Raises:
            InputError: the disk refuses, or another process writes.
        """
        ids = pl.Series("product_id", product_ids, dtype=pl.String).unique(maintain_order=True)
        with self._writing():
            known = ids[self._state.find(ids)[0]]
            if len(known):
                self._change(changes.taking_out(self._state, known))
        return len(known)

    def compact(self) -> None:
        """Build the index again over what is in it now, as a new version; readers of the old one are not disturbed.

        Raises:
            InputError: the disk refuses, or another process writes. The index is as it was.
        """
        with self._writing(rebuild=False):
            new = self._rebuilt()
            if self.folder is not None:
                new = new.write(self.folder.parent, self._carry_over, keep=self.manifest.keep)
            self.manifest, self.folder, self._state = new.manifest, new.folder, new._state

    def refresh(self) -> None:
        """Take over the changes that other processes have made to this version.

        Raises:
            InputError: one of them is missing or damaged.
        """
        if self.folder is not None:
            self._state = files.with_further_changes(self._state, self.folder)

    def _rebuilt(self) -> "SearchIndex":
        """A new index in memory over what is in this one now, its recall measured again."""
        state, manifest = rebuilt(self.catalogue(), self.vectors, self.manifest)
        index = SearchIndex(state, manifest, self.queries, encode=self.encode)
        return index.saying(measured=manifest.measured | {"recall@100": index.recall()})

    @contextmanager
    def _writing(self, *, rebuild: bool = True) -> Iterator[None]:
        """Be the only writer, knowing all that others have written; build the index again afterwards where it is time."""
        with nullcontext() if self.folder is None else versions.changing(self.folder):
            self.refresh()
            yield
            if rebuild and self.changed > self.manifest.rebuild:
                logger.info("%.0f%% of the products have changed: the index is built again.", 100 * self.changed)
                self.compact()

    def _change(self, change: changes.Change) -> None:
        """Make a change on disk, then in memory."""
        after = changes.applied(self._state, change)
        if self.folder is not None:
            changes.write(change, versions.change_folder(self.folder, change.entry["number"]))
        self._state = after

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
        with versions.writing(root):
            manifest = self.manifest.model_copy(update={"version": versions.new_version(), "keep": keep})
            with versions.written_version(root, manifest.version, keep) as base:
                files.write(base, self._state, self.queries)
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
        state, manifest, queries = files.read(base)
        index = cls(state, manifest, queries, folder=folder, encode=encode or encoder_beside(base, manifest))
        index.refresh()
        return index

    def lexical_index(self) -> LexicalIndex:
        """BM25 over what the encoder reads of a product, uncut, its rows those of the index when it was built."""
        return lexical_index(self.rows, self.manifest)

    def _carry_over(self, new: "SearchIndex", base: Path) -> dict[str, Any]:
        """Take what lies beside the index's own files into a new version."""
        assert self.folder is not None
        carry_over(self.folder / versions.BASE, base, new.rows, new.manifest)
        return {}
