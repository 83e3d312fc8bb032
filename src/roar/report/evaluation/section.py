"""The evaluation's section: is the new model better, for whom, and how sure are we.

The two protocols are never mixed: every table and chart names its own.
"""

import polars as pl

from roar.errors import InputError
from roar.metrics.resampling import FEW
from roar.parameters import Comparison, MetricSettings, Reporting
from roar.report.evaluation import charts as draw
from roar.report.evaluation import tables as tabulate
from roar.report.evaluation.evidence import Evidence, in_order
from roar.report.page.section import Block, Expandable, Fact, Facts, Heading, Paragraph, Section, chart, text_table
from roar.report.page.wording import (
    PROTOCOL_MEANINGS,
    PROTOCOLS,
    anchor,
    distinct_anchors,
    equal_p,
    listed,
    metric_meaning,
    number,
    points,
    slice_label,
)

ANCHOR = "evaluation"


def evaluation_section(
    metrics: pl.DataFrame,
    comparisons: pl.DataFrame,
    config: Reporting | None = None,
    measured: MetricSettings | None = None,
) -> Section:
    """Build the section from the metric tables.

    Args:
        metrics: the tidy table, `roar.schemas.Metrics`.
        comparisons: system_a (the baseline), system_b, protocol, and the columns of `roar.metrics.compare`; no rows
            where nothing was compared.
        config: what to show, and its names.
        measured: how it was measured.

    Raises:
        InputError: there is no metric at all.
    """
    if metrics.is_empty():
        raise InputError("Table metrics is empty: no system was evaluated; run the evaluation pipeline first.")
    evidence = Evidence(metrics, comparisons, config or Reporting(), measured or MetricSettings())
    blocks = [*_headline(evidence), *_overall(evidence)]
    for slice_ in evidence.slices():
        blocks += _slice(evidence, slice_)
    blocks += _further(evidence)
    return Section(title="Results", anchor=ANCHOR, order=10, blocks=(*blocks, *_reading_guide(evidence)))


def _headline(evidence: Evidence) -> list[Block]:
    if not evidence.pairs:
        return [Paragraph(text="No two systems were compared; the tables below stand by themselves.", style="warning")]
    facts = [fact for pair in evidence.pairs if (fact := _fact(evidence, pair))]
    sentences = [text for protocol in evidence.protocols if (text := found_against_baseline(evidence, protocol))]
    for pair in evidence.telling_pairs[:1]:
        sentences += [_whom(evidence, pair, name) for name in evidence.slices() if " x " not in name][:2]
    return [Facts(facts=tuple(facts)), *(Paragraph(text=sentence) for sentence in sentences if sentence)]


def found_against_baseline(evidence: Evidence, protocol: str) -> str:
    """Every system's difference to the baseline that was found, the largest first, in a sentence: primary comparison or not."""
    config, baseline = evidence.config, evidence.config.baseline
    metric = config.headline_metric
    pairs = [Comparison(baseline=baseline, system=name) for name in evidence.systems(protocol) if name != baseline]
    rows = [(pair, row) for pair in pairs for row in evidence.differences(pair, protocol, "overall", metric).to_dicts()]
    if not rows:
        return ""
    said: dict[str, list[str]] = {"good": [], "bad": [], "muted": []}
    for pair, row in sorted(rows, key=lambda of: -(of[1]["difference"] or 0.0)):
        tone = tabulate.finding_of(row)[1]
        size = f" {points(row['difference'])} ({points(row['low'])} to {points(row['high'])})"
        said[tone].append(evidence.label(pair.system) + (size if tone != "muted" else ""))
    verbs = {"good": "better", "bad": "worse", "muted": "no difference found"}
    parts = [f"{verbs[tone]}: {', '.join(systems)}" for tone, systems in said.items() if systems]
    where = f"{PROTOCOLS[protocol]}, {evidence.metric_label(metric)} in points against {evidence.label(baseline)}"
    return f"{where[:1].upper()}{where[1:]}. {'; '.join(parts)}."


