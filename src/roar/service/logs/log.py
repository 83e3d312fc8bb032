"""The log of a running service.

A search is queued when it is answered, and a thread appends it to the journal: no request waits for the disk. An event is
acknowledged when it is in the journal, behind its search. Searches are open for events for `open_s`; those that have
closed go into rolls, the others on into the next journal. When the service stops, a roll of what is open is written as
well, and written again after it has started: rolls hold all that is known at any time that it does not run.

A disk that refuses stops nothing: searches are answered, and the log counts what it lost. Events are refused then, so that
their sender tries again.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roar.errors import InputError
from roar.files import Lock
from roar.parameters.serve_log import ServeLog
from roar.service.logs import journal, rolls
from roar.service.logs.journal import Entry, Journal
from roar.service.logs.open_searches import OpenSearches
from roar.service.logs.tables import CARRIED, EVENT, SEARCH

logger = logging.getLogger(__name__)

_WAIT, _SYNC, _COMPLAINT = 0.5, 1.0, 60.0
"""Seconds in which the thread looks at the clock, between two waits for the disk, and between two lines about what is lost."""


class RefusedError(InputError):
    """An event of a request or product that is not known; `parameter` names which."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class UnavailableError(InputError):
    """The log cannot take an event now; its sender should try again."""


@dataclass(frozen=True)
class Search:
    """An answered search.

    products: ids in the order shown, from position `offset` + 1; results: how many there are in all.
    ranker: the system; rankers and team: of each product, where lists are interleaved.
    unit, variant: in an experiment.
    first: request whose further page this is.
    """

    request: str
    session: str
    query: str
    products: Sequence[str]
    ranker: str
    results: int
    offset: int = 0
    unit: str | None = None
    variant: str | None = None
    rankers: Sequence[str] | None = None
    team: Sequence[str] | None = None


@dataclass(frozen=True)
class Event:
    """What somebody did with a product of a search: click, cart or order, and what it brought."""

    request: str
    product: str
    kind: str
    revenue: float = 0.0


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


