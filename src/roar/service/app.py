"""The application: what it is made of, what happens at its start and end."""

import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response

from roar.service import health, routes
from roar.service.edges import Edges
from roar.service.evidence import Evidence
from roar.service.faults import handle_faults
from roar.service.hooks import Assignment, Experiment, SearchLog
from roar.service.models import SearchAnswer, SearchQuery
from roar.service.openapi import describe
from roar.service.releases import Releases, Watch
from roar.service.searcher import Searcher
from roar.service.settings import Settings
from roar.service.workers import Workers

logger = logging.getLogger(__name__)

DESCRIPTION = """Search over a released index. Every 4xx and 5xx is `{"error": {"parameter": ..., "message": ...}}`."""


class Service:
    """What routes reach as `request.app.state.service`."""

    def __init__(
        self,
        settings: Settings,
        releases: Releases,
        log: SearchLog | None,
        experiment: Experiment | None,
        counted: health.Counted,
    ) -> None:
        serve = settings.serve
        self.settings, self.releases, self.log, self.experiment = settings, releases, log, experiment
        self.counted, self.log_failures, self.closing = counted, 0, False
        self.evidence = Evidence.of(settings)
        self.workers = Workers(serve.threads or os.cpu_count() or 1, serve.queue, serve.timeout_s)
        self._watch = Watch(releases, serve.watch_s)
        self._watch.start()

    @property
    def searcher(self) -> Searcher:
        """Who answers now; a request keeps the one that it began with."""
        return self.releases.searcher

    def assign(self, request: Request, response: Response, asked: SearchQuery) -> Assignment | None:
        """Who answers, where the request names nobody and an experiment runs."""
        if self.experiment is None or asked.system is not None:
            return None
        assigned = self.experiment.assign(request, response, asked)
        if assigned is not None:
            self.counted.assigned.labels(assigned.variant, "assigned").inc()
        return assigned

    def log_answered(
        self,
        request: Request,
        response: Response,
        asked: SearchQuery,
        answer: SearchAnswer,
        assigned: Assignment | None,
    ) -> None:
        """Tell the log; what it loses is counted, and the answer goes out."""
        if assigned is not None:
            self.counted.assigned.labels(assigned.variant, "answered").inc()
        if self.log is None:
            return
        try:
            self.log.answered(request, response, asked, answer, assigned)
        except Exception:
            self.log_failures += 1
            logger.exception("The log lost search %s.", answer.request_id)

    @property
    def lost(self) -> int:
        """Searches and events that no log has."""
        return self.log_failures + (self.log.lost if self.log is not None else 0)

    def cache_use(self) -> tuple[int, int]:
        """Query vectors found in the caches of what is served, and all that were asked for."""
        used = [loaded.encode.cache_info() for loaded in self.searcher.loaded.values()]
        return sum(one.hits for one in used), sum(one.hits + one.misses for one in used)

    def close(self) -> None:
        """Let searches under way end, then the log."""
        self.closing = True
        self._watch.close()
        self.workers.close()
        if self.log is not None:
            self.log.close()


def create_app(
    settings: Settings,
    *,
    releases: Releases | None = None,
    log: SearchLog | None = None,
    experiment: Experiment | None = None,
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """An ASGI application that serves a release.

    Args:
        settings: which release, and how.
        releases: those of the settings, where they are loaded already; otherwise they are at the start.
        log: is told of every answered search.
        experiment: decides who answers.
        routers: further routes; they reach the `Service` as `request.app.state.service`.

    Raises:
        InputError: at the start: no release is there, or it is damaged.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.service = Service(settings, releases or Releases(settings), log, experiment, counted)
        yield
        app.state.service.close()

    app = FastAPI(title="Roar", version="1", description=DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = None
    handle_faults(app)
    counted = health.add_metrics(app)
    for router in (routes.router, health.router, *routers):
        app.include_router(router)
    describe(app)
    app.add_middleware(Edges)
    return app
