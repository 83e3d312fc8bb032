"""The section of queries: which lost and gained, both rankings side by side, why, and what to have annotated."""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from roar.parameters import Comparison
from roar.report.evaluation.evidence import Evidence
from roar.report.page.section import (
    Block,
    Cell,
    Column,
    Expandable,
    Fact,
    Facts,
    Heading,
    Paragraph,
    Section,
    Table,
    Tone,
)
from roar.report.page.wording import PROTOCOLS, number, points
from roar.report.queries.error_analysis import REASONS

ANCHOR = "queries"
_TONES: Mapping[str, Tone] = {"exact": "good", "irrelevant": "bad", "unjudged": "muted"}


class ErrorAnalysis(NamedTuple):
    """What the section shows of one comparison, the primary one.

    Attributes:
        pair: the comparison.
        changes: pair's rows of `roar.report.queries.error_analysis.query_changes`, with query, vertical and stratum.
        pages: side (before, after), query_id, rank, product_id, score, grade, under the headline protocol.
        products: product_id, title, cluster_id of the products in them.
        reasons: query_id, product_id, reason, detail.
        annotation: as `roar.report.queries.error_analysis.annotation_queue` returns.
    """

    pair: Comparison
    changes: pl.DataFrame
    pages: pl.DataFrame
    products: pl.DataFrame
    reasons: pl.DataFrame
    annotation: pl.DataFrame


def queries_section(evidence: Evidence, analysis: ErrorAnalysis) -> Section:
    """Build the section."""
    blocks: list[Block] = [Facts(facts=_facts(evidence, analysis)), _changes_table(evidence, analysis)]
    losses, wins = largest_changes(analysis.changes, evidence.config.examples)
    for title, anchor, ends in (("Worst losses", "losses", losses), ("Best wins", "wins", wins)):
        if ends.height:
            blocks += [Heading(text=title, anchor=f"{ANCHOR}-{anchor}"), *_rankings(evidence, analysis, ends)]
    blocks += [Heading(text="To send to annotation", anchor=f"{ANCHOR}-annotation"), *_annotation(evidence, analysis)]
    return Section(title="Queries", anchor=ANCHOR, order=15, blocks=tuple(blocks))


