"""Nodes of power planning."""

import logging

import plotly.graph_objects as go
import polars as pl

from roar.ab_testing import aggregate_history, plan
from roar.ab_testing.reading import Frame, has_rows
from roar.errors import InputError
from roar.parameters import ABTest, ExperimentPlan
from roar.report.experiment import plan_chart

logger = logging.getLogger(__name__)


def read_history(
    log: Frame, units: pl.DataFrame, simulated_log: Frame, simulated_units: pl.DataFrame, config: ABTest
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Moments and days of a log from before any test, with the control alone in it, or of an earlier test.

    Raises:
        InputError: there is no log to plan from.
    """
    own = has_rows(log)
    if not own and not has_rows(simulated_log):
        raise InputError(
            "plan_experiment: there is no experiment_log; give one of the days before the test, with ab_test.control as "
            "its variant (a simulated shop: run ab_test first)"
        )
    found = aggregate_history(log if own else simulated_log, units if own else simulated_units, config)
    return found.moments, found.days


def plan_sizes(moments: pl.DataFrame, days: pl.DataFrame, config: ABTest, planned: ExperimentPlan) -> pl.DataFrame:
    """Units and days for each effect, and the effect that each number of days can find."""
    sizes = plan(moments, days["day"].n_unique(), config, planned)
    wanted = sizes.filter((pl.col("metric") == config.primary) & (pl.col("question") == "effect"))
    for row in wanted.iter_rows(named=True):
        logger.info(
            "%s: %+.1f%% needs %d units, %d days", row["metric"], 100 * row["effect"], row["units"], row["days"]
        )
    return sizes


def draw_plan(sizes: pl.DataFrame, config: ABTest) -> go.Figure:
    """The effect that a test of so many days can find, by metric."""
    return plan_chart(sizes, config)
