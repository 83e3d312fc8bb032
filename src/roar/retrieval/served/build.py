"""A catalogue and its vectors as a state: ids checked, near-copies under one entry, the approximate index built."""

import hashlib
import logging
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.retrieval.collapse import collapse
from roar.retrieval.manifest import Manifest
from roar.retrieval.served.state import State
from roar.retrieval.vector_index import FLAT, Effort, FaissIndex, StoredVectors

logger = logging.getLogger(__name__)


def built(
    products: pl.DataFrame, vectors: np.ndarray, factory: str, effort: Effort, said: dict[str, Any]
) -> tuple[State, Manifest]:
    """See `SearchIndex.build`."""
    products = checked(products)
    for what in ("filters", "shown"):
        if unknown := [name for name in said.get(what, ()) if name not in products.columns]:
            raise InputError(
                f"release.{what}: {unknown[0]} is no column of table products ({', '.join(products.columns)})."
            )
    closest = said.get("collapse", Manifest.model_fields["collapse"].default)
    order, start = collapse(vectors, products["cluster_id"], closest)
    products, vectors = products[order], vectors[order]
    manifest = Manifest(
        **({"version": "", "created": now()} | said),
        dimension=vectors.shape[1],
        products=len(products),
        entries=len(start) - 1,
        index=factory,
        effort=effort,
        ids=fingerprint(products["product_id"]),
    )
    proposals = None if factory == FLAT else FaissIndex.build(vectors[start[:-1]], factory)
    return State.of(products, StoredVectors.of(vectors), start, proposals, manifest.filters), manifest


def rebuilt(products: pl.DataFrame, vectors: np.ndarray, before: Manifest) -> tuple[State, Manifest]:
    """As an index was built, over what is in it now; a scan where that is too little for the approximate index."""
    said = before.model_dump(exclude={"dimension", "products", "entries", "index", "effort", "ids"})
    said |= {"created": now()}
    try:
        return built(products, vectors, before.index, before.effort, said)
    except InputError:
        logger.warning("Too few products are left for %s: a scan takes its place.", before.index)
        return built(products, vectors, FLAT, Effort(), said)


def checked(products: pl.DataFrame) -> pl.DataFrame:
    """Products with an id each, and a cluster: its own where none is given.

    Raises:
        InputError: ids are missing, empty, or there twice.
    """
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


def fingerprint(ids: pl.Series) -> str:
    """16 digits that change with the ids or their order."""
    return hashlib.sha256((ids.str.join("\n").item() or "").encode()).hexdigest()[:16]


def now() -> str:
    """The time, as manifests and changes say it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
