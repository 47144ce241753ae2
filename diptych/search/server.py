"""Listen, and serve the page until a signal comes."""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from schema.errors import InputError

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

WAITING_CONNECTIONS = 128
MOST_CONNECTIONS = 512
GRACE_S = 3
HEAD_S = 20.0  # that the head of a request may take: it takes up one of the connections


def listen(host: str, port: int) -> socket.socket:
    """Open the socket of a server, before anything that takes long is loaded.

    Args:
        host: an address of this machine, or a name of it.
        port: 0: any that is free.

    Raises:
        InputError: the port is in use or may not be used, or the address is not of this machine.
    """
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        opened = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise InputError(f"--host {host}: is not an address of this machine") from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(WAITING_CONNECTIONS)
    except OSError as error:
        opened.close()
        raise InputError(_describe(error, host, port)) from error
    return opened


def address_of(opened: socket.socket, host: str) -> str:
    """Return the address of the page: 'http://127.0.0.1:8600/'."""
    port = opened.getsockname()[1]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def serve(
    app: "ASGIApp",
    opened: socket.socket,
    ready: Callable[[], None],
    started: Callable[["uvicorn.Server"], None] = lambda _: None,
    head_s: float = HEAD_S,
) -> None:
    """Serve until SIGINT or SIGTERM, which is raised again afterwards.

    Args:
        app: the application.
        opened: the socket that it listens at.
        ready: called once requests are answered.
        started: called with the server, whose `should_exit` ends it, too.
        head_s: seconds that the head of a request may take.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    config = uvicorn.Config(
        app,
        http=_protocol(head_s),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        log_level="critical",  # what goes wrong is printed by the application, as one sentence
        server_header=False,
        backlog=WAITING_CONNECTIONS,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = Server(config)
    started(server)
    server.run(sockets=[opened])


def _protocol(head_s: float) -> type[asyncio.Protocol]:
    """Make uvicorn's protocol close connections whose request does not begin or goes on for ever.

    uvicorn itself waits without end for the first request of a connection, and for the rest of one
    whose head has begun.
    """
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Protocol(H11Protocol):
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._late = self.loop.call_later(head_s, self._end)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._forget()
            elif self._late is None:
                self._late = self.loop.call_later(head_s, self._end)

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            super().connection_lost(exc)

        def _end(self) -> None:
            self._late = None
            if self.conn.their_state is h11.IDLE:
                self.timeout_keep_alive_handler()

        def _forget(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Protocol


def _describe(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"{host}:{port} is in use by another program; choose another port with --port, "
                "or --port 0 for any that is free"
            )
        case errno.EACCES | errno.EPERM:
            return f"{host}:{port}: this user may not use the port; choose one above 1023"
        case errno.EADDRNOTAVAIL:
            return f"--host {host}: is not an address of this machine"
    return f"{host}:{port} cannot be used: {error.strerror}"
