"""Threads that search, and the queue before them.

A search waits in the event loop until a thread is free, so that one whose client has gone, or whose time has run out, costs
nothing. One that would wait longer than it may is refused at once, as is one too many: its client can ask elsewhere. A thread cannot be stopped: its place is free when it is done, whoever still waits for it.
"""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

from roar.service.faults import ServiceError

T = TypeVar("T")

_AHEAD = 1
"""Searches beyond the threads that lie ready for them: a thread that is done does not wait for a busy event loop."""
_LEARNING = 0.05
"""Weight of the last search in the mean time of one."""


class Workers:
    """So many threads, so many waiting, so long.

    Args:
        threads: searches at a time.
        queue: searches that wait at most; fewer where searches are slow.
        timeout_s: from arrival to the end of the search.
    """

    def __init__(self, threads: int, queue: int, timeout_s: float) -> None:
        self.threads, self.queue, self.timeout_s = threads, queue, timeout_s
        self.waiting, self.dropped, self.refused, self.late = 0, 0, 0, 0
        self._mean_s = 0.01
        self._free = asyncio.Semaphore(threads + _AHEAD)
        self._pool = ThreadPoolExecutor(threads, "search", initializer=_one_core)

    async def run(self, request: Request, work: Callable[[float], T]) -> T:
        """Do `work(seconds waited)` in a thread.

        Raises:
            ServiceError: 429 where too many wait, 503 where it takes too long, 499 where the client has gone.
        """
        arrived = time.perf_counter()
        await self._place(arrived)
        waited = time.perf_counter() - arrived
        try:
            if waited > 0.01 and await request.is_disconnected():
                self.dropped += 1
                raise ServiceError(499, "the client has gone.")
            started = time.perf_counter()
            done = asyncio.get_running_loop().run_in_executor(self._pool, work, waited)
        except BaseException:
            self._free.release()
            raise
        done.add_done_callback(lambda _: self._finished(started))
        try:
            return await asyncio.wait_for(asyncio.shield(done), max(self.timeout_s - waited, 0.001))
        except TimeoutError:
            done.add_done_callback(lambda future: future.exception())  # nobody else asks for it
            raise self._too_late() from None

    def admit(self) -> None:
        """Nothing, while there is room.

        Raises:
            ServiceError: 429, where too many wait, or would have to wait for too long.
        """
        if self._free.locked() and (self.waiting >= self.queue or self._wait_s() > self.timeout_s):
            self.refused += 1
            raise ServiceError(429, "too many searches are waiting; come again.", None, self._retry())

    def close(self) -> None:
        """End the threads when they are done."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _place(self, arrived: float) -> None:
        self.admit()
        self.waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), self.timeout_s)
        except TimeoutError:
            raise self._too_late() from None
        finally:
            self.waiting -= 1

    def _finished(self, started: float) -> None:
        self._mean_s += _LEARNING * (time.perf_counter() - started - self._mean_s)
        self._free.release()

    def _too_late(self) -> ServiceError:
        self.late += 1
        return ServiceError(503, f"no answer within {self.timeout_s:g} s; come again.", None, self._retry())

    def _wait_s(self) -> float:
        """How long the queue, as it is now, will take."""
        return self.waiting * self._mean_s / self.threads

    def _retry(self) -> dict[str, str]:
        return {"Retry-After": str(max(1, math.ceil(self._wait_s())))}


def _one_core() -> None:
    """A search takes one core: several at a time share them out better than several threads of one."""
    import faiss

    faiss.omp_set_num_threads(1)
