"""A state as the files of a version's base, and back, with the changes made to it since."""

from pathlib import Path

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.retrieval import versions
from roar.retrieval.manifest import Manifest
from roar.retrieval.served import changes
from roar.retrieval.served import documents as documents_file
from roar.retrieval.served.build import fingerprint
from roar.retrieval.served.state import State
from roar.retrieval.vector_index import FLAT, FaissIndex, StoredVectors


def write(base: Path, state: State, queries: np.ndarray) -> None:
    """Save a state that nothing has changed since it was built; the manifest is written by who knows all of it."""
    state.products.write_parquet(base / "products.parquet")
    documents_file.write(base, state.products)
    state.stored.write(base / "vectors.faiss")
    np.save(base / "start.npy", state.start, allow_pickle=False)
    np.save(base / "queries.npy", queries.astype(np.float16), allow_pickle=False)
    if state.proposals is not None:
        state.proposals.write(base / "index.faiss")


def read(base: Path) -> tuple[State, Manifest, np.ndarray]:
    """Load what `write` saved, as it was built: the state, its manifest, and the queries that recall is measured on.

    Raises:
        InputError: a file is missing or unreadable, the format is another one, or parts do not belong together.
    """
    manifest = Manifest.read(base)
    try:
        products = pl.read_parquet(base / "products.parquet", columns=list(manifest.fields) or None)
        start, queries = (np.load(base / name, allow_pickle=False) for name in ("start.npy", "queries.npy"))
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{base}: unreadable ({str(error).splitlines()[0]}); release again.") from error
    proposals = None if manifest.index == FLAT else FaissIndex.read(base / "index.faiss")
    stored = StoredVectors.read(base / "vectors.faiss")
    _require_together(base, manifest, products, stored, start, proposals)
    return State.of(products, stored, start, proposals, manifest.filters), manifest, queries.astype(np.float32)


def with_further_changes(state: State, version: Path) -> State:
    """A version's state after the changes that lie beside its base and that it does not know yet.

    Raises:
        InputError: one of them is missing or damaged.
    """
    for _, folder in versions.changes_of(version, after=len(state.log)):
        state = changes.applied(state, changes.read(folder))
    return state


def catalogue(version: Path, state: State) -> pl.DataFrame:
    """Every column of the products that can be found, those too that are not held in memory."""
    whole = pl.concat([pl.read_parquet(path) for path in _tables(version, state)], how="diagonal")
    return whole.filter(pl.Series(state.live))


def documents(version: Path, state: State, product_ids: pl.Series) -> pl.DataFrame:
    """As `catalogue`, of some products that can be found, in the order of their ids here."""
    base, _, *put_in = version / versions.BASE, *_tables(version, state)
    _, rows = state.find(product_ids)
    parts = [_base_rows(base, rows[rows < len(state.stored)])]
    wanted = pl.col("product_id").is_in(product_ids.implode())
    parts += [pl.scan_parquet(path).filter(wanted).collect() for path in put_in]
    newest = pl.concat(parts, how="diagonal").unique("product_id", keep="last")
    return product_ids.to_frame().join(newest, on="product_id", how="left", maintain_order="left")


def _base_rows(base: Path, rows: np.ndarray) -> pl.DataFrame:
    """Rows of the base; from the table itself where a version was written without `documents`."""
    if (base / documents_file.NAME).is_file():
        return documents_file.read(base, rows)
    return pl.scan_parquet(base / "products.parquet").collect()[rows]


def _tables(version: Path, state: State) -> list[Path]:
    """Where products lie, in the order of the state's rows."""
    put_in = (versions.change_folder(version, one["number"]) for one in state.log if one["change"] == "upsert")
    return [version / versions.BASE / "products.parquet", *map(changes.products_file, put_in)]


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
    if fingerprint(products["product_id"]) != manifest.ids:
        raise InputError(f"{base / 'products.parquet'}: not the ids that the index was built over; release again.")
