"""What the service tells its log: answered searches, and what came of them by `POST /events`."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from roar.service.faults import ServiceError
from roar.service.hooks import Assignment
from roar.service.logs import Event, RefusedError, Search, SearchLog, UnavailableError
from roar.service.models import ErrorAnswer, SearchAnswer, SearchQuery
from roar.service.visitors import session_of

_WAIT_S = 2.0
"""How long an event waits for the disk."""


class Recorder:
    """Keeps answered searches in a log (`roar.service.hooks.SearchLog`)."""

    def __init__(self, log: SearchLog, systems: Mapping[str, str] | None = None) -> None:
        """Begin to write.

        Args:
            log: not started yet.
            systems: of the variants of an experiment.

        Raises:
            InputError: another process writes there, or the disk refuses.
        """
        self.log, self._systems = log, systems or {}
        log.start()

    @property
    def lost(self) -> int:
        """Entries that the log could not keep."""
        return self.log.lost

    def answered(
        self,
        request: Request,
        response: Response,
        asked: SearchQuery,
        answer: SearchAnswer,
        assigned: Assignment | None,
    ) -> None:
        """Note a search; never waits."""
        session = session_of(request, response)
        teams = [hit.team or "" for hit in answer.hits] if assigned is not None and assigned.merge else None
        search = Search(
            request=answer.request_id,
            session=session,
            query=answer.query,
            products=[hit.product_id for hit in answer.hits],
            ranker=answer.system,
            results=answer.estimated_total,
            offset=answer.offset,
            unit=request.state.unit if assigned is not None else None,
            variant=assigned.variant if assigned is not None and teams is None else None,
            rankers=[self._systems.get(team, answer.system) for team in teams] if teams is not None else None,
            team=teams,
        )
        self.log.search(search)

    def close(self) -> None:
        """Write all that waits, and a roll."""
        self.log.close()


class EventBody(BaseModel):
    """What somebody did with a product of an answered search."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request_id: str = Field(min_length=1, max_length=64, description="Of the answer that showed the product.")
    product_id: str = Field(min_length=1, max_length=500)
    kind: Literal["click", "cart", "order"]
    revenue: float = Field(0.0, ge=0, le=1e15, allow_inf_nan=False, description="What an order brought.")


class EventAnswer(BaseModel):
    """Whether an event is a new one."""

    recorded: bool = Field(description="False where it was known already: sending it again changes nothing.")


router = APIRouter(tags=["log"])

_FAULTS = {
    404: {"model": ErrorAnswer, "description": "No open search has this request id, or it did not show the product."},
    422: {"model": ErrorAnswer, "description": "A field is missing, unknown or out of range; the answer names it."},
    503: {"model": ErrorAnswer, "description": "The log cannot be written now; send it again."},
}


@router.post("/events", status_code=202, responses=_FAULTS)  # type: ignore[arg-type]
async def event(request: Request, body: Annotated[EventBody, Body()]) -> EventAnswer:
    """Note a click, a cart or an order of a product that a search has shown; once each, whenever it is sent again."""
    log = request.app.state.service.log
    if not isinstance(log, Recorder):
        raise ServiceError(404, "this service keeps no log.")
    if body.revenue and body.kind != "order":
        raise ServiceError(422, "only an order brings something.", "revenue")
    try:
        written = log.log.event(Event(body.request_id, body.product_id, body.kind, body.revenue))
        if written is not None:
            await asyncio.wait_for(asyncio.wrap_future(written), _WAIT_S)
    except RefusedError as error:
        raise ServiceError(404, f"{error}.", error.parameter) from error
    except (UnavailableError, TimeoutError) as error:
        raise ServiceError(503, "the log is not written now; send it again.", None, {"Retry-After": "1"}) from error
    return EventAnswer(recorded=written is not None)
