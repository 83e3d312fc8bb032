"""What queries ask for and what products state, attribute by attribute: 64 GB asked, 128 GB offered.

The same reading that keeps near-duplicates apart (`attributes`, `declared`) tells where a result contradicts its query.
"""

import polars as pl

from roar.near_duplicates import attributes, declared, lexicon
from roar.near_duplicates.profiles import SLICE
from roar.near_duplicates.text import tokens

PAIR = ["query_id", "product_id"]
FACTS = ["dimension", "value", "shown"]

NEAR = 0.05
"""Relative difference up to which a measured amount answers the one asked for."""

_MEASURED = sorted({unit.kind for unit in lexicon.UNITS.values()})


def asked(queries: pl.DataFrame) -> pl.DataFrame:
    """Quantities, packs, colours, audiences and sizes that queries ask for.

    Args:
        queries: query_id, query.

    Returns:
        query_id, dimension, value (canonical), shown (as it was written); each fact of a query once.
    """
    return _named(_spoken(queries, "query"), queries["query_id"])


def stated(products: pl.DataFrame) -> pl.DataFrame:
    """The same facts in products' titles and attribute tables.

    Args:
        products: product_id, title, brand, attributes.

    Returns:
        product_id, dimension, value, shown.

    Cost: one reading of the texts, 50,000 products at a time.
    """
    parts = []
    for start in range(0, max(products.height, 1), SLICE):
        part = products.slice(start, SLICE)
        _, spoken, _ = declared.read(part)
        facts = pl.concat([_spoken(part, "title"), spoken.filter("strict").select("row", *FACTS)])
        parts.append(_named(facts, part["product_id"]))
    return pl.concat(parts)


def contradictions(pairs: pl.DataFrame, asked: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """Where products contradict queries: each says something on a dimension that the other does not.

    Args:
        pairs: query_id, product_id, and whatever else; distinct pairs are looked at once.
        asked: as `asked` returns.
        stated: as `stated` returns.

    Returns:
        query_id, product_id, dimension, asked, stated (texts to show): a row per pair and contradicted dimension.
    """
    return positions(pairs, asked, stated).filter("against").drop("against")


def positions(pairs: pl.DataFrame, asked: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """Where products say anything at all on what queries ask for, and whether it is `against` them.

    Args:
        pairs: as in `contradictions`.
        asked: likewise.
        stated: likewise.

    Returns:
        As `contradictions`, with `against` (bool), for every dimension that query and product both speak of.
    """
    distinct = pairs.select(PAIR).unique().sort(PAIR)
    offered = stated.join(distinct, on="product_id", how="semi").select(
        "product_id", "dimension", b="value", shown_b="shown"
    )
    both = distinct.join(asked, on="query_id", maintain_order="left").join(
        offered, on=["product_id", "dimension"], maintain_order="left"
    )
    met = both.with_columns(same=_same("value", "b")).with_columns(
        asked_met=pl.col("same").any().over(*PAIR, "dimension", "value"),
        offered_met=pl.col("same").any().over(*PAIR, "dimension", "b"),
    )
    told = met.group_by(*PAIR, "dimension", maintain_order=True).agg(
        pl.col("asked_met", "offered_met").all(), asked=_listed("shown"), stated=_listed("shown_b")
    )
    return told.with_columns(against=~pl.col("asked_met") & ~pl.col("offered_met")).drop("asked_met", "offered_met")


def _same(a: str, b: str) -> pl.Expr:
    """Equal values; measured amounts also where they are near: 15 inches are asked for, 15.6 are meant."""
    one, other = (pl.col(name).cast(pl.Float64, strict=False) for name in (a, b))
    measured = pl.col("dimension").str.replace(r" \(.*", "").is_in(_MEASURED)
    near = (one - other).abs() <= NEAR * pl.max_horizontal(one.abs(), other.abs())
    return (pl.col(a) == pl.col(b)) | (measured & near.fill_null(False))


def _listed(shown: str) -> pl.Expr:
    return pl.col(shown).unique(maintain_order=True).str.join(" and ")


def _spoken(table: pl.DataFrame, column: str) -> pl.DataFrame:
    return attributes.facts(attributes.analyse(tokens(table, column))).filter("strict").select("row", *FACTS)


def _named(facts: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    # Titles hardly tell memory from storage ("64 GB memory card"), and a query that asks for one is answered by either.
    joined = facts.with_columns(pl.col("dimension").replace({"memory": "storage"}))
    named = joined.unique(["row", "dimension", "value"], keep="first", maintain_order=True)
    return named.select(pl.lit(ids).gather(pl.col("row")).alias(ids.name), *FACTS)
