"""The whole marketplace from one configuration and one seed: contract tables and the truth behind them."""

import logging
from typing import NamedTuple

import numpy as np
import polars as pl

from roar.marketplace.behaviour import SessionWriter, click_model
from roar.marketplace.catalogue import Catalogue
from roar.marketplace.judgments import judge
from roar.marketplace.queries import QueryWriter
from roar.marketplace.relevance import Grader, Pools, Words
from roar.parameters import Simulation
from roar.schemas import ORIGIN, SIMULATOR

logger = logging.getLogger(__name__)

CHUNK = 50_000
"""Products made at a time."""


class Marketplace(NamedTuple):
    """A simulated shop. The first four tables follow `roar.schemas`; the others are the ground truth.

    items: product_id, item_id (listings of one item share it), seller, product_type.
    query_intents: query_id, intent, product_type ("a|b" where several are meant), asked, noise, noisy, canonical (the
        text that a noisy query is a variant of), anchor_product_id.
    click_model: ranker, position, examination (probability that the position is looked at).
    true_judgments: query_id, product_id, grade by rule, before raters err.
    """

    products: pl.DataFrame
    queries: pl.DataFrame
    judgments: pl.DataFrame
    search_log: pl.DataFrame
    items: pl.DataFrame
    query_intents: pl.DataFrame
    click_model: pl.DataFrame
    true_judgments: pl.DataFrame


def simulate(config: Simulation | None = None, *, seed: int = 0) -> Marketplace:
    """Simulate a marketplace; the same configuration and seed give the same bytes."""
    config = config or Simulation()
    catalogue = Catalogue(config, seed)
    rows = np.arange(catalogue.size)
    chunks = np.array_split(rows, -(-len(rows) // CHUNK))
    products = pl.concat([catalogue.products(chunk) for chunk in chunks])
    logger.info("Catalogue: %d listings of %d items", len(products), catalogue.n_items)
    numbers = catalogue.listing_items(rows)
    items = catalogue.items(numbers)
    writer = QueryWriter(catalogue, items)
    intents = writer.write()
    queries = writer.table(intents)
    logger.info("Queries: %d, %d searches", len(queries), queries["frequency"].sum())
    words = Words(products["title"], queries["query"])
    pools = Pools(catalogue, items, intents, words)
    grader = Grader(catalogue, items, len(catalogue.lexicon.facets) + numbers, intents)
    judgments, by_rule = judge(intents, queries["vertical"], pools, grader, config, catalogue.draws)
    search_log = SessionWriter(intents, pools, words, grader, catalogue, config.behaviour).write()
    logger.info("Judgments: %d pairs; search log: %d impressions", len(judgments), len(search_log))
    return Marketplace(
        products=_marked(products), queries=_marked(queries), judgments=_marked(judgments),
        search_log=_marked(search_log),
        items=pl.concat([catalogue.truth(chunk) for chunk in chunks]),
        query_intents=writer.truth(intents), click_model=click_model(config.behaviour), true_judgments=by_rule,
    )  # fmt: skip


def _marked(table: pl.DataFrame) -> pl.DataFrame:
    """The table with where it comes from in every row, so that no copy of it passes for a shop's."""
    return table.with_columns(pl.lit(SIMULATOR).alias(ORIGIN))
