"""One part's units as arrays, and the moments of every slice over them."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl

from roar.ab_testing.measures import MEASURES, SCALES
from roar.ab_testing.moments import ALL, EXPOSURE, OVERALL, UNTIL, Base, level_moments, moment_table
from roar.parameters import OnlineMetric


class Units:
    """The units of a part, by code: their row in `totals`.

    Args:
        totals: unit_id, variant, first_day, covariate, and the measures.
        covariate_mean: over all parts; it is taken off, and stands in where the covariate is unknown.
        treatment: the variant's name.
        metrics: by name.
    """

    def __init__(
        self, totals: pl.DataFrame, covariate_mean: float, treatment: str, metrics: Mapping[str, OnlineMetric]
    ) -> None:
        self.totals, self.metrics = totals, metrics
        self.arm = (totals["variant"] == treatment).cast(pl.Int64).to_numpy()
        self.covariate = (totals["covariate"] - covariate_mean).fill_null(0.0).to_numpy()
        self.first_day = totals["first_day"].to_numpy()
        self.base = Base.of(self.arm, self.covariate)

    def moments(self, cells: pl.DataFrame, slices: list[str], window: tuple[date, date]) -> pl.DataFrame:
        """The part's share of every slice.

        Args:
            cells: unit_id, day, the slices, and the measures summed over these.
            slices: columns of cells.
            window: first and last day of the experiment.
        """
        codes = self.totals.select("unit_id").with_row_index("code")
        coded = cells.join(codes, on="unit_id", maintain_order="left")
        rows = self._level(OVERALL, ALL, self.totals)
        for slice_ in slices:
            summed = coded.group_by(slice_, "code", maintain_order=True).agg(pl.col(MEASURES).sum())
            for (level,), there in summed.group_by(slice_, maintain_order=True):
                rows += self._level(slice_, str(level), there)
        by_day = coded.group_by("code", "day", maintain_order=True).agg(pl.col(MEASURES).sum())
        return moment_table(rows + self._until(by_day, *window) + self._exposed(by_day, window[1]))

    def _level(self, slice_: str, level: str, there: pl.DataFrame, base: Base | None = None) -> list[tuple]:
        """A level in which the rows of `there` (code, measures) searched.

        Units that did not are in the base all the same: whether they search there may depend on their variant.
        """
        code = there["code"].to_numpy() if "code" in there.columns else slice(None)
        arm, covariate = self.arm[code], self.covariate[code]
        return _named(slice_, level, level_moments(_sums(there), arm, covariate, base or self.base, self.metrics))

    def _until(self, by_day: pl.DataFrame, first: date, last: date) -> list[tuple]:
        """Everything up to the end of each day; a unit counts from its first search on."""
        state = {name: np.zeros(len(self.arm)) for name in MEASURES}
        days = {day: rows for (day,), rows in by_day.group_by("day", maintain_order=True)}
        found = []
        for day in (first + timedelta(number) for number in range((last - first).days + 1)):
            if day in days:
                code = days[day]["code"].to_numpy()
                for name, values in _sums(days[day]).items():
                    state[name][code] += values
            base = self._base_of(self.first_day <= np.datetime64(day))
            found += _named(UNTIL, str(day), level_moments(state, self.arm, self.covariate, base, self.metrics))
        return found

    def _exposed(self, by_day: pl.DataFrame, last: date) -> list[tuple]:
        """Each number of days since a unit's first search, over the units that the window lets get there."""
        since = (by_day["day"].to_numpy() - self.first_day[by_day["code"].to_numpy()]).astype(np.int64)
        found = []
        for (number,), there in (
            by_day.with_columns(since=since).sort("since", "code").group_by("since", maintain_order=True)
        ):
            able = self.first_day <= np.datetime64(last - timedelta(int(number)))
            found += self._level(EXPOSURE, str(number), there, self._base_of(able))
        return found

    def _base_of(self, chosen: np.ndarray) -> Base:
        return Base.of(self.arm[chosen], self.covariate[chosen])


def _sums(rows: pl.DataFrame) -> dict[str, np.ndarray]:
    return {name: rows[name].cast(pl.Float64).to_numpy() * SCALES[name] for name in MEASURES}


def _named(slice_: str, level: str, rows: list[tuple[str, int, *tuple[float, ...]]]) -> list[tuple]:
    return [(slice_, level, metric, arm, *sums) for metric, arm, *sums in rows]
