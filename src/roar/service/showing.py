"""Rows of an index as what a caller sees: fields, scores of each retriever, other listings of the item, stated attributes."""

import math
from typing import Any

import numpy as np
import polars as pl

from roar.retrieval import SearchIndex
from roar.retrieval.constraints import Weights
from roar.retrieval.filters import Where
from roar.retrieval.ranking import Ranking
from roar.service.explaining import facts_of
from roar.service.models import Hit, Listing, Product

NOTHING = Weights()

LISTINGS = 10
"""Other listings of an item that a hit shows."""

_OWN = ("product_id", "title", "brand", "price", "vertical", "cluster_id")
_LISTED = ("product_id", "title", "brand", "price")


def product_of(row: dict[str, Any]) -> dict[str, Any]:
    """A row's fields as those of `Product`."""
    own = {name: row.get(name) for name in _OWN}
    return own | {"fields": {name: value for name, value in row.items() if name not in _OWN}}


def hits_of(
    index: SearchIndex,
    page: Ranking,
    first: int,
    *,
    collapsed: bool,
    where: Where | None,
    facts_for: str | None = None,
    weights: Weights = NOTHING,
) -> list[Hit]:
    """A page of a ranking.

    Args:
        index: whose rows they are.
        page: the part that is shown.
        first: rank of its first hit.
        collapsed: whether a hit stands for all listings of its item, which are then shown beside it.
        where: what other listings have to meet.
        facts_for: a query whose attributes are looked for in the products; None does without.
        weights: by which facts moved the hits.
    """
    shown = index.shown(page.rows)
    listings = _listings(index, page.rows, shown, where) if collapsed else {}
    facts = {}
    if facts_for is not None:
        facts = facts_of(facts_for, lambda: documents(index, shown["product_id"]), weights)
    hits = []
    for place, row in enumerate(shown.iter_rows(named=True)):
        others = listings.get(row["product_id"], [])
        hits.append(
            Hit.model_construct(
                **product_of(row),
                rank=first + place,
                score=float(page.scores[place]),
                scores={name: _number(part.scores[place]) for name, part in page.parts.items()},
                ranks={name: int(part.ranks[place]) or None for name, part in page.parts.items()},
                listings=others[:LISTINGS],
                listings_total=len(others),
                facts=facts.get(row["product_id"], []) if facts_for is not None else None,
            )
        )
    return hits


def documents(index: SearchIndex, product_ids: pl.Series) -> pl.DataFrame:
    """All that the catalogue says of some products, those columns too that are not in memory; missing ones as nulls."""
    found = index.documents(product_ids)
    absent = [name for name in ("title", "brand", "attributes") if name not in found.columns]
    return found.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)


def as_product(row: dict[str, Any]) -> Product:
    """A row of `documents` as a product."""
    return Product(**product_of(row))


def _listings(
    index: SearchIndex, rows: np.ndarray, shown: pl.DataFrame, where: Where | None
) -> dict[str, list[Listing]]:
    """Other listings of the hits that have any, the cheapest first."""
    listed = index.listings(rows, where)
    if listed.is_empty():
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in listed.iter_rows(named=True):
        found.setdefault(row["cluster_id"], []).append({name: row.get(name) for name in _LISTED})
    others = {}
    for product_id, cluster_id in shown.select("product_id", "cluster_id").iter_rows():
        rest = [row for row in found.get(cluster_id, []) if row["product_id"] != product_id]
        rest.sort(key=lambda row: math.inf if row["price"] is None else row["price"])
        others[product_id] = [Listing.model_construct(**row) for row in rest]
    return others


def _number(value: np.floating[Any]) -> float | None:
    return None if math.isnan(value) else float(value)
