"""Send a request to an ASGI application without a server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx


def requested(app: Any, method: str, path: str, **named: Any) -> httpx.Response:
    """The answer of an application; redirects are not followed."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **named)

    return asyncio.run(send())


async def chunks(number: int, size: int, sent: list[int]) -> AsyncIterator[bytes]:
    """A body in pieces; `sent` gets the number of each one that was taken."""
    for place in range(number):
        sent.append(place)
        yield bytes(size)
