"""What two rankers show for the tested queries, and how likely each product is clicked, carted and ordered."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.marketplace.behaviour import examination
from roar.marketplace.catalogue import Catalogue
from roar.marketplace.queries import QueryWriter
from roar.marketplace.relevance import Grader
from roar.parameters import Engagement, Simulation

ARMS = ("control", "treatment")
EMPTY = -1


@dataclass(frozen=True)
class RankedShop:
    """Q queries, k positions, two arms (0 control, 1 treatment).

    query: (Q,) texts; weight: (Q,) searches in the window; need: (Q,) number of the product type that is meant.
    product: (2, Q, k) product rows, `EMPTY` beyond the last result; found: (2, Q) results in all.
    click: (2, Q, k) probability that a shown product is clicked; attraction: the same without its position.
    cart: (2, Q, k) that a clicked one is carted; order: that a carted one is ordered.
    price: (2, Q, k).
    """

    query: pl.Series
    weight: np.ndarray
    need: np.ndarray
    product: np.ndarray
    found: np.ndarray
    attraction: np.ndarray
    click: np.ndarray
    cart: np.ndarray
    order: float
    price: np.ndarray


def ranked_shop(
    control: pl.DataFrame, treatment: pl.DataFrame, products: pl.DataFrame, simulation: Simulation, seed: int
) -> RankedShop:
    """Put two runs into the simulated shop that `simulation` and `seed` made.

    Args:
        control: query_id, product_id, score; a query that is not in it has no results.
        treatment: the same.
        products: product_id, price.
        simulation: that of the shop; its truth is made again, as no table holds the grade of every pair.
        seed: that of the shop.

    Raises:
        InputError: both runs are empty, or hold ids that this shop does not have.
    """
    catalogue = Catalogue(simulation, seed)
    listings = catalogue.listing_items(np.arange(catalogue.size))
    items = catalogue.items(listings)
    intents = QueryWriter(catalogue, items).write()
    grader = Grader(catalogue, items, len(catalogue.lexicon.facets) + listings, intents)
    query = np.union1d(*(_rows(run["query_id"], len(intents)) for run in (control, treatment)))
    if not len(query):
        raise InputError("the experiment's runs hold no query; run the evaluation first")
    behaviour = simulation.behaviour
    shown = [_first(run, query, behaviour.results, catalogue.size, len(intents)) for run in (control, treatment)]
    product, found = (np.stack(parts) for parts in zip(*shown, strict=True))
    there = product != EMPTY
    grade = np.zeros(product.shape, dtype=np.int64)
    at = np.broadcast_to(query[None, :, None], product.shape)[there]
    grade[there] = grader.grade(at, product[there])
    attraction = np.where(there, _by_grade(behaviour.attraction)[grade], 0.0)
    return RankedShop(
        query=pl.Series(intents.text[query], dtype=pl.String),
        weight=intents.frequency[query].astype(np.float64),
        need=intents.types[query, 0],
        product=product,
        found=found,
        attraction=attraction,
        click=attraction * examination(behaviour),
        cart=_by_grade(behaviour.cart)[grade],
        order=behaviour.order,
        price=_prices(products, catalogue.size)[product],
    )


def _by_grade(shares: Engagement) -> np.ndarray:
    return np.array([shares.irrelevant, shares.complement, shares.substitute, shares.exact])


def _rows(ids: pl.Series, size: int) -> np.ndarray:
    """Row numbers out of ids such as q0000042."""
    rows = ids.str.slice(1).cast(pl.Int64, strict=False)
    if rows.null_count() or (len(rows) and not 0 <= int(rows.max()) < size):  # type: ignore[arg-type]
        raise InputError(
            f"the experiment's runs hold {ids.name}s that the simulated shop does not have (such as {ids[0]}); run "
            "simulate and everything after it again"
        )
    return rows.to_numpy()


def _first(
    run: pl.DataFrame, query: np.ndarray, results: int, products: int, queries: int
) -> tuple[np.ndarray, np.ndarray]:
    """Product rows (Q, results) of a run's best, and the number of all that it found (Q,)."""
    ranked = pl.DataFrame(
        {"query": _rows(run["query_id"], queries), "product": _rows(run["product_id"], products), "score": run["score"]}
    ).sort("query", "score", "product", descending=[False, True, False])
    ranked = ranked.with_columns(place=pl.int_range(pl.len()).over("query"))
    row = np.searchsorted(query, ranked["query"].to_numpy())
    place = ranked["place"].to_numpy()
    product = np.full((len(query), results), EMPTY, dtype=np.int64)
    best = place < results
    product[row[best], place[best]] = ranked["product"].to_numpy()[best]
    return product, np.bincount(row, minlength=len(query))


def _prices(products: pl.DataFrame, size: int) -> np.ndarray:
    """(size + 1,) price by product row, the mean where none is known, 0 for `EMPTY` (the last)."""
    known = products.drop_nulls("price")
    prices = np.full(size + 1, float(known["price"].mean() or 1.0))  # type: ignore[arg-type]
    prices[_rows(known["product_id"], size)] = known["price"].to_numpy()
    prices[EMPTY] = 0.0
    return prices
