"""Products put in and taken out: what is given is checked, kept in a folder of its own, and applied to a state."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.files import replaced_folder, seal
from roar.retrieval.served.build import checked, now
from roar.retrieval.served.state import State

_UNIT = 0.01
"""How far a unit vector's norm may be from 1."""
_PRODUCTS, _VECTORS, _REMOVED = "products.parquet", "vectors.npy", "removed.parquet"


class Change(NamedTuple):
    """One change to an index."""

    entry: dict[str, Any]
    """number, change, products (how many), at: its line in the log."""
    content: dict[str, Any]
    """Tables and arrays by file name."""


def putting_in(state: State, table: pl.DataFrame, vectors: np.ndarray) -> Change:
    """The next change: products under the index's columns (`fitted`), and their float32 unit rows (n, dim)."""
    return Change(_entry(state, "upsert", len(table)), {_PRODUCTS: table, _VECTORS: vectors})


def taking_out(state: State, product_ids: pl.Series) -> Change:
    """The next change: products that are there, taken out."""
    return Change(_entry(state, "remove", len(product_ids)), {_REMOVED: product_ids.to_frame("product_id")})


def _entry(state: State, change: str, products: int) -> dict[str, Any]:
    return {"number": len(state.log) + 1, "change": change, "products": products, "at": now()}


def applied(state: State, change: Change) -> State:
    """The state after a change."""
    content = change.content
    if change.entry["change"] == "remove":
        after = state.without(content[_REMOVED]["product_id"])
    else:
        after = state.having(content[_PRODUCTS].select(state.products.columns), content[_VECTORS])
    return after._replace(log=(*state.log, change.entry))


def write(change: Change, folder: Path) -> None:
    """Keep a change, whole or not at all.

    Raises:
        InputError: the disk refuses.
    """
    with replaced_folder(folder) as partial:
        (partial / "change.json").write_text(json.dumps(change.entry), encoding="utf-8")
        for name, value in change.content.items():
            if isinstance(value, pl.DataFrame):
                value.write_parquet(partial / name)
            else:
                np.save(partial / name, value.astype(np.float16), allow_pickle=False)
        seal(partial)


def read(folder: Path) -> Change:
    """A change as it was kept."""
    content: dict[str, Any] = {path.name: pl.read_parquet(path) for path in folder.glob("*.parquet")}
    content |= {path.name: np.load(path, allow_pickle=False).astype(np.float32) for path in folder.glob("*.npy")}
    return Change(json.loads((folder / "change.json").read_text(encoding="utf-8")), content)


def products_file(folder: Path) -> Path:
    """Where a change that put products in keeps them."""
    return folder / _PRODUCTS


def fitted(state: State, products: pl.DataFrame) -> pl.DataFrame:
    """New products under the index's columns; those that take an id over keep its cluster, unless they name one.

    Raises:
        InputError: ids are missing or there twice, or a column has another type.
    """
    table = checked(products)
    if "cluster_id" not in products.columns:
        _, rows = state.find(table["product_id"])
        table = table.update(state.products.select("product_id", "cluster_id")[rows], on="product_id")
    for name, dtype in state.products.schema.items():
        given = table[name] if name in table.columns else pl.Series(name, [None] * len(table))
        try:
            table = table.with_columns(given.cast(dtype).alias(name))
        except pl.exceptions.PolarsError as error:
            raise InputError(f"upsert, column {name}: expected {dtype} ({str(error).splitlines()[0]}).") from error
    return table


def require_units(vectors: np.ndarray, product_ids: pl.Series) -> None:
    """Refuse vectors that are not one of norm 1 for each product.

    Raises:
        InputError: another number of them, or another norm; names the first product.
    """
    if len(vectors) != len(product_ids):
        raise InputError(f"upsert: {len(vectors)} vectors for {len(product_ids)} products; one each is needed.")
    norms = np.linalg.norm(vectors, axis=1)
    if len(odd := np.flatnonzero(~(np.abs(norms - 1) < _UNIT))):
        raise InputError(
            f"upsert, product {product_ids[int(odd[0])]!r}: its vector has norm {norms[odd[0]]:.3g}, and vectors "
            f"of norm 1 are needed ({len(odd)} are not)."
        )