class SearchLog:
    """See the module. `start` and `close` it, or use it in a with statement."""

    def __init__(self, folder: Path, config: ServeLog | None = None, clock: Callable[[], datetime] = now) -> None:
        self.folder, self.config, self._clock = folder, config or ServeLog(), clock
        self.lost = self.orphans = 0
        """Entries that nobody will read: the disk refused them, or the queue was full; events without their search."""
        self._lock, self._mutex = Lock(folder), threading.Lock()
        self._open = OpenSearches(self.config.open_s, self.config.open_searches)
        self._queue: queue.Queue[tuple[Entry, Future[None]] | None] = queue.Queue(self.config.queue)
        self._thread = threading.Thread(target=self._write_all, name="search log", daemon=True)
        self._synced, self._complained = 0.0, -_COMPLAINT
        self._closed = False

    # --- from requests

    def search(self, search: Search) -> None:
        """Note an answered search; never waits, never fails. A request that is open already was sent again, and counts once."""
        at = self._now()
        with self._mutex:
            if self._open.holds(search.request):
                return
            first = self._open.first_page(search.session, search.query, search.variant) if search.offset else None
            entry = _search_entry(search, at, first)
            self._open.add(entry)
            written = self._put(entry)
        if written is None:
            self._lose([entry], "the queue is full, or the log closed")

    def event(self, event: Event) -> "Future[None] | None":
        """Note an event of an open search.

        Returns:
            What is done when it is in the journal, or raises `UnavailableError`; None where it was known already.

        Raises:
            RefusedError: an unknown request, or a product that it did not show.
            UnavailableError: the queue is full.
        """
        at = self._now()
        entry: Entry = {"kind": EVENT, "event": _event_entry(event, at)}
        with self._mutex:
            shown = self._open.products(event.request, at)
            if shown is None:
                message = f"no open search has it; events are taken for {self.config.open_s:g} seconds"
                raise RefusedError("request_id", message)
            if event.product not in shown:
                raise RefusedError("product_id", "this search did not show it")
            if not self._open.note(entry["event"]):
                return None
            written = self._put(entry)
        if written is None:
            self._lose([entry], "the queue is full, or the log closed")
            raise UnavailableError("the log is behind; send it again")
        return written

    def _put(self, entry: Entry) -> "Future[None] | None":
        written: Future[None] = Future()
        if self._closed:
            return None
        try:
            self._queue.put_nowait((entry, written))
        except queue.Full:
            return None
        return written

    def _lose(self, entries: Sequence[Entry], why: object) -> None:
        """Count, forget, and say so, not more than once a minute."""
        with self._mutex:
            self.lost += len(entries)
            for entry in entries:
                self._open.forget(entry)
        if time.monotonic() - self._complained >= _COMPLAINT:
            self._complained = time.monotonic()
            logger.error("Search log: %d entries lost so far (%s). Searches go on.", self.lost, why)

    def _now(self) -> int:
        return int(self._clock().timestamp() * 1_000_000)

    # --- starting and stopping

    def start(self) -> None:
        """Take over what an earlier process left, and begin to write.

        Raises:
            InputError: another process writes there, or the disk refuses.
        """
        self._lock.take()
        for name in (rolls.JOURNAL, rolls.SEARCH_LOG, rolls.EXPERIMENT_LOG):
            (self.folder / name).mkdir(exist_ok=True)
        there = rolls.journals(self.folder)
        self._number = there[-1] if there else rolls.next_number(self.folder)
        path = rolls.journal_path(self.folder, self._number)
        entries = journal.read(path).entries
        self._journal = Journal(path)
        for entry in entries:
            if entry["kind"] == SEARCH:
                self._open.add(entry)
            elif entry["kind"] == EVENT:
                self._open.note(entry["event"])
        self._rolled = time.monotonic()
        self._thread.start()

    def close(self) -> None:
        """Write all that is queued, and a roll of it; once.

        Raises:
            InputError: the disk refuses the roll; the journal is there, and the next process goes on with it.
        """
        with self._mutex:
            if self._closed:
                return
            self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._journal.close()
        try:
            self._seal_earlier()
            rolls.write_roll(self.folder, self._number)
        finally:
            self._lock.release()

    def __enter__(self) -> "SearchLog":
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # --- the thread

    def _write_all(self) -> None:
        going = True
        while going:
            batch, going = self._next()
            self._append(batch)
            try:
                going = self._roll_where_due() and going
            except Exception:  # whatever it is, the journal is written on
                logger.exception("Search log: no roll could be written, the journal keeps it.")
                self._rolled = time.monotonic()

    def _next(self, wait: float = _WAIT) -> "tuple[list[tuple[Entry, Future[None]]], bool]":
        """All that waits, or comes within some seconds, and whether there will be more."""
        batch = []
        try:
            item = self._queue.get(timeout=wait) if wait else self._queue.get_nowait()
            while item is not None:
                batch.append(item)
                item = self._queue.get_nowait()
        except queue.Empty:
            return batch, True
        return batch, False

    def _append(self, batch: "Sequence[tuple[Entry, Future[None]]]") -> None:
        if not batch:
            return
        entries = [entry for entry, _ in batch]
        try:
            self._journal.append(entries)
        except OSError as error:
            self._lose(entries, error)
            for _, written in batch:
                written.set_exception(UnavailableError("the log cannot be written; send it again"))
            return
        for _, written in batch:
            written.set_result(None)
        if time.monotonic() - self._synced >= _SYNC:
            self._journal.sync()
            self._synced = time.monotonic()

    def _roll_where_due(self) -> bool:
        with self._mutex:
            closed = self._open.closed(self._now())
        late = time.monotonic() - self._rolled >= self.config.roll_s
        return self._roll() if closed and (closed >= self.config.roll_searches or late) else True

    def _roll(self) -> bool:
        """Begin the next journal with what is still open, then seal this one; whether more will come."""
        with self._mutex:  # what waits belongs to searches that may close now
            batch, going = self._next(wait=0)
            self._open.drop_closed(self._now())
            held = self._open.requests()
        self._append(batch)
        entries = journal.read(self._journal.path).entries
        carried = [entry for entry in entries if entry["kind"] != CARRIED and rolls.request_of(entry) in held]
        head = {"kind": CARRIED, "requests": [entry["request_id"] for entry in carried if entry["kind"] == SEARCH]}
        path = rolls.journal_path(self.folder, self._number + 1)
        journal.write(path, [head, *carried])
        self._journal.close()
        self._journal, self._number = Journal(path), self._number + 1
        self._rolled = time.monotonic()
        self._seal_earlier()
        return going

    def _seal_earlier(self) -> None:
        for number in rolls.journals(self.folder):
            if number < self._number:
                self.orphans += rolls.seal(self.folder, number)


def _plain(text: str | None) -> str | None:
    """Text that every file can hold: a lone surrogate becomes a question mark."""
    return text and text.encode(errors="replace").decode()


def _event_entry(event: Event, at: int) -> Entry:
    noted = {"request_id": event.request, "timestamp": at, "product_id": event.product, "kind": event.kind}
    return noted | {"revenue": event.revenue}


def _search_entry(search: Search, at: int, first: str | None) -> Entry:
    return {
        "kind": SEARCH,
        "request_id": search.request,
        "first": first,
        "session_id": _plain(search.session),
        "timestamp": at,
        "query": _plain(search.query),
        "unit_id": _plain(search.unit),
        "variant": search.variant,
        "ranker": search.ranker,
        "results": search.results,
        "offset": search.offset,
        "product_id": list(search.products),
        "rankers": search.rankers and list(search.rankers),
        "team": search.team and list(search.team),
    }
