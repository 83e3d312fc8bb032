"""Journal entries to the contract's tables (`roar.schemas.SearchLog`, `ExperimentLog`).

A search and its further pages are one search of the experiment. Beyond the contract the search log says whose request it
was, and in an interleaved list whose pick each product is (`team`), so that clicks can be counted as votes.
"""

from collections.abc import Iterable
from typing import Any

import polars as pl

from roar.service.logs.journal import Entry

SEARCH, EVENT, CARRIED = "s", "e", "c"
"""Kinds of entries: an answered search, what somebody did with a product of one, searches that went into the next journal."""

KINDS = ("click", "cart", "order")

_TIME = pl.Datetime("us")
_SEARCHES: dict[str, Any] = {
    "request_id": pl.String,
    "first": pl.String,
    "session_id": pl.String,
    "timestamp": pl.Int64,
    "query": pl.String,
    "unit_id": pl.String,
    "variant": pl.String,
    "ranker": pl.String,
    "results": pl.Int64,
    "offset": pl.Int64,
    "product_id": pl.List(pl.String),
    "rankers": pl.List(pl.String),
    "team": pl.List(pl.String),
}
_EVENTS: dict[str, Any] = {
    "request_id": pl.String,
    "timestamp": pl.Int64,
    "product_id": pl.String,
    "kind": pl.String,
    "revenue": pl.Float64,
}
_DID = {"clicked": "click", "carted": "cart", "ordered": "order"}


def logged(entries: Iterable[Entry]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Entries of searches and events to the two tables, by time.

    Returns:
        The search log: a row per product shown; beyond the contract request_id, unit_id and team (null but in
        experiments). The experiment's log: a row per search of a unit in an A/B test.
    """
    entries = list(entries)
    searches = _frame((entry for entry in entries if entry["kind"] == SEARCH), _SEARCHES)
    acts = _frame((entry["event"] for entry in entries if entry["kind"] == EVENT), _EVENTS)
    events = acts.unique(["request_id", "product_id", "kind"], keep="first", maintain_order=True)
    return _search_log(searches, events), _experiment_log(searches, events)


def _frame(rows: Iterable[Entry], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def _search_log(searches: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    shown = searches.filter(pl.col("product_id").list.len() > 0)
    rows = shown.with_columns(
        position=pl.int_ranges(pl.col("offset") + 1, pl.col("offset") + pl.col("product_id").list.len() + 1),
        team=_of_each("team", pl.lit(None, pl.String)),
        rankers=_of_each("rankers", pl.col("ranker")),
    ).explode("product_id", "position", "team", "rankers")
    did = events.group_by("request_id", "product_id").agg(
        (pl.col("kind") == kind).any().alias(name) for name, kind in _DID.items()
    )
    return (
        rows.join(did, on=["request_id", "product_id"], how="left", maintain_order="left")
        .sort("timestamp", "session_id", "request_id", "position")
        .select(
            "session_id",
            pl.from_epoch("timestamp", "us").cast(_TIME),
            "query",
            "product_id",
            pl.col("position").cast(pl.Int64),
            *(pl.col(name).fill_null(False) for name in _DID),
            pl.col("rankers").alias("ranker"),
            "request_id",
            "unit_id",
            "team",
        )
    )


def _of_each(name: str, otherwise: pl.Expr) -> pl.Expr:
    """A list's values, or one value for each product where there is no list."""
    return pl.col(name).fill_null(otherwise.repeat_by(pl.col("product_id").list.len()))


def _experiment_log(searches: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    tested = searches.filter(pl.col("variant").is_not_null()).with_columns(
        search=pl.coalesce("first", "request_id"), impressions=pl.col("product_id").list.len().cast(pl.Int64)
    )
    pages = tested.group_by("search").agg(
        pl.all().exclude("impressions").sort_by("timestamp", "offset").first(), pl.col("impressions").sum()
    )
    did = (
        events.join(tested.select("request_id", "search"), on="request_id")
        .group_by("search")
        .agg(
            *((pl.col("kind") == kind).sum().cast(pl.Int64).alias(f"{kind}s") for kind in KINDS),
            pl.col("revenue").filter(pl.col("kind") == "order").sum().alias("spent"),
            pl.col("timestamp").filter(pl.col("kind") == "click").min().alias("first_click"),
        )
    )
    return (
        pages.join(did, on="search", how="left")
        .sort("timestamp", "session_id", "search")
        .select(
            "unit_id",
            "session_id",
            "variant",
            pl.from_epoch("timestamp", "us").cast(_TIME),
            "query",
            "results",
            "impressions",
            *(pl.col(f"{kind}s").fill_null(0) for kind in KINDS),
            pl.col("spent").fill_null(0.0).alias("revenue"),
            ((pl.col("first_click") - pl.col("timestamp")) / 1e6).clip(0).alias("first_click_s"),
        )
    )
