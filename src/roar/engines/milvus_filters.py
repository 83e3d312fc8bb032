"""Filters of a search in Milvus's words: the mapping form of `roar.retrieval.filters.Where`, with the same meaning."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from roar.errors import InputError
from roar.retrieval.filters import Where

_NOTHING = 'product_id == ""'
"""No product's id is empty."""
_NUMBERS = ("INT64", "DOUBLE")


def expression(where: Where | None, types: Mapping[str, str]) -> str:
    """A boolean expression of Milvus; empty for no condition.

    Args:
        where: column to a value, several, or a pair of bounds; a null meets none.
        types: Milvus's type of each column that can be asked for.

    Raises:
        InputError: a polars expression, an unknown column, or a value of another type.
    """
    if where is None:
        return ""
    if not isinstance(where, Mapping):
        raise InputError(
            "where: Milvus takes conditions as a mapping, column to value, not as an expression of polars."
        )
    return " and ".join(f"({_condition(name, wanted, types)})" for name, wanted in where.items())


def _condition(name: str, wanted: Any, types: Mapping[str, str]) -> str:
    if name not in types:
        raise InputError(
            f"where, column {name}: this index has no such field; it has {', '.join(types) or 'none'}. "
            "List it in release.filters and release again."
        )
    if isinstance(wanted, tuple) and len(wanted) == 2 and (types[name] in _NUMBERS or None in wanted):
        bounds = [(">=", wanted[0]), ("<=", wanted[1])]
        asked = [f"{name} {sign} {_literal(name, bound, types)}" for sign, bound in bounds if bound is not None]
        return " and ".join(asked) or f"{name} is not null"
    if isinstance(wanted, Collection) and not isinstance(wanted, str):
        values = [_literal(name, value, types) for value in wanted if value is not None]
        return f"{name} in [{', '.join(values)}]" if values else _NOTHING
    return _NOTHING if wanted is None else f"{name} == {_literal(name, wanted, types)}"


def _literal(name: str, value: Any, types: Mapping[str, str]) -> str:
    """A value as Milvus reads it: JSON's quoting of texts is its own."""
    kind = types[name]
    if kind == "VARCHAR" and isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if kind == "BOOL" and isinstance(value, bool):
        return str(value).lower()
    if kind in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    raise InputError(f"where, column {name}: {value!r} cannot be compared with {kind.lower()}.")
