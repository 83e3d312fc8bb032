"""Constrained systems beside those that they re-rank, by what queries ask for."""

from typing import NamedTuple

import plotly.graph_objects as go
import polars as pl

from roar.parameters import Comparison
from roar.plots import charts
from roar.report.evaluation.evidence import Evidence
from roar.report.page.section import Block, Cell, Chart, Column, Heading, Paragraph, Section, Table, chart, table
from roar.report.page.wording import PROTOCOLS, number, p_value, points
from roar.training_sets.slices import ASKS

ANCHOR = "constraints"
PAIRS = (("stage2", "stage2_constrained"), ("hybrid_sum", "hybrid_constrained"))
"""What is re-ranked, and the system that does it."""

CONFLICT = "attribute_conflict"
SHOWN = ("ndcg@8", "order_exact_substitute", "recall@100")
"""Metrics of the table beside the conflicts."""

SAMPLE = 25
"""Demoted exact products that are listed."""

_EXPLAINED = (
    "A product that contradicts what the query asks for (128 GB where 64 GB is wanted, a buckle where none is) sinks by a penalty; "
    "one that states it rises by a smaller bonus; silence is neutral. Penalty and bonus are those with the best NDCG@8 on each "
    "fold's validation queries; 0 was among those tried. They also say whether what a query excludes is left out of the search."
)
_CIRCULAR = (
    "Conflicts are counted by the same reader that moves products, so that they fall by construction; whether people agree is what "
    "NDCG and the grades below say."
)


class Constrained(NamedTuple):
    """What is known of the constraints beyond the metrics.

    Attributes:
        tuning: system to what was tried on validation queries: fold, sought, penalty, bonus, judged, catalogue, best.
        verdicts: dimension, verdict, grade, pairs (`roar.retrieval.constraints.verdict_grades`).
        demoted: query_id, query, title, dimension, asked, stated, rank_before, rank_after.
    """

    tuning: dict[str, pl.DataFrame]
    verdicts: pl.DataFrame
    demoted: pl.DataFrame


def constraints_section(evidence: Evidence, known: Constrained) -> Section:
    """Build the section."""
    blocks: list[Block] = [Paragraph(text=_EXPLAINED), Paragraph(text=_CIRCULAR, style="note")]
    for protocol in evidence.protocols:
        blocks += _protocol(evidence, protocol)
    blocks += [*_weights(evidence, known), *_reader(evidence, known), *_demoted(known)]
    return Section(title="Constraints", anchor=ANCHOR, order=18, blocks=tuple(blocks))


def constraint_table(evidence: Evidence, protocol: str) -> pl.DataFrame:
    """Both constrained systems against those they re-rank, by what queries ask for.

    Returns:
        baseline, system, asks_for, metric, queries, before, after, difference, low, high, p_adjusted (Holm).
    """
    parts = []
    conflict = f"{CONFLICT}@{evidence.measured.page}"
    for baseline, system in PAIRS:
        pair = Comparison(baseline=baseline, system=system)
        for slice_ in ("overall", ASKS):
            rows = evidence.differences(pair, protocol, slice_).filter(pl.col("metric").is_in([conflict, *SHOWN]))
            parts.append(
                rows.select(
                    pl.lit(baseline).alias("baseline"), pl.lit(system).alias("system"), asks_for="level", metric="metric",
                    queries="n", before="mean_a", after="mean_b", difference="difference", low="low", high="high",
                    p_adjusted="p_adjusted",
                )
            )  # fmt: skip
    return pl.concat(parts)


def conflict_chart(evidence: Evidence, protocol: str) -> go.Figure:
    """Share of contradicting products on the first page, by system and what queries ask for, with its interval."""
    systems = [system for system in evidence.systems(protocol) if system != "random"]
    rows = pl.concat(
        evidence.figures(protocol, slice_, f"{CONFLICT}@{evidence.measured.page}") for slice_ in ("overall", ASKS)
    )
    levels = ["all", *evidence.levels(ASKS)]
    series = {
        evidence.label(system): rows.filter(pl.col("mean").is_not_null(), system=system).select(
            "level", "n", "low", "high", difference="mean", found=pl.lit(True)
        )
        for system in systems
    }
    colours = {evidence.label(system): colour for system, colour in charts.colours_of(systems).items()}
    title = "Share of products that contradict the query"
    return charts.intervals(series, levels, colours, title, signed=False)


