"""`ingest`: the raw tables of a shop, in any shape, to the validated tables that everything else reads."""

import logging
from typing import NamedTuple

import polars as pl

from roar.ingestion.conform import conform, drop
from roar.ingestion.contract import KEYS, REQUIRED, TABLES
from roar.ingestion.integrity import check_loss, known_ids, note_units, one_judgment_per_pair, unique_ids
from roar.ingestion.mapping import RawTables, ids_left_out, mapped
from roar.ingestion.quality import Quality
from roar.ingestion.selection import LEFT_OUT, Shop, of_verticals, sampled
from roar.ingestion.verticals import fill_verticals
from roar.parameters import Ingestion

logger = logging.getLogger(__name__)


class Ingested(NamedTuple):
    """The tables of the data contract (`roar.schemas`), and what was done to get there.

    `quality` has one row per rule that met something: table, rule, column, action (dropped, merged, repaired, noted),
    count, examples.
    """

    products: pl.DataFrame
    queries: pl.DataFrame
    judgments: pl.DataFrame
    search_log: pl.DataFrame
    experiment_log: pl.DataFrame
    experiment_units: pl.DataFrame
    quality: pl.DataFrame


def ingest(tables: RawTables, config: Ingestion | None = None) -> Ingested:
    """Map, clean and check the raw tables; the inputs are never changed.

    Args:
        tables: Raw tables by dataset name, `raw_products` and so on; lazy ones are read by the columns that the
            mapping names. Those of the search log, the experiment and the side tables may be absent or empty.
        config: The mapping and the policies; by default the tables are in the contract's columns already.

    Raises:
        InputError: the tables or the mapping are not usable: a missing table or column, an unknown grade, values of
            another type, or more rows lost than `max_loss`.

    Cost:
        Linear in rows and text. Memory: the columns read, and a second copy of the one at work; about 3 times the
        text of the products at the peak.
    """
    config = config or Ingestion()
    quality = Quality()
    products, queries, judgments, log, experiment_log, units = (
        _table(table, tables, config, quality) for table in TABLES
    )
    judgments = _known(judgments, "query_id", queries, "queries", tables, config, quality)
    judgments = _known(judgments, "product_id", products, "products", tables, config, quality)
    judgments = one_judgment_per_pair(judgments, config, quality)
    check_loss("judgments", judgments, config, quality)
    log = known_ids("search_log", log, "product_id", products["product_id"], config, quality)
    note_units(experiment_log, units, quality)
    queries = fill_verticals(queries, products, judgments, config.query_vertical)
    raw = tables[config.queries.table].lazy().collect_schema().names()
    shop = of_verticals(Shop(products, queries, judgments, log), config, raw, quality)
    products, queries, judgments, log = sampled(shop, config.sample, quality)
    _note_judged(judgments, quality)
    kept = dict(zip(TABLES, (products, queries, judgments, log, experiment_log, units), strict=True))
    for table, frame in kept.items():
        quality.add(table, "rows kept", "noted", frame.height)
    logger.info("ingested %s", ", ".join(f"{frame.height} {table}" for table, frame in kept.items()))
    return Ingested(**kept, quality=quality.table())


def _table(table: str, tables: RawTables, config: Ingestion, quality: Quality) -> pl.DataFrame:
    """One table by itself: mapped, in the contract's types, with unique ids."""
    frame = conform(table, mapped(table, tables, config, quality), config, quality)
    if table in KEYS:
        frame = unique_ids(table, frame, KEYS[table], config, quality)
    if table in REQUIRED:
        check_loss(table, frame, config, quality)
    return frame


def _known(
    judgments: pl.DataFrame,
    key: str,
    others: pl.DataFrame,
    table: str,
    tables: RawTables,
    config: Ingestion,
    quality: Quality,
) -> pl.DataFrame:
    """Judgments whose id leads somewhere; one that leads to a row which `where` leaves out is no loss."""
    if not judgments[key].is_in(others[key].implode()).all():
        out = ids_left_out(key, getattr(config, table), tables, others[key])
        rule = f"{key} left out by ingestion.{table}.where"
        judgments = drop("judgments", judgments, judgments[key].is_in(out.implode()), rule, key, quality, LEFT_OUT)
    return known_ids("judgments", judgments, key, others[key], config, quality)


def _note_judged(judgments: pl.DataFrame, quality: Quality) -> None:
    """What limits training and metrics, though nothing is wrong with it."""
    per_query = judgments.group_by("query_id", maintain_order=True).agg(
        (pl.col("grade") == "exact").any().alias("exact"), pl.n_unique("grade").alias("grades")
    )
    without, single = per_query.filter(~pl.col("exact")), per_query.filter(pl.col("grades") == 1)
    quality.add("judgments", "query without an exact product", "noted", without.height, examples=without["query_id"])
    quality.add("judgments", "query with one grade only", "noted", single.height, examples=single["query_id"])
