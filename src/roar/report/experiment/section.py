"""The experiment's section: the verdict first, then why, for whom, how sure, and what was left out."""

import polars as pl

from roar.ab_testing.moments import OVERALL
from roar.ab_testing.power import units_for_uplift
from roar.ab_testing.reading import span
from roar.ab_testing.verdict import KEEP, SHIP
from roar.parameters import ABTest
from roar.report.experiment import charts as draw
from roar.report.experiment import tables as tabulate
from roar.report.experiment.evidence import ExperimentEvidence
from roar.report.experiment.tables import percent, sentence, tone_of
from roar.report.page.section import (
    Block,
    Expandable,
    Fact,
    Facts,
    Heading,
    Paragraph,
    Section,
    Tone,
    chart,
    table,
    text_table,
)
from roar.report.page.wording import equal_p, ordered_levels, ordered_slices, slice_label

ANCHOR = "experiment"
SIMULATED = (
    "Simulated experiment: there is no log of a real test. Searchers, their routing and their clicks are drawn by the "
    "simulator's click model over what the two systems returned, so the true uplift is known and shown beside the estimates."
)
CIRCULAR = (
    "In the simulated shop this is circular by construction: clicks depend on the same grades that the offline metric "
    "counts. The correlation shows that the estimators agree, not that offline gains predict a real shop's uplift."
)
_ROWS_OF = ("experiment_log", "experiment_units")


def experiment_section(evidence: ExperimentEvidence, config: ABTest | None = None) -> Section:
    """Build the section.

    Args:
        evidence: what the analysis found.
        config: names, alpha and the rules behind it.
    """
    config = config or ABTest()
    blocks = [*_verdict(evidence, config), *_metrics(evidence, config), *_slices(evidence, config)]
    blocks += [*_days(evidence, config), *_trust(evidence, config), *_offline(evidence, config)]
    blocks += [*_interleaving(evidence, config), _definitions(config)]
    return Section(title="Experiment", anchor=ANCHOR, order=15, blocks=tuple(blocks))


def _verdict(evidence: ExperimentEvidence, config: ABTest) -> list[Block]:
    blocks: list[Block] = [Paragraph(text=SIMULATED, style="warning")] if evidence.simulated else []
    blocks.append(Facts(facts=(_outcome(evidence), *_primary_fact(evidence, config), *_size(evidence))))
    return [*blocks, tabulate.rules_table(evidence, config)]


def _outcome(evidence: ExperimentEvidence) -> Fact:
    outcome, days = evidence.verdict["outcome"], evidence.verdict["days_needed"]
    tone: Tone = "good" if outcome == SHIP else "bad" if outcome == KEEP else "muted"
    value = {SHIP: "Ship the treatment", KEEP: "Keep the control"}.get(outcome, "Inconclusive")
    wait = f" About {days:,} more days are needed." if days else ""
    return Fact(label="Verdict", value=value, detail=f"{sentence(evidence.verdict['reason'])}.{wait}", tone=tone)


def _primary_fact(evidence: ExperimentEvidence, config: ABTest) -> list[Fact]:
    rows = evidence.overall().filter(pl.col("metric") == config.primary).to_dicts()
    if not rows:
        return []
    row = rows[0]
    parts = [row.get("caveat")]
    if row["relative_low"] is not None:
        parts.append(f"{percent(row['relative_low'])} to {percent(row['relative_high'])}, {equal_p(row['p'])}")
    if row["true"] is not None:
        parts.append(f"true {percent(row['true'])}")
    detail = "; ".join(filter(None, parts))
    label = f"{config.metrics[config.primary].label}, relative"
    value = "not to be had" if row["relative"] is None else percent(row["relative"])
    return [Fact(label=label, value=value, detail=detail, tone=tone_of(row, config))]


def _size(evidence: ExperimentEvidence) -> list[Fact]:
    units = evidence.uplifts.filter(pl.col("slice") == OVERALL).select("units_control", "units_treatment").row(0)
    first, last = span(evidence.days["day"])
    searches = int(evidence.days["searches"].sum())
    days = evidence.days["day"].n_unique()
    return [
        Fact(label="Searchers", value=f"{sum(units):,}", detail=f"{units[0]:,} control, {units[1]:,} treatment"),
        Fact(label="Searches", value=f"{searches:,}", detail=f"{days} days, {first} to {last}"),
    ]


