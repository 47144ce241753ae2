"""Refuse requests that come from another site or lack the token; add the security headers."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diptych.search.access import Access

PAGE = Path(__file__).parent / "page"  # HTML, a style sheet, and the modules of its program
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
OPEN = ("/healthz", "/static/style.css")  # what has no secret, and a request without token needs
COOKIE = "diptych-token"


class Guard:
    """ASGI middleware in front of everything else."""

    def __init__(self, app: ASGIApp, access: Access):
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._refusal(scope) or self._sign_in(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await (answer or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._access.is_own_name(hosts[0]):
            return _failure(421, "this server does not answer for the host name of the request")
        origin = headers.get("origin")
        if origin is not None and _host_of(origin) != hosts[0].lower():
            return _failure(403, "requests from pages of other sites are refused")
        site = headers.get("sec-fetch-site", "none")
        opens_page = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        if site not in ("none", "same-origin") and not opens_page:
            return _failure(403, "requests from pages of other sites are refused")
        return None

    def _sign_in(self, scope: Scope) -> Response | None:
        """Return None if a request has the token; else what it gets in place of an answer."""
        if self._access.token is None or scope["path"] in OPEN:
            return None
        headers = Headers(scope=scope)
        opens_page = scope["path"] == "/" and scope["method"] == "GET"
        if opens_page and any(map(self._access.is_token, _in_query(scope["query_string"]))):
            answer = RedirectResponse("./", 303)
            # Not 'secure': the server speaks HTTP. Strict: other sites cannot make it be sent.
            answer.set_cookie(
                _cookie(scope), self._access.token, httponly=True, samesite="strict", path="/"
            )
            return answer
        if any(map(self._access.is_token, _tokens(headers, _cookie(scope)))):
            return None
        if scope["path"] == "/":
            return FileResponse(PAGE / "sign_in.html", 401, headers={"cache-control": "no-store"})
        return _failure(
            401,
            "the request has no valid token; send the header 'Authorization: Bearer TOKEN'",
            {"www-authenticate": "Bearer"},
        )


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # 'http://[': no browser sends that
        return ""


def _in_query(query: bytes) -> list[str]:
    try:
        return parse_qs(query.decode("latin-1"), max_num_fields=20).get("token", [])
    except ValueError:  # more fields
        return []


def _cookie(scope: Scope) -> str:
    """Return the name of the cookie: browsers send those of all ports of a machine to each."""
    _, port = scope.get("server") or (None, None)
    return COOKIE if port is None else f"{COOKIE}-{port}"


def _tokens(headers: Headers, name: str) -> Iterable[str]:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield token.strip()
    # Python's own parser gives all cookies up where another program's has a sign of its own.
    cookie = cookie_parser(headers.get("cookie", "")).get(name)
    if cookie is not None:
        yield cookie


def _failure(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": sentence}, status, headers)
