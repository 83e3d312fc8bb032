"""The queue before the threads: so many wait, so long, and nobody works for a client who has gone."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from roar.service.faults import ServiceError
from roar.service.workers import Workers


def request(gone: bool = False):
    async def is_disconnected() -> bool:
        return gone

    return SimpleNamespace(is_disconnected=is_disconnected)


def blocked(workers: Workers, count: int):
    """Tasks that hold every thread and the queue until `go` is set."""
    go = threading.Event()
    tasks = [asyncio.create_task(workers.run(request(), lambda waited: go.wait(10))) for _ in range(count)]
    return go, tasks


def test_beyond_the_queue_a_search_is_told_when_to_come_again():
    async def scene():
        workers = Workers(threads=1, queue=2, timeout_s=10)
        go, tasks = blocked(workers, 4)  # one works, one lies ready, two wait
        await asyncio.sleep(0.05)
        with pytest.raises(ServiceError) as refused:
            await workers.run(request(), lambda waited: None)
        assert refused.value.status == 429 and int(refused.value.headers["Retry-After"]) >= 1
        go.set()
        assert await asyncio.gather(*tasks) == [True] * 4
        assert await workers.run(request(), lambda waited: "free again") == "free again"
        assert workers.refused == 1 and workers.waiting == 0

    asyncio.run(scene())


def test_a_search_that_would_wait_longer_than_it_may_is_refused_at_once():
    async def scene():
        workers = Workers(threads=1, queue=100, timeout_s=0.5)
        workers._mean_s = 0.3
        go, tasks = blocked(workers, 4)  # one works, one lies ready, two wait: 0.6 s
        await asyncio.sleep(0.05)
        with pytest.raises(ServiceError) as refused:
            await workers.run(request(), lambda waited: None)
        assert refused.value.status == 429
        go.set()
        await asyncio.gather(*tasks)

    asyncio.run(scene())


def test_a_search_that_waits_or_works_too_long_is_a_503_and_its_thread_is_free_when_it_is_done():
    async def scene():
        workers = Workers(threads=1, queue=5, timeout_s=0.1)
        go, tasks = blocked(workers, 3)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [error.status for error in ended] == [503] * 3
        go.set()
        workers.timeout_s = 5
        assert await workers.run(request(), lambda waited: "free again") == "free again"
        assert workers.late == 3

    asyncio.run(scene())


def test_nothing_is_done_for_a_client_who_has_gone_while_waiting():
    async def scene():
        workers, done = Workers(threads=1, queue=5, timeout_s=10), []
        go, tasks = blocked(workers, 2)
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(workers.run(request(gone=True), lambda waited: done.append(1)))
        await asyncio.sleep(0.05)
        go.set()
        with pytest.raises(ServiceError) as gone:
            await waiting
        await asyncio.gather(*tasks)
        assert gone.value.status == 499 and not done and workers.dropped == 1
        assert await workers.run(request(), lambda waited: "free again") == "free again"

    asyncio.run(scene())


def test_an_error_in_a_search_is_the_callers_and_a_cancelled_wait_gives_its_place_back():
    async def scene():
        workers = Workers(threads=1, queue=5, timeout_s=10)
        with pytest.raises(ZeroDivisionError):
            await workers.run(request(), lambda waited: 1 / 0)
        go, tasks = blocked(workers, 2)
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(workers.run(request(), lambda waited: None))
        await asyncio.sleep(0.05)
        waiting.cancel()
        go.set()
        await asyncio.gather(*tasks)
        assert await workers.run(request(), lambda waited: "free again") == "free again" and workers.waiting == 0

    asyncio.run(scene())
