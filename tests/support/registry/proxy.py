"""An HTTP proxy in front of a registry, which can be told to fail from a certain request on."""

import contextlib
import dataclasses
import http.client
import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

Fault = Literal["502", "404", "page", "hang", "close", "late close"]
PAGE = b"<!DOCTYPE html><html><title>Sign in</title><body>Please sign in</body></html>"


@dataclasses.dataclass
class Proxy:
    """The proxy, seen by a test.

    `late close` passes the request on and breaks the connection before the answer.
    """

    uri: str
    target: str
    fault: Fault | None = None
    after: int = 0  # requests that are passed on before the fault sets in
    requests: list[str] = dataclasses.field(default_factory=list)
    meddle: Callable[[int], None] = lambda _: None  # called before a request, with its number
    released: threading.Event = dataclasses.field(default_factory=threading.Event)

    def fail(self, fault: Fault | None, after: int = 0) -> None:
        self.requests.clear()
        self.fault, self.after = fault, after


class _EveryMethod(http.server.BaseHTTPRequestHandler):
    def answer(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_PATCH(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()


@contextlib.contextmanager
def proxy(target: str) -> Iterator[Proxy]:
    """Start a proxy in front of the server at an address."""
    state = Proxy("", target.rstrip("/"))

    class Handler(_EveryMethod):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            number = len(state.requests)
            state.requests.append(f"{self.command} {urlsplit(self.path).path}")
            state.meddle(number)
            fault = state.fault if number >= state.after else None
            if fault == "hang":
                state.released.wait(600)
            if fault in ("hang", "close"):
                self.close_connection = True
                return
            if fault in (None, "late close"):
                status, kind, said = self._pass_on(body)
            else:
                status, kind, said = (
                    {"502": 502, "404": 404}.get(str(fault), 200),
                    "text/html",
                    PAGE,
                )
            if fault == "late close":
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def _pass_on(self, body: bytes) -> tuple[int, str, bytes]:
            there = urlsplit(state.target)
            connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=60)
            headers = {
                k: v
                for k, v in self.headers.items()
                if k.lower() not in ("host", "accept-encoding")
            }
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            read = answer.read()
            connection.close()
            return answer.status, answer.headers.get("Content-Type", "text/plain"), read

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.uri = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
