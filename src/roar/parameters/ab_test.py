"""The A/B test: what is measured, how rows are judged, and the rules of the verdict; and the simulator's experiment."""

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from roar.errors import did_you_mean
from roar.parameters.base import Parameters
from roar.parameters.evaluation import MetricName

Measure = Literal[
    "searches",
    "clicked_searches",
    "zero_results",
    "reformulations",
    "impressions",
    "clicks",
    "carts",
    "orders",
    "revenue",
    "first_clicks",
    "first_click_s",
]
"""What is summed over the searches of a unit (`roar.ab_testing.measures`)."""


class OnlineMetric(Parameters):
    """A ratio of two sums over units; without a denominator, a mean per unit."""

    label: str
    numerator: Measure
    denominator: Measure | None = None
    better: Literal["higher", "lower"] = "higher"


class Guardrail(Parameters):
    """A metric that must not get worse by more than `margin`, relative to the control."""

    metric: str
    margin: float = Field(gt=0, lt=1)


class Offline(Parameters):
    """The offline comparison to set beside the online one."""

    baseline: str = "bm25"
    system: str = "stage2"
    metric: MetricName = "ndcg@8"
    protocol: Literal["judged", "catalogue"] = "judged"
    online: tuple[str, ...] = ("click_through", "add_to_cart")


def _metrics() -> dict[str, OnlineMetric]:
    ratio = {"denominator": "searches"}
    return {
        "click_through": OnlineMetric(label="Click-through", numerator="clicked_searches", **ratio),
        "add_to_cart": OnlineMetric(label="Add-to-carts per searcher", numerator="carts"),
        "orders": OnlineMetric(label="Orders per searcher", numerator="orders"),
        "revenue": OnlineMetric(label="Revenue per searcher", numerator="revenue"),
        "zero_results": OnlineMetric(label="Zero-result rate", numerator="zero_results", better="lower", **ratio),
        "reformulation": OnlineMetric(label="Reformulation rate", numerator="reformulations", better="lower", **ratio),
        "first_click": OnlineMetric(
            label="Seconds to first click", numerator="first_click_s", denominator="first_clicks", better="lower"
        ),
    }


class ABTest(Parameters):
    """How an experiment is read, estimated, checked and decided (`roar.ab_testing`)."""

    control: str = "control"
    treatment: str = "treatment"
    ratio: float = Field(1.0, gt=0, description="units planned in the treatment for each in the control")
    start: datetime | None = Field(None, description="first moment of the test, UTC; null: the first in the log")
    end: datetime | None = Field(None, description="the moment after its last; null: the last in the log")
    max_days: int = Field(120, ge=1, description="a log that spans more has wrong times in it")
    planned_days: int = Field(14, ge=1, description="when the test was meant to be read")
    metrics: dict[str, OnlineMetric] = Field(default_factory=_metrics)
    primary: str = "orders"
    minimal_effect: float = Field(0.01, gt=0, lt=1, description="relative effect that is worth shipping")
    guardrails: tuple[Guardrail, ...] = (
        Guardrail(metric="revenue", margin=0.03),
        Guardrail(metric="zero_results", margin=0.10),
        Guardrail(metric="reformulation", margin=0.05),
    )
    alpha: float = Field(0.05, gt=0, lt=0.5)
    power: float = Field(0.8, gt=0.5, lt=1)
    min_events: float = Field(20.0, ge=2, description="effective events of a variant that an estimate needs to decide")
    decide_with: Literal["fixed", "sequential"] = Field(
        "fixed", description="read once at the planned end, or at any time with the always-valid interval"
    )
    adjust_metrics: Literal["holm", "benjamini_hochberg"] = "holm"
    adjust_slices: Literal["holm", "benjamini_hochberg"] = "benjamini_hochberg"
    cuped: bool = True
    sample_ratio_alpha: float = Field(0.001, gt=0, lt=0.5)
    winsorise: float | None = Field(0.999, gt=0.5, lt=1, description="quantile at which a search's revenue is capped")
    reformulation_s: float = Field(300.0, gt=0, description="another query of the session within this is a rewording")
    robot_searches: int = Field(200, ge=1, description="searches in a day from which a unit is no person")
    impossible_rows: Literal["exclude", "reject"] = "exclude"
    duplicate_rows: Literal["exclude", "reject"] = "exclude"
    crossovers: Literal["exclude", "reject"] = Field("exclude", description="units seen in both variants")
    max_excluded: float = Field(0.2, ge=0, le=1, description="excluding more than this share of the rows is an error")
    offline: Offline | None = Offline()
    rows_a_part: int = Field(4_000_000, ge=1_000, description="searches held in memory at once")

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        online = self.offline.online if self.offline else ()
        named = {self.primary, *online, *(guardrail.metric for guardrail in self.guardrails)}
        if unknown := sorted(named - self.metrics.keys()):
            raise ValueError(f"ab_test.metrics does not define {unknown[0]}; {did_you_mean(unknown[0], self.metrics)}")
        if self.control == self.treatment:
            raise ValueError("ab_test.control and ab_test.treatment must be two variants")
        if self.start and self.end and self.start >= self.end:
            raise ValueError("ab_test.start must be before ab_test.end")
        return self


class ExperimentPlan(Parameters):
    """What `plan_experiment` computes sample sizes for."""

    effects: tuple[float, ...] = Field((0.005, 0.01, 0.02, 0.03, 0.05), min_length=1, description="relative")
    days: tuple[int, ...] = Field((7, 14, 21, 28), min_length=1)


class SimulatedExperiment(Parameters):
    """The experiment of the simulated shop: its users, two rankers, and the same click model."""

    users: int = Field(20_000, ge=2, description="searchers, routed by a hash of their id")
    treatment_share: float = Field(0.5, gt=0, lt=1)
    start: datetime = datetime(2026, 10, 5)
    days: int = Field(14, ge=1)
    sessions: float = Field(2.0, gt=0, description="mean sessions of a searcher in the test, at least one each")
    activity_spread: float = Field(0.8, ge=0, description="of a searcher's habit (log scale): what CUPED can explain")
    history_days: int = Field(28, ge=1, description="before the test; its clicks are the covariate")
    covariate_missing: float = Field(0.05, ge=0, lt=1, description="searchers without a history")
    first_click_s: float = Field(2.0, gt=0, description="seconds to a first click at position 0")
    position_s: float = Field(1.5, ge=0, description="further seconds for each position")
    interleaved_users: int = Field(4_000, ge=2, description="searchers of the interleaving test")
