"""Put the server together: the API, the page, the limits and the guard in front of them."""

import contextlib
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from diptych.search.access import Access
from diptych.search.body_limit import SENTENCE, BodyLimit, TooLargeError, TooSlowError
from diptych.search.guard import PAGE, Guard
from diptych.search.inputs import describe
from diptych.search.routes import Api
from diptych.search.worker import BusyError
from schema.errors import InputError

Log = Callable[[str], None]


def make_app(api: Api, access: Access, version: str, log: Log = lambda _: None) -> ASGIApp:
    """Make the ASGI application.

    Args:
        api: the routes.
        access: who may use them.
        version: of Diptych, for the OpenAPI document.
        log: prints what went wrong inside of the server.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        api.close()

    # The interactive documentation would load its program from another site.
    app = FastAPI(
        title="Diptych search",
        version=version,
        summary="Embed, compare and search images and texts with the two towers of a release.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.include_router(api.router)
    app.add_api_route("/", _page, include_in_schema=False, response_class=FileResponse)
    app.mount("/static", _Static(directory=PAGE), name="static")
    _add_failures(app, log)
    return Guard(BodyLimit(app), access)


async def _page() -> FileResponse:
    return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})


class _Static(StaticFiles):
    def file_response(self, *args: object, **named: object) -> Response:
        response = super().file_response(*args, **named)  # type: ignore[arg-type]
        response.headers["cache-control"] = "no-cache"  # the browser asks whether it has changed
        return response


def _add_failures(app: FastAPI, log: Log) -> None:
    """Answer every error with one sentence."""

    async def refused(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 422)

    async def not_valid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return JSONResponse({"error": describe(error.errors()[0])}, 422)

    async def too_large(_: Request, __: Exception) -> Response:
        return JSONResponse({"error": SENTENCE}, 413, {"connection": "close"})

    async def too_slow(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 408, {"connection": "close"})

    async def busy(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 503, {"retry-after": "1"})

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, AnyHTTPException)
        named = {404: "there is nothing at this address", 405: "this address takes other methods"}
        ours = isinstance(error, HTTPException)
        sentence = error.detail if ours else named.get(error.status_code, error.detail)
        return JSONResponse({"error": sentence}, error.status_code, error.headers)

    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it

    async def failed(request: Request, error: Exception) -> Response:
        log(f"{request.method} {request.url.path}: {type(error).__name__}: {error}")
        sentence = "the server could not answer; the terminal that it runs in says why"
        return JSONResponse({"error": sentence}, 500)

    for kind, handler in (
        (InputError, refused),
        (RequestValidationError, not_valid),
        (TooLargeError, too_large),
        (TooSlowError, too_slow),
        (BusyError, busy),
        (AnyHTTPException, http),
        (ClientDisconnect, gone),
        (Exception, failed),
    ):
        app.add_exception_handler(kind, handler)
