"""Wide tables to paste into slides and papers: CSV, parquet, Markdown and LaTeX, from the tidy metric table.

For each protocol and slice: levels and metrics in rows, systems in columns; the gains of the opening comparisons; and all
systems against the named baseline, as papers set them, significant gains starred. The tidy table itself comes along.
"""

import io
from collections.abc import Mapping, Sequence

import polars as pl

from roar.parameters import Comparison
from roar.report.evaluation.evidence import Evidence, by, in_order
from roar.report.page.exports import Rows, csv, latex, markdown
from roar.report.page.wording import distinct_anchors, number, ordered_slices, points

Parts = tuple[str, ...]
Names = Mapping[Parts, str]
"""From what a table shows to its file's name."""


def wide_tables(evidence: Evidence) -> dict[str, str | bytes]:
    """All tables by file name: `metrics.csv`, `judged_vertical.md`, `judged_gains_vertical.tex`, `judged_against_base.md`, ...

    CSV and parquet hold full-precision means and interval ends in columns of their own; Markdown and LaTeX hold rounded
    means and, for gains, points with a star where the (Holm-adjusted) p is at most `config.significance`.
    """
    texts: dict[str, str | bytes] = {"metrics.csv": csv(evidence.metrics)}
    slices = ["overall", "overall (traffic)", *ordered_slices(evidence.metrics["slice"].unique())]
    names = _file_names(evidence, slices)
    for protocol in evidence.protocols:
        for slice_ in slices:
            if evidence.figures(protocol, slice_).height:
                texts |= _means(evidence, names, protocol, slice_)
                texts |= _gains(evidence, names, protocol, slice_)
                texts |= _against_baseline(evidence, names, protocol, slice_)
    return texts


def _file_names(evidence: Evidence, slices: Sequence[str]) -> Names:
    """A name for every table that there may be, so that no two slices ("C++", "C#") share one."""
    kinds: tuple[Parts, ...] = ((), ("gains",), ("against", evidence.config.baseline))
    parts = [(protocol, *kind, slice_) for kind in kinds for protocol in evidence.protocols for slice_ in slices]
    return {part: name.replace("-", "_") for part, name in distinct_anchors(parts).items()}


def _means(evidence: Evidence, names: Names, protocol: str, slice_: str) -> dict[str, str | bytes]:
    systems = evidence.systems(protocol)
    wide = evidence.figures(protocol, slice_).pivot(
        on="system", on_columns=systems, index=["level", "metric"], values=["mean", "low", "high", "n"]
    )
    order = {metric: place for place, metric in enumerate(evidence.shown_metrics(protocol))}
    wide = wide.filter(pl.col("metric").is_in(list(order))).sort(pl.col("metric").replace_strict(order))
    wide = in_order(wide, evidence.levels(slice_))
    rows = [
        [row["level"], evidence.metric_label(row["metric"]), *(number(row[f"mean_{system}"]) for system in systems)]
        for row in wide.to_dicts()
    ]
    header = ["Level", "Metric", *map(evidence.label, systems)]
    return _files(names[protocol, slice_], wide, header, rows)


def _against_baseline(evidence: Evidence, names: Names, protocol: str, slice_: str) -> dict[str, str | bytes]:
    """Systems in rows with their gains over the baseline behind each figure; of a slice, its levels in columns."""
    baseline, systems = evidence.config.baseline, evidence.systems(protocol)
    pairs = [Comparison(baseline=baseline, system=system) for system in systems if system != baseline]
    metrics = evidence.shown_metrics(protocol) if slice_.startswith("overall") else [evidence.config.headline_metric]
    parts = [evidence.differences(pair, protocol, slice_).filter(pl.col("metric").is_in(metrics)) for pair in pairs]
    if baseline not in systems or not sum(part.height for part in parts):
        return {}
    long = pl.concat(parts)
    gains = by(long, "system_b", "level", "metric")
    means = by(evidence.figures(protocol, slice_), "system", "level", "metric")
    cells = [
        (level, metric) for level in evidence.levels(slice_) for metric in metrics if (baseline, level, metric) in means
    ]
    rows = [
        [evidence.label(system), *(_with_gain(means.get((system, *c)), gains.get((system, *c))) for c in cells)]
        for system in systems
    ]
    header = [f"System (gain over {evidence.label(baseline)})"]
    header += [evidence.metric_label(metric) if slice_.startswith("overall") else level for level, metric in cells]
    return _files(names[protocol, "against", baseline, slice_], long, header, rows)


def _with_gain(mean: dict | None, gain: dict | None) -> str:
    """0.7163 (+5.57*): the mean, and points over the baseline."""
    if mean is None:
        return "–"
    star = "*" if gain and gain["found"] else ""
    return number(mean["mean"]) + (f" ({points(gain['difference'])}{star})" if gain else "")


def _gains(evidence: Evidence, names: Names, protocol: str, slice_: str) -> dict[str, str | bytes]:
    """Gains of the opening comparisons on the protocol's metrics, in points."""
    parts = [evidence.differences(pair, protocol, slice_) for pair in evidence.pairs]
    if not parts or not sum(part.height for part in parts):
        return {}
    order = evidence.shown_metrics(protocol)
    long = in_order(pl.concat(parts).filter(pl.col("metric").is_in(order)), evidence.levels(slice_))
    rows = [
        [
            evidence.label(row["system_b"]), evidence.label(row["system_a"]), row["level"], evidence.metric_label(row["metric"]),
            f"{points(row['difference'])}{'*' if row['found'] else ''}",
            f"{points(row['low'])} to {points(row['high'])}" if row["low"] is not None else "–",
        ]
        for row in long.to_dicts()
    ]  # fmt: skip
    header = ["System", "Against", "Level", "Metric", "Points", "Interval"]
    return _files(names[protocol, "gains", slice_], long, header, rows)


def _files(name: str, frame: pl.DataFrame, header: Sequence[str], rows: Rows) -> dict[str, str | bytes]:
    parquet = io.BytesIO()
    frame.write_parquet(parquet)
    files: dict[str, str | bytes] = {f"{name}.csv": csv(frame), f"{name}.parquet": parquet.getvalue()}
    return files | {f"{name}.md": markdown(header, rows), f"{name}.tex": latex(header, rows)}
