"""Reading a contract table out of the raw tables: side tables joined, rows chosen, columns computed.

Only the raw columns that a mapping reads are loaded, so a lazy raw table (a parquet scan of millions of rows) stays
on disk but for those.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from roar.errors import InputError
from roar.ingestion.contract import REQUIRED, TABLES
from roar.ingestion.expressions import evaluate, raw_columns
from roar.ingestion.quality import Quality
from roar.parameters import ColumnValue, Expression, SideTable, TableMapping, Where

RawTables = Mapping[str, pl.DataFrame | pl.LazyFrame]


def mapped(table: str, mapping: TableMapping, raw: RawTables, quality: Quality) -> pl.DataFrame:
    """The contract table's columns with raw values; empty where an optional raw table is absent or empty.

    Raises:
        InputError: a needed table, column or value is missing, or the raw table cannot be read.
    """
    try:
        frame = raw[mapping.table].lazy() if mapping.table in raw else pl.LazyFrame()
        names = frame.collect_schema().names()
        if not names and table not in REQUIRED:
            return pl.DataFrame()
        if not names:
            raise InputError("the table is missing or has no columns; add it to the catalog")
        for side in mapping.join:
            frame = _joined(frame, side, raw, quality)
        return _read(table, mapping, frame, quality)
    except InputError as error:
        raise InputError(f"{mapping.table} (for {table}): {error}") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{mapping.table} (for {table}): the table cannot be read: {reason}") from error


def _read(table: str, mapping: TableMapping, frame: pl.LazyFrame, quality: Quality) -> pl.DataFrame:
    names = frame.collect_schema().names()
    expressions = _expressions(table, mapping, names)
    wanted = {name: None for expression in expressions.values() for name in raw_columns(expression, names)}
    _require_columns([*wanted, *(where.column for where in mapping.where)], names)
    _refuse_objects(frame, list(wanted))
    chosen = frame.filter(*(_condition(where) for where in mapping.where)) if mapping.where else frame
    loaded = chosen.select(list(wanted)).collect()
    if loaded.is_empty() and table in REQUIRED:
        raise InputError(_why_empty(mapping, frame))
    result = pl.DataFrame([_evaluated(name, expression, loaded) for name, expression in expressions.items()])
    quality.add(table, "rows read", "noted", result.height)
    return result.unique(maintain_order=True) if mapping.distinct else result


def _expressions(table: str, mapping: TableMapping, names: Sequence[str]) -> dict[str, Expression]:
    """The mapped columns, the contract's own names where nothing is mapped to them, and the other raw columns."""
    expressions = dict(mapping.columns)
    for column in TABLES[table]:
        if column.name not in expressions and column.name in names:
            expressions[column.name] = ColumnValue(column=column.name)
        elif column.name not in expressions and column.needed:
            raise InputError(
                f"no column {column.name}; the table has {_some(names)}: name one in ingestion.{table}.columns"
            )
    if mapping.others == "keep":
        read = {name for expression in expressions.values() for name in raw_columns(expression, names)}
        others = (name for name in names if name not in read and name not in expressions)
        expressions |= {name: ColumnValue(column=name) for name in others}
    return expressions


def _evaluated(name: str, expression: Expression, loaded: pl.DataFrame) -> pl.Series:
    try:
        return evaluate(expression, loaded).alias(name)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _require_columns(wanted: Sequence[str], names: Sequence[str]) -> None:
    missing = [name for name in dict.fromkeys(wanted) if name not in names]
    if missing:
        raise InputError(f"no column {', '.join(missing)}, which the mapping reads; the table has {_some(names)}")


def _refuse_objects(frame: pl.LazyFrame, wanted: Sequence[str]) -> None:
    schema = frame.collect_schema()
    objects = [name for name in wanted if schema[name] == pl.Object]
    if objects:
        raise InputError(f"column {', '.join(objects)} holds Python objects; expected text, numbers or times")


def _some(names: Sequence[str], limit: int = 12) -> str:
    """Column names for a message; a single one with a separator in it tells its own story."""
    text = ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
    one_column = len(names) == 1 and any(mark in names[0] for mark in "\t;,|")
    return text[:300] + (" (a single column: is the separator right?)" if one_column else "")


def _condition(where: Where) -> pl.Expr:
    values = [where.equals] if isinstance(where.equals, str) else list(where.equals)
    return pl.col(where.column).cast(pl.String).is_in(values)


def _why_empty(mapping: TableMapping, frame: pl.LazyFrame) -> str:
    for where in mapping.where:
        values = frame.select(pl.col(where.column).cast(pl.String).unique().sort()).head(10).collect().to_series()
        if len(values) and not frame.filter(_condition(where)).head(1).collect().height:
            found = ", ".join(map(str, values))
            return f"no row has {where.column} = {where.equals}, which the mapping asks for; it holds {found}"
    return "no row is left by the mapping's conditions" if mapping.where else "the table has no rows"


def _joined(frame: pl.LazyFrame, side: SideTable, raw: RawTables, quality: Quality) -> pl.LazyFrame:
    """The frame with the side table's columns; nulls where the side table is absent or has no row for the key."""
    extra = raw[side.table].lazy() if side.table in raw else pl.LazyFrame()
    names = extra.collect_schema().names()
    if not names:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in side.columns)
    _require_columns(side.key, frame.collect_schema().names())
    missing = [name for name in (*side.key, *side.columns) if name not in names]
    if missing:
        raise InputError(f"{side.table} has no column {', '.join(missing)}; it has {_some(names)}")
    keys = [pl.col(name).cast(pl.String) for name in side.key]
    rows = extra.select(*keys, *(name for name in side.columns if name not in side.key)).collect()
    once = rows.unique(subset=side.key, keep="first", maintain_order=True)
    quality.add(side.table, "repeated key, first row kept", "dropped", rows.height - once.height)
    return frame.with_columns(keys).join(once.lazy(), on=side.key, how="left", maintain_order="left")
