"""The gate: what a run must hold against the one that is in production, before it may take its place."""

from typing import Literal, Self

from pydantic import Field, model_validator

from roar.parameters.base import Parameters
from roar.parameters.evaluation import MetricName, SystemName


class Bound(Parameters):
    """The least or the most that a figure may be, or both."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least or at_most")
        return self


class MetricBound(Bound):
    """Of a metric over all tested queries; one that the metric table has not breaks the rule."""

    metric: str
    protocol: Literal["judged", "catalogue"] = "catalogue"


class Gate(Parameters):
    """Declared rules; a run that breaks one ends with exit status 1 and the reasons."""

    production: str | None = (
        None  # a kept run: a folder's name in data/08_reporting/runs; null: the one before the candidate
    )
    candidate: str | None = None  # null: the latest
    system: SystemName = "stage2"  # what would be shipped
    served: SystemName | None = None  # what the run in production serves; null: the same system
    metric: MetricName = "ndcg@8"  # the primary one
    protocol: Literal["judged", "catalogue"] = "judged"
    margin: float = Field(0.005, ge=0)  # the interval of the gain must lie above minus this
    slices: tuple[str, ...] = ("vertical", "stratum")
    slice_margin: float = Field(0.02, ge=0)  # no level may have lost more than this, with an interval below 0
    metrics: tuple[MetricBound, ...] = (
        MetricBound(metric="recall@100", at_least=0.5),
        MetricBound(metric="attribute_conflict@8", at_most=0.5),
    )
    release: dict[Literal["recall", "p50_ms", "p99_ms", "bytes_per_vector", "memory_mb", "build_s"], Bound] = {
        "recall": Bound(at_least=0.95),
        "p99_ms": Bound(at_most=50.0),
    }  # columns of release_frontier, of the index that was chosen; latency is of the machine that made the release
