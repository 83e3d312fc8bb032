"""Filters of a search: what a caller may ask of a product's fields, as an expression over the table of fields."""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from roar.errors import InputError

Where = Mapping[str, Any] | pl.Expr
"""Conditions that all hold: column to a value, a set of values (any of them), or a pair (low, high) of numbers, None for no
bound; or a polars expression over the columns."""


def allowed_rows(fields: pl.DataFrame, where: Where) -> pl.Series:
    """Which rows meet a filter; a null meets none.

    Raises:
        InputError: a column that is not there, or a value that its type cannot be compared with.
    """
    if isinstance(where, Mapping) and not where:
        return pl.repeat(True, len(fields), eager=True)
    condition = (
        where if isinstance(where, pl.Expr) else pl.all_horizontal(_condition(fields, *item) for item in where.items())
    )
    if unknown := sorted(set(condition.meta.root_names()) - set(fields.columns)):
        raise InputError(
            f"where, column {unknown[0]}: this index has no such field; it has {', '.join(fields.columns) or 'none'}. "
            "List it in release.filters and release again."
        )
    try:
        allowed = fields.select(allowed=condition)["allowed"]
    except pl.exceptions.PolarsError as error:
        raise InputError(f"where {where}: {str(error).splitlines()[0]}") from error
    if allowed.dtype != pl.Boolean:
        raise InputError(f"where {where}: expected a condition, which is true or false of each product.")
    return allowed.fill_null(False)


def _condition(fields: pl.DataFrame, name: str, wanted: Any) -> pl.Expr:
    column = pl.col(name)
    numeric = name in fields.columns and fields.schema[name].is_numeric()
    if isinstance(wanted, tuple) and len(wanted) == 2 and (numeric or None in wanted):
        low, high = wanted
        bounds = [column >= low] if low is not None else []
        bounds += [column <= high] if high is not None else []
        return pl.all_horizontal(bounds) if bounds else column.is_not_null()
    if isinstance(wanted, Collection) and not isinstance(wanted, str):
        return pl.any_horizontal([column == value for value in wanted]) if wanted else column.is_null() & False
    return column == wanted
