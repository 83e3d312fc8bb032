"""What a column of the contract is made of: one short function per kind of expression in a mapping.

`raw_columns` says which raw columns an expression reads, so that nothing else is loaded; `evaluate` computes it. The
expressions themselves, with their meaning, are the models of `roar.parameters`.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import combinations
from math import isfinite
from typing import Any

import polars as pl

from roar import parameters as p
from roar.errors import InputError, did_you_mean
from roar.ingestion.quality import listed
from roar.ingestion.values import as_number, as_text
from roar.text import visible


def raw_columns(expression: p.Expression, available: Sequence[str]) -> list[str]:
    """Raw columns that the expression reads; prefixes of `gather` are matched with the available ones."""
    match expression:
        case p.JoinedText(text=names) | p.FirstFilled(first_of=names) | p.ContentHash(hash=names):
            columns = names
        case p.FirstMatch(columns=names) | p.Agreement(agreement=names):
            columns = names
        case p.Number(number=name) | p.Translation(translate=name) | p.InverseVariance(inverse_variance=name):
            columns = (name,)
        case p.Pairs(pairs=name):
            columns = (name,)
        case p.Gather():
            columns = tuple(_gathered_columns(expression, available))
        case p.ColumnValue() | p.Thresholds() | p.HierarchyLevel() | p.Matches():
            columns = (expression.column,)
        case _:
            columns = ()
    return list(columns)


def number_columns(expression: p.Expression) -> list[str]:
    """Raw columns that the expression reads as numbers."""
    match expression:
        case p.Number(number=name) | p.InverseVariance(inverse_variance=name) | p.Thresholds(column=name):
            return [name]
        case p.Agreement(agreement=names):
            return list(names)
    return []


def evaluate(expression: p.Expression, frame: pl.DataFrame) -> pl.Series:
    """The expression's values, one per row of `frame`, which holds the columns that `raw_columns` names.

    Raises:
        InputError: a label without translation, or a pattern that is no regular expression.
    """
    return _EVALUATORS[type(expression)](expression, frame)


def _text(frame: pl.DataFrame, name: str) -> pl.Series:
    """A raw column as text without invisible marks, where white space alone counts as a gap."""
    stripped = as_text(frame[name]).to_frame("x").select(visible(pl.col("x")).str.strip_chars())
    return stripped.select(pl.when(pl.col("x") != "").then("x")).to_series()


def _texts(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    return pl.DataFrame([_text(frame, name).alias(name) for name in dict.fromkeys(names)])


def _column(expression: p.ColumnValue, frame: pl.DataFrame) -> pl.Series:
    if expression.default is None:
        return frame[expression.column]
    return _text(frame, expression.column).fill_null(expression.default)


def _constant(expression: p.Constant, frame: pl.DataFrame) -> pl.Series:
    return pl.repeat(expression.constant, frame.height, dtype=pl.String, eager=True)


def _joined(expression: p.JoinedText, frame: pl.DataFrame) -> pl.Series:
    parts = _texts(frame, expression.text)
    return parts.select(pl.concat_str(pl.all(), separator=expression.separator, ignore_nulls=True)).to_series()


def _first_filled(expression: p.FirstFilled, frame: pl.DataFrame) -> pl.Series:
    return _texts(frame, expression.first_of).select(pl.coalesce(pl.all())).to_series()


def _hashed(expression: p.ContentHash, frame: pl.DataFrame) -> pl.Series:
    """BLAKE2b rather than polars' own hash, which may change between versions; rows with nothing in them are null."""
    parts = _texts(frame, expression.hash)
    separated = parts.select(
        pl.when(pl.any_horizontal(pl.all().is_not_null())).then(pl.concat_str(pl.all().fill_null(""), separator="\x1f"))
    ).to_series()
    return separated.map_elements(
        lambda text: blake2b(text.encode(), digest_size=8).hexdigest(), return_dtype=pl.String, skip_nulls=True
    )


def _number(expression: p.Number, frame: pl.DataFrame) -> pl.Series:
    return as_number(frame[expression.number]) * expression.factor


def _translated(expression: p.Translation, frame: pl.DataFrame) -> pl.Series:
    labels = _text(frame, expression.translate)
    folded = {key.strip().lower(): value for key, value in expression.to.items()}
    result = labels.str.to_lowercase().replace_strict(folded, default=None, return_dtype=pl.String)
    advice = f"known are {', '.join(expression.to)}: add them under `to`"
    return _or_otherwise(expression, result, labels, f"column {expression.translate}", "a translation", advice)


