"""/healthz, /readyz, and /metrics for Prometheus."""

from typing import NamedTuple

from fastapi import APIRouter, FastAPI, Request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from prometheus_fastapi_instrumentator import Instrumentator

from roar.service.faults import ServiceError
from roar.service.models import Health

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def healthz() -> Health:
    """The process lives."""
    return Health(status="ok")


@router.get("/readyz")
async def readyz(request: Request) -> Health:
    """A release is loaded, and the service is not about to end."""
    service = request.app.state.service
    if service is None or service.closing:
        raise ServiceError(503, "not ready.")
    return Health(status="ready", index_version=service.searcher.version)


class Counted(NamedTuple):
    """What requests add to."""

    part_seconds: Histogram
    assigned: Counter
    """Searches of an experiment by variant and state: assigned, then answered. Where one variant answers a smaller share of what it
    was assigned, the log's sample ratio is off, and this says why."""


class ServiceMetrics(Collector):
    """What Prometheus is told beside requests and their latency."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def collect(self):  # type: ignore[no-untyped-def]
        """Counters and gauges as they are now."""
        service = self._app.state.service
        if service is None:
            return
        workers = service.workers
        yield GaugeMetricFamily("roar_searches_waiting", "Searches in the queue.", workers.waiting)
        for name, value, said in (
            ("dropped", workers.dropped, "Searches whose client had gone before they began."),
            ("refused", workers.refused, "Searches answered with 429."),
            ("late", workers.late, "Searches answered with 503: no answer in time."),
        ):
            yield CounterMetricFamily(f"roar_searches_{name}", said, value)
        yield CounterMetricFamily("roar_release_swaps", "Newer releases taken over.", service.releases.swaps)
        yield CounterMetricFamily("roar_log_failures", "Searches and events that the log lost.", service.lost)
        found, asked = service.cache_use()
        yield CounterMetricFamily("roar_query_vectors_asked", "Query vectors asked for.", asked)
        yield CounterMetricFamily("roar_query_vectors_cached", "Of these, found in the cache.", found)


def add_metrics(app: FastAPI) -> Counted:
    """Count requests, and give /metrics."""
    registry = CollectorRegistry()
    registry.register(ServiceMetrics(app))
    parts = Histogram(
        "roar_search_part_seconds",
        "Time of each part of an answer.",
        ["part"],
        registry=registry,
        buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2),
    )
    assigned = Counter(
        "roar_experiment_searches", "Searches of an experiment.", ["variant", "state"], registry=registry
    )
    Instrumentator(registry=registry, excluded_handlers=["/metrics", "/healthz", "/readyz"]).instrument(app).expose(
        app, include_in_schema=False
    )
    return Counted(parts, assigned)
