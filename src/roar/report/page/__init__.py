"""The page: the pieces a section is made of, how it words things, and the template that puts sections together."""

from roar.report.page.exports import csv, latex, markdown
from roar.report.page.rendering import render
from roar.report.page.section import (
    Block,
    Cell,
    Chart,
    Column,
    Expandable,
    Fact,
    Facts,
    Heading,
    Paragraph,
    Section,
    Table,
    Tone,
    chart,
    table,
)

__all__ = [
    "Block",
    "Cell",
    "Chart",
    "Column",
    "Expandable",
    "Fact",
    "Facts",
    "Heading",
    "Paragraph",
    "Section",
    "Table",
    "Tone",
    "chart",
    "csv",
    "latex",
    "markdown",
    "render",
    "table",
]
