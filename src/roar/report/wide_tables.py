"""Wide tables to paste into slides and papers: CSV, parquet, Markdown and LaTeX, from the tidy metric table.

For each protocol and slice: levels and metrics in rows, systems in columns; the gains of the opening comparisons; and all
systems against the named baseline, as papers set them, significant gains starred. The tidy table itself comes along.
"""

import io
from collections.abc import Sequence

import polars as pl

from roar.parameters import Comparison
from roar.report.evidence import Evidence, by, in_order
from roar.report.wording import anchor, number, ordered_slices, points

Rows = Sequence[Sequence[str]]


def wide_tables(evidence: Evidence) -> dict[str, str | bytes]:
    """All tables by file name: `metrics.csv`, `judged_vertical.md`, `judged_gains_vertical.tex`, `judged_against_base.md`, ...

    CSV and parquet hold full-precision means and interval ends in columns of their own; Markdown and LaTeX hold rounded
    means and, for gains, points with a star where the (Holm-adjusted) p is at most `config.significance`.
    """
    texts: dict[str, str | bytes] = {"metrics.csv": evidence.metrics.write_csv()}
    slices = ["overall", "overall (traffic)", *ordered_slices(evidence.metrics["slice"].unique())]
    for protocol in evidence.protocols:
        for slice_ in slices:
            if evidence.figures(protocol, slice_).height:
                texts |= _means(evidence, protocol, slice_)
                texts |= _gains(evidence, protocol, slice_)
                texts |= _against_baseline(evidence, protocol, slice_)
    return texts


def _means(evidence: Evidence, protocol: str, slice_: str) -> dict[str, str | bytes]:
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
    return _files(anchor(protocol, slice_).replace("-", "_"), wide, header, rows)


def _against_baseline(evidence: Evidence, protocol: str, slice_: str) -> dict[str, str | bytes]:
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
    return _files(anchor(protocol, "against", baseline, slice_).replace("-", "_"), long, header, rows)


def _with_gain(mean: dict | None, gain: dict | None) -> str:
    """0.7163 (+5.57*): the mean, and points over the baseline."""
    if mean is None:
        return "–"
    star = "*" if gain and gain["found"] else ""
    return number(mean["mean"]) + (f" ({points(gain['difference'])}{star})" if gain else "")


def _gains(evidence: Evidence, protocol: str, slice_: str) -> dict[str, str | bytes]:
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
    return _files(anchor(protocol, "gains", slice_).replace("-", "_"), long, header, rows)


def _files(name: str, frame: pl.DataFrame, header: Sequence[str], rows: Rows) -> dict[str, str | bytes]:
    parquet = io.BytesIO()
    frame.write_parquet(parquet)
    files: dict[str, str | bytes] = {f"{name}.csv": frame.write_csv(), f"{name}.parquet": parquet.getvalue()}
    return files | {f"{name}.md": markdown(header, rows), f"{name}.tex": latex(header, rows)}


def markdown(header: Sequence[str], rows: Rows) -> str:
    """A pipe table; figures to the right, which are those columns that start with a digit or sign in the first row."""
    marks = ["---:" if rows and _is_figure(text) else "---" for text in (rows[0] if rows else header)]
    lines = [header, marks, *[[text.replace("|", "\\|") for text in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def latex(header: Sequence[str], rows: Rows) -> str:
    """A booktabs tabular."""
    columns = "".join("r" if rows and _is_figure(text) else "l" for text in (rows[0] if rows else header))
    body = [r" & ".join(map(_escaped, row)) + r" \\" for row in rows]
    head = r" & ".join(map(_escaped, header)) + r" \\"
    lines = [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        head,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _is_figure(text: str) -> bool:
    return text[:1] in "+−–0123456789" and " x " not in text


def _escaped(text: str) -> str:
    for character in "\\&%$#_{}":
        text = text.replace(character, "\\textbackslash{}" if character == "\\" else f"\\{character}")
    return text.replace("−", "$-$").replace(">", "$>$").replace("<", "$<$")
