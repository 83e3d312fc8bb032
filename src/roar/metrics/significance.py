"""Means over queries with intervals, and paired comparisons of two systems.

The query is the unit: intervals of means come from a bootstrap over queries (from the binomial where a metric is rare),
p-values of differences from flipping the signs of the per-query ones, their intervals from inverting that test. A
slice's resamples depend on the seed and the slice's name alone, so that adding a slice or a system changes no other figure.
"""

import logging
from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy import stats

from roar.metrics.inputs import require_unique
from roar.metrics.resampling import (
    Floats,
    bootstrap_means,
    effective_size,
    holm,
    mean_interval,
    sign_flips,
    slice_generator,
    weighted_mean,
)
from roar.metrics.slices import CROSS, OVERALL, TRAFFIC, cells, metric_rows, metric_table
from roar.parameters import MetricSettings
from roar.tables import require_columns

logger = logging.getLogger(__name__)

_KEY = ["slice", "level", "metric"]
_LABEL = "|"


def aggregate(per_query: pl.DataFrame, slices: pl.DataFrame, config: MetricSettings | None = None) -> pl.DataFrame:
    """Average per-query metrics in every slice.

    Args:
        per_query: query_id, metric, value (null where undefined), as `score_queries` returns.
        slices: query_id, slice, level; optionally weight, a query's traffic, which adds `overall (traffic)`.
        config: confidence, number of resamples, seed.

    Returns:
        slice, level, metric, n, effective, mean, low, high, overall first. n counts the queries that have the metric,
        effective what they are worth under their weights (Kish 1965); low and high are the ends of the mean's interval
        (`roar.metrics.resampling.mean_interval`), null below two queries.

    Raises:
        InputError: a column is missing or a (query, metric) repeats.

    Examples:
        >>> values = pl.DataFrame({"query_id": ["a", "b", "c"], "metric": "ndcg@8", "value": [0.2, 0.4, 0.9]})
        >>> slices = pl.DataFrame({"query_id": ["a", "b"], "slice": "vertical", "level": "food"})
        >>> aggregate(values, slices).select("slice", "level", "n", pl.col("mean").round(3)).rows()
        [('overall', 'all', 3, 0.5), ('vertical', 'food', 2, 0.3)]
    """
    config = config or MetricSettings()
    queries, names, values = _matrix(per_query)
    rows: list[pl.DataFrame] = []
    for slice_, level, index, weight in cells(slices, queries):
        cell = values[index]
        draws = bootstrap_means(cell, weight, config.resamples, slice_generator(config.seed, slice_, level))
        low, high = mean_interval(cell, weight, draws, config.confidence)
        columns = {"effective": effective_size(cell, weight), "mean": weighted_mean(cell, weight)}
        rows.append(metric_rows(slice_, level, names, cell, columns | {"low": low, "high": high}))
    return metric_table(rows, ["effective", "mean", "low", "high"])


def compare(
    per_query_a: pl.DataFrame, per_query_b: pl.DataFrame, slices: pl.DataFrame, config: MetricSettings | None = None
) -> pl.DataFrame:
    """Compare system b with system a (the baseline) on the queries that both have: difference = b - a.

    Args:
        per_query_a: query_id, metric, value of the baseline.
        per_query_b: the same of the other system.
        slices: as in `aggregate`.
        config: confidence, power, number of permutations, seed.

    Returns:
        slice, level, metric, n, mean_a, mean_b, difference, low, high, p, p_adjusted, family, detectable. p is two-sided,
        of the paired sign-flip permutation test, which low and high invert: they leave out 0 exactly where p is at most
        1 - confidence, and are null where so few queries cannot reach it (below six at 95%). p_adjusted is Holm's, within
        one metric and family: "slices", the levels of all plain slices; "crossed slices", which only explore and must not
        weaken the plain ones; an "overall" comparison is a claim of its own, and its p stands as it is. detectable is the
        smallest true difference that a test at 1 - confidence would find with the stated power.

    Raises:
        InputError: a column is missing or a (query, metric) repeats.

    Examples:
        The other system gains a tenth on six of eight queries and loses as much on two.

        >>> a = pl.DataFrame({"query_id": [f"q{i}" for i in range(8)], "metric": "ndcg@8", "value": 0.5})
        >>> b = a.with_columns(value=pl.Series([0.6] * 6 + [0.4] * 2))
        >>> slices = pl.DataFrame(schema={"query_id": pl.String, "slice": pl.String, "level": pl.String})
        >>> compare(a, b, slices).select("n", pl.col("difference", "p").round(3)).row(0)
        (8, 0.05, 0.289)
    """
    config = config or MetricSettings()
    queries, names, a, b = _paired(per_query_a, per_query_b)
    rows: list[pl.DataFrame] = []
    for slice_, level, index, weight in cells(slices, queries):
        cell = b[index] - a[index]
        rng = slice_generator(config.seed, slice_, level)
        p, low, high = sign_flips(cell, weight, config.permutations, config.confidence, rng)
        shared = np.where(np.isnan(cell), np.nan, 1.0)
        columns = {
            "mean_a": weighted_mean(a[index] * shared, weight),
            "mean_b": weighted_mean(b[index] * shared, weight),
            "difference": weighted_mean(cell, weight),
            "low": low,
            "high": high,
            "p": p,
            "detectable": _detectable(cell, weight, config),
        }
        rows.append(metric_rows(slice_, level, names, cell, columns))
    statistics = ["mean_a", "mean_b", "difference", "low", "high", "p", "detectable"]
    table = _with_adjusted_p(metric_table(rows, statistics))
    return table.select(*_KEY, "n", *statistics[:-1], "p_adjusted", "family", "detectable")


