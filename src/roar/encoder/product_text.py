"""What the encoder reads of a product: chosen fields, in order, as one line."""

from collections.abc import Sequence

import polars as pl

from roar.errors import InputError, did_you_mean
from roar.tables import require_columns
from roar.text import attribute_values

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
    if "attributes" in fields:
        products = products.with_columns(attribute_values(products["attributes"]).alias("attributes"))
    parts = [_part(field, "title" in fields).fill_null("") for field in fields]
    text = pl.concat_str(parts, separator=" ").str.replace_all(r"\s+", " ").str.strip_chars()
    return products.select(text=text.str.head(max_tokens * _CHARACTERS_PER_TOKEN))["text"]


def _part(field: str, with_title: bool) -> pl.Expr:
    """One field's text."""
    value = pl.col(field).cast(pl.String)
    if field == "brand" and with_title:
        said = pl.col("title").str.to_lowercase().str.contains(value.str.to_lowercase(), literal=True)
        return pl.when(said).then(pl.lit("")).otherwise(value)
    return value