def _metrics(evidence: ExperimentEvidence, config: ABTest) -> list[Block]:
    rows = evidence.overall()
    labels = [config.metrics[name].label for name in rows["metric"]]
    figure = draw.forest(rows, labels, config)
    words = "; ".join(
        f"{label} {percent(value)}" for label, value in zip(labels, rows["relative"], strict=True) if value is not None
    )
    how = "Filled where the adjusted p is below alpha: blue is better, orange worse; hollow: no difference found, or too few "
    how += "events."
    blocks: list[Block] = [Heading(text="Uplift by metric", anchor=f"{ANCHOR}-metrics")]
    if rows["relative_low"].is_not_null().any():
        blocks.append(chart("Uplift by metric, all searches", figure, alternative=words, note=how))
    blocks.append(tabulate.uplift_table(evidence, rows, config))
    if any(row.get("caveat") for row in rows.to_dicts()):
        blocks.append(Paragraph(text=tabulate.rule(config), style="note"))
    return blocks


def _slices(evidence: ExperimentEvidence, config: ABTest) -> list[Block]:
    blocks: list[Block] = []
    for slice_ in ordered_slices(evidence.uplifts["slice"]):
        rows = evidence.uplifts.filter(pl.col("slice") == slice_)
        levels = ordered_levels(rows["level"])
        if len(levels) < 2:
            continue
        blocks.append(Heading(text=f"Uplift by {slice_label(slice_)}", anchor=f"{ANCHOR}-{slice_}"))
        for metric in dict.fromkeys((config.primary, *(config.offline.online if config.offline else ()))):
            own = _ordered(rows.filter(pl.col("metric") == metric), levels)
            if own["relative_low"].is_null().all():
                continue
            caption = f"{config.metrics[metric].label} by {slice_label(slice_)}"
            words = "; ".join(f"{level} {percent(value)}" for level, value in own.select("level", "relative").rows())
            figure = draw.forest(own, own["level"].to_list(), config)
            blocks.append(chart(caption, figure, alternative=words, half=True))
        blocks.append(
            Expandable(
                title=f"Every metric by {slice_label(slice_)}", blocks=(tabulate.slice_table(rows, levels, config),)
            )
        )
    if blocks:
        note = (
            "A slice's searches divided by all of a variant's searchers: whether one searches there may depend on the "
        )
        note += f"variant. p-values are adjusted over the levels ({config.adjust_slices.replace('_', '-')})."
        blocks.append(Paragraph(text=note, style="note"))
    return blocks


def _ordered(rows: pl.DataFrame, levels: list[str]) -> pl.DataFrame:
    place = {level: number for number, level in enumerate(levels)}
    return rows.sort(pl.col("level").replace_strict(place, return_dtype=pl.Int64))


def _days(evidence: ExperimentEvidence, config: ABTest) -> list[Block]:
    truth = dict(evidence.overall().select("metric", "true").iter_rows())
    charts = {}
    for name in config.metrics:
        rows = evidence.cumulative.filter(pl.col("metric") == name).drop_nulls("sequential_low")
        if rows.height > 1:
            last = rows.row(-1, named=True)
            words = f"Uplift after {rows.height} days {percent(last['relative'])}, always-valid interval "
            words += f"{percent(last['sequential_low'])} to {percent(last['sequential_high'])}"
            figure = draw.day_by_day(rows, truth.get(name))
            charts[name] = chart(f"{config.metrics[name].label}: uplift up to each day", figure, alternative=words)
    if not charts:
        return []
    note = (
        "The wide band holds on all days at once, however often one looks (asymptotic confidence sequence, arXiv 2103.06476); "
        "the narrow one holds for one look that was fixed beforehand. Both start on the first day with "
        f"{config.min_events:g} events in a variant."
    )
    blocks: list[Block] = [Heading(text="Day by day", anchor=f"{ANCHOR}-days")]
    blocks += [charts.pop(config.primary)] if config.primary in charts else []
    blocks.append(Paragraph(text=note, style="note"))
    others = tuple(block.model_copy(update={"half": True}) for block in charts.values())
    return [*blocks, Expandable(title="The other metrics day by day", blocks=others)] if others else blocks


def _trust(evidence: ExperimentEvidence, config: ABTest) -> list[Block]:
    blocks: list[Block] = [Heading(text="Can it be trusted?", anchor=f"{ANCHOR}-checks")]
    blocks.append(tabulate.checks_table(evidence))
    if evidence.exclusions.is_empty():
        blocks.append(Paragraph(text="No row of the log was left out, and none was changed."))
    else:
        named = evidence.exclusions.rename(lambda name: name.capitalize())
        blocks.append(table(named, "What was left out or changed, by variant", note=_policies(config)))
    before = evidence.quality.filter(
        pl.col("table").is_in(_ROWS_OF) & ~pl.col("rule").is_in(["rows read", "rows kept"])
    )
    if not evidence.simulated and before.height:
        named = before.rename(lambda name: name.capitalize())
        blocks.append(table(named, "What ingestion had dropped or repaired of the experiment's tables"))
    return blocks


