"""The section on how systems behave: coverage of the runs, grades by rank, scores by grade, calibration, robustness."""

from typing import NamedTuple

import polars as pl

from roar.report.evaluation.evidence import Evidence, by
from roar.report.page.section import (
    Block,
    Cell,
    Column,
    Expandable,
    Heading,
    Paragraph,
    Section,
    Table,
    chart,
    table,
)
from roar.report.page.wording import PROTOCOLS, number, points
from roar.report.systems import charts as draw

ANCHOR = "systems"

_POLICY = (
    "A repeated (query, product), a score that is no finite number, or a system to be compared that has no run is an error. "
    "Counted here, because the reading is plain: unanswered queries score as an empty ranking; a ranking shorter than the "
    "page has nothing at the ranks it lacks; products that the catalogue does not know keep their ranks and gain nothing; "
    "queries without an exact product are left out of MAP, MRR and recall, which they cannot have."
)


class Behaviour(NamedTuple):
    """What is known of the systems beyond their means; each table has `system`.

    Attributes:
        pages: protocol, query_id, rank, product_id, score, grade.
        coverage: protocol and the counts of `roar.metrics.coverage`.
        bins: protocol, low, high, grade, pairs.
        robustness: as `roar.metrics.judging.robustness` returns.
        tuning: title to what was tried on validation queries: fold, the settings, value, best.
        spread: as `roar.metrics.spread.seed_spread` returns; no rows where there is one seed.
    """

    pages: pl.DataFrame
    coverage: pl.DataFrame
    bins: pl.DataFrame
    robustness: pl.DataFrame
    tuning: dict[str, pl.DataFrame]
    spread: pl.DataFrame


def behaviour_section(evidence: Evidence, behaviour: Behaviour) -> Section:
    """Build the section."""
    blocks: list[Block] = [
        *_grades_by_rank(evidence, behaviour),
        *_scores(evidence, behaviour),
        *_robustness(evidence, behaviour),
        *_spread(evidence, behaviour),
        Heading(text="What the runs cover", anchor=f"{ANCHOR}-coverage"),
        _coverage(evidence, behaviour),
        *_tuning(behaviour),
    ]
    return Section(title="How the systems behave", anchor=ANCHOR, order=12, blocks=tuple(blocks))


def _grades_by_rank(evidence: Evidence, behaviour: Behaviour) -> list[Block]:
    blocks: list[Block] = [Heading(text="Grades by rank", anchor=f"{ANCHOR}-ranks")]
    for protocol in evidence.protocols:
        shares = draw.rank_shares(behaviour.pages.filter(protocol=protocol))
        systems = [system for system in evidence.systems(protocol) if shares.filter(system=system).height]
        charts = [
            chart(f"{evidence.label(system)}: grades by rank, {PROTOCOLS[protocol]}",
                  draw.rank_chart(evidence, shares.filter(system=system)), half=True)
            for system in systems
        ]  # fmt: skip
        first = [block for block, system in zip(charts, systems, strict=True) if system in evidence.headline_systems]
        rest = tuple(block for block in charts if block not in first)
        blocks += first
        title = f"Grades by rank of the other systems, {PROTOCOLS[protocol]}"
        blocks += [Expandable(title=title, blocks=rest)] if rest else []
    return blocks


