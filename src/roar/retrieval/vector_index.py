"""What finds the nearest of many vectors: the protocol of products by their vectors, and FAISS over positions.

A FAISS index names the positions of its vectors, nothing else: which product stands at a position, which products are gone,
and what exactly a score is, `SearchIndex` knows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import faiss
import numpy as np
import polars as pl

from roar.errors import InputError

if TYPE_CHECKING:
    from roar.retrieval.filters import Where
    from roar.retrieval.manifest import Manifest

FLAT = "Flat"
"""The factory string that stands for no index at all: the stored vectors are scanned."""


class Effort(NamedTuple):
    """How hard an approximate index searches; more finds more, and takes longer."""

    probes: int = 0
    """Lists visited by IVF (nprobe), candidates kept by HNSW (efSearch); of no meaning to a scan."""
    candidates: int = 1
    """Entries fetched for each one that is wanted, before they are scored on the stored vectors."""


class VectorIndex(Protocol):
    """Products by their unit vectors, wherever these are kept: a folder of a release (`SearchIndex`), or a Milvus server."""

    @property
    def manifest(self) -> "Manifest":
        """What it says of itself."""

    def __len__(self) -> int:
        """Products that can be found."""

    def search(
        self, vectors: np.ndarray, limit: int, *, where: "Where | None" = None, group_by: str | None = None
    ) -> pl.DataFrame:
        """The best products of each query: row, product_id, score, cluster_id; see `SearchIndex.search`."""

    def upsert(self, products: pl.DataFrame, vectors: np.ndarray | None = None) -> int:
        """Put products in, in the place of those that have their ids; how many there are now that were not there before."""

    def remove(self, product_ids: pl.Series | list[str]) -> int:
        """Take products out; how many were there."""


class FaissIndex:
    """A FAISS index of any factory string, under inner product."""

    def __init__(self, index: faiss.Index) -> None:
        self.index = index

    @classmethod
    def build(cls, vectors: np.ndarray, factory: str) -> "FaissIndex":
        """Index float32 unit rows (N, dim).

        Raises:
            InputError: FAISS does not know the factory string, needs more vectors for training, or cannot filter with it.
        """
        try:
            index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
            index.train(vectors)
            index.add(vectors)
            built = cls(index)
            if len(vectors):
                built.search(vectors[:1], 1, allowed=np.ones(len(vectors), dtype=bool))
        except RuntimeError as error:
            reason = str(error).partition("Error: ")[2] or str(error)
            raise InputError(
                f"release.index {factory!r}: FAISS cannot build or filter it over {len(vectors)} vectors of "
                f"{vectors.shape[1]} dimensions ({reason[:160]}). Choose another factory string, or auto."
            ) from error
        return built

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def search(
        self, queries: np.ndarray, limit: int, *, allowed: np.ndarray | None = None, probes: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nearest vectors.

        Args:
            queries: float32 unit rows (n, dim).
            limit: vectors to find for each query.
            allowed: (N,) bool, which positions may be found; all where None.
            probes: see `Effort`.

        Returns:
            Scores (n, limit) float32, as good as the index keeps vectors, and positions (n, limit) int64, best first; -1
            where fewer were found.
        """
        # The selector does not own its bits: both must outlive the search.
        bits = None if allowed is None else np.packbits(allowed, bitorder="little")
        selector = None if bits is None else faiss.IDSelectorBitmap(len(self), faiss.swig_ptr(bits))
        parameters = _parameters(self.index, selector, probes)
        return self.index.search(np.ascontiguousarray(queries, dtype=np.float32), limit, params=parameters)

    @property
    def dimension(self) -> int:
        """Of its vectors."""
        return int(self.index.d)

    @property
    def size(self) -> int:
        """Bytes."""
        return len(faiss.serialize_index(self.index))

    def write(self, path: Path) -> None:
        """Save to one file."""
        faiss.write_index(self.index, str(path))

    @classmethod
    def read(cls, path: Path) -> "FaissIndex":
        """Load what `write` saved.

        Raises:
            InputError: FAISS cannot read the file.
        """
        return cls(_read(path))


class StoredVectors(FaissIndex):
    """Vectors in half precision (cosines to 1e-4): scanned exactly, given back, mapped from disk rather than loaded."""

    @classmethod
    def of(cls, vectors: np.ndarray) -> "StoredVectors":
        """Store float32 rows (N, dim)."""
        index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    def and_further(self, vectors: np.ndarray) -> "StoredVectors":
        """These and further ones, as a copy."""
        copy = faiss.clone_index(self.index)
        copy.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return StoredVectors(copy)

    def vectors(self, positions: np.ndarray) -> np.ndarray:
        """Float32 rows (n, dim): gathered as they are stored and decoded together, three times as fast as one by one."""
        if not len(positions):
            return np.empty((0, self.dimension), dtype=np.float32)
        index: Any = self.index
        stored = faiss.rev_swig_ptr(index.codes.data(), len(self) * index.code_size)
        return index.sq.decode(stored.reshape(-1, index.code_size)[positions])

    @classmethod
    def read(cls, path: Path) -> "StoredVectors":
        """Map what `write` saved: pages come into memory as they are needed."""
        return cls(_read(path, faiss.IO_FLAG_MMAP_IFC))


def _read(path: Path, flags: int = 0) -> faiss.Index:
    try:
        return faiss.read_index(str(path), flags)
    except RuntimeError as error:
        raise InputError(
            f"{path}: FAISS cannot read it ({str(error).splitlines()[0][-160:]}); release again."
        ) from error


_SWIG: Any = faiss
"""Its stubs know neither all classes nor their keywords."""


def _parameters(index: faiss.Index, selector: faiss.IDSelector | None, probes: int | None) -> faiss.SearchParameters:
    """Search parameters of FAISS for an index and what it is built of."""
    index, chosen = faiss.downcast_index(index), {} if selector is None else {"sel": selector}
    match index:
        case faiss.IndexPreTransform():
            return _SWIG.SearchParametersPreTransform(index_params=_parameters(index.index, selector, probes))
        case faiss.IndexRefine():
            return _SWIG.IndexRefineSearchParameters(base_index_params=_parameters(index.base_index, selector, probes))
        case faiss.IndexIVF():
            return _SWIG.SearchParametersIVF(nprobe=min(probes or 16, index.nlist), **chosen)
        case faiss.IndexHNSW():
            return _SWIG.SearchParametersHNSW(efSearch=probes or 64, **chosen)
        case _:
            return faiss.SearchParameters(**chosen)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let FAISS use so many threads while the block lasts."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
