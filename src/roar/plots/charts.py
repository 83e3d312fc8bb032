"""Charts of report and notebooks: plotly figures in one restrained style, with colours that colour-blind readers tell apart.

Colours are Okabe and Ito's (2008). Figures have no title: the page sets captions in text, which wraps on a phone.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import plotly.graph_objects as go
import polars as pl

from roar.errors import InputError

COLOURS = {
    "random": "#9a9a9a",
    "bm25": "#8a6d00",
    "base": "#56b4e9",
    "stage1": "#0072b2",
    "stage2": "#d55e00",
    "stage2_deployed": "#e69f00",
    "hybrid_rrf": "#009e73",
    "hybrid_sum": "#44b99d",
    "stage2_constrained": "#8c2d04",
    "hybrid_constrained": "#00543d",
}
_FURTHER = ("#cc79a7", "#5b4b8a", "#3b3b3b", "#a6761d")
GRADE_COLOURS = {
    "exact": "#0b4f8a",
    "substitute": "#5ba3d9",
    "complement": "#e8b04a",
    "irrelevant": "#b8442f",
    "unjudged": "#dddddd",
}
_DIVERGING = [[0.0, "#b35806"], [0.25, "#f1a340"], [0.5, "#f7f7f7"], [0.75, "#67a9cf"], [1.0, "#2166ac"]]
_INK, _SOFT, _GRID, _AXIS = "#1d2733", "#5a6673", "#e6e9ed", "#7b8794"
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


def colours_of(systems: Sequence[str]) -> dict[str, str]:
    """A fixed colour for each known system, the others in turn."""
    further = cycle(_FURTHER)
    return {system: COLOURS.get(system) or next(further) for system in systems}


def styled(figure: go.Figure, *, height: int, x_title: str = "", y_title: str = "") -> go.Figure:
    """Give a figure the house style; the width follows the page."""
    axis = {
        "gridcolor": _GRID,
        "zeroline": False,
        "zerolinecolor": _AXIS,
        "linecolor": _AXIS,
        "automargin": True,
        "fixedrange": True,
    }
    title = {"standoff": 10, "font": {"size": 13, "color": _SOFT}}
    return figure.update_layout(
        template="none",
        height=height,
        font={"family": _FONT, "size": 13, "color": _INK},
        margin={"l": 8, "r": 12, "t": 36, "b": 44},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0},
        paper_bgcolor="white",
        plot_bgcolor="white",
        hoverlabel={"font": {"family": _FONT}},
        xaxis={**axis, "title": {**title, "text": x_title}},
        yaxis={**axis, "title": {**title, "text": y_title}},
    )


def intervals(
    series: dict[str, pl.DataFrame], levels: Sequence[str], colours: dict[str, str], x_title: str, *, signed: bool
) -> go.Figure:
    """Means or differences by level with their intervals, one colour for each series.

    Args:
        series: name to level, difference (the value to show), low, high, n and found (bool): a filled marker where a
            difference was found, a hollow one where it was not.
        levels: from top to bottom.
        colours: by name of the series.
        x_title: what is shown.
        signed: whether values are differences, with a sign and a line at zero.
    """
    figure = go.Figure()
    spread = 0.32 / len(series) if signed and series else 0.0  # series of differences share a level, side by side
    offsets = [spread * (2 * place - len(series) + 1) for place in range(len(series))]
    form = "+.2f" if signed else ".4f"
    position = {level: row for row, level in enumerate(levels)}
    for (name, rows), offset in zip(series.items(), offsets, strict=True):
        there = rows.filter(pl.col("level").is_in(list(levels)) & pl.col("difference").is_not_null())
        shown = there.with_columns(y=pl.col("level").replace_strict(position, return_dtype=pl.Float64) + offset)
        figure.add_scatter(
            name=name,
            x=shown["difference"].to_list(),
            y=shown["y"].to_list(),
            mode="markers",
            marker={
                "size": 9,
                "color": [colours[name] if found else "white" for found in shown["found"]],
                "line": {"color": colours[name], "width": 2},
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (shown["high"] - shown["difference"]).fill_null(0).to_list(),
                "arrayminus": (shown["difference"] - shown["low"]).fill_null(0).to_list(),
                "color": colours[name],
                "thickness": 1.6,
                "width": 3,
            },
            customdata=shown.select("level", "low", "high", "n").rows(),
            hovertemplate=f"%{{customdata[0]}}<br>%{{x:{form}}} (%{{customdata[1]:{form}}} to %{{customdata[2]:{form}}})"
            f"<br>%{{customdata[3]}} queries<extra>{name}</extra>",
        )
    styled(figure, height=96 + 44 * len(levels), x_title=x_title)
    figure.update_yaxes(
        tickvals=list(range(len(levels))),
        ticktext=[f"<b>{level}</b>" if level == "Overall" else level for level in levels],
        range=[len(levels) - 0.5, -0.5],
        gridcolor="white",
    )
    return figure.update_xaxes(zeroline=True, zerolinewidth=1.5, tickformat="+") if signed else figure


def heat_map(cells: pl.DataFrame, rows: Sequence[str], columns: Sequence[str], small: int) -> go.Figure:
    """Differences (points) of two crossed slices; a cell of fewer than `small` queries is marked with a star.

    Args:
        cells: row, column, difference, n.
        rows: levels from top to bottom.
        columns: levels from left to right.
        small: number of queries below which a cell is marked.
    """
    found = {
        (row, column): (value, n) for row, column, value, n in cells.select("row", "column", "difference", "n").rows()
    }
    values = [[found.get((row, column), (None, 0))[0] for column in columns] for row in rows]
    texts = [[_heat_text(*found.get((row, column), (None, 0)), small) for column in columns] for row in rows]
    extreme = max((abs(value) for line in values for value in line if value is not None), default=1.0) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(columns),
            y=list(rows),
            text=texts,
            texttemplate="%{text}",
            textfont={"size": 12, "color": _INK},
            zmin=-1.4 * extreme,
            zmax=1.4 * extreme,
            colorscale=_DIVERGING,
            xgap=2,
            ygap=2,
            hoverongaps=False,
            hovertemplate="%{y}, %{x}: %{z:+.2f} points<extra></extra>",
            showscale=False,
        )
    )
    styled(figure, height=56 + 40 * len(rows))
    figure.update_layout(margin={"b": 8})
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="")
    return figure.update_xaxes(side="top", showgrid=False, ticks="")


def _heat_text(value: float | None, n: int, small: int) -> str:
    if value is None:
        return ""
    return f"{value:+.1f}{'*' if n < small else ''}".replace("-", "−")


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]], colours: dict[str, str], **style: str
) -> go.Figure:
    """Curves by name, each (x, y); markers where there are few points."""
    figure = go.Figure()
    for name, (x, y) in series.items():
        mode = "lines+markers" if len(x) <= 12 else "lines"
        figure.add_scatter(name=name, x=list(x), y=list(y), mode=mode, line={"color": colours[name], "width": 2})
    return styled(figure, height=340, **style)


def stacked_columns(
    places: Sequence[int],
    columns: Mapping[str, Sequence[float]],
    name_of: Callable[[str], str],
    *,
    x_title: str,
    y_title: str,
) -> go.Figure:
    """Columns that add up to 1: one at each place, a part for each grade, exact at the bottom."""
    figure = go.Figure()
    for grade, values in columns.items():
        name = name_of(grade)
        figure.add_bar(
            name=name,
            x=list(places),
            y=list(values),
            marker={"color": GRADE_COLOURS[grade]},
            hovertemplate="rank %{x}: %{y:.1%} " + name + "<extra></extra>",
        )
    styled(figure, height=300, x_title=x_title, y_title=y_title)
    figure.update_layout(barmode="stack", bargap=0.18, legend={"traceorder": "normal"})
    figure.update_xaxes(tickvals=list(places), showgrid=False)
    return figure.update_yaxes(range=[0, 1], tickformat=".0%")


def ladder(
    labels: Sequence[str],
    differences: Sequence[float],
    low: Sequence[float | None],
    high: Sequence[float | None],
    *,
    x_title: str,
    found: Sequence[bool] | None = None,
    colour: str = "#0072b2",
) -> go.Figure:
    """Steps of an ablation, or any differences, one below the other with their intervals (a forest plot).

    Args:
        labels: from top to bottom, each once.
        differences: in the unit that `x_title` names (points, say); a gain is positive.
        low: lower ends of the intervals, None where there is none.
        high: upper ends.
        x_title: what is shown.
        found: filled where true, hollow where false; by default where the interval leaves out zero.
        colour: of all marks.

    Raises:
        InputError: the sequences differ in length, or a label repeats.
    """
    lengths = {len(values) for values in (labels, differences, low, high, *([found] if found is not None else []))}
    if len(lengths) > 1 or len(set(labels)) < len(labels):
        raise InputError("ladder: expected as many differences and interval ends as labels, and no label twice.")
    rows = pl.DataFrame(
        {"level": list(labels), "difference": list(differences), "low": list(low), "high": list(high), "n": ""},
        schema_overrides={"difference": pl.Float64, "low": pl.Float64, "high": pl.Float64},
    )
    outside = (pl.col("low") > 0) | (pl.col("high") < 0)
    shown = outside.fill_null(False) if found is None else pl.Series(found, dtype=pl.Boolean)
    figure = intervals({x_title: rows.with_columns(found=shown)}, labels, {x_title: colour}, x_title, signed=True)
    figure.update_traces(
        y=[float(place) for place in range(len(labels))],
        hovertemplate="%{customdata[0]}<br>%{x:+.2f} (%{customdata[1]:+.2f} to %{customdata[2]:+.2f})<extra></extra>",
    )
    return figure.update_layout(showlegend=False)


def stacked_shares(shares: dict[str, dict[str, float]], x_title: str, name_of: Callable[[str], str] = str) -> go.Figure:
    """Horizontal bars that add up to 1: a bar for each name, a part for each grade."""
    figure = go.Figure()
    names = list(shares)
    for grade, colour in GRADE_COLOURS.items():
        values = [shares[name].get(grade, 0.0) for name in names]
        if not any(values):
            continue
        light = grade in ("complement", "unjudged", "substitute")
        figure.add_bar(
            name=name_of(grade),
            y=names,
            x=values,
            orientation="h",
            marker={"color": colour},
            text=[f"{value:.0%}" if value >= 0.06 else "" for value in values],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": _INK if light else "white", "size": 12},
            hovertemplate="%{y}: %{x:.1%} " + name_of(grade) + "<extra></extra>",
        )
    styled(figure, height=110 + 38 * len(names), x_title=x_title)
    figure.update_layout(
        barmode="stack",
        bargap=0.28,
        legend={"traceorder": "normal"},
        uniformtext={"minsize": 11, "mode": "hide"},
    )
    figure.update_yaxes(autorange="reversed", gridcolor="white")
    return figure.update_xaxes(range=[0, 1], tickformat=".0%")
