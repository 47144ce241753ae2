"""The web client: it asks allowed hosts only, also after a redirect, with time limits."""

import dataclasses
import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from components.example_gen.storage.allowed import TimeoutsConfig
from components.example_gen.storage.errors import OutsideError
from components.example_gen.storage.web_hosts import Hosts


@dataclasses.dataclass(frozen=True)
class WebClient:
    """Make sessions for fsspec, which keeps one file system for each different client."""

    hosts: Hosts
    timeouts: TimeoutsConfig

    async def __call__(self, **options: Any) -> aiohttp.ClientSession:
        """Open a session."""
        limits = aiohttp.ClientTimeout(
            total=None,
            connect=self.timeouts.connect,
            sock_connect=self.timeouts.connect,
            sock_read=self.timeouts.read,
        )
        # No limit: waiting for a free connection would count as a slow server.
        connector = aiohttp.TCPConnector(resolver=_Resolver(self.hosts), limit=0)
        return aiohttp.ClientSession(
            connector=connector, timeout=limits, middlewares=(self._ask,), **options
        )

    async def _ask(
        self, request: aiohttp.ClientRequest, ask: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send a request; the library calls this again for each redirect."""
        url = request.url
        if not self.hosts.allows(url.scheme, url.host or "", url.port or 0):
            raise OutsideError(_sentence(f"{url.scheme}://{url.authority.rpartition('@')[2]}"))
        return await ask(request)


class _Resolver(AbstractResolver):
    """Resolve names; one that is not trusted itself may not stand for an internal address."""

    def __init__(self, hosts: Hosts):
        self._hosts, self._inner = hosts, aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = await self._inner.resolve(host, port, family)
        for result in addresses:
            if not self._hosts.allows_address(host, port, result["host"]):
                raise OutsideError(_sentence(host))
        return addresses

    async def close(self) -> None:
        await self._inner.close()


def _sentence(host: str) -> str:
    return (
        f"{host} is not requested: it is not an allowed host, or is one of an internal network; to "
        "read from it, name it in data.allow"
    )
