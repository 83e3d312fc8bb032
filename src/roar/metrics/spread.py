"""How much figures move between trainings: runs that differ in the seed alone, side by side."""

from collections.abc import Mapping

import polars as pl

from roar.metrics.slices import OVERALL


def seed_spread(runs: Mapping[int, pl.DataFrame]) -> pl.DataFrame:
    """Mean and standard deviation of overall means over seeds.

    Args:
        runs: seed to the tidy metric table (system, protocol, slice, level, metric, n, mean).

    Returns:
        system, protocol, metric, seeds (how many), mean, standard_deviation (n - 1), lowest, highest; no rows for fewer
        than two seeds, and none for metrics that a run lacks.
    """
    overall = [
        table.filter(pl.col("slice") == OVERALL).select("system", "protocol", "metric", "mean")
        for table in runs.values()
    ]
    schema = {"system": pl.String, "protocol": pl.String, "metric": pl.String, "mean": pl.Float64}
    rows = pl.concat([pl.DataFrame(schema=schema), *overall]).drop_nulls()
    return (
        rows.group_by("system", "protocol", "metric", maintain_order=True)
        .agg(
            seeds=pl.len().cast(pl.Int64),
            mean=pl.col("mean").mean(),
            standard_deviation=pl.col("mean").std(),
            lowest=pl.col("mean").min(),
            highest=pl.col("mean").max(),
        )
        .filter(pl.col("seeds") == len(runs), pl.col("seeds") > 1)
    )