def _or_otherwise(
    expression: p.Translation | p.Thresholds | p.FirstMatch,
    taken: pl.Series,
    values: pl.Series,
    what: str,
    lacking: str,
    advice: str,
) -> pl.Series:
    """What the rules gave; a value that none takes becomes `otherwise`, where that is said, null included; gaps stay."""
    left = values.is_not_null() & taken.is_null()
    if left.any() and "otherwise" not in expression.model_fields_set:
        first = listed(values.filter(left))
        raise InputError(
            f"{what} holds {left.sum()} values without {lacking} (first: {first}); {advice}, or set `otherwise`"
        )
    return pl.select(pl.when(left).then(pl.lit(expression.otherwise, dtype=pl.String)).otherwise(taken)).to_series()


def _thresholds(expression: p.Thresholds, frame: pl.DataFrame) -> pl.Series:
    numbers = as_number(frame[expression.column]).fill_nan(None)
    branches: Any = pl.when(numbers.is_null()).then(pl.lit(None, dtype=pl.String))
    for label, threshold in sorted(expression.at_least.items(), key=lambda item: -item[1]):
        branches = branches.when(numbers >= threshold).then(pl.lit(label))
    labels = pl.select(branches.otherwise(pl.lit(None, dtype=pl.String))).to_series()
    advice = f"the lowest bound is {min(expression.at_least.values()):g}: add a label with a lower one"
    return _or_otherwise(expression, labels, numbers, f"column {expression.column}", "a label", advice)


def _require_mark(frame: pl.DataFrame, column: str, mark: str) -> None:
    """Refuse a column in which the mark that takes its texts apart never stands: it is another one."""
    texts = _text(frame, column).drop_nulls()
    if len(texts) and not texts.str.contains(mark, literal=True).any():
        raise InputError(f"column {column} never holds {mark!r}, which takes it apart (first: {listed(texts)})")


def _level(expression: p.HierarchyLevel, frame: pl.DataFrame) -> pl.Series:
    if expression.level > 1:
        _require_mark(frame, expression.column, expression.separator)
    paths = _text(frame, expression.column).str.split(expression.separator).alias("path").to_frame()
    parts = pl.col("path").list.eval(pl.element().str.strip_chars())
    parts = parts.list.eval(pl.element().filter(pl.element() != ""))
    last = pl.min_horizontal(pl.lit(expression.level), parts.list.len()) - 1
    levels = paths.select(level=parts.list.get(last, null_on_oob=True))
    frequent = pl.len().over("level") >= expression.rare_below
    return levels.select(
        pl.when(frequent | pl.col("level").is_null()).then(pl.col("level")).otherwise(pl.lit(expression.rare))
    ).to_series()


def require_pattern(pattern: str) -> None:
    """Refuse a pattern that Rust does not read.

    Raises:
        InputError: gives Rust's reason.
    """
    try:
        pl.Series([""]).str.contains(f"(?i){pattern}")
    except pl.exceptions.ComputeError as error:
        reason = next(
            (line for line in str(error).splitlines() if line.startswith("error:")), str(error).splitlines()[0]
        )
        raise InputError(f"the pattern {pattern!r} is not a regular expression that Rust reads: {reason}") from error


def _contains(texts: pl.Series, pattern: str) -> pl.Series:
    require_pattern(pattern)
    return texts.str.contains(f"(?i){pattern}")


def _first_match(expression: p.FirstMatch, frame: pl.DataFrame) -> pl.Series:
    parts = _texts(frame, expression.columns)
    texts = parts.select(pl.concat_str(pl.all(), separator="\n", ignore_nulls=True)).to_series()
    found = pl.DataFrame([_contains(texts, pattern).alias(name) for name, pattern in expression.first_match.items()])
    first = found.select(pl.coalesce([pl.when(pl.col(name)).then(pl.lit(name)) for name in found.columns])).to_series()
    gaps_too = "otherwise" in expression.model_fields_set
    filled = texts if gaps_too else pl.select(pl.when(texts != "").then(texts)).to_series()
    what = f"column {', '.join(expression.columns)}"
    return _or_otherwise(expression, first, filled, what, "a match", "add a pattern for them")


def _matches(expression: p.Matches, frame: pl.DataFrame) -> pl.Series:
    return _contains(as_text(frame[expression.column]), expression.matches).fill_null(False)


def _inverse_variance(expression: p.InverseVariance, frame: pl.DataFrame) -> pl.Series:
    column = expression.inverse_variance
    variance = as_number(frame[column]).alias("variance").to_frame()
    known = pl.col("variance") >= 0
    negative = (variance["variance"] < 0).sum()
    if negative and "otherwise" not in expression.model_fields_set:
        raise InputError(f"column {column} holds {negative} negative values, and no variance is; set `otherwise`")
    weight = pl.when(known & pl.col("variance").is_not_nan()).then(1 / (1 + pl.col("variance")))
    return variance.select(weight.fill_null(expression.otherwise)).to_series()


