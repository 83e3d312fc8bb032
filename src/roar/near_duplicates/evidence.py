"""Why a pair was accepted or refused, in words: "same model number dv7-1211ea; colour missing on one side"."""

import numpy as np
import polars as pl

from roar.near_duplicates.comparison import PARTS
from roar.near_duplicates.learning import Weights
from roar.near_duplicates.profiles import Profiles

PAIR = pl.Schema({"pair": pl.UInt32, "order": pl.Int8, "said": pl.String})


def explain(
    profiles: Profiles, pairs: pl.DataFrame, weights: Weights | None = None, one_brand: np.ndarray | None = None
) -> pl.Series:
    """One line for each row of `pairs` (`a`, `b`: places in the products), in its order.

    Model numbers come first, then what is the same, what differs, what one side does not say; the text similarity
    alone where there is nothing else to say. `weights`: what the catalogue taught; a difference that says nothing there is
    said to. `one_brand`: pairs whose brands are one, however they are named.
    """
    numbered = pairs.select("a", "b").with_row_index("pair")
    idle = weights.idle if weights else pl.DataFrame(schema={"dimension": pl.String, "idle": pl.String})
    alike = numbered["pair"].filter(one_brand) if one_brand is not None else numbered["pair"].clear()
    facts = _facts(profiles, numbered, idle, alike)
    said = pl.concat([_models(profiles, numbered), facts, _accessories(profiles, numbered)])
    lines = said.sort("pair", "order", "said").group_by("pair", maintain_order=True).agg(pl.col("said").str.join("; "))
    return numbered.join(lines, on="pair", how="left", maintain_order="left")["said"].fill_null("alike in words only")


def _models(profiles: Profiles, pairs: pl.DataFrame) -> pl.DataFrame:
    codes = profiles.codes
    shared = _both(pairs, codes, ["code"]).filter(pl.col("own") | pl.col("own_b")).group_by("pair").agg("code")
    same = shared.select(
        "pair", order=0, said=pl.format("same model number {}", pl.col("code").list.sort().list.join(", "))
    )
    own = codes.filter("own")
    kin = _both(pairs, own, ["family"]).join(shared, on="pair", how="anti")
    kin = kin.group_by("pair").agg(pl.col("code").min(), pl.col("code_b").min())
    differ = kin.select("pair", order=1, said=pl.format("model numbers {} and {}", "code", "code_b"))
    parts = own.unpivot(PARTS, index=["row", "code"], value_name="part").drop("variable").drop_nulls()
    longer = parts.filter(pl.col("part") != pl.col("code"))
    ends = [
        pairs.join(longer, left_on=one, right_on="row").join(
            own.select("row", part="code"), left_on=[other, "part"], right_on=["row", "part"]
        )
        for one, other in (("a", "b"), ("b", "a"))
    ]
    part = pl.concat([end.select("pair", "code", "part") for end in ends]).join(shared, on="pair", how="anti")
    part = part.group_by("pair").agg(pl.col("code").min(), pl.col("part").min())
    within = part.select("pair", order=0, said=pl.format("model number {} within {}", "part", "code"))
    akin = pl.concat([told.select("pair") for told in (shared, kin, part)])
    titled = codes.filter("titled").group_by("row").agg(pl.col("code").min())
    others = pairs.join(titled, left_on="a", right_on="row").join(titled, left_on="b", right_on="row", suffix="_b")
    apart = others.join(akin, on="pair", how="anti").select(
        "pair", order=3, said=pl.format("different model numbers {} and {}", "code", "code_b")
    )
    return pl.concat([told.cast(PAIR) for told in (same, within, differ, apart)])


def _facts(profiles: Profiles, pairs: pl.DataFrame, idle: pl.DataFrame, alike: pl.Series) -> pl.DataFrame:
    named = profiles.facts.filter(pl.col("row").is_in(pairs["a"].implode()) | pl.col("row").is_in(pairs["b"].implode()))
    facts = (
        named.join(profiles.dictionary, on="fact")
        .group_by("row", "dimension", "strict")
        .agg(pl.col("value").sort(), pl.col("shown").sort_by("value"))
    )
    left = pairs.join(facts, left_on="a", right_on="row")
    right = pairs.join(facts, left_on="b", right_on="row")
    table = left.join(right, on=["pair", "dimension"], how="full", coalesce=True, suffix="_b")
    table = table.join(idle, on="dimension", how="left", maintain_order="left")
    common = pl.col("value").list.set_intersection("value_b").list.len()
    shown, shown_b = (pl.col(column).list.join(" and ") for column in ("shown", "shown_b"))
    missing = pl.col("value").is_null() | pl.col("value_b").is_null()
    differs = (common < pl.col("value").list.len()) & (common < pl.col("value_b").list.len())
    table = table.filter(~missing | pl.coalesce("strict", "strict_b"))
    one = differs & (pl.col("dimension") == "brand") & pl.col("pair").is_in(alike.implode())
    order = pl.when(missing).then(4).when(differs & ~one).then(3).otherwise(2)
    said = (
        pl.when(missing)
        .then(pl.format("{} missing on one side", "dimension"))
        .when(one)
        .then(pl.format("one brand: {}, {}", shown, shown_b))
        .when(differs)
        .then(pl.format("{} differs: {}, {}{}", "dimension", shown, shown_b, pl.col("idle").fill_null("")))
        .otherwise(pl.format("same {} {}", "dimension", shown))
    )
    return table.select("pair", order=order, said=said).cast(PAIR)


def _accessories(profiles: Profiles, pairs: pl.DataFrame) -> pl.DataFrame:
    """Where one side is something for another product, and the other side mentions no such thing."""
    told = []
    for side, other in (("a", "b"), ("b", "a")):
        claimed = pairs.join(profiles.served, left_on=side, right_on="row")
        alone = claimed.join(profiles.nouns, left_on=[other, "noun"], right_on=["row", "noun"], how="anti")
        told.append(alone.select("pair", order=3, said=pl.format("only one is a {}", "noun")).cast(PAIR))
    return pl.concat(told)


def _both(pairs: pl.DataFrame, table: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """The rows of `table` that both products of a pair have in common; columns of the second end in `_b`."""
    left = pairs.join(table, left_on="a", right_on="row")
    return left.join(table, left_on=["b", *on], right_on=["row", *on], suffix="_b")
