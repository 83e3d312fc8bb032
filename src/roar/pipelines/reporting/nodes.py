"""Nodes of reporting: the evaluation's section, tables and charts to take away, and the page."""

from typing import Any

import plotly.graph_objects as go
import polars as pl

from roar.parameters import MetricSettings, Reporting
from roar.report import Section, evaluation_section, render, wide_tables
from roar.report.evidence import Evidence
from roar.report.result_charts import gains_chart, systems_chart


def build_evaluation_section(
    metrics: pl.DataFrame,
    comparisons: pl.DataFrame,
    per_query: pl.DataFrame,
    queries: pl.DataFrame,
    strata: pl.DataFrame,
    config: Reporting,
    measured: MetricSettings,
) -> dict[str, Any]:
    """What the evaluation says, as a section of the page."""
    named = queries.select("query_id", "query").join(strata, on="query_id", how="left")
    return evaluation_section(metrics, comparisons, per_query, named, config, measured).model_dump(mode="json")


def draw_charts(
    metrics: pl.DataFrame, comparisons: pl.DataFrame, config: Reporting, measured: MetricSettings
) -> tuple[go.Figure, go.Figure, go.Figure]:
    """The systems side by side, and the gains by vertical and by stratum, for Kedro-Viz."""
    evidence = Evidence(metrics, comparisons, config, measured)
    protocol = config.headline_protocol
    gains = [gains_chart(evidence, protocol, slice_) for slice_ in ("vertical", "stratum")]
    return systems_chart(evidence, protocol), *gains


def write_metric_tables(
    metrics: pl.DataFrame, comparisons: pl.DataFrame, config: Reporting, measured: MetricSettings
) -> dict[str, str]:
    """Wide tables by file name: CSV, Markdown, LaTeX."""
    return wide_tables(Evidence(metrics, comparisons, config, measured))


def render_page(config: Reporting, **sections: dict[str, Any] | None) -> str:
    """The page, from the sections that are there."""
    return render([Section.model_validate(section) for section in sections.values() if section], config)
