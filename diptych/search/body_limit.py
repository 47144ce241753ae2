"""Bound what the bodies of requests may hold in memory, while they come in."""

import asyncio
import contextlib
import time

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diptych.search.worker import BusyError

MOST_BYTES = 20 * 2**20  # of an upload
AROUND = 64 * 2**10  # what a form puts around it
MOST_AT_ONCE = 160 * 2**20  # of all requests together
BODY_S = 60.0  # that a body may take to come in: one that never ends would be held for ever
DRAIN_S = 3.0  # how long what still comes is thrown away, so that the client reads the answer
SENTENCE = f"the request is too large; an upload has at most {MOST_BYTES // 2**20} MB"


class TooLargeError(Exception):
    """The body of a request has more bytes than are taken."""


class TooSlowError(Exception):
    """The body of a request does not come in; the message says so in one sentence."""


class BodyLimit:
    """ASGI middleware that refuses a body as soon as it is too large or takes too long.

    The application must answer `TooLargeError`, `TooSlowError` and `BusyError`, which `receive`
    raises.
    """

    def __init__(
        self,
        app: ASGIApp,
        most: int = MOST_BYTES + AROUND,
        at_once: int = MOST_AT_ONCE,
        seconds: float = BODY_S,
    ):
        self._app, self._most, self._at_once = app, most, at_once
        self._seconds = seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        mine, until = 0, asyncio.get_running_loop().time() + self._seconds
        is_whole = Headers(scope=scope).get("content-length", "").strip("0 ") == ""
        is_whole = is_whole and "transfer-encoding" not in Headers(scope=scope)

        async def receive_counted() -> Message:
            nonlocal mine, is_whole
            try:
                # After the body this waits until the client leaves.
                async with asyncio.timeout_at(None if is_whole else until):
                    message = await receive()
            except TimeoutError:
                raise TooSlowError(
                    f"the request did not come in within {self._seconds:g} seconds"
                ) from None
            size = len(message.get("body", b""))
            mine += size
            self._held += size
            is_whole = is_whole or not message.get("more_body", False)
            if mine > self._most:
                raise TooLargeError
            if self._held > self._at_once:
                raise BusyError("the server holds as many uploads as it can; try again in a second")
            return message

        async def send_and_drain(message: Message) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not last or is_whole:
                await send(message)
                return
            await send({**message, "more_body": True})
            await _drain(receive)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        try:
            declared = Headers(scope=scope).get("content-length", "0")
            if declared.isdecimal() and int(declared) > self._most:
                headers = {"connection": "close"}
                refused = JSONResponse({"error": SENTENCE}, 413, headers)
                await refused(scope, receive, send_and_drain)
            else:
                await self._app(scope, receive_counted, send_and_drain)
        finally:
            self._held -= mine


async def _drain(receive: Receive) -> None:
    """Throw away what a client sends after the answer: closed at once, it would never read it."""
    until = time.monotonic() + DRAIN_S
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while time.monotonic() < until:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
