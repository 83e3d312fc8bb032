"""Searches that events can still belong to: for a time, and not more than a number of them.

A further page closes with its search. What is kept of a search is one text, not a list: a hundred bytes for ten products.
"""

from itertools import takewhile
from typing import NamedTuple

from roar.service.logs.journal import Entry
from roar.service.logs.tables import SEARCH

_BETWEEN = "\n"


class _Open(NamedTuple):
    until: int
    first: str
    products: str
    place: tuple[str, str, str | None]


class OpenSearches:
    """By request, oldest first; not safe for threads."""

    def __init__(self, seconds: float, count: int) -> None:
        self._microseconds, self._count = int(seconds * 1_000_000), count
        self._searches: dict[str, _Open] = {}
        self._known: dict[str, set[tuple[str, str]]] = {}
        self._first: dict[tuple[str, str, str | None], str] = {}

    def add(self, entry: Entry) -> None:
        """Open a search."""
        request, first = entry["request_id"], entry["first"]
        place = (entry["session_id"], entry["query"], entry["variant"])
        until = entry["timestamp"] + self._microseconds
        if first in self._searches:
            until = self._searches[first].until
        elif first is None:
            self._first[place] = request
        self._searches[request] = _Open(until, first or request, _BETWEEN.join(entry["product_id"]), place)

    def first_page(self, session: str, query: str, variant: str | None) -> str | None:
        """The open search whose further page a request is; None where there is none."""
        return self._first.get((session, query, variant))

    def products(self, request: str, at: int) -> list[str] | None:
        """What an open search showed; None where it is not open."""
        found = self._searches.get(request)
        return None if found is None or found.until < at else found.products.split(_BETWEEN)

    def note(self, event: Entry) -> bool:
        """Whether an event is a new one."""
        known = self._known.setdefault(event["request_id"], set())
        key = event["product_id"], event["kind"]
        if key in known:
            return False
        known.add(key)
        return True

    def holds(self, request: str) -> bool:
        """Whether a request is held."""
        return request in self._searches

    def requests(self) -> set[str]:
        """All that are held."""
        return set(self._searches)

    def forget(self, entry: Entry) -> None:
        """Undo what an entry that was lost had done."""
        if entry["kind"] == SEARCH:
            self._remove(entry["request_id"])
        else:
            event = entry["event"]
            self._known.get(event["request_id"], set()).discard((event["product_id"], event["kind"]))

    def closed(self, at: int) -> int:
        """Searches, from the oldest on, that take no events any more or are too many."""
        late = sum(1 for _ in takewhile(lambda found: found.until < at, self._searches.values()))
        return max(len(self._searches) - self._count, late)

    def drop_closed(self, at: int) -> None:
        """Let go of what has closed, with its further pages, and of the oldest beyond the number."""
        over = max(len(self._searches) - self._count, 0)
        early = {found.first for found in list(self._searches.values())[:over]}
        late = [request for request, found in self._searches.items() if found.until < at or found.first in early]
        for request in late:
            self._remove(request)

    def _remove(self, request: str) -> None:
        found = self._searches.pop(request, None)
        self._known.pop(request, None)
        if found is not None and self._first.get(found.place) == request:
            del self._first[found.place]
