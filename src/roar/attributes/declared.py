"""Facts that a product's columns declare: its brand, and its attributes, a JSON object of any keys.

A declared quantity or colour means what it means in a title ("1000 ml" is "1 l"), and so joins those of texts;
besides, every key is a dimension of its own, which keeps memory and storage, or width and length, apart.
"""

import polars as pl

from roar.attributes.tables import dimensions, scan_all
from roar.attributes.units import UNITS
from roar.text import MISSING, attribute_pairs, folded, without_accents

MODEL_KEYS = (
    r"^(?:model|mpn|gtin|ean|upc|isbn|asin|sku|part|article|artikel|reference)(?: ?(?:no|nr|num|id|name))?$"
    r"|(?:model|mpn|gtin|ean|upc|isbn|sku) ?(?:no|nr|num)?$|(?:mfr|style|item|product|catalogue?) ?(?:no|nr|num|id)$|\b(?:number|code)$"
    r"|(?:model|part|item|style|serial|article) ?(?:number|code)$"
)
"""Keys whose value names the model, or is a number of the shop's own: which of them, the catalogue tells."""

LONGEST_VALUE = 40
"""Longer values are prose."""

LONGEST_OBJECT = 4000
"""Characters of a JSON object that are read."""

_NUMBER = r"(?:^|\s)\d+(?:[.-]\d+)*(?:[\s%-]|$)"
"""Under one key numbers decide: "3-ply" is "3 ply", "EU 40" is "size 40"."""


def plain(text: pl.Expr) -> pl.Expr:
    """Folded (`roar.text.folded`), without accents."""
    return folded(without_accents(text.fill_null("")))


def read(products: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Read `brand` and `attributes` (`roar.text.attribute_pairs`; what is no JSON object is passed over).

    Returns:
        named: `row`, `dimension` (the key in quotation marks, or "brand"), `value`, `shown`: one fact for each key.
        spoken: the quantities, colours, … in the values, as `tables.dimensions` gives them.
        models: `row`, `token`, `named`: what may be model numbers, `named` where the key says so, else words that measure nothing.

    """
    pairs = _pairs(products).filter(pl.col("value").str.len_chars() <= LONGEST_VALUE).with_row_index("pair")
    is_model = pl.col("key").str.contains(MODEL_KEYS)
    facts = _spoken(pairs.filter(~is_model))
    words = pairs.join(facts.select("pair").unique(), on="pair", how="anti").filter(
        is_model | pl.col("value").str.contains(r"^\S*\d\S*$")
    )
    models = words.select("row", token=pl.col("value").str.replace_all(r"\s", "-"), named=is_model)
    measured = pl.format(
        "{}={}", pl.col("dimension").str.replace(r"^size .*", "size").str.replace(r" \(.*", ""), "value"
    )
    meaning = facts.group_by("pair").agg(meaning=measured.sort().str.join(" "))
    numbers = pl.col("value").str.extract_all(_NUMBER).list.eval(pl.element().str.strip_chars(" %-")).list.join(" ")
    named = pairs.join(meaning, on="pair", how="left", maintain_order="left").select(
        "row",
        dimension=pl.format("“{}”", "key"),
        value=pl.when(is_model)
        .then(pl.col("value").str.replace_all(r"[^\p{L}\d]", ""))
        .otherwise(pl.coalesce("meaning", pl.when(numbers != "").then(numbers), "value")),
        shown="value",
    )
    brand = products.select(row=pl.int_range(pl.len(), dtype=pl.UInt32), value=plain(pl.col("brand")).str.strip_chars())
    squeezed = pl.col("value").str.replace_all(r"[^\p{L}\p{M}\d]", "")  # dj tech, dj-tech
    brand = brand.filter(squeezed != "").select("row", dimension=pl.lit("brand"), value=squeezed, shown="value")
    spoken = facts.join(pairs.select("pair", "row"), on="pair").select(
        "row", "dimension", "value", "shown", "strict", "role"
    )
    named = pl.concat([named, brand.select(named.columns)]).unique(["row", "dimension", "value"], maintain_order=True)
    return named, spoken.unique(["row", "dimension", "value"], maintain_order=True), models


def _spoken(pairs: pl.DataFrame) -> pl.DataFrame:
    """Facts in the values: `pair` instead of `row`; equal values are read once."""
    texts = pairs.select("pair", text=pl.format("{} {}", "value", "unit").str.strip_chars())
    distinct = texts.select("text").unique(maintain_order=True).with_row_index("row")
    facts = dimensions(scan_all(distinct["text"])[0]).with_columns(strict=True)
    return texts.join(distinct, on="text").join(facts, on="row").drop("text", "row")


def _pairs(products: pl.DataFrame) -> pl.DataFrame:
    """The JSON objects as `row`, `key`, `value`, and the `unit` that a key such as "storage_gb" carries."""
    pairs = attribute_pairs(products["attributes"], LONGEST_OBJECT)
    key = plain(pl.col("name")).str.replace_all(r"[^\p{L}\p{M}\d]+", " ").str.strip_chars()
    value = plain(pl.col("value")).str.strip_chars()
    pairs = pairs.select("row", key=key, value=value).filter(~pl.col("value").is_in(["", *MISSING]))
    last = pl.col("key").str.extract(r"(\p{L}+)$").replace_strict({unit: unit for unit in UNITS}, default="")
    unit = pl.when(pl.col("value").str.contains(r"^\d+(?:\.\d+)?$")).then(last).otherwise(pl.lit(""))
    return pairs.with_columns(unit=unit)
