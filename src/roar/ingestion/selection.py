"""A part of the shop: rows that meet conditions, queries of some verticals, a sample of whole queries.

What is not asked for is `left out`, which is no loss: it is counted in the data-quality table, and not under `max_loss`.
"""

from hashlib import blake2b
from typing import NamedTuple

import polars as pl

from roar.errors import InputError
from roar.ingestion.conform import drop
from roar.ingestion.expressions import require_pattern
from roar.ingestion.quality import Quality, listed
from roar.parameters import Ingestion, Sample, Where

LEFT_OUT = "left out"

FILLED = ("queries", "vertical")
"""The column that may come from other tables: conditions on it are looked at when it is filled."""


class Shop(NamedTuple):
    """The tables that a part of a shop is taken of."""

    products: pl.DataFrame
    queries: pl.DataFrame
    judgments: pl.DataFrame
    search_log: pl.DataFrame


def condition(where: Where) -> pl.Expr:
    """The rows that a condition asks for.

    Raises:
        InputError: the pattern is no regular expression.
    """
    text = pl.col(where.column).cast(pl.String)
    tests = []
    if where.equals is not None:
        tests.append(text.is_in([where.equals] if isinstance(where.equals, str) else list(where.equals)))
    if where.contains is not None:
        parts = [where.contains] if isinstance(where.contains, str) else where.contains
        tests.append(pl.any_horizontal(*(_lower(text).str.contains(p.lower(), literal=True) for p in parts)))
    if where.matches is not None:
        require_pattern(where.matches)
        tests.append(text.str.contains(f"(?i){where.matches}"))
    return pl.all_horizontal(*tests).fill_null(False)


def _lower(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase()


def of_verticals(shop: Shop, config: Ingestion, raw_names: list[str], quality: Quality) -> Shop:
    """The queries whose vertical, filled by now, meets the conditions on it, and the judgments of them.

    Raises:
        InputError: no judged query meets them.
    """
    asked = [where for where in config.queries.where if ("queries", where.column) == FILLED]
    asked = [] if "vertical" in raw_names else asked  # those were met when the rows were read
    if not asked:
        return shop
    wanted = shop.queries.select(pl.all_horizontal(*map(condition, asked))).to_series()
    rule = f"query without {' and '.join(where.said for where in asked)}"
    queries = drop("queries", shop.queries, ~wanted, rule, "vertical", quality, LEFT_OUT)
    judgments = _of(shop.judgments, "judgments", "query_id", queries, "query left out", quality)
    if judgments.is_empty():
        there = listed(shop.queries["vertical"].drop_nulls().value_counts(sort=True)["vertical"], limit=20)
        raise InputError(f"queries: no judged one has {' and '.join(w.said for w in asked)}; verticals are {there}")
    return shop._replace(queries=queries, judgments=judgments)


def sampled(shop: Shop, config: Sample | None, quality: Quality) -> Shop:
    """Whole queries with all products judged for them, and a share of the other queries and products.

    Judged queries are taken in the order of a hash of seed and id, others where their hash lies below the share of the
    judged ones that was taken; the log keeps impressions of the products that are there.
    """
    if config is None:
        return shop
    products, queries, judgments, log = shop
    judged = queries["query_id"].is_in(judgments["query_id"].unique().implode())
    place = _places(queries["query_id"], "query", config.seed)
    ranked = place.filter(judged).sort()
    share = ranked[config.queries - 1] if config.queries < len(ranked) else 1.0
    taken = place <= share
    queries = drop("queries", queries, ~taken, "not in the sample", "query_id", quality, LEFT_OUT)
    judgments = _of(judgments, "judgments", "query_id", queries, "query not in the sample", quality)
    needed = products["product_id"].is_in(judgments["product_id"].unique().implode())
    others = _places(products["product_id"], "product", config.seed) <= config.other_products
    products = drop("products", products, ~(needed | others), "not in the sample", "product_id", quality, LEFT_OUT)
    log = _of(log, "search_log", "product_id", products, "product not in the sample", quality)
    return Shop(products, queries, judgments, log)


def _of(frame: pl.DataFrame, table: str, key: str, kept: pl.DataFrame, rule: str, quality: Quality) -> pl.DataFrame:
    return drop(table, frame, ~frame[key].is_in(kept[key].implode()), rule, key, quality, LEFT_OUT)


def _places(ids: pl.Series, kind: str, seed: int) -> pl.Series:
    """A place in (0, 1] for each id, the same on every machine and in every version."""
    key = f"{seed} {kind} ".encode()
    hashed = (int.from_bytes(blake2b(key + id_.encode(), digest_size=7).digest()) for id_ in ids)
    return pl.Series([(number + 1) / 2**56 for number in hashed], dtype=pl.Float64)
