"""Tables of the evaluation: systems by metric, levels by system, and differences between two systems."""

from roar.parameters import Comparison
from roar.report.evaluation.evidence import Evidence, by, in_order
from roar.report.page.section import Cell, Column, Table, Tone
from roar.report.page.wording import PROTOCOLS, lower_is_better, metric_meaning, number, p_value, points, slice_label


def systems_table(evidence: Evidence, protocol: str, slice_: str = "overall") -> Table:
    """Systems in rows, metrics in columns, intervals under the means; the highest mean of a column stands out."""
    systems, metrics = evidence.systems(protocol), evidence.shown_metrics(protocol)
    found = by(evidence.figures(protocol, slice_), "system", "metric")
    best = {name: _best([row for (_, other), row in found.items() if other == name], name) for name in metrics}
    columns = [Column(name="System"), Column(name="Queries", numeric=True, help="Most queries that a metric covers.")]
    columns += [Column(name=evidence.metric_label(name), numeric=True, help=metric_meaning(name)) for name in metrics]
    rows = []
    for system in systems:
        own = [found[system, name] for name in metrics if (system, name) in found]
        means = [_mean_cell(found.get((system, name)), best=best[name]) for name in metrics]
        rows.append((Cell(text=evidence.label(system)), _queries(evidence, own), *means))
    weighted = ", each query counted as often as it is searched" if "traffic" in slice_ else ""
    return Table(
        caption=f"All systems on {PROTOCOLS[protocol]}{weighted}",
        columns=tuple(columns),
        rows=tuple(rows),
        note=f"Mean over queries; below it the {evidence.measured.confidence:.0%} interval. Best in bold, "
        "which is no claim that it differs from the next.",
    )


def levels_table(evidence: Evidence, protocol: str, slice_: str, metric: str) -> Table:
    """Levels of a slice in rows, systems in columns."""
    systems, found = evidence.systems(protocol), by(evidence.figures(protocol, slice_, metric), "system", "level")
    rows = []
    for level in evidence.levels(slice_):
        there = [found[system, level] for system in systems if (system, level) in found]
        if there:
            best = _best(there, metric)
            means = [_mean_cell(found.get((system, level)), best=best) for system in systems]
            rows.append((*_level_cells(evidence, level, max(row["n"] for row in there)), *means))
    return Table(
        caption=f"{evidence.metric_label(metric)} by {slice_label(slice_)}, {PROTOCOLS[protocol]}",
        columns=(
            Column(name=slice_label(slice_).capitalize()),
            Column(name="Queries", numeric=True),
            *(Column(name=evidence.label(system), numeric=True) for system in systems),
        ),
        rows=tuple(rows),
    )


def differences_table(evidence: Evidence, pair: Comparison, protocol: str, slice_: str, metric: str) -> Table:
    """A comparison by the levels of a slice."""
    rows = in_order(evidence.differences(pair, protocol, slice_, metric), evidence.levels(slice_))
    return Table(
        caption=f"{evidence.pair_label(pair)}: {evidence.metric_label(metric)} by {slice_label(slice_)}, {PROTOCOLS[protocol]}",
        columns=(
            Column(name=slice_label(slice_).capitalize()),
            Column(name="Queries", numeric=True),
            *_difference_columns(evidence, pair),
        ),
        rows=tuple(
            (*_level_cells(evidence, row["level"], row["n"]), *_difference_cells(row)) for row in rows.to_dicts()
        ),
    )


def metrics_difference_table(evidence: Evidence, pair: Comparison, protocol: str, slice_: str = "overall") -> Table:
    """A comparison overall, by metric."""
    found = by(evidence.differences(pair, protocol, slice_), "metric")
    shown = [metric for metric in evidence.shown_metrics(protocol) if (metric,) in found]
    return Table(
        caption=f"{evidence.pair_label(pair)}, overall, {PROTOCOLS[protocol]}",
        columns=(Column(name="Metric"), Column(name="Queries", numeric=True), *_difference_columns(evidence, pair)),
        rows=tuple(
            (Cell(text=evidence.metric_label(name)), _count(found[name,]["n"]), *_difference_cells(found[name,]))
            for name in shown
        ),
    )


