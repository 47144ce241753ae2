"""Kubeflow Pipelines' API over HTTP, as much of it as Diptych uses, with its state in memory.

What it does follows https://github.com/kubeflow/pipelines, backend/api/v2beta1 and
backend/src/apiserver. Every request is checked: its path, its query, its body against
kfp-server-api's models; and so is every answer. Faults can be ordered for a request to come.
"""

import contextlib
import dataclasses
import email.parser
import email.policy
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.kfp.models import faults
from tests.support.kfp.routes import ROUTES, UPLOAD
from tests.support.kfp.state import Form, RefusalError, State

CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 429: 8, 500: 13, 503: 14}  # of google.rpc
PREFIX = "/apis/v2beta1"
JSON, TEXT = "application/json", "text/plain; charset=utf-8"
Answer = tuple[int, str, str]  # status, body, its type


@dataclasses.dataclass
class Request:
    """What was asked."""

    method: str
    path: str  # after the prefix
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclasses.dataclass
class Server:
    """The server, seen by a test."""

    url: str = ""
    state: State = dataclasses.field(default_factory=State)
    requests: list[Request] = dataclasses.field(default_factory=list)
    token: str | None = None  # that every request must bear
    # By the number of a request, counted from 0: a status, 'close', 'hang', 'html', 'redirect',
    # or one of them with 'late ' before it, which means after the request was carried out; a
    # status with 'text ' before it has a body of plain text.
    faults: dict[int, str | int] = dataclasses.field(default_factory=dict)
    wrong: list[str] = dataclasses.field(default_factory=list)  # what real servers would refuse
    most_enabled: int = 0  # schedules of one name that were enabled at the same time
    released: threading.Event = dataclasses.field(default_factory=threading.Event)

    def fail(self, at: int, fault: str | int, times: int = 1) -> None:
        """Order a fault for the request `at` from now on, and for those after it."""
        first = len(self.requests) + at
        self.faults = {first + i: fault for i in range(times)}

    def asked(self, method: str, path: str = "") -> list[Request]:
        """The requests of a method whose path begins with `path`."""
        return [r for r in self.requests if r.method == method and r.path.startswith(path)]

    def answer(self, request: Request) -> Answer:
        """Carry out a request."""
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return refusal(401, "the request does not have valid authentication credentials")
        for route in ROUTES:
            found = route.pattern.fullmatch(request.path)
            if route.method != request.method or not found:
                continue
            bad = [f"unknown query {key}" for key in request.query if key not in route.query]
            if route.body == UPLOAD:
                bad += [] if list(request.body) == ["uploadfile"] else ["not one file"]
            elif route.body:
                bad += faults(request.body, route.body)
            elif request.body is not None:
                bad.append("a body where none belongs")
            if bad:
                self.wrong += bad
                return refusal(400, "; ".join(bad))
            given = [unquote(each) for each in found.groups()]
            try:
                answer = route.run(self.state, *given, query=request.query, body=request.body)
            except RefusalError as error:
                return refusal(error.status, str(error), error.form)
            self.wrong += faults(answer, route.answer, "answer") if route.answer else []
            self.most_enabled = max(self.most_enabled, self.state.most_enabled())
            return 200, json.dumps(answer), JSON
        self.wrong.append(f"no such path: {request.method} {request.path}")
        return refusal(404, "Not Found")


def refusal(status: int, message: str, form: Form = "status") -> Answer:
    """What the server answers instead: status, body and type of the body.

    Args:
        status: of HTTP.
        message: what is wrong.
        form: 'status' is a google.rpc.Status as the gateway writes it. Uploads have a form of their
            own, whose type is only set once the file was read: before that Go guesses it from the
            bytes. 'text' is Go's http.Error.
    """
    if form == "text":
        return status, f"{message}\n", TEXT
    if form == "status":
        cause = {"@type": "type.googleapis.com/google.rpc.Status", "code": CODES[status]}
        body = {"code": CODES[status], "message": message, "details": [cause]}
        return status, json.dumps(body), JSON
    stack = f"{message}\ngithub.com/kubeflow/pipelines/backend/src/apiserver/server.(*Pip...\n\t/go"
    body = {"error_message": message, "error_details": stack}
    return status, json.dumps(body), TEXT if form == "early upload" else JSON


class _Handler(http.server.BaseHTTPRequestHandler):
    ours: Server  # set by `serve`

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        path = parts.path.removeprefix(PREFIX)
        body = _body(raw, self.headers.get("content-type", ""))
        request = Request(self.command, path, dict(parse_qsl(parts.query)), body, headers)
        number = len(self.ours.requests)
        self.ours.requests.append(request)
        fault = self.ours.faults.get(number, "")
        late = isinstance(fault, str) and fault.startswith("late ")
        if fault and not late:
            self._fail(fault)
            return
        answer = self.ours.answer(request)
        if isinstance(fault, str) and late:
            self._fail(fault.removeprefix("late "))
            return
        self._write(*answer)

    def _fail(self, fault: str | int) -> None:
        if fault == "hang":
            self.ours.released.wait(30)
            self.close_connection = True
        elif fault == "close":
            self.close_connection = True
        elif fault == "html":
            self._write(200, "<html><title>Log in</title></html>", "text/html")
        elif fault == "redirect":
            self._write(302, "", "text/html", location="https://login.example.org/")
        else:
            status = int(str(fault).removeprefix("text "))
            form: Form = "text" if str(fault).startswith("text ") else "status"
            self._write(*refusal(status, "no, said the test", form))

    def _write(self, status: int, text: str, kind: str, location: str = "") -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _handle  # noqa: N815


def _body(raw: bytes, kind: str) -> Any:
    """JSON, or for an upload the files by the names of their fields."""
    if not raw:
        return None
    if not kind.startswith("multipart/form-data"):
        return json.loads(raw)
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + raw)
    found = {}
    for part in message.walk():
        field = part.get_param("name", header="content-disposition")
        if field:
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            found[field] = {"filename": part.get_filename(), "text": data.decode()}
    return found


@contextlib.contextmanager
def serve() -> Iterator[Server]:
    """A server on loopback while the context lasts."""
    ours = Server()
    handler = type("Handler", (_Handler,), {"ours": ours})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        ours.url = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield ours
        finally:
            ours.released.set()
            listening.shutdown()
            thread.join()
    assert not ours.wrong