def _scores(evidence: Evidence, behaviour: Behaviour) -> list[Block]:
    """Only of systems whose scores compare across queries."""
    systems = evidence.comparable
    if behaviour.bins.is_empty() or not systems:
        return []
    bins = behaviour.bins.filter(pl.col("system").is_in(systems))
    charts = [
        chart(f"{evidence.label(system)}: scores by grade, judged products",
              draw.distribution_chart(evidence, bins.filter(system=system)), half=True)
        for system in systems
        if bins.filter(system=system).height
    ]  # fmt: skip
    calibration = chart(
        "Share of exact products by score, judged products",
        draw.calibration_chart(evidence, bins, systems),
        note="Read it as what a fixed cut-off would let through. A steep curve separates; one that runs to the right of another "
        "needs another cut-off. Bins of fewer than 20 pairs are left out.",
    )
    rest = tuple(charts[len(charts) // 2 * 2 - 2 :]) if len(charts) > 4 else ()
    shown = [block for block in charts if block not in rest]
    further = [Expandable(title="Scores by grade of the other systems", blocks=rest)] if rest else []
    return [Heading(text="Scores by grade, and calibration", anchor=f"{ANCHOR}-scores"), calibration, *shown, *further]


def _robustness(evidence: Evidence, behaviour: Behaviour) -> list[Block]:
    rows = behaviour.robustness
    if rows.is_empty():
        return []
    note = (
        "The test queries once more, each written differently in one way drawn for it: slips of the hand and the ear, spaces, "
        "order, units. Kept is the mean after over the mean before; below it both means, their difference in points, its interval."
    )
    blocks: list[Block] = [Heading(text="Robustness", anchor=f"{ANCHOR}-robustness"), Paragraph(text=note)]
    for protocol in evidence.protocols:
        shown = [m for m in rows["metric"].unique(maintain_order=True) if m in evidence.shown_metrics(protocol)]
        own = rows.filter(pl.col("metric").is_in(shown), protocol=protocol)
        blocks.append(_robustness_table(evidence, own.filter(edit="all"), protocol, shown))
        kinds = [_robustness_by_edit(evidence, own.filter(metric=metric), protocol, metric) for metric in shown]
        blocks.append(Expandable(title=f"By kind of edit, {PROTOCOLS[protocol]}", blocks=tuple(kinds)))
    return blocks


def _robustness_table(evidence: Evidence, rows: pl.DataFrame, protocol: str, metrics: list[str]) -> Table:
    """Systems in rows, metrics in columns: the share kept, and below it what it went from and to."""
    found = by(rows, "system", "metric")
    systems = [system for system in evidence.systems(protocol) if any((system, metric) in found for metric in metrics)]
    return Table(
        caption=f"What is kept when queries are written differently, per cent, {PROTOCOLS[protocol]}",
        columns=(
            Column(name="System"),
            Column(name="Queries", numeric=True),
            *(Column(name=f"{evidence.metric_label(metric)} kept", numeric=True) for metric in metrics),
        ),
        rows=tuple(
            (
                Cell(text=evidence.label(system)),
                _count(max(found[system, metric]["n"] for metric in metrics)),
                *(_kept(found[system, metric]) for metric in metrics),
            )
            for system in systems
        ),
    )


def _kept(row: dict) -> Cell:
    interval = "" if row["low"] is None else f" ({points(row['low'])} to {points(row['high'])})"
    detail = f"{number(row['as_typed'], 3)} → {number(row['edited'], 3)}, {points(row['difference'])}{interval}"
    return _percent(row["kept"]).model_copy(update={"detail": detail})


def _count(n: int) -> Cell:
    return Cell(text=f"{n:,}", value=n)


def _robustness_by_edit(evidence: Evidence, rows: pl.DataFrame, protocol: str, metric: str) -> Table:
    """Share kept, systems in rows, kinds of edit in columns."""
    edits = rows["edit"].unique(maintain_order=True).to_list()
    counts = dict(rows.group_by("edit").agg(pl.col("n").max()).iter_rows())
    kept = {(row["system"], row["edit"]): row["kept"] for row in rows.iter_rows(named=True)}
    systems = [system for system in evidence.systems(protocol) if (system, "all") in kept]
    return Table(
        caption=f"{evidence.metric_label(metric)} kept by kind of edit, per cent, {PROTOCOLS[protocol]}",
        columns=(Column(name="System"), *(Column(name=f"{e} ({counts[e]})", numeric=True) for e in edits)),
        rows=tuple(
            (Cell(text=evidence.label(system)), *(_percent(kept.get((system, edit))) for edit in edits))
            for system in systems
        ),
        note="In brackets: queries.",
    )


def _percent(share: float | None) -> Cell:
    return Cell(text="–", tone="muted") if share is None else Cell(text=f"{100 * share:.1f}", value=share)


def _spread(evidence: Evidence, behaviour: Behaviour) -> list[Block]:
    rows = behaviour.spread
    if rows.is_empty():
        return []
    shown = rows.filter(pl.col("metric").is_in([m for p in evidence.protocols for m in evidence.shown_metrics(p)]))
    labels = {system: evidence.label(system) for system in rows["system"].unique()}
    named = shown.with_columns(
        pl.col("system").replace(labels),
        pl.col("protocol").replace(PROTOCOLS),
        metric=pl.Series([evidence.metric_label(name) for name in shown["metric"]], dtype=pl.String),
    )
    return [
        Heading(text="Variation over seeds", anchor=f"{ANCHOR}-seeds"),
        table(
            named.rename(lambda name: name.replace("_", " ").capitalize()),
            "Overall means over runs that differ in their seed alone",
            searchable=True,
            note="Intervals elsewhere say how a figure varies over queries, with this one training; this table says how it "
            "varies over trainings.",
        ),
    ]


def _coverage(evidence: Evidence, behaviour: Behaviour) -> Table:
    names = {
        "queries": "Queries", "rows": "Rows", "unanswered": "Unanswered", "short": "Shorter than the page",
        "unknown_products": "Unknown products", "without_exact": "Queries without an exact product",
    }  # fmt: skip
    rows = behaviour.coverage.iter_rows(named=True)
    return Table(
        caption="Runs, and what the policy counts in them",
        columns=(
            Column(name="System"),
            Column(name="Protocol", choice=True),
            *(Column(name=n, numeric=True) for n in names.values()),
        ),
        rows=tuple(
            (
                Cell(text=evidence.label(row["system"])),
                Cell(text=PROTOCOLS[row["protocol"]]),
                *(
                    Cell(
                        text=f"{row[name]:,}",
                        value=row[name],
                        tone="warning" if name in ("unanswered", "short", "unknown_products") and row[name] else "",
                    )
                    for name in names
                ),
            )
            for row in rows
        ),
        note=_POLICY,
    )


def _tuning(behaviour: Behaviour) -> list[Block]:
    return [
        Expandable(
            title=f"{title}: what was tried on validation queries",
            blocks=(
                table(
                    tried.rename(lambda name: name.replace("_", " ").capitalize()),
                    f"{title}: NDCG@8 of the validation queries",
                ),
            ),
        )
        for title, tried in behaviour.tuning.items()
        if tried.height
    ]
