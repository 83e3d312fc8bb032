"""Charts in one style: what the report draws, for notebooks too. Tables in, plotly figures out."""

from roar.plots.charts import (
    COLOURS,
    GRADE_COLOURS,
    colours_of,
    heat_map,
    intervals,
    ladder,
    lines,
    stacked_columns,
    stacked_shares,
    styled,
)

__all__ = [
    "COLOURS",
    "GRADE_COLOURS",
    "colours_of",
    "heat_map",
    "intervals",
    "ladder",
    "lines",
    "stacked_columns",
    "stacked_shares",
    "styled",
]
