"""From offline to online: the gain in a ranking metric beside the uplift of the same queries' searches."""

from typing import NamedTuple

import polars as pl
from scipy import stats

from roar.ab_testing.moments import OVERALL
from roar.parameters import ABTest

SCHEMA = {
    "slice": pl.String, "level": pl.String, "metric": pl.String, "offline": pl.Float64, "offline_low": pl.Float64,
    "offline_high": pl.Float64, "online": pl.Float64, "online_low": pl.Float64, "online_high": pl.Float64,
}  # fmt: skip


class Agreement(NamedTuple):
    """Correlation of offline gains with online uplifts over the levels of the slices.

    pearson and spearman are null below three levels.
    """

    metric: str
    levels: int
    pearson: float | None
    spearman: float | None
    same_sign: int


def offline_to_online(comparisons: pl.DataFrame, uplifts: pl.DataFrame, config: ABTest | None = None) -> pl.DataFrame:
    """Both of each level that has both.

    Args:
        comparisons: system_a, system_b, protocol, slice, level, metric, difference, low, high.
        uplifts: as `roar.ab_testing.uplifts` returns them.
        config: `offline` names the comparison; without it, or where the comparison is not there, the result is empty.

    Returns:
        slice, level, metric (online), offline, offline_low, offline_high (difference of the offline metric), online,
        online_low, online_high (relative uplift); overall first.
    """
    asked = (config or ABTest()).offline
    if asked is None or comparisons.is_empty() or uplifts.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    offline = comparisons.filter(
        system_a=asked.baseline, system_b=asked.system, protocol=asked.protocol, metric=asked.metric
    ).select("slice", "level", offline="difference", offline_low="low", offline_high="high")
    online = uplifts.filter(pl.col("metric").is_in(asked.online) & pl.col("relative_low").is_not_null()).select(
        "slice", "level", "metric", online="relative", online_low="relative_low", online_high="relative_high"
    )
    joined = online.join(offline, on=["slice", "level"], how="inner", maintain_order="left")
    return joined.select(SCHEMA.keys()).sort(pl.col("slice") != OVERALL, maintain_order=True)


def agreement(joined: pl.DataFrame) -> list[Agreement]:
    """How far the levels that gain most offline gain most online, for each online metric."""
    found = []
    for (metric,), rows in joined.filter(pl.col("slice") != OVERALL).group_by("metric", maintain_order=True):
        pair = rows.drop_nulls(["offline", "online"])
        offline, online = pair["offline"].to_numpy(), pair["online"].to_numpy()
        varied = pair.height >= 3 and pair["offline"].n_unique() > 1 and pair["online"].n_unique() > 1
        pearson = float(stats.pearsonr(offline, online).statistic) if varied else None
        spearman = float(stats.spearmanr(offline, online).statistic) if varied else None
        same = int(((offline > 0) == (online > 0)).sum())
        found.append(Agreement(str(metric), pair.height, pearson, spearman, same))
    return found