def _protocol(evidence: Evidence, protocol: str) -> list[Block]:
    compared = constraint_table(evidence, protocol)
    if compared.is_empty():
        return []
    columns = [
        Column(name="System"),
        Column(name="Asks for"),
        Column(name="Metric", choice=True),
        Column(name="Queries", numeric=True),
    ]
    columns += [
        Column(name=name, numeric=True) for name in ("Before", "After", "Difference, points", "Interval", "p, adjusted")
    ]
    rows = tuple(_row(evidence, row) for row in compared.iter_rows(named=True))
    caption = f"With and without constraints, {PROTOCOLS[protocol]}"
    drawn: Chart = chart(
        f"Attribute conflicts by what queries ask for, {PROTOCOLS[protocol]}",
        conflict_chart(evidence, protocol),
        alternative="Share of contradicting products among those of the first page that say anything, by system.",
    )
    heading = Heading(text=f"With and without: {PROTOCOLS[protocol]}", anchor=f"{ANCHOR}-{protocol}")
    note = "Queries that ask for several things are in several rows. p is adjusted for the number of slices (Holm)."
    return [heading, drawn, Table(caption=caption, columns=tuple(columns), rows=rows, note=note)]


def _row(evidence: Evidence, row: dict) -> tuple[Cell, ...]:
    found = (row["p_adjusted"] or 1.0) <= evidence.config.significance
    better = (row["difference"] or 0.0) < 0 if row["metric"].startswith(CONFLICT) else (row["difference"] or 0.0) > 0
    return (
        Cell(text=evidence.label(row["system"])),
        Cell(text="anything" if row["asks_for"] == "all" else row["asks_for"]),
        Cell(text=evidence.metric_label(row["metric"])),
        Cell(text=f"{row['queries']:,}", value=row["queries"]),
        Cell(text=number(row["before"]), value=row["before"]),
        Cell(text=number(row["after"]), value=row["after"]),
        Cell(
            text=points(row["difference"]), value=row["difference"], tone=("good" if better else "bad") if found else ""
        ),
        Cell(text=f"{points(row['low'])} to {points(row['high'])}"),
        Cell(text=p_value(row["p_adjusted"]), value=row["p_adjusted"]),
    )


def _weights(evidence: Evidence, known: Constrained) -> list[Block]:
    chosen = pl.concat(
        tried.filter("best").select(
            pl.lit(evidence.label(system)).alias("system"), "fold", "sought", "penalty", "bonus", "judged", "catalogue"
        )
        for system, tried in known.tuning.items()
    )
    unchanged = pl.concat(
        tried.filter(sought=0.0, penalty=0.0, bonus=0.0).select(
            pl.lit(evidence.label(system)).alias("system"),
            "fold",
            judged_without="judged",
            catalogue_without="catalogue",
        )
        for system, tried in known.tuning.items()
    )
    shown = chosen.join(unchanged, on=["system", "fold"], how="left", maintain_order="left")
    names = {
        "system": "System",
        "fold": "Fold",
        "sought": "Left out of the search",
        "penalty": "Penalty",
        "bonus": "Bonus",
    }
    names |= {"judged": "NDCG@8, judged", "catalogue": "NDCG@8, catalogue", "judged_without": "judged without", "catalogue_without": "catalogue without"}  # fmt: skip
    return [
        Heading(text="Weights", anchor=f"{ANCHOR}-weights"),
        table(shown, "What validation queries chose", names=names, decimals=3),
    ]


def _reader(evidence: Evidence, known: Constrained) -> list[Block]:
    """How people graded what the reader says: of the pairs with each verdict, the share of each grade."""
    if known.verdicts.is_empty():
        return [Paragraph(text="No judged query asks for anything that the reader reads.")]
    pairs = pl.col("pairs").sum()
    total = known.verdicts.group_by("dimension", "verdict").agg(
        pairs=pairs, exact=_share("exact"), irrelevant=_share("irrelevant")
    )
    shown = total.sort("dimension", "verdict")
    names = {"dimension": "What is asked", "verdict": "The product", "pairs": "Judged pairs", "exact": f"Share {evidence.grade_label('exact')}", "irrelevant": f"Share {evidence.grade_label('irrelevant')}"}  # fmt: skip
    note = "Where products that contradict are graded as well as those that agree, the reader is wrong or people do not care."
    heading = Heading(text="Is the reader right?", anchor=f"{ANCHOR}-reader")
    return [
        heading,
        table(shown, "Grades of products by what the reader says of them", names=names, decimals=2, note=note),
    ]


def _share(grade: str) -> pl.Expr:
    return pl.col("pairs").filter(pl.col("grade") == grade).sum() / pl.col("pairs").sum()


def _demoted(known: Constrained) -> list[Block]:
    heading = Heading(text="Exact products that sank", anchor=f"{ANCHOR}-demoted")
    if known.demoted.is_empty():
        return [
            heading,
            Paragraph(text="None: no exact product of the tested queries contradicts its query and lost a rank by it."),
        ]
    columns = ["query", "title", "dimension", "asked", "stated", "rank_before", "rank_after"]
    names = {"query": "Query", "title": "Product", "dimension": "On", "asked": "Asked", "stated": "Stated", "rank_before": "Rank before", "rank_after": "After"}  # fmt: skip
    count = known.demoted.select("query_id", "product_id").n_unique()
    caption = f"What it costs where the reader is wrong: {count:,} exact products sank; those that lost most"
    return [heading, table(known.demoted.select(columns).head(SAMPLE), caption, names=names)]
