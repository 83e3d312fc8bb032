"""The section of a published data set: its authors' measures, published figures, and whether the two can be compared.

References:
    Reddy et al. (2022), "Shopping Queries Dataset", arXiv 2206.06588; README of github.com/amazon-science/esci-data, in the
    competition's version and in the final one.
    Zhang et al. (2022), "A Semantic Alignment System for Multilingual Query-Product Retrieval", KDD Cup 2022.
"""

from typing import NamedTuple

import polars as pl

from roar.metrics.published import EVERYTHING_EXACT
from roar.report.page.section import Block, Cell, Column, Paragraph, Section, Table, text_table
from roar.report.page.wording import listed, number

FIGURES = (
    ("MiniLM cross-encoder (us; bi-encoders es, jp), the data's authors", "competition's public test", "0.852", "0.655"),
    ("the same, in their repository's final version", "upstream's test split; its script swaps the gains of S and C", "0.83", "0.62"),
    ("best of the competition (Zhang et al. 2022)", "the competition", "0.9043", "–"),
)  # fmt: skip
"""Who, on what, NDCG of task 1, micro-F1 of task 2 (where the authors' is an MLP over BERT's vectors); all of three locales."""


class DataSet(NamedTuple):
    """What decides whether figures can be compared.

    Attributes:
        version: small (of task 1) or large (of tasks 2 and 3).
        locale: us, es or jp.
        upstream_split: whether the test queries are upstream's, and training ones its others.
        sides: what the file says of its queries' sides.
    """

    version: str
    locale: str
    upstream_split: bool
    sides: tuple[str, ...]


def published_section(results: pl.DataFrame, data: DataSet, names: dict[str, str] | None = None) -> Section:
    """Build the section.

    Args:
        results: `roar.metrics.published.RESULTS`.
        data: what was judged.
        names: system to what it is called.
    """
    blocks: list[Block] = [
        _comparable(data),
        _table(results, names or {}),
        text_table(["Published figure", "Measured on", "NDCG", "Micro-F1"], FIGURES, "Published figures, three locales together"),
        Paragraph(text=_HOW, style="note"),
    ]  # fmt: skip
    return Section(title="By the data set's own conventions", anchor="published", order=11, blocks=tuple(blocks))


_HOW = (
    "NDCG over all labelled products of a query, without a cut-off, gains 1, 0.1, 0.01 and 0 for exact, substitute, complement and "
    "irrelevant; a query with irrelevant products alone counts 0. Micro-F1 of the four grades by three cut-offs of the score, those "
    "that give most judged products of each fold's validation queries their grade: these belong to the training side, and no encoder "
    "trained on them. It is the share of products that get their grade, and is given where scores mean the same for every query. "
    "Intervals are of a bootstrap over queries."
)


def _comparable(data: DataSet) -> Paragraph:
    """Which of the figures may be set beside published ones, and why the others may not."""
    if not data.upstream_split:
        sides = listed([f"'{side}'" for side in data.sides]) or "nothing"
        why = (
            "queries were divided anew though the file knows upstream's split (training_sets.splits.method)"
            if {"train", "test"} <= set(data.sides)
            else f"of its queries' sides the file says {sides}, so that it is a part or a sample, and they were divided anew"
        )
        return Paragraph(text=f"Not comparable with published figures: {why}.", style="warning")
    task, other = ("NDCG", "micro-F1") if data.version == "small" else ("micro-F1", "NDCG")
    text = (
        f"Upstream's split, its {data.version} version, locale {data.locale}. The {task} is measured as published, on one of three "
        f"locales: set it beside a published figure of this locale, or all three beside those below. The {other} is published for "
        f"the other version (ingestion.choices.version)."
    )
    return Paragraph(text=text)


def _table(results: pl.DataFrame, names: dict[str, str]) -> Table:
    """Systems down, measures across."""
    columns = (Column(name="System"), Column(name="NDCG", numeric=True), Column(name="Micro-F1", numeric=True))
    rows = []
    for system in results["system"].unique(maintain_order=True):
        found = {row["measure"]: row for row in results.filter(system=system).iter_rows(named=True)}
        rows.append((Cell(text=names.get(system, system)), _cell(found.get("ndcg")), _cell(found.get("micro_f1"))))
    tested = results.filter(system=EVERYTHING_EXACT).row(0, named=True)
    caption = f"{tested['queries']:,} test queries, {tested['products']:,} labelled products"
    return Table(caption=caption, columns=columns, rows=tuple(rows))


def _cell(row: dict[str, float | None] | None) -> Cell:
    if row is None or row["value"] is None:
        return Cell(text="–", tone="muted")
    return Cell(text=number(row["value"]), value=row["value"], detail=f"{number(row['low'])} to {number(row['high'])}")
