"""Sufficient statistics: what an estimator needs of each metric, slice and variant, and nothing else of the units.

For unit i with numerator y, denominator x and covariate c: the number of units and the sums of y, x, c and of their
squares and products. Sums of disjoint sets of units add up, which is what lets a log be read in parts.
"""

from collections.abc import Mapping
from typing import NamedTuple, Self

import numpy as np
import polars as pl
from tea_tasting.aggr import Aggregates

from roar.parameters import OnlineMetric

KEY = ("slice", "level", "metric", "variant")
SUMS = ("units", "y", "x", "c", "yy", "xx", "cc", "yx", "yc", "xc")
OVERALL, ALL = "overall", "all"
UNTIL, EXPOSURE = "until", "exposure day"


class Base(NamedTuple):
    """The units that a slice divides by, those without a search in it included; each (2,), by arm."""

    units: np.ndarray
    c: np.ndarray
    cc: np.ndarray

    @classmethod
    def of(cls, arm: np.ndarray, covariate: np.ndarray) -> Self:
        """Count units and covariate; arm (n,) is 0 or 1."""
        return cls(*(np.bincount(arm, weights, minlength=2) for weights in (None, covariate, covariate**2)))


def level_moments(
    sums: Mapping[str, np.ndarray],
    arm: np.ndarray,
    covariate: np.ndarray,
    base: Base,
    metrics: Mapping[str, OnlineMetric],
) -> list[tuple[str, int, *tuple[float, ...]]]:
    """Moments of every metric in one level of a slice: (metric, arm, *SUMS).

    Args:
        sums: measure to (m,) sums of the units that searched there; the others are 0 and change units, c and cc alone.
        arm: (m,) 0 control, 1 treatment.
        covariate: (m,) centred.
        base: all units that the level divides by.
        metrics: by name.
    """
    found = []
    for name, metric in metrics.items():
        y = sums[metric.numerator]
        x = sums[metric.denominator] if metric.denominator else np.zeros_like(y)
        products = (y, x, y * y, x * x, y * x, y * covariate, x * covariate)
        sy, sx, yy, xx, yx, yc, xc = (np.bincount(arm, product, minlength=2) for product in products)
        table = np.column_stack([base.units, sy, sx, base.c, yy, xx, base.cc, yx, yc, xc])
        found += [(name, number, *row) for number, row in enumerate(table.tolist())]
    return found


def aggregates(row: Mapping[str, float]) -> Aggregates:
    """A row of moments as the count, means, variances and covariances that tea-tasting's estimators take."""
    n = row["units"]
    mean = {name: row[name] / n for name in "yxc"}

    def covariance(a: str, b: str) -> float:
        return (row[a + b] - n * mean[a] * mean[b]) / (n - 1)

    return Aggregates(
        count_=round(n),
        mean_=mean,
        var_={name: max(covariance(name, name), 0.0) for name in "yxc"},
        cov_={(a, b): covariance(a, b) for a, b in ("yx", "yc", "xc")},
    )


def moment_table(rows: list[tuple]) -> pl.DataFrame:
    """Rows (*KEY, *SUMS) as a table; the variant is 0 control, 1 treatment."""
    schema = {**dict.fromkeys(KEY, pl.String), "variant": pl.Int64, **dict.fromkeys(SUMS, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def added(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Moments of disjoint sets of units as one."""
    return pl.concat(parts).group_by(KEY, maintain_order=True).agg(pl.col(SUMS).sum()).sort(KEY, maintain_order=True)
