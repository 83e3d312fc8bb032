"""What the encoder reads of a product: chosen fields, in order, as one line."""

from collections.abc import Sequence

import polars as pl

from roar.errors import InputError, did_you_mean
from roar.tables import require_columns
from roar.text import attribute_pairs

TEMPLATE = 2
"""How fields become a text; another number where the same product would be read differently."""

_CHARACTERS_PER_TOKEN = 8
"""More than any tokenizer needs on average: text beyond it cannot be read, and is cut before tokenising."""


def product_texts(products: pl.DataFrame, fields: Sequence[str], max_tokens: int) -> pl.Series:
    """Join the fields of each product; what is empty, or already said by the title, is left out.

    Args:
        products: the catalogue; `attributes` is a JSON object in any form (`roar.text.as_attributes`), of which the values are read.
        fields: columns, the most important first: the encoder cuts at `max_tokens`.
        max_tokens: the encoder's limit, from which the number of characters worth keeping follows.

    Returns:
        One text per product, in their order.

    Raises:
        InputError: a field is not a column.
    """
    if unknown := [field for field in fields if field not in products.columns]:
        raise InputError(
            f"encoder.product_fields: {unknown[0]} is no column of table products; {did_you_mean(unknown[0], products.columns)}"
        )
    require_columns(products, "products", fields)
    with_title = "title" in fields
    if "attributes" in fields:
        products = products.with_columns(attributes=_values(products, with_title))
    parts = [_part(field, with_title).fill_null("") for field in fields]
    text = pl.concat_str(parts, separator=" ").str.replace_all(r"\s+", " ").str.strip_chars()
    return products.select(text=text.str.head(max_tokens * _CHARACTERS_PER_TOKEN))["text"]


def _values(products: pl.DataFrame, with_title: bool) -> pl.Series:
    """Attribute values of each product as one text, each once, and only those that the title does not say.

    "true" and "false" say nothing without their names, and are left out.
    """
    pairs = attribute_pairs(products["attributes"]).filter(~pl.col("value").is_in(["true", "false"]))
    pairs = pairs.unique(["row", "value"], keep="first", maintain_order=True)
    if with_title:
        titles = products.select(title=_words_of(pl.col("title"))).with_row_index("row")
        known = pairs.join(titles, on="row", how="left", maintain_order="left")
        said = pl.col("title").str.contains(_words_of(pl.col("value")), literal=True)
        pairs = known.filter(~said.fill_null(False))
    joined = pairs.group_by("row", maintain_order=True).agg(pl.col("value").str.join(" "))
    rows = products.select("attributes").with_row_index("row")
    return rows.join(joined, on="row", how="left", maintain_order="left")["value"]


def _words_of(text: pl.Expr) -> pl.Expr:
    """The words between single blanks, numbers apart from their units: " 250 ml ", whether a text has "250ml" or "250 ML"."""
    words = text.cast(pl.String).str.to_lowercase().str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ")
    apart = words.str.replace_all(r"(\p{N})(\p{L})", "$1 $2").str.replace_all(r"(\p{L})(\p{N})", "$1 $2")
    return pl.format(" {} ", apart.str.strip_chars())


def _part(field: str, with_title: bool) -> pl.Expr:
    """One field's text."""
    value = pl.col(field).cast(pl.String)
    if field == "brand" and with_title:
        said = pl.col("title").str.to_lowercase().str.contains(value.str.to_lowercase(), literal=True)
        return pl.when(said).then(pl.lit("")).otherwise(value)
    return value
