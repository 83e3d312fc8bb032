"""Reading a contract table out of the raw tables: side tables joined, rows chosen, columns computed.

Only the raw columns that a mapping reads are loaded, so a lazy raw table (a parquet scan of millions of rows) stays
on disk but for those.
"""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from roar.errors import InputError, did_you_mean, nearest
from roar.ingestion.contract import REQUIRED, TABLES
from roar.ingestion.expressions import evaluate, number_columns, raw_columns
from roar.ingestion.quality import NOTHING, SIMULATED, Quality, listed
from roar.ingestion.selection import FILLED, LEFT_OUT, condition
from roar.ingestion.values import counted_numbers, join_key
from roar.parameters import ColumnValue, Expression, Ingestion, SideTable, TableMapping, Translation
from roar.schemas import ORIGIN, SIMULATOR
from roar.text import as_ids, is_missing

RawTables = Mapping[str, pl.DataFrame | pl.LazyFrame]


def mapped(table: str, raw: RawTables, config: Ingestion, quality: Quality) -> pl.DataFrame:
    """The contract table's columns with raw values; empty where an optional raw table is absent or empty.

    Raises:
        InputError: a needed table, column or value is missing, or the raw table cannot be read.
    """
    mapping: TableMapping = getattr(config, table)
    try:
        frame = raw[mapping.table].lazy() if mapping.table in raw else pl.LazyFrame()
        frame = _unmarked(table, frame, quality)
        names = frame.collect_schema().names()
        if not names and table not in REQUIRED:
            return pl.DataFrame()
        if not names:
            hint = "" if mapping.table in raw else f"; {did_you_mean(mapping.table, raw)}"
            raise InputError(f"the table is missing or has no columns; add it to the catalog{hint}")
        for place, side in enumerate(mapping.join):
            frame = _joined(frame, side, f"{_UNMATCHED}{place}", raw, quality)
        return _read(table, mapping, frame, config, quality)
    except InputError as error:
        raise InputError(f"{mapping.table} (for {table}): {error}") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{mapping.table} (for {table}): the table cannot be read: {reason}") from error


def _unmarked(table: str, frame: pl.LazyFrame, quality: Quality) -> pl.LazyFrame:
    """The frame without the simulator's mark; that the rows are simulated is noted, whatever the mapping takes of them."""
    if ORIGIN not in frame.collect_schema().names():
        return frame
    made = frame.select((pl.col(ORIGIN).cast(pl.String) == SIMULATOR).sum()).collect().item()
    quality.add(table, SIMULATED, "noted", made)
    return frame.drop(ORIGIN) if made else frame


def ids_left_out(key: str, mapping: TableMapping, raw: RawTables, kept: pl.Series) -> pl.Series:
    """Ids of the rows that the mapping's conditions leave out; none where there are no conditions."""
    if not mapping.where or mapping.table not in raw:
        return kept.clear()
    frame, expression = raw[mapping.table].lazy(), mapping.columns.get(key, ColumnValue(column=key))
    columns = raw_columns(expression, frame.collect_schema().names())
    ids = as_ids(evaluate(expression, frame.select(columns).collect()))
    return ids.filter(~ids.is_in(kept.implode())).unique()


