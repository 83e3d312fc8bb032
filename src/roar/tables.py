"""What public functions ask of the tables they are given: the columns they read, in the types that the contract gives them.

A name means the same in every table (`roar.schemas`), so its type is known from the name: a function lists the columns, and a
caller whose ids are integers or whose flags are texts is told so by column, not by an error of polars from somewhere inside.
"""

import hashlib
from collections.abc import Callable, Iterable

import polars as pl

from roar.errors import InputError, did_you_mean

_TEXTS = """
query_id product_id product_id_a product_id_b session_id unit_id cluster_id variant_group title query description brand
vertical attributes grade fold split stratum variant ranker metric slice level system source protocol
"""
_NUMBERS = """
score weight value frequency price similarity position rank results impressions clicks carts orders revenue
"""
_FLAGS = """
clicked carted ordered
"""

Is = Callable[[pl.DataType], bool]


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or isinstance(dtype, (pl.Categorical, pl.Enum))


_KINDS: dict[str, tuple[str, Is]] = {
    **dict.fromkeys(_TEXTS.split(), ("text", _is_text)),
    **dict.fromkeys(_NUMBERS.split(), ("numbers", lambda dtype: dtype.is_numeric())),
    **dict.fromkeys(_FLAGS.split(), ("true or false", lambda dtype: dtype == pl.Boolean)),
    "timestamp": ("times", lambda dtype: dtype.is_temporal()),
}


def require_columns(table: pl.DataFrame, name: str, columns: Iterable[str], *, typed: bool = True) -> None:
    """Raise InputError where `table` is no frame, lacks one of `columns`, or holds one in another type than the contract's.

    Args:
        table: any frame; a column of nothing but nulls has every type.
        name: of the table, for the message.
        columns: the names that the caller reads.
        typed: False where the caller reads any type.
    """
    if not isinstance(table, (pl.DataFrame, pl.LazyFrame)):
        raise InputError(f"Table {name}: expected a polars DataFrame, got {type(table).__name__}; convert it first.")
    schema, columns = table.collect_schema(), list(columns)
    if missing := [column for column in columns if column not in schema]:
        raise InputError(f"Table {name} lacks the column(s) {', '.join(missing)}; {did_you_mean(missing[0], schema)}.")
    for column in columns if typed else ():
        _require_type(schema[column], f"Table {name}, column {column}", column)


def require_values(values: pl.Series, name: str, column: str) -> None:
    """Raise InputError where `values` is no series of the type that the contract gives a column of the name `column`."""
    if not isinstance(values, pl.Series):
        raise InputError(f"{name}: expected a polars Series, got {type(values).__name__}; convert it first.")
    _require_type(values.dtype, f"{name}, series {values.name or 'without a name'}", column)


def _require_type(dtype: pl.DataType, where: str, column: str) -> None:
    kind, holds = _KINDS.get(column, ("", lambda _: True))
    if dtype != pl.Null and not holds(dtype):
        raise InputError(f"{where}: expected {kind}, got {dtype}; cast it before.")


def fingerprint(table: pl.DataFrame) -> str:
    """SHA-256 over a table's columns, types and values, 16 digits of it; a part of the rows is in memory at a time."""
    digest = hashlib.sha256(repr(table.schema).encode())
    for part in table.iter_slices(100_000):
        digest.update(part.write_ipc_stream(None).getbuffer())
    return digest.hexdigest()[:16]
