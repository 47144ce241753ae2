"""What a server holds at most: bodies while they come in, and calls of the model."""

import asyncio
import contextlib
import threading
from functools import partial

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from diptych.search.body_limit import SENTENCE, BodyLimit, TooLargeError, TooSlowError
from diptych.search.worker import BusyError, Worker
from tests.support.asgi import chunks, requested


async def _length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _too_large(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": SENTENCE}, 413)


async def _busy(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 503)


async def _too_slow(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 408)


def limited(most: int, at_once: int = 10**6, seconds: float = 60) -> BodyLimit:
    app = Starlette(
        routes=[Route("/", _length, methods=["POST"])],
        exception_handlers={
            TooLargeError: _too_large,
            TooSlowError: _too_slow,
            BusyError: _busy,
        },
    )
    return BodyLimit(app, most, at_once, seconds)


@pytest.mark.parametrize(("size", "status"), [(0, 200), (999, 200), (1000, 200), (1001, 413)])
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_has_at_most_so_many_bytes(size, status, is_declared):
    content = bytes(size) if is_declared else chunks(-(-size // 100), 100, [])
    if not is_declared and size % 100:
        size += 100 - size % 100
    given = requested(limited(1000), "POST", "/", content=content)
    assert given.status_code == (200 if size <= 1000 else 413)
    assert given.text == str(size) if given.status_code == 200 else SENTENCE in given.text


def test_a_large_body_is_refused_while_it_comes_and_the_rest_is_thrown_away():
    sent: list[int] = []
    app = limited(1000)
    given = requested(app, "POST", "/", content=chunks(50, 100, sent))
    assert (given.status_code, given.json()["error"]) == (413, SENTENCE)
    assert app._held == 0
    assert requested(app, "POST", "/", content=bytes(1000)).text == "1000"


def test_all_requests_together_hold_at_most_so_many_bytes():
    app = limited(1000, 1500)

    async def both() -> list[int]:
        import httpx

        halfway = asyncio.Event()

        async def slow():
            yield bytes(900)
            await halfway.wait()
            yield bytes(1)

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://x"
        ) as client:
            first = asyncio.create_task(client.post("/", content=slow()))
            while app._held < 900:
                await asyncio.sleep(0)
            second = await client.post("/", content=bytes(700))
            third = await client.post("/", content=bytes(500))
            halfway.set()
            return [(await first).status_code, second.status_code, third.status_code]

    assert asyncio.run(both()) == [200, 503, 200]
    assert app._held == 0


def test_a_body_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr("diptych.search.body_limit.DRAIN_S", 0.01)
    app = limited(1000, seconds=0.05)

    async def slow():
        yield bytes(10)
        await asyncio.sleep(30)
        yield bytes(1)

    given = requested(app, "POST", "/", content=slow())
    assert given.status_code == 408
    assert given.json() == {"error": "the request did not come in within 0.05 seconds"}
    assert app._held == 0


def test_an_answer_may_take_longer_than_a_body():
    async def late(request: Request) -> Response:
        await request.body()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(request.receive(), 0.1)  # the client stays
        return PlainTextResponse("late")

    app = BodyLimit(Starlette(routes=[Route("/", late, methods=["POST"])]), seconds=0.02)
    assert requested(app, "POST", "/", content=bytes(9)).text == "late"


def test_a_worker_refuses_what_is_beyond_its_queue_and_takes_more_afterwards():
    worker, go = Worker("w", 3), threading.Event()

    def held(number: int) -> int:
        go.wait(10)
        return number

    async def work() -> tuple[list[int], int]:
        calls = [asyncio.create_task(worker.run(partial(held, n))) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="3 requests are waiting already"):
            await worker.run(int)
        go.set()
        first = await asyncio.gather(*calls)
        return first, await worker.run(lambda: 7)

    assert asyncio.run(work()) == ([0, 1, 2], 7)
    worker.close()


def test_what_a_caller_gave_up_is_not_done():
    worker, go, done = Worker("w", 2), threading.Event(), []

    async def work() -> None:
        first = asyncio.create_task(worker.run(lambda: go.wait(10)))
        second = asyncio.create_task(worker.run(lambda: done.append(2)))
        await asyncio.sleep(0.01)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        go.set()
        await first
        await worker.run(lambda: done.append(3))

    asyncio.run(work())
    assert done == [3]
    worker.close()


def test_an_error_in_the_worker_reaches_its_caller():
    worker = Worker("w", 1)

    async def work() -> None:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await worker.run(lambda: 1 // 0)

    asyncio.run(work())
    worker.close()
