"""Slices: which queries a mean is taken over.

A slice table is long: query_id, slice, level and, where traffic is known, weight. A query may be in many slices, and
in several levels of one. Every table gets the slice `overall` with the level `all`, each query counting once, and,
where there is a weight, `overall (traffic)`, each query counting as often as it is searched.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.metrics.inputs import require_unique
from roar.metrics.resampling import Floats
from roar.tables import require_columns

OVERALL = "overall"
TRAFFIC = "overall (traffic)"
ALL = "all"
CROSS = " x "
"""Stands between the two names of a crossed slice, and between the two of each of its levels."""


def slice_table(
    queries: pl.DataFrame,
    columns: Sequence[str] = ("vertical", "stratum"),
    *,
    crossed: Sequence[tuple[str, str]] = (),
    weight: str | None = None,
) -> pl.DataFrame:
    """Turn columns of a query table into slices.

    Args:
        queries: query_id, the columns, and the weight.
        columns: each becomes a slice of its name; a query without a value is in none of its levels.
        crossed: pairs of columns that make a slice `a x b` with levels `level of a x level of b`.
        weight: the column that counts a query's searches; null or 0 leaves it out of the traffic-weighted mean.

    Returns:
        query_id, slice, level, and weight (float64) where one is named; without the overall slices, which
        `aggregate` and `compare` add by themselves.

    Raises:
        InputError: a column is missing or a query is there twice.

    Examples:
        >>> queries = pl.DataFrame({"query_id": ["a", "b"], "vertical": ["food", None], "stratum": ["HEAD", "TAIL"]})
        >>> slice_table(queries).rows()
        [('a', 'vertical', 'food'), ('a', 'stratum', 'HEAD'), ('b', 'stratum', 'TAIL')]
    """
    pairs = [column for pair in crossed for column in pair]
    require_columns(queries, "queries of the slices", ["query_id", *columns, *pairs, *([weight] if weight else [])])
    require_unique(queries, "queries of the slices", ["query_id"])
    levels = {column: pl.col(column).cast(pl.String) for column in columns}
    for a, b in crossed:
        levels[f"{a}{CROSS}{b}"] = pl.format("{}" + CROSS + "{}", pl.col(a).cast(pl.String), pl.col(b).cast(pl.String))
    kept = {"query_id": pl.col("query_id")} | ({"weight": pl.col(weight).cast(pl.Float64)} if weight else {})
    wide = queries.select(**kept, **{f"slice {name}": level for name, level in levels.items()})
    long = wide.unpivot(index=list(kept), variable_name="slice", value_name="level").drop_nulls("level")
    return long.with_columns(pl.col("slice").str.strip_prefix("slice ")).select(
        "query_id", "slice", "level", *(["weight"] if weight else [])
    )


def complete(slices: pl.DataFrame, queries: pl.Series) -> pl.DataFrame:
    """Return query_id, slice, level, weight (float64) with the overall slices of `queries` first, the others by name.

    Raises:
        InputError: a column is missing, a query is in a level twice, or has two weights or a negative one.
    """
    require_columns(slices, "slices", ["query_id", "slice", "level"])
    require_unique(slices, "slices", ["query_id", "slice", "level"])
    own = slices.filter(pl.col("slice").is_in([OVERALL, TRAFFIC]).not_())
    own = own.select("query_id", "slice", "level", weight=pl.lit(1.0)).sort("slice", "level")
    everything = pl.DataFrame({"query_id": queries.unique().sort()})
    parts = [_whole(everything.with_columns(weight=pl.lit(1.0)), OVERALL)]
    if "weight" in slices.columns:
        parts.append(_whole(everything.join(_traffic(slices), on="query_id"), TRAFFIC))
    return pl.concat([*parts, own])


def cells(slices: pl.DataFrame, queries: pl.Series) -> Iterator[tuple[str, str, np.ndarray, Floats]]:
    """Each slice's levels, overall first, with the rows of their queries (in the order of `queries`) and the weights."""
    position = pl.DataFrame({"query_id": queries}).with_row_index("row")
    located = complete(slices, queries).join(position, on="query_id", how="inner", maintain_order="left")
    for (slice_, level), members in located.group_by("slice", "level", maintain_order=True):
        rows = members.sort("row")
        yield str(slice_), str(level), rows["row"].to_numpy(), rows["weight"].to_numpy()


def metric_rows(slice_: str, level: str, names: list[str], cell: Floats, columns: dict[str, Floats]) -> pl.DataFrame:
    """Rows of one slice level: its metrics, how many of the queries in `cell` (n, M) have them, and the statistics."""
    defined = (~np.isnan(cell)).sum(axis=0)
    return pl.DataFrame({"slice": slice_, "level": level, "metric": names, "n": defined, **columns})


def metric_table(rows: list[pl.DataFrame], statistics: list[str]) -> pl.DataFrame:
    """All levels' rows in one table; a statistic that could not be computed (NaN) is null."""
    schema = {"slice": pl.String, "level": pl.String, "metric": pl.String, "n": pl.Int64}
    empty = pl.DataFrame(schema=schema | dict.fromkeys(statistics, pl.Float64))
    return pl.concat([empty, *(row.cast({"n": pl.Int64}) for row in rows)]).with_columns(
        pl.col(statistics).fill_nan(None)
    )


def _whole(queries: pl.DataFrame, name: str) -> pl.DataFrame:
    return queries.select("query_id", slice=pl.lit(name), level=pl.lit(ALL), weight="weight")


def _traffic(slices: pl.DataFrame) -> pl.DataFrame:
    """One positive weight for each query that has one."""
    weights = slices.select("query_id", pl.col("weight").cast(pl.Float64)).drop_nulls().unique().sort("query_id")
    require_unique(weights, "slices (weight of a query)", ["query_id"])
    if weights.filter(pl.col("weight").is_finite().not_() | (pl.col("weight") < 0)).height:
        raise InputError("Table slices, column weight: expected finite values of at least 0.")
    return weights.filter(pl.col("weight") > 0)
