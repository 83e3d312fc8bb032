"""Two variants side by side: one test, from which the p-value and both intervals follow.

The difference of the means is tested by Welch's t. Its interval is that test inverted; the interval of the ratio is
Fieller's ("Some problems in interval estimation", JRSS B 1954), which inverts the same test: a ratio is in it if
treatment - ratio * control is not told from 0. So p is below alpha exactly where either interval leaves out "no change".

The delta method for a ratio of two sums over units (Deng, Knoblich and Lu, "Applying the delta method in metric
analytics", KDD 2018) is tea-tasting's; CUPED is that of Deng, Xu, Kohavi and Walker, WSDM 2013.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple, Self

from scipy import stats
from tea_tasting.aggr import Aggregates

from roar.ab_testing.measures import SHARES
from roar.ab_testing.moments import aggregates
from roar.parameters import OnlineMetric

FEW_UNITS = "fewer than two searchers in a variant"
ABSENT = "does not occur in the log"
ALIKE = "no searcher differs from another of the variant"
UNBOUNDED = "the control's mean is not told from zero"
FLAT_COVARIATE = "the covariate is the same for all searchers of a variant"
SAME_COVARIATE = "the covariate is the metric itself"
BELOW_ZERO = "the covariate would put a mean below zero"

_ROUNDING = 1e-9
"""Share of a mean square below which a variance is rounding."""

_EXPLAINED = 1e-6
"""Share of the variance that a covariate of another period leaves at least."""


class Arm(NamedTuple):
    """A variant's mean, the variance of that mean, and its units."""

    mean: float
    variance: float
    units: int


class Comparison(NamedTuple):
    """Both variants' means of a metric.

    events: effective events of the smaller variant (`effective_events`).
    adjusted: whether the means are free of what the covariate explains.
    not_adjusted: why they are not although it was asked for.
    """

    control: Arm
    treatment: Arm
    events: float
    adjusted: bool = False
    not_adjusted: str | None = None

    @classmethod
    def of(cls, sides: tuple[Aggregates, Aggregates], events: float, divisor: str | None, *, adjusted: bool) -> Self:
        """Compare, with the covariate where it is asked for and can be used."""
        control, treatment = (_arm(side, divisor) for side in sides)
        plain = cls(control, treatment, events)
        if not (adjusted and plain.varies):
            return plain
        if (slope := _slope(sides, divisor)) is None:
            return plain._replace(not_adjusted=FLAT_COVARIATE)
        centre = (sides[0] + sides[1]).mean("c")
        control, treatment = (_arm(side, divisor, slope, centre) for side in sides)
        found = cls(control, treatment, events, adjusted=True)
        if not found.squared_error > _EXPLAINED * plain.squared_error:
            return plain._replace(not_adjusted=SAME_COVARIATE)
        return found if min(control.mean, treatment.mean) > 0 else plain._replace(not_adjusted=BELOW_ZERO)

    @property
    def difference(self) -> float:
        """Treatment less control."""
        return self.treatment.mean - self.control.mean

    @property
    def squared_error(self) -> float:
        """Of the difference."""
        return self.control.variance + self.treatment.variance

    @property
    def varies(self) -> bool:
        """Whether units of a variant differ by more than rounding."""
        return self.squared_error > 1e-12 * sum(arm.mean**2 / arm.units for arm in (self.control, self.treatment))

    @property
    def log_variance(self) -> float:
        """Variance of the log of treatment over control; a variant without an event adds nothing."""
        return sum(arm.variance / arm.mean**2 for arm in (self.control, self.treatment) if arm.mean > 0)

    @property
    def degrees(self) -> float:
        """Welch's degrees of freedom."""
        # In shares of the squared error, so that no square of a small number vanishes.
        shares = [(arm.variance / self.squared_error, arm.units) for arm in (self.control, self.treatment)]
        return 1 / sum(share**2 / (units - 1) for share, units in shares)

    @property
    def p(self) -> float:
        """Two-sided, of no difference."""
        return float(2 * stats.t.sf(abs(self.difference) / math.sqrt(self.squared_error), self.degrees))

    def quantile(self, tail: float) -> float:
        """How many standard errors leave this probability above them."""
        return float(stats.t.isf(tail, self.degrees))

    def interval(self, quantile: float) -> tuple[float, float]:
        """Ends of the difference's interval, so many standard errors to either side."""
        half = quantile * math.sqrt(self.squared_error)
        return self.difference - half, self.difference + half

    def relative_interval(self, quantile: float) -> tuple[float, float] | None:
        """Ends of Fieller's interval of the relative uplift, -1 or more; None where it has none.

        A treatment without an event has no variance of its own for Fieller's: there it is the difference's interval over
        the control's mean.
        """
        control, treatment = self.control.mean, self.treatment.mean
        if control <= 0 or not math.isfinite(quantile):
            return None
        if treatment <= 0:
            return -1.0, self.interval(quantile)[1] / control
        ratio = treatment / control
        own, other = (arm.variance / control**2 for arm in (self.control, self.treatment))
        left = 1 - quantile**2 * own
        if not left > 0:
            return None
        half = quantile * math.sqrt(other * left + ratio**2 * own)
        return max((ratio - half) / left, 0.0) - 1, (ratio + half) / left - 1


