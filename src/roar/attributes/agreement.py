"""What queries ask for and what products state, attribute by attribute: 64 GB asked, 128 GB offered."""

import polars as pl

from roar.attributes import declared
from roar.attributes.tables import dimensions, scan_all

PAIR = ["query_id", "product_id"]
FACTS = ["dimension", "value", "shown", "role"]
SLICE = 50_000
"""Products read at a time."""

NEAR = 0.05
"""Relative difference up to which a measured amount answers the one asked for."""

_COUNTED = ["pack size", "size", "lines"]
"""Numbers that answer only themselves."""


def asked(queries: pl.DataFrame) -> pl.DataFrame:
    """Quantities, packs, colours, audiences and sizes that queries ask for.

    Args:
        queries: query_id, query.

    Returns:
        query_id, dimension, value (canonical), shown (as it was written), role ("has", "excludes", "at_least", "at_most"; what is
        asked for another thing, "case for", counts as "has"); each fact of a query once. Prices are not attributes.
    """
    return _named(_spoken(queries["query"], "query"), queries["query_id"])


def stated(products: pl.DataFrame) -> pl.DataFrame:
    """The same facts in products' titles and attribute tables.

    Args:
        products: product_id, title, brand, attributes.

    Returns:
        product_id, dimension, value, shown, role.

    Cost: one reading of the texts, 50,000 products at a time.
    """
    parts = []
    for start in range(0, max(products.height, 1), SLICE):
        part = products.slice(start, SLICE)
        _, spoken, _ = declared.read(part)
        facts = pl.concat([_spoken(part["title"], "product"), spoken.select("row", *FACTS)])
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

    A value is asked for, bounded ("under 2 kg") or excluded ("not black"). A product is against a value or a bound that
    none of its own values meets, and against an exclusion that one of them is. What a product states as a bound ("up to
    5 kg") is silent on amounts; what it says it has not ("sugar-free") meets the same exclusion.

    Args:
        pairs: as in `contradictions`.
        asked: likewise.
        stated: likewise.

    Returns:
        As `contradictions`, with `against` (bool), for every dimension that query and product both speak of.
    """
    distinct = pairs.select(PAIR).unique().sort(PAIR)
    asked, stated = _with_role(asked), _with_role(stated)
    offered = stated.join(distinct, on="product_id", how="semi").select(
        "product_id", "dimension", b="value", shown_b="shown", role_b="role"
    )
    both = distinct.join(asked, on="query_id", maintain_order="left").join(
        offered, on=["product_id", "dimension"], maintain_order="left"
    )
    speaking = both.filter((pl.col("role_b") == "has") | ((pl.col("role_b") == pl.col("role")) & _is("excludes")))
    met = speaking.with_columns(met=_met()).with_columns(
        asked_met=pl.when(_is("excludes"))
        .then(pl.col("met").all().over(*PAIR, "dimension", "value"))
        .otherwise(pl.col("met").any().over(*PAIR, "dimension", "value", "role")),
        offered_met=_is("has") & pl.col("met").any().over(*PAIR, "dimension", "b"),
    )
    told = met.group_by(*PAIR, "dimension", maintain_order=True).agg(
        pl.col("asked_met").all(),
        pl.col("offered_met").all(),
        asked=_listed("shown"),
        stated=_listed("shown_b"),
    )
    return told.with_columns(against=~pl.col("asked_met") & ~pl.col("offered_met")).drop("asked_met", "offered_met")


def _with_role(facts: pl.DataFrame) -> pl.DataFrame:
    """Facts without a role are what is asked or stated plainly."""
    return facts if "role" in facts.columns else facts.with_columns(role=pl.lit("has"))


def _is(role: str) -> pl.Expr:
    return pl.col("role") == role


def _met() -> pl.Expr:
    """Whether one offered value meets one that is asked; measured amounts also where they are near: 15 inches are asked
    for, 15.6 are meant.
    """
    one, other = (pl.col(name).cast(pl.Float64, strict=False) for name in ("value", "b"))
    room = NEAR * pl.max_horizontal(one.abs(), other.abs())
    measured = ~pl.col("dimension").str.replace(r" \(.*", "").is_in(_COUNTED)
    same = (pl.col("value") == pl.col("b")) | (measured & ((one - other).abs() <= room).fill_null(False))
    return (
        pl.when(_is("at_most"))
        .then(other <= one + room)
        .when(_is("at_least"))
        .then(other >= one - room)
        .when(_is("excludes") & (pl.col("role_b") == "has"))
        .then(~same)
        .otherwise(same)
        .fill_null(False)
    )


def _listed(shown: str) -> pl.Expr:
    return pl.col(shown).unique(maintain_order=True).str.join(" and ")


def _spoken(texts: pl.Series, kind: str) -> pl.DataFrame:
    facts, _ = scan_all(texts, kind=kind)
    return dimensions(facts.filter(pl.col("fact") != "price")).select("row", *FACTS)


def _named(facts: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    # Titles hardly tell memory from storage ("64 GB memory card"), and a query that asks for one is answered by either.
    plain = pl.col("dimension").str.replace(r" (?:at least|at most|left out)$", "").replace({"memory": "storage"})
    joined = facts.with_columns(dimension=plain, role=pl.col("role").replace({"for": "has"}))
    named = joined.unique(["row", "dimension", "value", "role"], keep="first", maintain_order=True)
    return named.select(pl.lit(ids).gather(pl.col("row")).alias(ids.name), *FACTS)