def _read(table: str, mapping: TableMapping, frame: pl.LazyFrame, config: Ingestion, quality: Quality) -> pl.DataFrame:
    marks = [name for name in frame.collect_schema().names() if name.startswith(_UNMATCHED)]
    names = [name for name in frame.collect_schema().names() if name not in marks]
    expressions = _expressions(table, mapping, names)
    wanted = {name: None for expression in expressions.values() for name in raw_columns(expression, names)}
    _require_columns(list(wanted), names)
    _refuse_objects(frame, list(wanted))
    before = [where for where in mapping.where if where.column in names]
    after = [where for where in mapping.where if where not in before and (table, where.column) != FILLED]
    _require_columns([where.column for where in after], [*expressions, *names])
    chosen = frame.filter(*map(condition, before)) if before else frame
    loaded = chosen.select(*wanted, *marks).collect()
    if loaded.is_empty() and table in REQUIRED:
        raise InputError(_why_empty(mapping, frame))
    for place, side in enumerate(mapping.join):
        _check_matches(table, side, f"{_UNMATCHED}{place}", loaded, config, quality)
    loaded = _without_missing(table, loaded.drop(marks), _labels(expressions.values(), config), config, quality)
    result = pl.DataFrame(
        [_evaluated(table, name, expression, loaded, config, quality) for name, expression in expressions.items()]
    )
    result = result.filter(*map(condition, after)) if after else result
    if before or after:
        rule = f"not {' and '.join(where.said for where in (*before, *after))}"
        quality.add(table, rule, LEFT_OUT, frame.select(pl.len()).collect().item() - result.height)
    if result.is_empty() and table in REQUIRED:
        raise InputError(f"no row has {' and '.join(where.said for where in after)}, which the mapping asks for")
    quality.add(table, "rows read", "noted", result.height)
    return result.unique(maintain_order=True) if mapping.distinct else result


def _expressions(table: str, mapping: TableMapping, names: Sequence[str]) -> dict[str, Expression]:
    """The mapped columns, the contract's own names where nothing is mapped to them, and the other raw columns."""
    expressions = dict(mapping.columns)
    for column in TABLES[table]:
        if column.name not in expressions and column.name in names:
            expressions[column.name] = ColumnValue(column=column.name)
        elif column.name not in expressions and column.needed:
            near = _misspelt(column.name, mapping.columns, names)
            raise InputError(
                f"no column {column.name}; the table has {_some(names)}: name one in ingestion.{table}.columns"
                + (f", which has {near}: did you mean {column.name}?" if near else "")
            )
        elif near := _misspelt(column.name, mapping.columns, names):
            raise InputError(f"ingestion.{table}.columns has {near}; did you mean {column.name}?")
    if mapping.others == "keep":
        read = {name for expression in expressions.values() for name in raw_columns(expression, names)}
        others = (name for name in names if name not in read and name not in expressions)
        expressions |= {name: ColumnValue(column=name) for name in others}
    return expressions


def _labels(expressions: Iterable[Expression], config: Ingestion) -> set[str]:
    """Columns in which a translation gives a word for nothing, such as "none", a meaning."""
    translations = (expression for expression in expressions if isinstance(expression, Translation))
    missing = {word.lower() for word in config.cleaning.missing}
    return {t.translate for t in translations if missing & {label.strip().lower() for label in t.to}}


def _without_missing(
    table: str, loaded: pl.DataFrame, labels: set[str], config: Ingestion, quality: Quality
) -> pl.DataFrame:
    """Raw texts without the words that stand for nothing, so that no column takes one for a value."""
    for name, dtype in loaded.schema.items():
        if dtype != pl.String or name in labels:
            continue
        missing = loaded.select(is_missing(pl.col(name), config.cleaning.missing).fill_null(False)).to_series()
        if missing.any():
            examples = loaded[name].filter(missing)
            quality.add(table, NOTHING, "repaired", len(examples), column=name, examples=examples)
            loaded = loaded.with_columns(pl.when(~missing).then(pl.col(name)).alias(name))
    return loaded


def _misspelt(name: str, mapped_names: Iterable[str], raw_names: Sequence[str]) -> str | None:
    """A mapped column that nearly has the name of one of the contract that is not there."""
    contract = {column.name for columns in TABLES.values() for column in columns}
    free = [mapped_name for mapped_name in mapped_names if mapped_name not in contract and name not in raw_names]
    return nearest(name, free, alike=0.8)


def _evaluated(
    table: str, name: str, expression: Expression, loaded: pl.DataFrame, config: Ingestion, quality: Quality
) -> pl.Series:
    """The column; raw texts that had to be numbers and are none are counted, as are those of the contract's own columns."""
    try:
        for column in number_columns(expression):
            read = counted_numbers(loaded[column], getattr(expression, "decimal", None))
            quality.repaired(table, column, loaded[column], read.broken, config.max_loss)
            loaded = loaded.with_columns(read.values.alias(column))
        return evaluate(expression, loaded).alias(name)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _require_columns(wanted: Sequence[str], names: Sequence[str]) -> None:
    missing = [name for name in dict.fromkeys(wanted) if name not in names]
    if missing:
        near = nearest(missing[0], names)
        hint = f"did you mean {near}? T" if near else "t"
        raise InputError(f"no column {', '.join(missing)}, which the mapping reads; {hint}he table has {_some(names)}")


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


