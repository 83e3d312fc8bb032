"""Tables of an experiment: rules, uplifts, checks, and offline gains beside online uplifts."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from roar.ab_testing.checks import DOUBTFUL, FAILED, PASSED
from roar.ab_testing.offline import agreement
from roar.ab_testing.verdict import MET, OPEN, VIOLATED
from roar.parameters import ABTest
from roar.report.experiment.charts import gain
from roar.report.experiment.evidence import ExperimentEvidence
from roar.report.page.section import Cell, Column, Table, Tone
from roar.report.page.wording import p_value, slice_label

_TONES: Mapping[str, Tone] = {
    MET: "good", VIOLATED: "bad", OPEN: "warning", PASSED: "good", FAILED: "bad", DOUBTFUL: "warning",
}  # fmt: skip


def rules_table(evidence: ExperimentEvidence, config: ABTest) -> Table:
    """Every rule of the verdict and its state."""
    rows = tuple(
        (
            Cell(text=sentence(rule["rule"])),
            Cell(text=rule["state"], tone=_TONES.get(rule["state"], "muted")),
            Cell(text=rule["detail"]),
            _number(rule["days_needed"]),
        )
        for rule in evidence.verdict["rules"]
    )
    names = (Column(name="Rule"), Column(name="State"), Column(name="Why"), Column(name="Further days", numeric=True))
    how = "the fixed interval, once" if config.decide_with == "fixed" else "the always-valid interval"
    note = (
        f"Gains are relative to the control, positive is better, read by {how}, at {1 - config.alpha:.0%} confidence."
    )
    return Table(caption="The rules of the verdict", columns=names, rows=rows, note=note)


def uplift_table(evidence: ExperimentEvidence, rows: pl.DataFrame, config: ABTest) -> Table:
    """Every metric over all searches, with the true uplift where it is known."""
    names = ["Metric", "Control", "Treatment", "Difference", "Relative uplift", "p", "p, adjusted", "CUPED"]
    helps = {
        "p, adjusted": f"{config.adjust_metrics.replace('_', '-').title()} over the metrics beside the primary one.",
        "CUPED": "Change in the variance of the difference by the pre-period covariate.",
        "Relative uplift": f"With its {1 - config.alpha:.0%} interval.",
    }
    columns = [Column(name=name, numeric=name != "Metric", help=helps.get(name, "")) for name in names]
    truth = [Column(name="True", numeric=True, help="Expected under the click model.")] if evidence.simulated else []
    cells = tuple(
        (*_uplift_cells(row, config), *([_percent_cell(row["true"])] if truth else [])) for row in rows.to_dicts()
    )
    return Table(caption="Metrics over all searches", columns=(*columns, *truth), rows=cells, note=_notes(rows, config))


def _notes(rows: pl.DataFrame, config: ABTest) -> str:
    """What does not hold, and where the covariate was of no use."""
    said = [
        f"{config.metrics[row['metric']].label}: {row.get('caveat') or 'nothing to compare'}."
        for row in rows.to_dicts()
        if row.get("caveat") or row["p"] is None
    ]
    unadjusted: dict[str, list[str]] = {}
    for row in rows.to_dicts():
        if reason := row.get("not_adjusted"):
            unadjusted.setdefault(reason, []).append(config.metrics[row["metric"]].label)
    said += [f"Not adjusted, as {reason}: {', '.join(labels)}." for reason, labels in unadjusted.items()]
    return " ".join(said)


def _uplift_cells(row: dict[str, Any], config: ABTest) -> tuple[Cell, ...]:
    between = f"{_plain(row['low'])} to {_plain(row['high'])}" if row["low"] is not None else ""
    reduction = row["variance_reduction"] if row["adjusted"] else None
    return (
        Cell(text=config.metrics[row["metric"]].label, detail="primary" if row["metric"] == config.primary else ""),
        Cell(text=_plain(row["control"]), value=row["control"]),
        Cell(text=_plain(row["treatment"]), value=row["treatment"]),
        Cell(text=_plain(row["difference"]), value=row["difference"], detail=between),
        _interval_cell(row, config),
        Cell(text=p_value(row["p"]), value=row["p"]),
        Cell(text=p_value(row["p_adjusted"]), value=row["p_adjusted"]),
        Cell(text="–" if reduction is None else f"{-reduction:.1%}".replace("-", "−"), value=reduction, tone="muted"),
    )


def slice_table(rows: pl.DataFrame, levels: list[str], config: ABTest) -> Table:
    """Relative uplifts, levels in rows and metrics in columns."""
    found = {(row["level"], row["metric"]): row for row in rows.to_dicts()}
    metrics = [name for name in config.metrics if any((level, name) in found for level in levels)]
    cells = tuple(
        (Cell(text=level), *(_interval_cell(found.get((level, name)), config, decimals=1) for name in metrics))
        for level in levels
    )
    columns = (Column(name="Level"), *(Column(name=config.metrics[name].label, numeric=True) for name in metrics))
    flagged = any(row.get("caveat") for row in found.values())
    return Table(
        caption="Relative uplift and its interval", columns=columns, rows=cells, note=rule(config) if flagged else ""
    )


def rule(config: ABTest) -> str:
    """From how many events on an estimate is judged, in words."""
    return (
        f"Too few events: fewer than {config.min_events:g} of equal weight in the smaller variant, the squared sum over the sum of "
        "squares of all searchers, which a few large orders bring down. Such figures are shown and decide nothing."
    )


def checks_table(evidence: ExperimentEvidence) -> Table:
    """Every check, its state and what was seen."""
    rows = tuple(
        (
            Cell(text=sentence(name)),
            Cell(text=state, tone=_TONES.get(state, "muted")),
            Cell(text=p_value(p), value=p),
            Cell(text=detail),
        )
        for name, state, p, detail in evidence.checks.rows()
    )
    columns = (Column(name="Check"), Column(name="State"), Column(name="p", numeric=True), Column(name="What was seen"))
    note = "A failed check forbids a verdict; a doubtful one is for a person to judge."
    return Table(caption="Checks", columns=columns, rows=rows, note=note)


def agreement_table(evidence: ExperimentEvidence, config: ABTest) -> Table:
    """How far offline gains and online uplifts go together."""
    rows = tuple(
        (
            Cell(text=config.metrics[found.metric].label),
            _number(found.levels),
            _decimal(found.pearson),
            _decimal(found.spearman),
            Cell(text=f"{found.same_sign} of {found.levels}", value=found.same_sign),
        )
        for found in agreement(evidence.offline)
    )
    names = ("Levels", "Correlation", "Rank correlation", "Same sign")
    columns = (Column(name="Online metric"), *(Column(name=name, numeric=True) for name in names))
    note = "Levels of all slices together; both figures of a level have their own error, which weakens a correlation."
    return Table(caption="Agreement of offline gains and online uplifts", columns=columns, rows=rows, note=note)


def offline_table(evidence: ExperimentEvidence, config: ABTest, offline: str) -> Table:
    """Both figures of every level."""
    rows = tuple(
        (
            Cell(text=row["level"], detail=slice_label(row["slice"])),
            Cell(text=config.metrics[row["metric"]].label),
            Cell(
                text="–" if row["offline"] is None else f"{100 * row['offline']:+.2f}".replace("-", "−"),
                value=row["offline"],
                detail=""
                if row["offline_low"] is None
                else f"{100 * row['offline_low']:+.2f} to {100 * row['offline_high']:+.2f}",
            ),
            Cell(
                text=percent(row["online"]),
                value=row["online"],
                detail=f"{percent(row['online_low'])} to {percent(row['online_high'])}",
            ),
        )
        for row in evidence.offline.to_dicts()
    )
    names = (Column(name="Level"), Column(name="Online metric"), Column(name="Offline, points", numeric=True))
    return Table(caption=offline, columns=(*names, Column(name="Online", numeric=True)), rows=rows)


def _interval_cell(row: dict[str, Any] | None, config: ABTest, decimals: int = 2) -> Cell:
    if row is None or row["relative"] is None:
        return Cell(text="–", tone="muted", detail=_shortly(row))
    text, low, high = (percent(row[name], decimals) for name in ("relative", "relative_low", "relative_high"))
    between = "" if row["relative_low"] is None else f"{low} to {high}"
    detail = "; ".join(filter(None, (between, _shortly(row))))
    return Cell(text=text, value=row["relative"], detail=detail, tone=tone_of(row, config))


def _shortly(row: dict[str, Any] | None) -> str:
    """The caveat without its numbers."""
    return "" if row is None else (row.get("caveat") or "").partition(":")[0]


def tone_of(row: dict[str, Any], config: ABTest) -> Tone:
    """Good, bad, or muted where no difference was found, or none that holds."""
    if row["p_adjusted"] is None or row["p_adjusted"] >= config.alpha or row.get("caveat"):
        return "muted"
    return "good" if gain(config.metrics[row["metric"]], row["relative"]) > 0 else "bad"


def sentence(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]


def percent(value: float | None, decimals: int = 2) -> str:
    """A relative figure in per cent, with its sign."""
    return "–" if value is None else f"{100 * value:+.{decimals}f}%".replace("-", "−")


def _percent_cell(value: float | None) -> Cell:
    return Cell(text=percent(value), value=value)


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}".replace("-", "−")


def _number(value: int | None) -> Cell:
    return Cell(text="–", tone="muted") if value is None else Cell(text=f"{value:,}", value=value)


def _decimal(value: float | None) -> Cell:
    return Cell(text="–", tone="muted") if value is None else Cell(text=f"{value:.2f}".replace("-", "−"), value=value)
