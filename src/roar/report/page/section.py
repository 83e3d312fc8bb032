"""The pieces of a report: a section is a title and blocks, frozen, and the same after a trip through JSON.

Each pipeline builds its own section and saves it; the page puts together those it finds. Blocks carry text and numbers
that are ready to be shown, so a section needs none of the data it was made from.
"""

import json
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Union

import plotly.graph_objects as go
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

Tone = Literal["", "good", "bad", "best", "muted", "warning"]


class _Piece(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Paragraph(_Piece):
    """Plain text; a `note` explains in small print, a `warning` stands out."""

    kind: Literal["paragraph"] = "paragraph"
    text: str
    style: Literal["text", "note", "warning"] = "text"


class Heading(_Piece):
    """A heading inside a section; it is linked from the contents."""

    kind: Literal["heading"] = "heading"
    text: str
    anchor: str = Field(pattern=r"^[a-z0-9-]+$")


class Fact(_Piece):
    """A figure that the reader should take away: what it is of, the figure, and how sure it is."""

    label: str
    value: str
    detail: str = ""
    tone: Tone = ""


class Facts(_Piece):
    """Facts side by side."""

    kind: Literal["facts"] = "facts"
    facts: tuple[Fact, ...]


class Cell(_Piece):
    """What a table's cell shows, what it sorts by (its text where there is no number), and a second line."""

    text: str
    value: float | None = None
    detail: str = ""
    tone: Tone = ""


class Column(_Piece):
    """A column's header; numbers stand to the right. `help` appears when the reader points at it.

    `choice` puts a list above the table that shows the rows of one value of the column.
    """

    name: str
    numeric: bool = False
    help: str = ""
    choice: bool = False


class Table(_Piece):
    """A sortable table; `searchable` puts a filter box above it."""

    kind: Literal["table"] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    searchable: bool = False


class Chart(_Piece):
    """A plotly figure; `alternative` says in words what it shows; a `half` one shares the width with its neighbour."""

    kind: Literal["chart"] = "chart"
    caption: str
    figure: dict[str, Any]
    alternative: str = ""
    note: str = ""
    half: bool = False


class Expandable(_Piece):
    """Blocks that open on a click."""

    kind: Literal["expandable"] = "expandable"
    title: str
    blocks: tuple["Block", ...]


Block = Annotated[Union[Paragraph, Heading, Facts, Table, Chart, Expandable], Field(discriminator="kind")]  # noqa: UP007


class Section(_Piece):
    """A part of the page; sections stand in ascending `order`. A `simulated` one speaks of data that no shop ever had."""

    title: str
    anchor: str = Field(pattern=r"^[a-z0-9-]+$")
    order: int
    blocks: tuple[Block, ...]
    simulated: bool = False


def chart(caption: str, figure: go.Figure, *, alternative: str = "", note: str = "", half: bool = False) -> Chart:
    """Wrap a plotly figure."""
    return Chart(caption=caption, figure=json.loads(figure.to_json()), alternative=alternative, note=note, half=half)


def table(
    frame: pl.DataFrame,
    caption: str,
    *,
    decimals: int = 4,
    note: str = "",
    searchable: bool = False,
    names: dict[str, str] | None = None,
    help_texts: dict[str, str] | None = None,
) -> Table:
    """Show a frame as it is: numbers to the right, floats with `decimals`, nulls as a dash.

    Args:
        frame: any columns; other types than numbers are shown as text.
        caption: what the table is of.
        decimals: of floating-point columns.
        note: small print under the table.
        searchable: whether to put a filter box above.
        names: column name to header.
        help_texts: column name to what is shown when the reader points at its header.
    """
    names, help_texts = names or {}, help_texts or {}
    columns = tuple(
        Column(name=names.get(name, name), numeric=dtype.is_numeric(), help=help_texts.get(name, ""))
        for name, dtype in frame.schema.items()
    )
    rows = tuple(tuple(cell(value, decimals) for value in row) for row in frame.iter_rows())
    return Table(caption=caption, columns=columns, rows=rows, note=note, searchable=searchable)


def cell(value: Any, decimals: int = 4) -> Cell:
    """Show one value: thousands separated by commas, floats rounded, null or NaN as a dash."""
    match value:
        case None:
            return Cell(text="–", tone="muted")
        case bool():
            return Cell(text="yes" if value else "no")
        case int():
            return Cell(text=f"{value:,}", value=value)
        case float():
            return Cell(text=f"{value:,.{decimals}f}", value=value) if math.isfinite(value) else cell(None)
        case _:
            return Cell(text=str(value))


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> Table:
    """A small table of texts, as of definitions."""
    return Table(
        caption=caption,
        columns=tuple(Column(name=name) for name in header),
        rows=tuple(tuple(Cell(text=text) for text in row) for row in rows),
    )
