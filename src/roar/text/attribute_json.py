"""The attributes of a product: a JSON object in whatever way a shop writes it, one canonical form, one reader.

Canonical is what `json.dumps(..., ensure_ascii=False)` gives of an object of one level, whose values are texts without control
characters, numbers or truth values: `{"colour": "weiß", "width": 3.5}`. A list becomes one text ("red, blue"), an object inside
an object names both levels ("size width"), an amount with its unit is one text ("3 kg"), a list of names with values is an
object, and what is null or says nothing is left out. Ingestion stores this form, so that readers need regular expressions
alone; rows in any other form are parsed first, wherever they come from.

Limits: `DEPTH` levels (deeper is unreadable) and `LONGEST` characters (what comes later is cut).
"""

import json
import re
from math import isfinite
from typing import Any, NamedTuple

import polars as pl

from roar.text.forms import INVISIBLE_RE, MISSING, without_entities

DEPTH = 32
"""Levels of objects and lists that are read."""

LONGEST = 20_000
"""Characters of names and values that are kept of one product."""

_STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\])*"'
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_MEMBER = rf"{_STRING}: (?:{_STRING}|{_NUMBER}|true|false)"
_CANONICAL = rf"^\{{(?:{_MEMBER}(?:, {_MEMBER})*)?\}}$"
_NOTHING = rf'(?i): "\s*(?:{"|".join(map(re.escape, MISSING))})?\s*"[,}}]'
_NAMES, _AMOUNTS, _UNITS = ("name", "key", "attribute"), ("value", "values", "amount"), ("unit", "unitText", "units")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Attributes(NamedTuple):
    """Canonical texts (null where there is no object, or nothing in it was readable), and which rows were cut (Boolean)."""

    texts: pl.Series
    cut: pl.Series


def as_attributes(values: pl.Series, longest: int = LONGEST) -> Attributes:
    """A column of JSON texts (or a struct column) in canonical form.

    Cost: one regular expression over the column; a parser on the rows that are in another form.
    """
    name = values.name
    texts = values.struct.json_encode() if isinstance(values.dtype, pl.Struct) else values.cast(pl.String)
    column = pl.col("x")
    canonical = (
        column.str.contains(_CANONICAL)
        & ~column.str.contains(_NOTHING)
        & ~column.str.contains(r"&[#A-Za-z0-9]{2,32};")
        & (column.str.len_chars() <= longest)
    )
    rows = (~texts.to_frame("x").select(canonical.fill_null(True)).to_series()).arg_true()
    cut = pl.repeat(False, len(texts), eager=True)
    if not len(rows):
        return Attributes(texts.alias(name), cut)
    parsed = [_canonical(text, longest) for text in texts.gather(rows)]
    found = pl.Series([text for text, _ in parsed], dtype=pl.String)
    shortened = pl.Series([was_cut for _, was_cut in parsed], dtype=pl.Boolean)
    return Attributes(texts.clone().scatter(rows, found).alias(name), cut.scatter(rows, shortened))


def attribute_pairs(attributes: pl.Series, longest: int = LONGEST) -> pl.DataFrame:
    """Every member of every object: `row` (UInt32, place in the column), `name`, `value`; numbers as they are written."""
    texts = as_attributes(attributes).texts.str.slice(0, longest)
    members = texts.to_frame("x").select(
        row=pl.int_range(pl.len(), dtype=pl.UInt32), member=pl.col("x").str.extract_all(_MEMBER)
    )
    members = members.explode("member").drop_nulls("member")
    return members.select("row", name=_bare(pl.col("member").str.extract(rf"^({_STRING})")), value=_value("member"))


def _value(column: str) -> pl.Expr:
    member = pl.col(column) if column else pl.element()
    return _bare(member.str.replace(rf"^{_STRING}: ", ""))


def _bare(text: pl.Expr) -> pl.Expr:
    """A JSON string without quotes and escapes; a number as it is."""
    return text.str.replace(r'^"((?s:.*))"$', "$1").str.replace_all(r'\\(["\\])', "$1")