def compare_pairs(
    per_query: pl.DataFrame,
    pairs: Sequence[tuple[str, str]],
    slices: pl.DataFrame,
    config: MetricSettings | None = None,
) -> pl.DataFrame:
    """`compare` for many pairs of systems: the same figures, with the resamples drawn once for all of them.

    Args:
        per_query: system, query_id, metric, value.
        pairs: (baseline, system), all of them in `per_query`.
        slices: as in `aggregate`.
        config: as in `compare`.

    Returns:
        system_a, system_b, and the columns of `compare`; pairs in their order.

    Examples:
        >>> values = pl.DataFrame({"system": ["a", "a", "b", "b"], "query_id": ["q", "r"] * 2, "metric": "m", "value": [0.1, 0.2, 0.3, 0.6]})
        >>> slices = pl.DataFrame(schema={"query_id": pl.String, "slice": pl.String, "level": pl.String})
        >>> compare_pairs(values, [("a", "b")], slices).select("system_a", "system_b", pl.col("difference").round(3)).row(0)
        ('a', 'b', 0.3)
    """
    parts = {str(name): rows.drop("system") for (name,), rows in per_query.partition_by("system", as_dict=True).items()}
    labels = [f"{place}{_LABEL}" for place in range(len(pairs))]
    sides = [
        pl.concat(
            [parts[pair[side]].with_columns(metric=pl.lit(label) + pl.col("metric")) for pair, label in zip(pairs, labels, strict=True)]
        )
        for side in (0, 1)
    ]  # fmt: skip
    table = compare(sides[0], sides[1], slices, config).with_columns(
        pl.col("metric").str.split_exact(_LABEL, 1).struct.rename_fields(["place", "metric"])
    )
    names = pl.DataFrame(pairs, schema=["system_a", "system_b"], orient="row").with_columns(
        place=pl.int_range(pl.len()).cast(pl.String)
    )
    joined = table.unnest("metric").join(names, on="place", maintain_order="left")
    return joined.sort(pl.col("place").cast(pl.Int64), maintain_order=True).select(
        "system_a", "system_b", *_KEY, pl.exclude("system_a", "system_b", "place", *_KEY)
    )


def _matrix(per_query: pl.DataFrame) -> tuple[pl.Series, list[str], Floats]:
    """Queries in order, metric names, and values (n, M) with NaN where undefined."""
    require_columns(per_query, "per-query metrics", ["query_id", "metric", "value"])
    require_unique(per_query, "per-query metrics", ["query_id", "metric"])
    names = per_query["metric"].unique(maintain_order=True).to_list()
    wide = per_query.pivot(on="metric", on_columns=names, index="query_id", values="value", aggregate_function="first")
    wide = wide.sort("query_id")
    return wide["query_id"], names, wide.select(pl.col(names).cast(pl.Float64).fill_null(np.nan)).to_numpy()


def _paired(a: pl.DataFrame, b: pl.DataFrame) -> tuple[pl.Series, list[str], Floats, Floats]:
    """`_matrix` of both systems over the queries and metrics that both have."""
    (queries_a, names_a, values_a), (queries_b, names_b, values_b) = _matrix(a), _matrix(b)
    both, rows_a, rows_b = np.intersect1d(queries_a.to_numpy(), queries_b.to_numpy(), return_indices=True)
    if alone := len(queries_a) + len(queries_b) - 2 * len(both):
        logger.warning("%d queries were scored for one system only and are left out of the comparison.", alone)
    names = [name for name in names_a if name in names_b]
    columns_a, columns_b = ([have.index(name) for name in names] for have in (names_a, names_b))
    queries = queries_a.gather(rows_a)
    return queries, names, values_a[rows_a][:, columns_a], values_b[rows_b][:, columns_b]


def _detectable(differences: Floats, weight: Floats, config: MetricSettings) -> Floats:
    """(z_{1 - alpha/2} + z_power) standard errors of the mean difference (Cohen 1988, ch. 2)."""
    size = effective_size(differences, weight)
    variance = weighted_mean((differences - weighted_mean(differences, weight)) ** 2, weight)
    error = np.sqrt(np.divide(variance, size - 1, out=np.full_like(size, np.nan), where=size > 1 + 1e-9))
    return error * (stats.norm.ppf((1 + config.confidence) / 2) + stats.norm.ppf(config.power))


def _with_adjusted_p(table: pl.DataFrame) -> pl.DataFrame:
    """Add family and p_adjusted: Holm (1979) within a metric and family, overall as it is."""
    crossed = pl.col("slice").str.contains(CROSS, literal=True)
    family = pl.when(pl.col("slice").is_in([OVERALL, TRAFFIC])).then(pl.lit("overall"))
    named = table.with_columns(family=family.when(crossed).then(pl.lit("crossed slices")).otherwise(pl.lit("slices")))
    adjusted = table["p"].to_numpy().copy()
    tested = named.with_row_index("row").filter(pl.col("family") != "overall", pl.col("p").is_not_null())
    for _, members in tested.group_by("metric", "family", maintain_order=True):
        rows = members["row"].to_numpy()
        adjusted[rows] = holm(adjusted[rows])
    return named.with_columns(p_adjusted=pl.Series(adjusted, dtype=pl.Float64).fill_nan(None))
