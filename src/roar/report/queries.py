"""The queries behind a difference: which ones lost and gained most."""

import polars as pl

from roar.parameters import Comparison
from roar.report.evidence import Evidence
from roar.report.section import Cell, Column, Table
from roar.report.wording import PROTOCOLS, metric_label, number, points

_SHOWN = ("vertical", "stratum")


def largest_differences(
    evidence: Evidence, pair: Comparison, per_query: pl.DataFrame, queries: pl.DataFrame | None = None
) -> Table | None:
    """The queries with the largest losses and gains of a comparison on the headline metric, worst first.

    Args:
        evidence: names and settings; `config.examples` queries are listed at each end.
        pair: the comparison.
        per_query: system, protocol, query_id, metric, value.
        queries: query_id, query and, where they are known, vertical and stratum.

    Returns:
        A searchable table, or None where no query changed.
    """
    metric, protocol = evidence.config.headline_metric, evidence.config.headline_protocol
    changed = _changes(per_query.filter(metric=metric, protocol=protocol), pair)
    count = evidence.config.examples
    losses, wins = changed.filter(pl.col("difference") < 0), changed.filter(pl.col("difference") > 0)
    ends = pl.concat([losses.head(count), wins.tail(count)])
    if ends.is_empty():
        return None
    named = ends if queries is None else ends.join(queries, on="query_id", how="left", maintain_order="left")
    slices = [name for name in _SHOWN if name in named.columns]
    columns = [Column(name="Query"), *(Column(name=name.capitalize()) for name in slices)]
    columns += [Column(name=evidence.label(system), numeric=True) for system in (pair.baseline, pair.system)]
    return Table(
        caption=f"{evidence.pair_label(pair)}: largest losses and gains in {metric_label(metric)}, {PROTOCOLS[protocol]}",
        columns=(*columns, Column(name="Difference, points", numeric=True)),
        rows=tuple(_row(row, slices) for row in named.to_dicts()),
        note=f"{losses.height:,} queries lost, {wins.height:,} gained, of {changed.height:,} compared.",
        searchable=True,
    )


def _changes(values: pl.DataFrame, pair: Comparison) -> pl.DataFrame:
    """query_id, before, after, difference of the queries that both systems have, worst first."""
    before = values.filter(system=pair.baseline).select("query_id", before="value")
    after = values.filter(system=pair.system).select("query_id", after="value")
    both = before.join(after, on="query_id").drop_nulls()
    return both.with_columns(difference=pl.col("after") - pl.col("before")).sort("difference", "query_id")


def _row(row: dict, slices: list[str]) -> tuple[Cell, ...]:
    text = row.get("query")
    return (
        Cell(text=text or row["query_id"], detail=row["query_id"] if text else ""),
        *(Cell(text=str(row[name] or "–")) for name in slices),
        *(Cell(text=number(row[name]), value=row[name]) for name in ("before", "after")),
        Cell(text=points(row["difference"]), value=row["difference"], tone="good" if row["difference"] > 0 else "bad"),
    )