def _canonical(text: str, longest: int) -> tuple[str | None, bool]:
    """Canonical text of one row, and whether it was cut; None where it is no JSON object."""
    try:
        value = _parsed(text.lstrip("\ufeff"))
        value = _parsed(value) if isinstance(value, str) else value  # JSON in JSON
        if isinstance(value, _Members) or (isinstance(value, list) and all(map(_named, value))):
            return _written(value, longest)
    except (ValueError, RecursionError):
        pass
    return None, False


def _parsed(text: str) -> Any:
    """NaN and infinities, which JSON has not and Python writes, are gaps."""
    return json.loads(text, parse_constant=lambda constant: None, object_pairs_hook=_Members)


class _Members(list[tuple[str, Any]]):
    """An object as its members in order, repeated names included."""


def _written(value: Any, longest: int) -> tuple[str, bool]:
    found: dict[str, list[Any]] = {}
    left = longest
    for name, scalar in _flat("", value, DEPTH):
        left -= len(name) + 6 if name not in found else 2  # quotes, colon and comma
        if left > 0:
            found.setdefault(name, []).append(scalar[:left] if isinstance(scalar, str) else scalar)
        left -= len(str(scalar))
        if left < 0:
            break
    members = {name: items[0] if len(items) == 1 else ", ".join(map(_shown, items)) for name, items in found.items()}
    return json.dumps(members, ensure_ascii=False), left < 0


def _flat(name: str, value: Any, depth: int) -> Any:
    """Names and scalars below a value, in order; what says nothing is left out."""
    if depth < 0:
        raise ValueError(f"more than {DEPTH} levels")
    if isinstance(value, dict):
        value = _Members(value.items())
    if isinstance(value, _Members):
        if name and (amount := _amount(value)):
            yield name, amount
            return
        for key, item in value:
            inner = _clean(str(key))
            yield from _flat(f"{name} {inner}".strip() if inner else name, item, depth - 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            pair = _named(item)
            yield from _flat(f"{name} {pair[0]}".strip(), pair[1], depth - 1) if pair else _flat(name, item, depth - 1)
    elif isinstance(value, (bool, int, float)):
        if name and isfinite(value):
            yield name, value
    elif value is not None:
        text = _clean(str(value))
        if name and text and text.lower() not in MISSING:
            yield name, text


def _named(item: Any) -> tuple[str, Any] | None:
    """The name and the value of an object that is a pair of both: {"name": "colour", "value": "red"}."""
    members = dict(item) if isinstance(item, (_Members, dict)) else {}
    name = next((members[key] for key in _NAMES if isinstance(members.get(key), str)), None)
    amount = next((key for key in _AMOUNTS if key in members), None)
    if not name or amount is None or len(members) > 3:
        return None
    unit = next((members[key] for key in _UNITS if isinstance(members.get(key), str)), "")
    value = members[amount]
    return _clean(name), f"{_shown(value)} {unit}" if unit and isinstance(value, (str, int, float)) else value


def _amount(members: _Members) -> str | None:
    """An amount with its unit as one text: {"value": 3, "unit": "kg"}."""
    both = dict(members)
    value = next((both[key] for key in _AMOUNTS if isinstance(both.get(key), (str, int, float))), None)
    unit = next((both[key] for key in _UNITS if isinstance(both.get(key), str)), None)
    return _clean(f"{_shown(value)} {unit}") if value is not None and unit and len(both) == 2 else None


def _shown(scalar: Any) -> str:
    """Truth values as JSON writes them."""
    return json.dumps(scalar) if isinstance(scalar, bool) else str(scalar)


def _clean(text: str) -> str:
    text = INVISIBLE_RE.sub("", without_entities(text)) if not text.isascii() or "&" in text else text
    return _CONTROLS.sub(" ", _SURROGATES.sub("\ufffd", text)).strip()
