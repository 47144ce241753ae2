"""The HTTP API: `/embed`, `/search`, `/similarity`, `/healthz`, and what the page needs besides."""

import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import HTTPException
from fastapi.responses import Response
from pydantic import BaseModel

from diptych.search import answers, engine
from diptych.search.answers import Embeddings, Failure, Health, Info, Results, Similarities
from diptych.search.engine import Engine
from diptych.search.follower import Follower
from diptych.search.inputs import EmbedBody, SearchBody, check, read_body
from diptych.search.worker import Worker
from schema.errors import InputError
from schema.text.untrusted_text import escaped

SAMPLE = 36  # images that the page shows before anything is searched for
MOST_FAILURES = 50  # files that the page lists
MODEL_CALLS, FILE_CALLS = 64, 512  # that may wait
SIGNATURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
_REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": reason}
    for status, reason in {
        401: "the token is missing",
        408: "the body does not come in",
        413: "the body is too large",
        422: "the request cannot be answered",
        503: "the server is busy; Retry-After says for how long",
    }.items()
}


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a body for OpenAPI: the route reads it itself, as JSON or as a form."""
    schema = model.model_json_schema()
    form = {**schema, "properties": dict(schema["properties"])}
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    form["properties"]["image"] = {"type": "array", "items": file}
    if "where" in form["properties"]:
        pair = {"type": "string", "description": "attribute=value"}
        form["properties"]["where"] = {"type": "array", "items": pair}
    content = {"application/json": {"schema": schema}, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


class Api:
    """The routes over one or two engines.

    Args:
        engines: the second one is that of `--compare`.
        names: what each collection is called, 'index of release 3' or a folder.
        waiting: calls of the model that may run or wait.
        log: prints why a folder cannot be followed.
    """

    def __init__(
        self,
        engines: list[Engine],
        names: list[str],
        waiting: int = MODEL_CALLS,
        log: Callable[[str], None] = lambda _: None,
    ):
        self._engines, self._names = engines, names
        self._follower = Follower((used.collection for used in engines), log)
        self.model, self.files = Worker("model", waiting), Worker("files", FILE_CALLS)
        self.router = APIRouter(responses=_REFUSED)
        add = self.router.add_api_route
        add("/embed", self.embed, methods=["POST"], openapi_extra=_body_of(EmbedBody))
        add("/search", self.search, methods=["POST"], openapi_extra=_body_of(SearchBody))
        add("/search", self.search_text, methods=["GET"], operation_id="search_text")
        add("/similarity", self.similarity, methods=["POST"], openapi_extra=_body_of(EmbedBody))
        add("/healthz", self.healthz, methods=["GET"])
        add("/info", self.info, methods=["GET"], include_in_schema=False)
        add("/thumbnails/{release}", self.thumbnail, methods=["GET"], response_class=Response)

    def close(self) -> None:
        """End the threads after what they do now."""
        self.model.close()
        self.files.close()
        self._follower.close()

    async def embed(self, request: Request) -> Embeddings:
        """Embed texts and images: one, or a batch of them."""
        body = await read_body(request, EmbedBody)
        used = self._engine(body.release)
        if not body.text and not body.image:
            raise InputError("the request has neither a text nor an image; give one of them")
        work = lambda: used.embed(body.text, body.image)  # noqa: E731
        texts, images, valid = await self.model.run(work)
        return Embeddings(
            release=used.model.name,
            dim=used.model.dim,
            text=texts.tolist(),
            image=answers.vectors_of(images, valid),
        )

    async def similarity(self, request: Request) -> Similarities:
        """Compare every image with every text."""
        body = await read_body(request, EmbedBody)
        used = self._engine(body.release)
        if not body.text or not body.image:
            raise InputError("similarity takes at least one text and one image")
        work = lambda: used.embed(body.text, body.image)  # noqa: E731
        texts, images, valid = await self.model.run(work)
        rows = answers.vectors_of(images @ texts.T, valid)
        return Similarities(release=used.model.name, similarity=rows)

    async def search(self, request: Request) -> Results:
        """Search by a text, an image or both, minus a text; one query or a batch."""
        return await self._answer(await read_body(request, SearchBody))

    async def search_text(
        self,
        text: Annotated[str, Query(description="what is searched for")],
        k: Annotated[int, Query(description="images")] = 10,
        minus: Annotated[str, Query(description="a text that is subtracted")] = "",
        where: Annotated[list[str] | None, Query(description="attribute=value")] = None,
        release: Annotated[int, Query(description="1: the one of --compare")] = 0,
    ) -> Results:
        """Search by a text."""
        chosen = dict(pair.partition("=")[::2] for pair in where or [])
        values = {"text": text, "k": k, "minus": minus, "where": chosen, "release": release}
        return await self._answer(check(values, SearchBody))

    async def healthz(self) -> Health:
        """Say that the server answers; the one call that needs no token."""
        return Health()

    async def info(self) -> Info:
        """Describe what is searched."""
        self._follower.refresh_soon()
        numbers, problem = range(len(self._engines)), escaped(self._follower.problem)
        return await self.files.run(
            lambda: Info(releases=[self._describe(n) for n in numbers], problem=problem)
        )

    async def thumbnail(
        self,
        release: int,
        key: Annotated[str, Query(description="of the image")],
        version: Annotated[int, Query(description="of the collection; not used")] = 0,  # noqa: ARG002
    ) -> Response:
        """Return a small picture of an image of the collection."""
        used = self._engine(release)
        image = await self.files.run(lambda: used.collection.thumbnail(key))
        kind = next((k for start, k in SIGNATURES.items() if (image or b"").startswith(start)), "")
        if not image or not kind:
            raise HTTPException(404, "there is no picture of this image")
        media_type = "/".join(("image", kind))
        headers = {"cache-control": "private, max-age=600"}
        return Response(image, headers=headers, media_type=media_type)

    async def _answer(self, body: SearchBody) -> Results:
        used, queries = self._engine(body.release), body.queries()
        self._follower.refresh_soon()
        started = time.perf_counter()

        def work() -> list[answers.Result]:
            version = used.version
            found = used.search_all(
                engine.Query(text, image, body.minus, body.k, body.where) for text, image in queries
            )
            return [answers.result_of(answer, body.release, version) for answer in found]

        results = await self.model.run(work)
        milliseconds = round(1_000 * (time.perf_counter() - started), 2)
        return Results(release=used.model.name, milliseconds=milliseconds, results=results)

    def _engine(self, release: int) -> Engine:
        if not 0 <= release < len(self._engines):
            raise InputError(f"release {release} is not one of the {len(self._engines)} here")
        return self._engines[release]

    def _describe(self, number: int) -> answers.Release:
        used = self._engines[number]
        version = used.version  # before the rest: of a change in between the page asks again
        failures = used.failures
        return answers.Release(
            name=used.model.name,
            collection=escaped(self._names[number]),
            version=version,
            images=len(used.collection.keys),
            failed=len(failures),
            failures=answers.failures_of(failures, MOST_FAILURES),
            dim=used.model.dim,
            attributes=answers.attributes_of(used.facets),
            sample=[answers.image_of(shown, number, version) for shown in used.sample(SAMPLE)],
        )
