"""Listen, and serve the page until a signal comes."""

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
) -> None:
    """Serve until SIGINT or SIGTERM, which is raised again afterwards.

    Args:
        app: the application.
        opened: the socket that it listens at.
        ready: called once requests are answered.
        started: called with the server, whose `should_exit` ends it, too.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    config = uvicorn.Config(
        app,
        http="h11",
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
