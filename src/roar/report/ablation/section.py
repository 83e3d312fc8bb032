"""The ablation's section: what each part is worth and what could stand in its place, with all that was tried."""

import plotly.graph_objects as go
import polars as pl

from roar.parameters import Ablation, Primary
from roar.plots import ladder
from roar.report.page.section import Block, Cell, Column, Fact, Facts, Heading, Paragraph, Section, Table, chart, table
from roar.report.page.wording import equal_p, metric_label, number, points

_TITLES = {
    "ladder": "The paper's ladder",
    "objectives": "Objectives of stage 2 on the same data, steps and seeds",
    "calibration": "ROAR beside a term across queries",
    "confirmation": "The term across queries, where it was not chosen",
    "complements": "Complements in stage 2, against the default",
    "complements_kept": "Complements in stage 2, against stage 1",
}
_TONES = {"better": "good", "worse": "bad", "equivalent": "", "undecided": "muted", "baseline": "muted"}


def ablation_section(
    summary: pl.DataFrame, coverage: pl.DataFrame, config: Ablation, primary: tuple[Primary, ...]
) -> Section:
    """Build the section.

    Args:
        summary: the columns of `roar.ablation.summary.SUMMARY`.
        coverage: what each mask rule left out, as `mask_coverage` counts it; no rows where the truth is not known.
        config: metrics, seeds, the margin of equivalence.
        primary: the comparisons that were named before the runs.
    """
    blocks: list[Block] = [Paragraph(text=_how_to_read(config), style="note")]
    if named := tuple(fact for one in primary if (fact := _primary(summary, one))):
        blocks.insert(0, Facts(facts=named))
    for study in summary["study"].unique(maintain_order=True):
        own = summary.filter(study=study)
        blocks.append(Heading(text=_TITLES.get(study, study), anchor=f"ablation-{study.replace('_', '-')}"))
        for metric in (config.metrics[0], "auc"):
            caption = f"{metric_label(metric)}: difference, with 95% intervals"
            blocks.append(chart(caption, ablation_chart(summary, study, metric), half=True))
        blocks.append(_table(own))
    if coverage.height:
        blocks += [
            Heading(text="What each mask rule leaves out", anchor="ablation-coverage"),
            table(
                coverage.select(
                    pl.col("rule").alias("Rule"),
                    pl.col("duplicates").alias("True near-duplicates"),
                    (100 * pl.col("duplicates_masked")).alias("Masked, %"),
                    pl.col("others").alias("Other negatives"),
                    (100 * pl.col("others_masked")).alias("Masked, % "),
                ),
                "In batches drawn at random, scored by the base encoder",
                decimals=2,
            ),
        ]
    return Section(title="Ablation", anchor="ablation", order=45, blocks=tuple(blocks))


def ablation_chart(summary: pl.DataFrame, study: str, metric: str) -> go.Figure:
    """A forest plot of a study: every variant's difference from the baseline, in points."""
    rows = summary.filter(pl.col("study") == study, pl.col("metric") == metric).drop_nulls("difference")
    shown = [(100 * rows[name]).to_list() for name in ("difference", "low", "high")]
    found = rows["verdict"].is_in(["better", "worse"]).to_list()
    labels = [f"{variant} − {baseline}" for variant, baseline in rows.select("variant", "baseline").iter_rows()]
    return ladder(labels, *shown, x_title="Difference, points", found=found)


def _how_to_read(config: Ablation) -> str:
    return (
        f"Every variant was trained on the same folds and {len(config.seeds)} seeds. Seeds are averaged per query, all folds' queries pooled; "
        "p-values are of paired permutation tests, Holm-adjusted over all variants of a study (or family of studies) within a metric (of the auc: by "
        f"query bootstrap). Equivalent: the interval lies within plus and minus {100 * config.equivalence:g} points."
    )


def _primary(summary: pl.DataFrame, named: Primary) -> Fact | None:
    """A comparison named before the runs, where its study was run."""
    rows = summary.filter(study=named.study, variant=named.variant, metric=named.metric).drop_nulls("difference")
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    return Fact(
        label=f"Named before the runs: {named.variant} against {row['baseline']}",
        value=f"{points(row['difference'])} points of {metric_label(named.metric)}",
        detail=f"interval {points(row['low'])} to {points(row['high'])}, {equal_p(row['p'])}, {row['n']:,} queries: {row['verdict']}.",
        tone=_TONES[row["verdict"]],
    )


def _table(own: pl.DataFrame) -> Table:
    """Variants down, metrics across: the mean, and below it the difference with its verdict."""
    metrics = own["metric"].unique(maintain_order=True).to_list()
    rows = []
    for variant in own["variant"].unique(maintain_order=True):
        by_metric = {row["metric"]: row for row in own.filter(variant=variant).iter_rows(named=True)}
        rows.append((Cell(text=variant), *(_cell(by_metric[metric]) for metric in metrics)))
    columns = (Column(name="Variant"), *(Column(name=metric_label(metric), numeric=True) for metric in metrics))
    return Table(caption="All variants and metrics", columns=columns, rows=tuple(rows))


def _cell(row: dict[str, object]) -> Cell:
    mean, difference = row["mean"], row["difference"]
    if mean is None:
        return Cell(text="–", tone="muted")
    detail = "baseline" if difference is None else f"{points(difference)}, {row['verdict']}"  # type: ignore[arg-type]
    return Cell(text=number(mean), value=mean, detail=detail, tone=_TONES[str(row["verdict"])])  # type: ignore[arg-type]
