"""Charts of how systems behave: grades by rank, scores by grade, calibration."""

import plotly.graph_objects as go
import polars as pl

from roar import plots as charts
from roar.report.evaluation.evidence import Evidence

_FEWEST_PAIRS = 20


def rank_shares(pages: pl.DataFrame) -> pl.DataFrame:
    """Share of each grade at each rank, over the queries that show a product there: system, rank, grade, share."""
    counted = pages.group_by("system", "rank", "grade").agg(count=pl.len())
    return counted.with_columns(share=pl.col("count") / pl.col("count").sum().over("system", "rank")).sort(
        "system", "rank", "grade"
    )


def rank_chart(evidence: Evidence, shares: pl.DataFrame) -> go.Figure:
    """Stacked columns, a column for each rank, of one system."""
    ranks = shares["rank"].unique().sort().to_list()
    found = {(rank, grade): share for rank, grade, share in shares.select("rank", "grade", "share").iter_rows()}
    columns = {
        grade: [found.get((rank, grade), 0.0) for rank in ranks]
        for grade in charts.GRADE_COLOURS
        if any((rank, grade) in found for rank in ranks)
    }
    return charts.stacked_columns(ranks, columns, evidence.grade_label, x_title="Rank", y_title="Share of products")


def distribution_chart(evidence: Evidence, bins: pl.DataFrame) -> go.Figure:
    """How the scores of each grade are spread: shares of the grade's pairs by bin."""
    series = {}
    for grade in charts.GRADE_COLOURS:
        own = bins.filter(grade=grade).sort("low")
        if own.height:
            middle = ((own["low"] + own["high"]) / 2).to_list()
            series[evidence.grade_label(grade)] = (middle, (own["pairs"] / own["pairs"].sum()).to_list())
    colours = {evidence.grade_label(grade): colour for grade, colour in charts.GRADE_COLOURS.items()}
    figure = charts.lines(series, colours, x_title="Score (cosine)", y_title="Share of the grade's pairs")
    return figure.update_layout(height=300).update_yaxes(rangemode="tozero", tickformat=".0%")


def calibration_chart(evidence: Evidence, bins: pl.DataFrame, systems: list[str]) -> go.Figure:
    """Share of exact products among the judged pairs of each score bin, a curve for each system."""
    exact = pl.col("pairs").filter(pl.col("grade") == "exact").sum()
    shares = (
        bins.group_by("system", "low", "high")
        .agg(share=exact / pl.col("pairs").sum(), pairs=pl.col("pairs").sum())
        .filter(pl.col("pairs") >= _FEWEST_PAIRS)
        .with_columns(middle=(pl.col("low") + pl.col("high")) / 2)
        .sort("system", "low")
    )
    series, colours = {}, {}
    for system, colour in charts.colours_of(systems).items():
        own = shares.filter(system=system)
        series[evidence.label(system)] = (own["middle"].to_list(), own["share"].to_list())
        colours[evidence.label(system)] = colour
    figure = charts.lines(series, colours, x_title="Score (cosine)", y_title="Share of exact products")
    return figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