def _fact(evidence: Evidence, pair: Comparison) -> Fact | None:
    config = evidence.config
    rows = evidence.differences(pair, config.headline_protocol, "overall", config.headline_metric).to_dicts()
    if not rows:
        return None
    row = rows[0]
    if evidence.are_same(pair):
        return Fact(
            label=evidence.pair_label(pair),
            value="the same",
            detail="Both rank every query alike: what training changed between them was not kept (see the stage's section).",
            tone="muted",
        )
    finding, tone = tabulate.finding_of(row)
    verdict = {"good": "Better.", "bad": "Worse."}.get(tone) or (
        f"No difference found; one of {points(row['detectable']).lstrip('+')} points would have been."
    )
    interval = f"{evidence.measured.confidence:.0%} interval {points(row['low'])} to {points(row['high'])}"
    return Fact(
        label=evidence.pair_label(pair),
        value=f"{points(row['difference'])} points",
        detail=f"{verdict} {evidence.metric_label(config.headline_metric)} {number(row['mean_a'])} → {number(row['mean_b'])} on "
        f"{PROTOCOLS[config.headline_protocol]}; {interval}, {equal_p(row['p'])}, {row['n']:,} queries.",
        tone=tone if finding != "not found" else "muted",
    )


def _whom(evidence: Evidence, pair: Comparison, slice_: str) -> str:
    """For which levels a difference was found, in a sentence."""
    config = evidence.config
    rows = evidence.differences(pair, config.headline_protocol, slice_, config.headline_metric)
    rows = in_order(rows, evidence.levels(slice_))
    if rows.is_empty():
        return ""
    better = rows.filter(pl.col("found") & (pl.col("difference") > 0))["level"].to_list()
    worse = rows.filter(pl.col("found") & (pl.col("difference") < 0))["level"].to_list()
    parts = [f"{verb} for {listed(levels)}" for verb, levels in (("better", better), ("worse", worse)) if levels]
    rest = rows.height - len(better) - len(worse)
    undecided = f"no difference found for {'the other ' if parts else ''}{rest} of {rows.height}" if rest else ""
    found = "; ".join(filter(None, [*parts, undecided]))
    return f"{evidence.pair_label(pair)}, by {slice_label(slice_)}: {found} (adjusted for the number of slices)."


def _overall(evidence: Evidence) -> list[Block]:
    blocks: list[Block] = []
    for protocol in evidence.protocols:
        title = f"All systems: {PROTOCOLS[protocol]}"
        blocks += [Heading(text=title, anchor=anchor(ANCHOR, protocol)), Paragraph(text=PROTOCOL_MEANINGS[protocol])]
        blocks.append(tabulate.systems_table(evidence, protocol))
        if evidence.figures(protocol, "overall (traffic)").height:
            weighted = tabulate.systems_table(evidence, protocol, "overall (traffic)")
            blocks.append(Expandable(title="The same, weighted by traffic", blocks=(weighted,)))
        blocks += _overall_charts(evidence, protocol)
        differences = [tabulate.metrics_difference_table(evidence, pair, protocol) for pair in evidence.telling_pairs]
        shown = [table for table in differences if table.rows]
        if shown:
            blocks.append(Expandable(title="Differences on every metric", blocks=tuple(shown)))
    return blocks


def _overall_charts(evidence: Evidence, protocol: str) -> list[Block]:
    blocks: list[Block] = []
    if protocol == evidence.config.headline_protocol:
        caption = f"{evidence.metric_label(evidence.config.headline_metric)} of every system, {PROTOCOLS[protocol]}"
        blocks.append(chart(caption, draw.systems_chart(evidence, protocol)))
    if protocol == "catalogue":
        mix, recall = draw.grade_mix_chart(evidence, protocol), draw.recall_chart(evidence, protocol)
        blocks += [chart("What shoppers see: grades in the first 8 products, full catalogue", mix)] if mix else []
        blocks += [chart("Recall of exact products against depth, full catalogue", recall)] if recall else []
    return blocks


def _slice(evidence: Evidence, slice_: str) -> list[Block]:
    config = evidence.config
    protocol, metric = config.headline_protocol, config.headline_metric
    blocks: list[Block] = [Heading(text=f"By {slice_label(slice_)}", anchor=_slice_anchor(evidence, slice_))]
    compared = [pair for pair in evidence.telling_pairs if evidence.differences(pair, protocol, slice_, metric).height]
    crossed = " x " in slice_
    if compared and not crossed:
        blocks.append(_gains(evidence, slice_))
    if crossed and evidence.telling_pairs[:1] == compared[:1] and compared:
        blocks.append(_heat_map(evidence, slice_))
    headline = tabulate.levels_table(evidence, protocol, slice_, metric)
    differences = [tabulate.differences_table(evidence, pair, protocol, slice_, metric) for pair in compared]
    if crossed:
        return [*blocks, Expandable(title="The figures behind it", blocks=(headline, *differences))]
    blocks += [headline, *differences]
    for name in evidence.protocols:
        others = [m for m in evidence.shown_metrics(name) if (name, m) != (protocol, metric)]
        tables = tuple(tabulate.levels_table(evidence, name, slice_, other) for other in others)
        title = f"All metrics by {slice_label(slice_)}, {PROTOCOLS[name]}"
        blocks += [Expandable(title=title, blocks=tables)] if tables else []
    return blocks