def largest_changes(changes: pl.DataFrame, count: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The `count` largest losses, worst first, and gains, best first."""
    losses = changes.filter(pl.col("difference") < 0).sort("difference", "query_id")
    wins = changes.filter(pl.col("difference") > 0).sort("difference", "query_id", descending=[True, False])
    return losses.head(count), wins.head(count)


def _facts(evidence: Evidence, analysis: ErrorAnalysis) -> tuple[Fact, ...]:
    difference = analysis.changes["difference"]
    label = evidence.pair_label(analysis.pair)
    counts = {"lost": (difference < 0).sum(), "gained": (difference > 0).sum(), "same": (difference == 0).sum()}
    return tuple(
        Fact(label=f"Queries that {verb}" if name != "same" else "Queries unchanged", value=f"{counts[name]:,}",
             detail=f"{label}, {evidence.metric_label(evidence.config.headline_metric)}, of {len(difference):,} compared.",
             tone=tone)
        for name, verb, tone in (("lost", "lost", "bad"), ("gained", "gained", "good"), ("same", "", "muted"))
    )  # fmt: skip


def _changes_table(evidence: Evidence, analysis: ErrorAnalysis) -> Table:
    """The queries that changed most, to be searched, sorted and filtered."""
    config, pair = evidence.config, analysis.pair
    by_size = analysis.changes.sort(pl.col("difference").abs(), "query_id", descending=[True, False])
    shown = by_size.head(config.listed_queries).sort("difference", "query_id")
    systems = [Column(name=evidence.label(system), numeric=True) for system in (pair.baseline, pair.system)]
    rest = analysis.changes.height - shown.height
    return Table(
        caption=f"{evidence.pair_label(pair)}: {evidence.metric_label(config.headline_metric)} of each query, "
        f"{PROTOCOLS[config.headline_protocol]}",
        columns=(
            Column(name="Query"),
            Column(name="Vertical", choice=True),
            Column(name="Stratum", choice=True),
            *systems,
            Column(name="Difference, points", numeric=True),
            Column(name="Change", choice=True),
            Column(name="Why", choice=True, help=_WHY),
        ),
        rows=tuple(_change_cells(row) for row in shown.iter_rows(named=True)),
        note=f"Worst first. {f'{rest:,} queries that changed less are left out. ' if rest else ''}{_WHY}",
        searchable=True,
    )


_WHY = (
    "Hints that weigh more on the worse ranking, upper ranks most: attribute (it contradicts a quantity, pack, colour, audience "
    "or size asked for), brand (the query names another), type (another vertical, or no word in common), typo (a word "
    "that looks like a slip)."
)


def _change_cells(row: dict) -> tuple[Cell, ...]:
    difference = row["difference"]
    change, tone = ("lost", "bad") if difference < 0 else ("gained", "good") if difference > 0 else ("same", "muted")
    return (
        Cell(text=row["query"] or row["query_id"], detail=row["query_id"] if row["query"] else ""),
        Cell(text=row["vertical"] or "–"),
        Cell(text=row["stratum"] or "–"),
        *(Cell(text=number(row[side]), value=row[side]) for side in ("before", "after")),
        Cell(text=points(difference), value=difference, tone=tone),
        Cell(text=change, tone="muted"),
        Cell(text=row["why"] or "–"),
    )


def _rankings(evidence: Evidence, analysis: ErrorAnalysis, ends: pl.DataFrame) -> list[Block]:
    own = analysis.pages.join(ends, on="query_id", how="semi").join(analysis.products, on="product_id", how="left")
    reasons = analysis.reasons.join(ends, on="query_id", how="semi")
    told: dict[tuple[str, str], list[str]] = {}
    for query, product, reason, detail in reasons.select("query_id", "product_id", "reason", "detail").iter_rows():
        told.setdefault((query, product), []).append(f"{reason}: {detail}")
    pages = {str(query): rows for (query,), rows in own.partition_by("query_id", as_dict=True).items()}
    return [
        Expandable(
            title=f"{row['query'] or row['query_id']}: {number(row['before'], 3)} → {number(row['after'], 3)} "
            f"({points(row['difference'])} points{', ' + row['why'] if row['why'] else ''})",
            blocks=(_side_by_side(evidence, analysis.pair, row, pages[row["query_id"]], told),),
        )
        for row in ends.iter_rows(named=True)
        if row["query_id"] in pages
    ]


def _side_by_side(
    evidence: Evidence, pair: Comparison, row: dict, page: pl.DataFrame, told: dict[tuple[str, str], list[str]]
) -> Table:
    """Both rankings of a query, rank by rank."""
    sides = {side: {r["rank"]: r for r in page.filter(side=side).iter_rows(named=True)} for side in ("before", "after")}
    first = page.sort("rank").group_by("side", "cluster_id").agg(pl.col("rank").min())
    same = {(side, cluster): rank for side, cluster, rank in first.iter_rows()}
    ranks = range(1, max((max(ranks, default=0) for ranks in sides.values()), default=0) + 1)
    columns = [Column(name="Rank", numeric=True)]
    for system in (pair.baseline, pair.system):
        columns += [Column(name=evidence.label(system)), Column(name="Grade")]
    cells = [
        (Cell(text=str(rank), value=rank),
         *(cell for side in sides for cell in _product_cells(evidence, sides[side].get(rank), row["query_id"], told, same)))
        for rank in ranks
    ]  # fmt: skip
    return Table(
        caption=f"{row['query'] or row['query_id']} ({PROTOCOLS[evidence.config.headline_protocol]})",
        columns=tuple(columns),
        rows=tuple(cells),
    )


def _product_cells(
    evidence: Evidence, shown: dict | None, query: str, told: dict[tuple[str, str], list[str]], same: dict
) -> tuple[Cell, Cell]:
    if shown is None:
        return Cell(text="–", tone="muted"), Cell(text="–", tone="muted")
    earlier = same.get((shown["side"], shown["cluster_id"]))
    twin = [f"same item as rank {earlier}"] if shown["cluster_id"] is not None and earlier != shown["rank"] else []
    detail = "; ".join([*told.get((query, shown["product_id"]), []), *twin])
    grade = shown["grade"]
    return (
        Cell(text=shown["title"] or shown["product_id"], detail=detail),
        Cell(text=evidence.grade_label(grade), tone=_TONES.get(grade, "")),
    )


def _annotation(evidence: Evidence, analysis: ErrorAnalysis) -> list[Block]:
    queue = analysis.annotation
    if queue.is_empty():
        return [Paragraph(text="Every product that both systems show among their first is judged.")]
    pair, shown = analysis.pair, queue.head(evidence.config.annotations)
    labels = {"rank_before": evidence.label(pair.baseline), "rank_after": evidence.label(pair.system)}
    rows = tuple(
        (
            Cell(text=row["query"] or row["query_id"], detail=row["query_id"]),
            Cell(text=str(row["unjudged"]), value=row["unjudged"]),
            Cell(text=row["title"] or row["product_id"], detail=row["product_id"]),
            *(Cell(text=str(row[side]), value=row[side]) for side in labels),
        )
        for row in shown.iter_rows(named=True)
    )
    named = [Column(name=f"Rank, {label}", numeric=True) for label in labels.values()]
    return [
        Table(
            caption="Unjudged products among the first of both systems, full catalogue",
            columns=(
                Column(name="Query"),
                Column(name="Such products", numeric=True),
                Column(name="Product"),
                *named,
            ),
            rows=rows,
            note=f"{shown.height:,} of {queue.height:,}, from {queue['query_id'].n_unique():,} queries; all of them are in "
            "tables/annotation_queue.csv. Their grades count as misses until someone gives them.",
            searchable=True,
        )
    ]


__all__ = ["REASONS", "ErrorAnalysis", "largest_changes", "queries_section"]
