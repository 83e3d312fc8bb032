"""Charts of an experiment: forest plots, day by day, offline beside online, and the sizes of a plan."""

import plotly.graph_objects as go
import polars as pl

from roar.parameters import ABTest, OnlineMetric
from roar.plots import styled
from roar.report.page.wording import slice_label

BETTER, WORSE, NEUTRAL = "#0072b2", "#d55e00", "#5a6673"
_SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b4b8a")
_SYMBOLS = {"vertical": "circle", "stratum": "diamond"}


def gain(metric: OnlineMetric, relative: float) -> float:
    """An uplift in the direction in which more is better."""
    return -relative if metric.better == "lower" else relative


def forest(rows: pl.DataFrame, labels: list[str], config: ABTest) -> go.Figure:
    """Relative uplifts with their intervals, one line each, the first on top.

    Args:
        rows: metric, relative, relative_low, relative_high, p_adjusted, caveat; rows without an interval are left out.
        labels: what each row is of.
        config: which direction is better, and the level of a finding.
    """
    figure = go.Figure()
    shown = rows.with_columns(label=pl.Series(labels)).drop_nulls("relative_low")
    for place, row in enumerate(shown.iter_rows(named=True)):
        found = row["p_adjusted"] is not None and row["p_adjusted"] < config.alpha and not row.get("caveat")
        better = gain(config.metrics[row["metric"]], row["relative"]) > 0
        colour = (BETTER if better else WORSE) if found else NEUTRAL
        interval = [row[name] for name in ("relative_low", "relative_high")]
        figure.add_scatter(
            x=[row["relative"]],
            y=[place],
            mode="markers",
            marker={"size": 10, "color": colour if found else "white", "line": {"color": colour, "width": 2}},
            error_x={
                "type": "data", "symmetric": False, "color": colour, "thickness": 1.8, "width": 4,
                "array": [interval[1] - row["relative"]], "arrayminus": [row["relative"] - interval[0]],
            },
            hovertemplate=f"{row['label']}<br>%{{x:+.2%}} ({interval[0]:+.2%} to {interval[1]:+.2%})<extra></extra>",
        )  # fmt: skip
    styled(figure, height=90 + 36 * shown.height, x_title="Uplift relative to the control")
    figure.update_layout(showlegend=False, margin={"t": 12})
    ticks = {"tickvals": list(range(shown.height)), "ticktext": shown["label"].to_list()}
    figure.update_yaxes(**ticks, range=[shown.height - 0.5, -0.5], gridcolor="white")
    return figure.update_xaxes(zeroline=True, zerolinewidth=1.5, tickformat="+.0%")


def day_by_day(rows: pl.DataFrame, truth: float | None) -> go.Figure:
    """Cumulative uplift with both intervals.

    Args:
        rows: of one metric: day, relative, relative_low, relative_high, sequential_low, sequential_high.
        truth: the uplift that is known of a simulated test.
    """
    days = [str(day) for day in rows["day"]]
    figure = go.Figure()
    for name, low, high, fill in (
        ("valid on all days", "sequential_low", "sequential_high", "rgba(0,114,178,0.13)"),
        ("valid on one day", "relative_low", "relative_high", "rgba(0,114,178,0.28)"),
    ):
        edges = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        figure.add_scatter(x=days, y=rows[low].to_list(), showlegend=False, **edges)
        figure.add_scatter(x=days, y=rows[high].to_list(), name=name, fill="tonexty", fillcolor=fill, **edges)
    hover = "%{x}: %{y:+.2%}<extra></extra>"
    line = {"color": BETTER, "width": 2}
    figure.add_scatter(x=days, y=rows["relative"].to_list(), name="uplift", mode="lines+markers", line=line)
    figure.data[-1].hovertemplate = hover
    if truth is not None:
        known = {"color": "#1d2733", "dash": "dot", "width": 1.5}
        figure.add_scatter(
            x=days, y=[truth] * len(days), name="true uplift", mode="lines", line=known, hoverinfo="skip"
        )
    styled(figure, height=360)
    figure.update_xaxes(type="category", nticks=8)
    lows, highs = rows["sequential_low"].to_list()[1:] or [0], rows["sequential_high"].to_list()[1:] or [0]
    edge = max(*map(abs, lows), *map(abs, highs), 1e-3) if len(lows) > 1 else None
    figure.update_yaxes(tickformat="+.0%", zeroline=True, zerolinewidth=1.5)
    return figure.update_yaxes(range=[min(0, *lows) - 0.05 * edge, max(0, *highs) + 0.05 * edge]) if edge else figure


def offline_scatter(rows: pl.DataFrame, config: ABTest) -> go.Figure:
    """Levels by their offline gain (points) and online uplift.

    Args:
        rows: of one online metric: slice, level, offline, online; overall is left out.
        config: names of the offline comparison.
    """
    figure = go.Figure()
    for slice_, colour in zip(rows["slice"].unique(maintain_order=True), _SERIES, strict=False):
        own = rows.filter(pl.col("slice") == slice_)
        figure.add_scatter(
            name=slice_label(slice_),
            x=(100 * own["offline"]).to_list(),
            y=own["online"].to_list(),
            text=own["level"].to_list(),
            mode="markers",
            marker={"size": 10, "color": colour, "symbol": _SYMBOLS.get(slice_, "square")},
            hovertemplate="%{text}<br>offline %{x:+.2f} points<br>online %{y:+.1%}<extra></extra>",
        )
    title = f"Offline gain in {config.offline.metric if config.offline else 'the metric'}, points"
    styled(figure, height=360, x_title=title, y_title="Online uplift")
    figure.update_xaxes(zeroline=True, zerolinewidth=1.5)
    return figure.update_yaxes(zeroline=True, zerolinewidth=1.5, tickformat="+.0%")


def plan_chart(sizes: pl.DataFrame, config: ABTest) -> go.Figure:
    """The smallest effect that a test of so many days finds, a curve for each metric.

    Args:
        sizes: as `roar.ab_testing.plan` returns them.
        config: names of the metrics, power.
    """
    figure = go.Figure()
    curves = sizes.filter(pl.col("question") == "days")
    for metric, colour in zip(curves["metric"].unique(maintain_order=True), _SERIES * 3, strict=False):
        own = curves.filter(pl.col("metric") == metric).sort("days")
        figure.add_scatter(
            name=config.metrics[metric].label,
            x=own["days"].to_list(),
            y=own["effect"].to_list(),
            mode="lines+markers",
            line={"color": colour, "width": 2.5 if metric == config.primary else 1.5},
            hovertemplate="%{x} days: %{y:.2%}<extra></extra>",
        )
    styled(figure, height=420, x_title="Days", y_title=f"Effect found with {config.power:.0%} power")
    return figure.update_yaxes(tickformat=".1%", rangemode="tozero")
