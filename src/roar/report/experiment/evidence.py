"""What the experiment's section reads."""

from typing import Any, NamedTuple

import polars as pl

from roar.ab_testing.moments import OVERALL


class ExperimentEvidence(NamedTuple):
    """All tables of `roar.ab_testing` on one experiment, and what is known of a simulated one.

    verdict: outcome, reason, days_needed, rules (list of rule, state, detail, days_needed).
    quality: ingestion's data-quality table; its rows on the experiment are shown.
    preference: the fields of `roar.ab_testing.Preference`; empty where there was no interleaving test.
    truth: slice, level, metric, relative; without rows where the test is real.
    """

    verdict: dict[str, Any]
    uplifts: pl.DataFrame
    cumulative: pl.DataFrame
    checks: pl.DataFrame
    exclusions: pl.DataFrame
    days: pl.DataFrame
    quality: pl.DataFrame
    offline: pl.DataFrame
    preference: dict[str, Any]
    truth: pl.DataFrame

    @property
    def simulated(self) -> bool:
        """Whether the simulator made the test."""
        return not self.truth.is_empty()

    def overall(self) -> pl.DataFrame:
        """Uplifts of all searches together, with the true ones."""
        rows = self.uplifts.filter(pl.col("slice") == OVERALL)
        if not self.simulated:
            return rows.with_columns(true=pl.lit(None, pl.Float64))
        truth = self.truth.filter(pl.col("slice") == OVERALL).select("metric", true="relative")
        return rows.join(truth, on="metric", how="left", maintain_order="left")
