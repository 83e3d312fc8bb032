"""Charts of the evaluation, from the metric tables."""

import re

import plotly.graph_objects as go
import polars as pl

from roar import plots as charts
from roar.report.evaluation.evidence import Evidence
from roar.report.page.wording import ordered_levels, points
from roar.schemas import GRADES

_PAIR_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7")


def systems_chart(evidence: Evidence, protocol: str) -> go.Figure:
    """The headline metric of every system with its interval."""
    metric, systems = evidence.config.headline_metric, evidence.systems(protocol)
    rows = evidence.figures(protocol, "overall", metric).filter(pl.col("mean").is_not_null())
    colours = charts.colours_of(systems)
    series = {
        evidence.label(row["system"]): pl.DataFrame([row]).select(
            "n", "low", "high", level=pl.lit(evidence.label(row["system"])), difference="mean", found=pl.lit(True)
        )
        for row in rows.iter_rows(named=True)
    }
    figure = charts.intervals(
        series,
        [evidence.label(system) for system in systems],
        {evidence.label(system): colour for system, colour in colours.items()},
        evidence.metric_label(metric),
        signed=False,
    )
    return figure.update_layout(showlegend=False)


def gains_chart(evidence: Evidence, protocol: str, slice_: str) -> go.Figure:
    """Differences of the opening comparisons by the levels of a slice, overall on top."""
    metric = evidence.config.headline_metric
    series = {}
    for pair in evidence.telling_pairs:
        rows = pl.concat([evidence.differences(pair, protocol, name, metric) for name in ("overall", slice_)])
        series[evidence.pair_label(pair)] = rows.with_columns(
            pl.col("difference", "low", "high") * 100,
            level=pl.when(slice="overall").then(pl.lit("Overall")).otherwise("level"),
        )
    colours = dict(zip(series, _PAIR_COLOURS * len(series), strict=False))
    title = f"Difference in {evidence.metric_label(metric)}, points"
    return charts.intervals(series, ["Overall", *evidence.levels(slice_)], colours, title, signed=True)


def crossed_chart(evidence: Evidence, protocol: str, slice_: str) -> go.Figure:
    """Heat map of the primary comparison over a crossed slice."""
    rows = evidence.differences(evidence.telling_pairs[0], protocol, slice_, evidence.config.headline_metric)
    cells = rows.with_columns(
        pl.col("level").str.split_exact(" x ", 1).struct.rename_fields(["row", "column"]), pl.col("difference") * 100
    ).unnest("level")
    levels = ordered_levels(cells["row"]), ordered_levels(cells["column"])
    return charts.heat_map(cells, *levels, small=evidence.config.small_cell)


def grade_mix_chart(evidence: Evidence, protocol: str) -> go.Figure | None:
    """Shares of the grades in the first 8, a bar for each system; None where they were not measured."""
    shares: dict[str, dict[str, float]] = {}
    for system in evidence.systems(protocol):
        rows = evidence.figures(protocol, "overall").filter(system=system)
        found = {metric: mean or 0.0 for metric, mean in rows.select("metric", "mean").iter_rows()}
        mix = {grade: found[f"share_{grade}@8"] for grade in GRADES if f"share_{grade}@8" in found}
        if len(mix) == len(GRADES):
            shares[evidence.label(system)] = {**mix, "unjudged": max(0.0, 1 - sum(mix.values()))}
    return charts.stacked_shares(shares, "Share of the first 8 products", evidence.grade_label) if shares else None


def recall_chart(evidence: Evidence, protocol: str) -> go.Figure | None:
    """Recall against the depth of the ranking; None where fewer than three depths were measured."""
    rows = evidence.figures(protocol, "overall").filter(pl.col("metric").str.contains(r"^recall@\d+$"))
    depth = pl.col("metric").str.extract(r"(\d+)$").cast(pl.Int64)
    rows = rows.with_columns(depth=depth).sort("depth")
    if rows["depth"].n_unique() < 3:
        return None
    series, colours = {}, {}
    for system, colour in charts.colours_of(evidence.systems(protocol)).items():
        own = rows.filter(system=system)
        series[evidence.label(system)] = (own["depth"].to_list(), own["mean"].to_list())
        colours[evidence.label(system)] = colour
    figure = charts.lines(series, colours, x_title="Products retrieved, k", y_title="Recall@k")
    return figure.update_yaxes(rangemode="tozero")


def gains_in_words(evidence: Evidence, protocol: str, slice_: str) -> str:
    """What the chart of gains shows, for those who do not see it."""
    metric = evidence.config.headline_metric
    parts = []
    for pair in evidence.telling_pairs:
        rows = evidence.differences(pair, protocol, slice_, metric).select("level", "difference").rows()
        parts.append(f"{evidence.pair_label(pair)}: " + ", ".join(f"{level} {points(value)}" for level, value in rows))
    return re.sub(r"\s+", " ", "; ".join(parts))