def _policies(config: ABTest) -> str:
    cap = f"a search's revenue is capped at the {config.winsorise:.1%} quantile" if config.winsorise else "no cap"
    return (
        f"Policies: a unit with more than {config.robot_searches} searches in a day is no person; units seen in both "
        f"variants: {config.crossovers}; impossible rows: {config.impossible_rows}; repeated rows: {config.duplicate_rows}; {cap}."
    )


def _offline(evidence: ExperimentEvidence, config: ABTest) -> list[Block]:
    levels = evidence.offline.filter(pl.col("slice") != OVERALL).drop_nulls(["offline", "online"])
    if config.offline is None or levels.is_empty():
        return []
    blocks: list[Block] = [Heading(text="From offline to online", anchor=f"{ANCHOR}-offline")]
    blocks += [Paragraph(text=CIRCULAR, style="warning")] if evidence.simulated else []
    for metric in config.offline.online:
        own = levels.filter(pl.col("metric") == metric)
        if own.height:
            caption = f"{config.metrics[metric].label}: offline gain and online uplift of each level"
            blocks.append(chart(caption, draw.offline_scatter(own, config), half=True))
    blocks.append(tabulate.agreement_table(evidence, config))
    offline = f"{config.offline.metric}, {config.offline.system} − {config.offline.baseline}, {config.offline.protocol} products"
    return [*blocks, Expandable(title="The levels", blocks=(tabulate.offline_table(evidence, config, offline),))]


def _interleaving(evidence: ExperimentEvidence, config: ABTest) -> list[Block]:
    found = evidence.preference
    if not found:
        return []
    sure = found["low"] > 0 or found["high"] < 0
    tone: Tone = ("good" if found["preference"] > 0 else "bad") if sure else "muted"
    detail = f"{percent(found['low'])} to {percent(found['high'])}, {equal_p(found['p'])}"
    facts = [
        Fact(label="Preference for the treatment", value=percent(found["preference"]), detail=detail, tone=tone),
        Fact(
            label="Searches won, lost, tied",
            value=f"{found['won']:,} : {found['lost']:,}",
            detail=f"{found['tied']:,} tied, {found['searchers']:,} searchers",
        ),
    ]
    if found["needed"]:
        facts.append(
            Fact(label="Searchers that would do", value=f"{found['needed']:,}", detail=_against(evidence, config))
        )
    note = (
        "Team-draft interleaving: both rankings in one list, a click is a vote for the ranker whose pick it was. The "
        "cheaper test: it says which ranking is preferred, not what it is worth."
    )
    if found.get("exact"):
        note += f" Few searchers differ: an exact test of the {found['decided']:,} who preferred one, one vote each."
    heading = Heading(text="Interleaving", anchor=f"{ANCHOR}-interleaving")
    return [heading, Facts(facts=tuple(facts)), Paragraph(text=note, style="note")]


def _against(evidence: ExperimentEvidence, config: ABTest) -> str:
    """How many searchers the A/B test would need for the uplift that it found."""
    rows = evidence.uplifts.filter((pl.col("slice") == OVERALL) & (pl.col("metric") == config.primary))
    found = rows.drop_nulls("difference").to_dicts()
    units = units_for_uplift(found[0], config) if found else None
    if units is None:
        return f"for this preference, at {config.power:.0%} power"
    label = config.metrics[config.primary].label.lower()
    return f"for this preference, at {config.power:.0%} power; the A/B test needs {units:,} for its uplift in {label}"


def _definitions(config: ABTest) -> Expandable:
    rows = [
        (
            metric.label,
            f"{metric.numerator} / {metric.denominator}" if metric.denominator else f"{metric.numerator} per searcher",
            metric.better,
        )
        for metric in config.metrics.values()
    ]
    rows = [tuple(text.replace("_", " ") for text in row) for row in rows]  # type: ignore[misc]
    how = text_table(["Metric", "What is divided by what", "Better"], rows, "Metrics")
    text = (
        "Sums over all searches of a variant's searchers; intervals by the delta method over searchers, who are what was "
        "randomised. CUPED takes out what the pre-period covariate explains. p, the interval of the difference and that of the "
        f"relative uplift (Fieller's) are one test: either leaves out no change exactly where p is below alpha. {tabulate.rule(config)}"
    )
    return Expandable(title="How it was measured", blocks=(how, Paragraph(text=text, style="note")))
