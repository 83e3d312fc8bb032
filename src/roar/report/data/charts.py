"""Charts of the data's section: what each step lost, how large groups are, how grades are spread, how far raters agree."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from roar.plots import GRADE_COLOURS, stacked_shares, styled
from roar.schemas import GRADES

_KEPT, _LOST, _ACTIONS = (
    "#0072b2",
    "#e69f00",
    {"dropped": "#d55e00", "merged": "#e69f00", "repaired": "#56b4e9", "left out": "#999999"},
)


def ingestion_chart(quality: pl.DataFrame) -> go.Figure | None:
    """Rows that each rule of ingestion dropped, merged or repaired, on a log scale; None where it did none of it.

    Args:
        quality: table, rule, column, action, count.
    """
    done = quality.filter(pl.col("action").is_in(list(_ACTIONS)))
    if done.is_empty():
        return None
    named = done.group_by("table", "rule", "action", maintain_order=True).agg(pl.col("count").sum())
    named = named.with_columns(name=pl.format("{}: {}", "table", "rule"))
    figure = go.Figure()
    for action, colour in _ACTIONS.items():
        rows = named.filter(action=action)
        if rows.height:
            figure.add_bar(name=action, **_horizontal(rows["name"], rows["count"], colour))
    names = named["name"].unique(maintain_order=True).to_list()
    return _bars(figure, names, "Rows", log=True)


def steps_chart(counts: pl.DataFrame, set_: str) -> go.Figure:
    """Rows that each step of building a training set left, and what it lost against the step before; summed over folds.

    Args:
        counts: set, source, step, rows, lost (`roar.training_sets.Counts.table`).
        set_: "stage-1 pairs" or "graded groups".
    """
    steps = (
        counts.filter(pl.col("set") == set_)
        .group_by("source", "step", maintain_order=True)
        .agg(pl.col("rows").sum(), pl.col("lost").sum().clip(0))
        .with_columns(name=pl.format("{}: {}", "source", "step"))
    )
    figure = go.Figure()
    figure.add_bar(name="left", **_horizontal(steps["name"], steps["rows"], _KEPT))
    figure.add_bar(name="lost by this step", **_horizontal(steps["name"], steps["lost"], _LOST))
    return _bars(figure, steps["name"].to_list(), "Rows, all folds").update_layout(barmode="stack")


def group_sizes_chart(groups: pl.DataFrame) -> go.Figure:
    """Number of graded groups by size, over all folds, split by how many grades a group has.

    Args:
        groups: fold, query_id, grade.
    """
    sizes = groups.group_by("fold", "query_id").agg(size=pl.len(), grades=pl.col("grade").n_unique())
    counted = sizes.group_by("size", "grades").len().sort("size")
    figure = go.Figure()
    for grades, colour in zip((2, 3, 4), ("#56b4e9", "#0072b2", "#0b4f8a"), strict=True):
        rows = counted.filter(pl.col("grades") == grades)
        figure.add_bar(
            name=f"{grades} grades",
            x=rows["size"].to_list(),
            y=rows["len"].to_list(),
            marker={"color": colour},
            hovertemplate="%{y:,} groups of %{x} products<extra>" + f"{grades} grades</extra>",
        )
    styled(figure, height=300, x_title="Products in the group", y_title="Groups")
    return figure.update_layout(barmode="stack", legend={"traceorder": "normal"}).update_xaxes(
        dtick=_tick(sizes["size"])
    )


def grades_chart(judged: pl.DataFrame, column: str, order: Sequence[str]) -> go.Figure:
    """Share of each grade among the judgments of each level of a slice.

    Args:
        judged: grade and `column`.
        column: vertical or stratum.
        order: its levels from top to bottom.
    """
    level = pl.col(column).cast(pl.String).fill_null("unknown").alias("level")
    counted = judged.group_by(level, pl.col("grade").cast(pl.String)).len()
    counted = counted.with_columns(share=pl.col("len") / pl.col("len").sum().over("level"))
    shares: dict[str, dict[str, float]] = {name: {} for name in order}
    for name, grade, share in counted.select("level", "grade", "share").iter_rows():
        shares[name][grade] = share
    return stacked_shares(shares, "Share of judgments")


def agreement_chart(judgments: pl.DataFrame) -> go.Figure | None:
    """How far raters agree, by grade: the share of a grade's judgments in each tenth of agreement.

    Args:
        judgments: grade, weight (agreement of the raters, 0 to 1).

    Returns:
        None where all judgments have one weight: nobody said how far raters agree.
    """
    if "weight" not in judgments.columns or judgments["weight"].n_unique() < 2:
        return None
    tenth = pl.col("weight").round(1)
    counted = judgments.group_by(pl.col("grade").cast(pl.String), tenth=tenth).len().sort("tenth")
    counted = counted.with_columns(share=pl.col("len") / pl.col("len").sum().over("grade"))
    figure = go.Figure()
    for grade in reversed(GRADES):
        rows = counted.filter(pl.col("grade") == grade)
        figure.add_bar(
            name=grade,
            x=rows["tenth"].to_list(),
            y=rows["share"].to_list(),
            marker={"color": GRADE_COLOURS[grade]},
            customdata=rows["len"].to_list(),
            hovertemplate="agreement about %{x}: %{y:.1%}, %{customdata:,} judgments<extra>" + f"{grade}</extra>",
        )
    styled(figure, height=300, x_title="Agreement of the raters", y_title="Share of the grade's judgments")
    return figure.update_layout(barmode="group").update_yaxes(tickformat=".0%")


def _horizontal(names: pl.Series, values: pl.Series, colour: str) -> dict:
    texts = [f"{value:,}" if value else "" for value in values]
    return {
        "y": names.to_list(), "x": values.to_list(), "orientation": "h", "marker": {"color": colour}, "text": texts,
        "textposition": "auto", "textangle": 0, "hovertemplate": "%{y}: %{x:,}<extra></extra>",
    }  # fmt: skip


def _bars(figure: go.Figure, names: Sequence[str], x_title: str, *, log: bool = False) -> go.Figure:
    styled(figure, height=110 + 28 * len(names), x_title=x_title)
    figure.update_layout(legend={"traceorder": "normal"}, bargap=0.25)
    figure.update_yaxes(autorange="reversed", gridcolor="white", categoryorder="array", categoryarray=list(names))
    figure.update_layout(uniformtext={"minsize": 11, "mode": "hide"})
    if not log:
        return figure
    largest = max(max(bar.x) for bar in figure.data)
    return figure.update_xaxes(type="log", dtick=1, range=[-0.3, math.log10(largest) + 0.3])


def _tick(sizes: pl.Series) -> int:
    """A tick for each size, or for every tenth part of the range."""
    largest = sizes.max()
    return max(1, round(int(largest) / 12)) if isinstance(largest, int) else 1