def compared(
    control: Mapping[str, float],
    treatment: Mapping[str, float],
    metric: OnlineMetric,
    *,
    adjusted: bool,
    min_events: float,
) -> tuple[Comparison | None, str | None]:
    """Set two rows of moments side by side.

    Returns:
        the comparison, None where a variant has no mean; and why it, or its interval, does not hold, None where it does.
    """
    if min(control["units"], treatment["units"]) < 2:
        return None, FEW_UNITS
    if metric.denominator:
        missing = [name for name, row in (("control", control), ("treatment", treatment)) if not row["x"] > 0]
        if missing:
            one = f"no {metric.denominator.replace('_', ' ')} in the {missing[0]}"
            return None, ABSENT if len(missing) == 2 else one
    sides, divisor = (aggregates(control), aggregates(treatment)), "x" if metric.denominator else None
    events = effective_events(control, treatment, metric)
    found = Comparison.of(sides, events, divisor, adjusted=adjusted)
    return found, _caveat(found, min_events)


def effective_events(control: Mapping[str, float], treatment: Mapping[str, float], metric: OnlineMetric) -> float:
    """How many events of equal weight the smaller variant's share of the data is worth.

    `effective_count` of both variants together times the smaller one's share of the units. Together, because a large value
    lowers the count of its own variant and raises its mean: counting each by itself would keep, of equal variants, those
    that differ by chance.
    """
    units = control["units"], treatment["units"]
    both = {name: control[name] + treatment[name] for name in ("y", "x", "yy", "xx", "yx")}
    return effective_count(both, metric) * min(units) / sum(units)


def effective_count(moments: Mapping[str, float], metric: OnlineMetric) -> float:
    """How many units with an event of equal weight would vary as little: the squared sum over the sum of squares (Kish 1965).

    Where orders are rare these are the searchers with one, where a few orders make the revenue far fewer. For a ratio the
    fewer of numerator's and denominator's, for a share also of what is missing to 1.
    """
    y, x, yy, xx, yx = (moments[name] for name in ("y", "x", "yy", "xx", "yx"))
    pairs = [(y, yy)]
    if metric.denominator:
        pairs.append((x, xx))
        if SHARES.get(metric.numerator) == metric.denominator:
            pairs.append((x - y, xx - 2 * yx + yy))
    return min(total**2 / squares if squares > 0 else 0.0 for total, squares in pairs)


def unit_variance(row: Mapping[str, float], metric: OnlineMetric, *, adjusted: bool) -> float:
    """Variance of one unit's part in the mean of a row of moments; what the covariate explains is off where `adjusted`."""
    side, divisor = aggregates(row), "x" if metric.denominator else None
    plain = _arm(side, divisor).variance
    slope = _slope((side,), divisor) if adjusted else None
    left = plain if slope is None else _arm(side, divisor, slope).variance
    return (left if left > _EXPLAINED * plain else plain) * side.count()


def _caveat(found: Comparison, min_events: float) -> str | None:
    control, treatment = found.control.mean, found.treatment.mean
    if not max(control, treatment) > 0:
        return ABSENT
    if not found.varies:
        return ALIKE
    if not control > 0:
        return "does not occur in the control"
    if found.events < min_events:
        return f"too few events: {math.floor(found.events)} in a variant, {min_events:g} needed"
    return None


def _slope(sides: tuple[Aggregates, ...], divisor: str | None) -> float | None:
    """CUPED's coefficient over all sides together; None where the covariate does not vary within each."""
    for side in sides:
        if not side.var("c") > _ROUNDING * (side.var("c") + side.mean("c") ** 2):
            return None
    total = sides[0] if len(sides) == 1 else sides[0] + sides[1]
    return total.ratio_cov("y", divisor, "c", None) / total.var("c")


def _arm(side: Aggregates, divisor: str | None, slope: float = 0.0, centre: float = 0.0) -> Arm:
    """A side's mean less slope times the covariate's distance from the centre, and its variance."""
    mean = side.mean("y") / side.mean(divisor) - slope * (side.mean("c") - centre)
    variance = side.ratio_var("y", divisor) - 2 * slope * side.ratio_cov("y", divisor, "c", None)
    variance += slope**2 * side.var("c")
    return Arm(mean, max(variance, 0.0) / side.count(), side.count())
