"""Marked secrets, servers that take or repeat them, and a search in all that was written."""

import base64
import contextlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote


class Marks(dict[str, str]):
    """A secret for each name, unlike any other text; `/`, `+` and `@` are encoded in URIs."""

    def __missing__(self, name: str) -> str:
        self[name] = f"zQ{len(self):02d}/{name.title().replace(' ', '')}+x@Vw"
        return self[name]


def forms(secret: str) -> set[bytes]:
    """How a secret may be written: as it is, encoded for a URI or JSON, and in base64."""
    written = {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]}
    written |= {each.lower() for each in written} | {quote(quote(secret, safe=""), safe="")}
    found = {each.encode() for each in written}
    for before in range(3):  # what base64 makes of it depends on how much stands before it
        encoded = base64.b64encode(b"." * before + secret.encode())
        part = encoded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]
        found |= {part, part.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def found_in(content: bytes, marks: Mapping[str, str]) -> list[str]:
    """The names of the secrets that some bytes hold in any form."""
    return [name for name, mark in marks.items() if any(each in content for each in forms(mark))]


def found_below(folder: Path, marks: Mapping[str, str]) -> tuple[int, list[str]]:
    """How many files there are, and 'name: path' for each secret in one of them."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return len(files), [
        f"{n}: {path}" for path in files for n in found_in(path.read_bytes(), marks)
    ]


class _Handler(http.server.BaseHTTPRequestHandler):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # whichever method is asked for
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        path = unquote(self.path.partition("?")[0])
        body = self.server.files.get(path)  # type: ignore[attr-defined]
        if body is not None:
            self._send(200, "application/octet-stream", body)
            return
        # All that was sent, as a proxy that explains itself may answer.
        login, cookie = (self.headers.get(name, "") for name in ("Authorization", "Cookie"))
        sent = f"{self.path} was refused for {login.split(' ')[-1]} and {cookie}"
        with contextlib.suppress(ValueError):
            plain = base64.b64decode(login.removeprefix("Basic "), validate=True).decode()
            sent += f", which is {plain}"
        said = json.dumps({"message": sent, "error_code": "PERMISSION_DENIED"}).encode()
        self._send(403, "application/json", said)

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextlib.contextmanager
def web(files: Mapping[str, bytes]) -> Iterator[str]:
    """A web server of some files that refuses all else and repeats what it was sent.

    Args:
        files: by path.

    Yields:
        Its address without the scheme.
    """
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.files = files  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