def pairs_table(evidence: Evidence, pairs: list[Comparison], protocol: str) -> Table:
    """Several comparisons overall, on the headline metric."""
    metric = evidence.config.headline_metric
    rows = []
    for pair in pairs:
        for row in evidence.differences(pair, protocol, "overall", metric).to_dicts():
            names = Cell(text=evidence.label(pair.system)), Cell(text=evidence.label(pair.baseline))
            rows.append((*names, _count(row["n"]), *_difference_cells(row)))
    return Table(
        caption=f"Further comparisons: {evidence.metric_label(metric)} overall, {PROTOCOLS[protocol]}",
        columns=(
            Column(name="System"),
            Column(name="Against"),
            Column(name="Queries", numeric=True),
            *_difference_columns(evidence, None),
        ),
        rows=tuple(rows),
    )


def _difference_columns(evidence: Evidence, pair: Comparison | None) -> tuple[Column, ...]:
    before, after = (evidence.label(pair.baseline), evidence.label(pair.system)) if pair else ("Before", "After")
    return (
        Column(name=before, numeric=True),
        Column(name=after, numeric=True),
        Column(
            name="Difference, points",
            numeric=True,
            help=f"Hundredths of the metric, with the {evidence.measured.confidence:.0%} interval.",
        ),
        Column(name="p", numeric=True, help="Paired sign-flip permutation test, two-sided."),
        Column(name="p, Holm", numeric=True, help="Adjusted for the number of slices looked at; overall stands alone."),
        Column(name="Finding"),
        Column(
            name="Detectable",
            numeric=True,
            help=f"Points that a test would find with {evidence.measured.power:.0%} power, given the spread seen.",
        ),
    )


def _difference_cells(row: dict) -> tuple[Cell, ...]:
    finding, tone = finding_of(row)
    return (
        Cell(text=number(row["mean_a"]), value=row["mean_a"]),
        Cell(text=number(row["mean_b"]), value=row["mean_b"]),
        Cell(
            text=points(row["difference"]), value=row["difference"], tone=tone,
            detail=f"{points(row['low'])} to {points(row['high'])}" if row["low"] is not None else "",
        ),
        Cell(text=p_value(row["p"]), value=row["p"]),
        Cell(text=p_value(row["p_adjusted"]), value=row["p_adjusted"]),
        Cell(text=finding, tone=tone),
        Cell(text=points(row["detectable"]).lstrip("+"), value=row["detectable"], tone="muted"),
    )  # fmt: skip


def finding_of(row: dict) -> tuple[str, Tone]:
    """What a comparison's row says: better, worse, or no difference found."""
    if not row["found"] or not row["difference"]:
        return "not found", "muted"
    better = (row["difference"] > 0) != lower_is_better(row.get("metric", ""))
    return ("▲ better", "good") if better else ("▼ worse", "bad")


def _level_cells(evidence: Evidence, level: str, n: int) -> tuple[Cell, Cell]:
    small = evidence.is_small(n)
    return Cell(text=level, detail="few queries" if small else ""), _count(n, "warning" if small else "")


def _queries(evidence: Evidence, rows: list[dict]) -> Cell:
    """Most queries that a metric covers, and, where weights make them fewer in effect, what they are worth."""
    n = max((row["n"] for row in rows), default=0)
    effective = max((row.get("effective") or row["n"] for row in rows), default=0)
    worth = f"worth {effective:,.0f} of equal weight" if effective < n - 0.5 else ""
    return Cell(text=f"{n:,}", value=n, detail=worth, tone="warning" if worth and evidence.is_small(effective) else "")


def _count(n: int, tone: Tone = "") -> Cell:
    return Cell(text=f"{n:,}", value=n, tone=tone)


def _best(rows: list[dict], metric: str) -> float | None:
    """The best mean among rows of one metric."""
    means = [row["mean"] for row in rows if row["mean"] is not None]
    return (min if lower_is_better(metric) else max)(means, default=None)


def _mean_cell(row: dict | None, best: float | None) -> Cell:
    if row is None or row["mean"] is None:
        return Cell(text="–", tone="muted")
    interval = f"{number(row['low'], 3)}–{number(row['high'], 3)}" if row["low"] is not None else "no interval"
    return Cell(
        text=number(row["mean"]), value=row["mean"], detail=interval, tone="best" if row["mean"] == best else ""
    )