def _why_empty(mapping: TableMapping, frame: pl.LazyFrame) -> str:
    names = frame.collect_schema().names()
    for where in (where for where in mapping.where if where.column in names):
        values = frame.select(pl.col(where.column).cast(pl.String).unique().sort()).head(10).collect().to_series()
        if len(values) and not frame.filter(condition(where)).head(1).collect().height:
            found = ", ".join(map(str, values))
            return f"no row has {where.said}, which the mapping asks for; it holds {found}"
    return "no row is left by the mapping's conditions" if mapping.where else "the table has no rows"


def _joined(frame: pl.LazyFrame, side: SideTable, mark: str, raw: RawTables, quality: Quality) -> pl.LazyFrame:
    """The frame with the side table's columns, nulls where it is absent or has no row for the key, and the key there as `mark`."""
    extra = raw[side.table].lazy() if side.table in raw else pl.LazyFrame()
    names = extra.collect_schema().names()
    if not names:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in side.columns)
    _require_columns(side.key, frame.collect_schema().names())
    missing = [name for name in (*side.key, *side.columns) if name not in names]
    if missing:
        near = _nearest(missing[0], names)
        raise InputError(f"{side.table} has no column {', '.join(missing)}{near}; it has {_some(names)}")
    clash = [name for name in side.columns if name in frame.collect_schema() and name not in side.key]
    if clash:
        raise InputError(f"{side.table} and the table itself both have {', '.join(clash)}; rename one of them upstream")
    keys = [f"_key {place}" for place in range(len(side.key))]
    own, other = frame.collect_schema(), extra.collect_schema()
    rows = extra.select(
        *(join_key(name, other[name]).alias(key) for name, key in zip(side.key, keys, strict=True)),
        *(name for name in side.columns if name not in side.key),
        pl.lit(True).alias("_there"),
    ).collect()
    once = rows.drop_nulls(keys).unique(subset=keys, keep="first", maintain_order=True)
    quality.add(side.table, "repeated key, first row kept, or no key", "dropped", rows.height - once.height)
    frame = frame.with_columns(join_key(name, own[name]).alias(key) for name, key in zip(side.key, keys, strict=True))
    shown = pl.concat_str(pl.col(keys).fill_null("no key"), separator=" / ")
    joined = frame.join(once.lazy(), on=keys, how="left", maintain_order="left")
    unmatched = pl.when(pl.col("_there").is_null()).then(shown).alias(mark)
    return joined.with_columns(unmatched).drop("_there", *keys)


_UNMATCHED = "_unmatched keys of join "


def _check_matches(
    table: str, side: SideTable, mark: str, loaded: pl.DataFrame, config: Ingestion, quality: Quality
) -> None:
    """Count the rows that a side table knows, and refuse where too many find nothing there: keys of another form, mostly.

    Raises:
        InputError: more than `max_unmatched` of the rows (by default `max_loss`) have no row in the side table.
    """
    if mark not in loaded.columns:  # the side table is absent
        return
    unmatched = loaded[mark].drop_nulls()
    limit = config.max_loss if side.max_unmatched is None else side.max_unmatched
    key = ", ".join(side.key)
    if len(unmatched) > limit * loaded.height:
        raise InputError(
            f"{side.table}: {len(unmatched)} of {loaded.height} rows find no row there by {key} (first: "
            f"{listed(unmatched)}); are the keys of one kind? A side table that knows fewer needs a larger max_unmatched "
            f"({limit:g}) under ingestion.{table}.join"
        )
    quality.add(table, f"row found in {side.table}", "noted", loaded.height - len(unmatched), column=key)
    quality.add(table, f"row not found in {side.table}", "noted", len(unmatched), column=key, examples=unmatched)
