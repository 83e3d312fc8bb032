"""What a search counts for: the measures that metrics are ratios of.

Money and seconds are carried as whole millionths, so that a sum does not depend on the order of the rows; in 128 bits, so
that none overflows.
"""

from typing import get_args

import polars as pl

from roar.parameters import Measure

MEASURES: tuple[str, ...] = get_args(Measure)
SCALES = {name: 1e-6 if name in ("revenue", "first_click_s") else 1.0 for name in MEASURES}
"""What one unit of a measure's integer is worth."""
SHARES = {
    **dict.fromkeys(("clicked_searches", "zero_results", "reformulations", "first_clicks"), "searches"),
    "clicks": "impressions",
}
"""Measures that count some of another's, so that their ratio is a share of it."""


def measured(rows: pl.DataFrame, reformulation_s: float, revenue_cap: float | None) -> pl.DataFrame:
    """Add the measures of each search, as integers; the rows come back sorted by unit, session and time.

    Args:
        rows: searches under `roar.schemas.ExperimentLog`.
        reformulation_s: a search counts as reformulated if the session's next one, with another query, follows within
            this many seconds.
        revenue_cap: revenue above it counts as it; None caps nothing.
    """
    revenue = pl.col("revenue") if revenue_cap is None else pl.col("revenue").clip(upper_bound=revenue_cap)
    return rows.sort("unit_id", "session_id", "timestamp", "query").with_columns(
        reformulations=_reworded(reformulation_s).cast(pl.Int64),
        searches=pl.lit(1, pl.Int64),
        clicked_searches=(pl.col("clicks") > 0).cast(pl.Int64),
        zero_results=(pl.col("results") == 0).cast(pl.Int64),
        first_clicks=pl.col("first_click_s").is_not_null().cast(pl.Int64),
        revenue=_millionths(revenue),
        first_click_s=_millionths(pl.col("first_click_s").fill_null(0)),
    )


def _reworded(seconds: float) -> pl.Expr:
    """Whether the next row, in time within the session, is another query soon after."""
    same = [pl.col(name) == pl.col(name).shift(-1) for name in ("unit_id", "session_id")]
    wait = pl.col("timestamp").shift(-1) - pl.col("timestamp")
    other = pl.col("query") != pl.col("query").shift(-1)
    return pl.all_horizontal(*same, other, wait.dt.total_microseconds() <= seconds * 1e6).fill_null(False)


def _millionths(amount: pl.Expr) -> pl.Expr:
    return (amount * 1e6).round().cast(pl.Int128)