def _agreement(expression: p.Agreement, frame: pl.DataFrame) -> pl.Series:
    low, high = expression.scale
    raters = pl.DataFrame([as_number(frame[name]).fill_nan(None).alias(name) for name in expression.agreement])
    for name in raters.columns:
        outside = raters[name].filter((raters[name] < low) | (raters[name] > high))
        if len(outside):
            raise InputError(
                f"column {name} holds {len(outside)} ratings outside the scale {low:g} to {high:g} (first: {listed(outside)})"
            )
    apart = [(pl.col(a) - pl.col(b)).abs() / (high - low) for a, b in combinations(raters.columns, 2)]
    agreement = (1 - pl.mean_horizontal(apart)).clip(0, 1)
    return raters.select(agreement.fill_null(expression.otherwise)).to_series()


def _gathered_columns(expression: p.Gather, available: Sequence[str]) -> list[str]:
    names: list[str] = [] if expression.packed is None else [expression.packed]
    for pattern in expression.gather:
        if pattern.endswith("*"):
            begun = [name for name in available if name.startswith(pattern[:-1])]
            if not begun and expression.packed is None:
                raise InputError(f"no column begins with {pattern[:-1]!r}; {did_you_mean(pattern[:-1], available)}")
            names += begun
        elif expression.packed is None or pattern in available:
            names.append(pattern)
    return list(dict.fromkeys(names))


def _attribute(column: str, patterns: dict[str, str]) -> tuple[int, str] | None:
    """Rank of the first pattern that matches the column, and the attribute's name; None where none does."""
    for rank, (pattern, name) in enumerate(patterns.items()):
        if pattern == column:
            return rank, name
        if pattern.endswith("*") and column.startswith(pattern[:-1]):
            return rank, name.replace("*", column[len(pattern) - 1 :])
    return None


def _gathered(expression: p.Gather, frame: pl.DataFrame) -> pl.Series:
    """Attributes as JSON; where two columns give one attribute, the pattern listed first wins."""
    attribute = lru_cache(maxsize=None)(lambda column: _attribute(column, expression.gather))

    def packed(row: dict[str, Any]) -> str | None:
        found: dict[str, tuple[int, Any]] = {}
        for column, value in _unpacked(row, expression.packed).items():
            rank, name = attribute(column) or (-1, "")
            if rank >= 0 and _filled(value) and (name not in found or rank < found[name][0]):
                found[name] = rank, value.strip() if isinstance(value, str) else value
        return to_json({name: value for name, (_, value) in found.items()})

    rows = frame.select(_gathered_columns(expression, frame.columns)).iter_rows(named=True)
    return pl.Series([packed(row) for row in rows], dtype=pl.String)


def _unpacked(row: dict[str, Any], packed: str | None) -> dict[str, Any]:
    """The row's columns, and the keys of its packed column."""
    if packed is None:
        return row
    try:
        return {**json.loads(row[packed] or "{}"), **{name: row[name] for name in row if name != packed}}
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"column {packed} does not hold JSON objects (first: {str(row[packed])[:40]})") from error


def _filled(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return bool(value.strip()) if isinstance(value, str) else value is not None and value != []


def _pairs(expression: p.Pairs, frame: pl.DataFrame) -> pl.Series:
    """Attributes written out; the values of a repeated name are joined by a comma."""

    _require_mark(frame, expression.pairs, expression.assign)

    def parsed(text: str) -> str | None:
        found: dict[str, list[str]] = {}
        for pair in text.split(expression.separator):
            name, _, value = (part.strip() for part in pair.partition(expression.assign))
            if name and value:
                found.setdefault(name, []).append(value)
        return to_json({name: ", ".join(values) for name, values in found.items()})

    return _text(frame, expression.pairs).map_elements(parsed, return_dtype=pl.String, skip_nulls=True)


def to_json(attributes: dict[str, Any]) -> str | None:
    """Attributes as one line of JSON, which `conform` brings to the canonical form; null where there are none."""
    try:
        return json.dumps(attributes, ensure_ascii=False, default=str) if attributes else None
    except RecursionError:
        return "nested too deep"


_EVALUATORS: dict[type[p.Expression], Callable[[Any, pl.DataFrame], pl.Series]] = {
    p.ColumnValue: _column,
    p.Constant: _constant,
    p.JoinedText: _joined,
    p.FirstFilled: _first_filled,
    p.ContentHash: _hashed,
    p.Number: _number,
    p.Translation: _translated,
    p.Thresholds: _thresholds,
    p.HierarchyLevel: _level,
    p.FirstMatch: _first_match,
    p.Matches: _matches,
    p.InverseVariance: _inverse_variance,
    p.Agreement: _agreement,
    p.Gather: _gathered,
    p.Pairs: _pairs,
}
