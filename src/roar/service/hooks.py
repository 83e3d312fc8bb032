"""What a log is told of every answered search, and how an experiment decides who answers.

`create_app(settings, log=..., experiment=...)` takes one of each; without them nothing is kept and every visitor gets the same.
A route calls them in this order:

1. `Experiment.assign` in the event loop, for a search that names no system: it must not block. It may set a cookie.
2. The assigned systems rank, in a worker thread; `Assignment.merge` makes one ranking of two.
3. `SearchLog.answered` in the same worker thread, before the answer is sent. What it raises is logged and counted, and the answer
   goes out all the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from roar.retrieval.ranking import Ranking
from roar.service.models import SearchAnswer, SearchQuery

Merge = Callable[[Sequence[Ranking]], tuple[Ranking, Sequence[str | None]]]
"""Rankings of the assigned systems, in their order -> one ranking, and for each of its candidates the system that put it there
(null: none did). Rows are numbers of one release's index: only systems of one release can be merged. Near-copies are folded and
pages cut after it."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who answers a visitor's search."""

    variant: str
    """As the log names it."""
    systems: tuple[str, ...]
    """Names of systems: one, or two that are merged."""
    merge: Merge | None = None
    """Needed where there are two."""


class Experiment(Protocol):
    """Decides who answers."""

    def assign(self, request: Request, response: Response, asked: SearchQuery) -> Assignment | None:
        """Who answers this search; None: whoever answers by default. Headers set on `response` (a cookie) are sent."""


class SearchLog(Protocol):
    """Keeps what was answered."""

    @property
    def lost(self) -> int:
        """Entries that it could not keep."""

    def answered(
        self,
        request: Request,
        response: Response,
        asked: SearchQuery,
        answer: SearchAnswer,
        assigned: Assignment | None,
    ) -> None:
        """One answered search. `answer.request_id` names it; hits are in rank order, from `asked.offset` on."""

    def close(self) -> None:
        """The service ends: nothing more will be answered."""