def _slice_anchor(evidence: Evidence, slice_: str) -> str:
    """A link target that no other heading of the section has."""
    others = [*evidence.protocols, "further", "reading", *sorted({*evidence.metrics["slice"].unique(), slice_})]
    return distinct_anchors((ANCHOR, name) for name in others)[ANCHOR, slice_]


def _gains(evidence: Evidence, slice_: str) -> Block:
    config = evidence.config
    return chart(
        f"Gain in {evidence.metric_label(config.headline_metric)} by {slice_label(slice_)}, {PROTOCOLS[config.headline_protocol]}",
        draw.gains_chart(evidence, config.headline_protocol, slice_),
        alternative=draw.gains_in_words(evidence, config.headline_protocol, slice_),
        note=f"Bars are {evidence.measured.confidence:.0%} intervals. Filled: found at {config.significance:g} after Holm's "
        "adjustment; hollow: not found.",
    )


def _heat_map(evidence: Evidence, slice_: str) -> Block:
    config = evidence.config
    return chart(
        f"{evidence.pair_label(evidence.telling_pairs[0])}: difference in {evidence.metric_label(config.headline_metric)}, points, "
        f"by {slice_label(slice_)}, {PROTOCOLS[config.headline_protocol]}",
        draw.crossed_chart(evidence, config.headline_protocol, slice_),
        note=f"* fewer than {config.small_cell} queries.",
    )


def _further(evidence: Evidence) -> list[Block]:
    if not evidence.further_pairs:
        return []
    tables = [tabulate.pairs_table(evidence, evidence.further_pairs, protocol) for protocol in evidence.protocols]
    shown = tuple(table for table in tables if table.rows)
    return [Heading(text="Further comparisons", anchor=anchor(ANCHOR, "further")), *shown] if shown else []


def _reading_guide(evidence: Evidence) -> list[Block]:
    measured, config = evidence.measured, evidence.config
    shown = dict.fromkeys(metric for protocol in evidence.protocols for metric in evidence.shown_metrics(protocol))
    gains = ", ".join(f"{grade} {gain}" for grade, gain in measured.gains.items())
    primary = evidence.pairs[0] if evidence.pairs else None
    claim = (
        f"The primary claim is one test: {evidence.pair_label(primary)}, {evidence.metric_label(config.headline_metric)}, "
        f"overall, {PROTOCOLS[config.headline_protocol]}. " if primary else ""
    )  # fmt: skip
    certainty = (
        f"Intervals of means are {measured.confidence:.0%} bootstrap intervals over queries ({measured.resamples:,} resamples), the "
        f"binomial's where fewer than {FEW} queries differ from the value of most others. Differences are tested by flipping the "
        f"signs of the per-query differences ({measured.permutations:,} times), two-sided; their intervals hold what this test does "
        f"not reject, and leave out 0 exactly where the unadjusted p is at most {1 - measured.confidence:.2g}. "
        f"{claim}Other overall comparisons stand unadjusted, each for itself, and explore. p-values of slices are "
        "adjusted by Holm's method within one metric and pair of systems, over the levels of all slices (crossed slices "
        "apart). A difference that was not found may still be there: 'detectable' says how large it would have to be. "
        f"Levels of fewer than {config.small_cell} queries are flagged and kept."
    )
    steps = ", ".join(f"{name} counts as {grade}" for grade, name in config.grade_labels.items())
    ordinal = f" This data set knows its grades as steps of a scale: {steps}." if steps else ""
    definitions = text_table(
        ["Metric", "What it measures"],
        [(evidence.metric_label(name), metric_meaning(name)) for name in shown],
        "Metrics",
    )
    return [
        Heading(text="How to read this", anchor=anchor(ANCHOR, "reading")),
        Paragraph(text=certainty),
        Paragraph(text=f"Only exact products count as relevant to the binary metrics. NDCG's gains: {gains}.{ordinal}"),
        definitions,
    ]
