"""The metric tables behind the evaluation's section, with the look-ups that its tables and charts share."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from roar.parameters import Comparison, MetricSettings, Reporting
from roar.report.page.wording import metric_label, ordered_levels, ordered_slices


@dataclass(frozen=True)
class Evidence:
    """What was measured.

    Attributes:
        metrics: system, protocol, slice, level, metric, n, effective, mean, low, high (`roar.schemas.Metrics`).
        comparisons: system_a (the baseline), system_b, protocol and the columns of `roar.metrics.compare`.
        config: what to show, and its names.
        measured: how it was measured; its confidence is that of the intervals.
    """

    metrics: pl.DataFrame
    comparisons: pl.DataFrame
    config: Reporting
    measured: MetricSettings

    @property
    def protocols(self) -> list[str]:
        """Protocols that were measured, the headline's first."""
        there = set(self.metrics["protocol"].unique())
        return sorted(there, key=lambda protocol: (protocol != self.config.headline_protocol, protocol))

    @property
    def pairs(self) -> list[Comparison]:
        """The comparisons to open with that were made; the first is the primary one."""
        made = set(self.comparisons.select("system_a", "system_b").unique().iter_rows())
        return [pair for pair in self.config.comparisons if (pair.baseline, pair.system) in made]

    @property
    def telling_pairs(self) -> list[Comparison]:
        """Those of `pairs` whose two systems differ at all."""
        return [pair for pair in self.pairs if not self.are_same(pair)]

    def are_same(self, pair: Comparison) -> bool:
        """Whether two systems come out alike for every query, as they do where a stage's weights were not kept."""
        overall = [self.differences(pair, protocol, "overall") for protocol in self.protocols]
        rows = pl.concat(overall).select("difference", "low", "high").drop_nulls("difference")
        return bool(rows.height) and not bool(rows.fill_null(1.0).select(pl.any_horizontal(pl.all() != 0).any()).item())

    @property
    def further_pairs(self) -> list[Comparison]:
        """Comparisons that were made and are not among those the page opens with."""
        made = self.comparisons.select("system_a", "system_b").unique(maintain_order=True)
        all_pairs = [Comparison(baseline=a, system=b) for a, b in made.iter_rows()]
        return [pair for pair in all_pairs if pair not in self.config.comparisons]

    @property
    def headline_systems(self) -> list[str]:
        """The systems of the comparisons to open with, in the order of the tables."""
        named = {system for pair in self.pairs for system in (pair.baseline, pair.system)}
        return [system for system in self.systems(self.config.headline_protocol) if system in named]

    @property
    def comparable(self) -> list[str]:
        """Systems whose scores mean the same for every query: those with a pooled AUC."""
        pooled = set(self.metrics.filter(metric="auc", slice="overall")["system"])
        return [system for system in self.systems("judged") if system in pooled]

    def systems(self, protocol: str) -> list[str]:
        """Systems that have figures under a protocol, in the configured order, unknown ones last."""
        there = self.metrics.filter(protocol=protocol)["system"].unique(maintain_order=True).to_list()
        known = list(self.config.systems)
        return sorted(there, key=lambda system: known.index(system) if system in known else len(known))

    def shown_metrics(self, protocol: str) -> list[str]:
        """The metrics of a protocol's tables: those configured that were measured, the headline's always among them."""
        there = set(self.metrics.filter(protocol=protocol)["metric"].unique())
        configured = self.config.judged_metrics if protocol == "judged" else self.config.catalogue_metrics
        wanted = [*configured, *([] if self.config.headline_metric in configured else [self.config.headline_metric])]
        return [metric for metric in wanted if metric in there]

    def slices(self) -> list[str]:
        """Slices beyond the overall ones."""
        return ordered_slices(self.metrics["slice"].unique())

    def levels(self, slice_: str) -> list[str]:
        """Levels of a slice in reading order."""
        return ordered_levels(self.metrics.filter(slice=slice_)["level"].unique())

    def label(self, system: str) -> str:
        """The system's name on the page."""
        return self.config.systems.get(system, system)

    def metric_label(self, metric: str) -> str:
        """The metric's usual name, with the data set's own names of the grades."""
        return metric_label(metric, {str(grade): name for grade, name in self.config.grade_labels.items()})

    def grade_label(self, grade: str) -> str:
        """The grade's name in this data set."""
        return self.config.grade_labels.get(grade, grade)  # type: ignore[call-overload]

    def pair_label(self, pair: Comparison) -> str:
        """Names of a comparison: the system, then what it is set against."""
        return f"{self.label(pair.system)} against {self.label(pair.baseline)}"

    def figures(self, protocol: str, slice_: str, metric: str | None = None) -> pl.DataFrame:
        """Rows of `metrics`."""
        rows = self.metrics.filter(protocol=protocol, slice=slice_)
        return rows if metric is None else rows.filter(metric=metric)

    def differences(self, pair: Comparison, protocol: str, slice_: str, metric: str | None = None) -> pl.DataFrame:
        """Rows of `comparisons` with `found`: whether the (Holm-adjusted) p is small enough."""
        rows = self.comparisons.filter(
            system_a=pair.baseline, system_b=pair.system, protocol=protocol, slice=slice_
        ).with_columns(found=(pl.col("p_adjusted") <= self.config.significance).fill_null(False))
        return rows if metric is None else rows.filter(metric=metric)

    def is_small(self, n: float | None) -> bool:
        """Whether so few queries call for a flag."""
        return n is not None and n < self.config.small_cell


def by(rows: pl.DataFrame, *keys: str) -> dict[tuple[str, ...], dict]:
    """Index rows by the values of `keys`."""
    return {tuple(row[key] for key in keys): row for row in rows.iter_rows(named=True)}


def in_order(rows: pl.DataFrame, levels: Sequence[str]) -> pl.DataFrame:
    """Sort rows by the position of their level."""
    order = {level: place for place, level in enumerate(levels)}
    return rows.sort(pl.col("level").replace_strict(order, default=len(order), return_dtype=pl.Int32))
