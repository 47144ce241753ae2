"""Read and check the body of a request: JSON, or a form as browsers and curl send it."""

import base64
import binascii
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from schema.errors import InputError
from schema.text import json_text
from schema.text.messages import excerpt, number_of

LONGEST_TEXT = 2_000  # characters
MOST_TEXTS, MOST_IMAGES, MOST_RESULTS, MOST_FILTERS = 64, 16, 200, 8  # of one request
MOST_FIELDS = 20  # one that is not known is named, of so many
# Signs that separate values in JSON. A text may hold them, too; far more are values that nobody
# reads, which as objects of Python take 50 times the memory of the body.
MOST_SIGNS = 2 * MOST_TEXTS * LONGEST_TEXT

Body = TypeVar("Body", bound=BaseModel)


def _check_text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"has {number_of(len(text), 'character')}, at most {LONGEST_TEXT:,}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character (a lone surrogate)") from None
    return text


def _decode(image: Any) -> Any:
    if not isinstance(image, str):
        return image
    try:
        return base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None


def _as_list(most: int) -> BeforeValidator:
    def listed(value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        if len(values) > most:  # before there is an error for each of them
            raise ValueError(f"has {len(values):,} values, at most {most}")
        return values

    return BeforeValidator(listed)


def _check_number(where: Any) -> Any:
    if isinstance(where, dict) and len(where) > MOST_FILTERS:
        raise ValueError(f"has {len(where):,} attributes, at most {MOST_FILTERS}")
    return where


Text = Annotated[str, AfterValidator(_check_text)]
ImageFile = Annotated[
    bytes,
    BeforeValidator(_decode),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]


def _one_or_more(item: dict[str, Any], most: int) -> WithJsonSchema:
    several = {"type": "array", "items": item, "maxItems": most}
    return WithJsonSchema({"anyOf": [item, several], "default": []})


class EmbedBody(BaseModel):
    """Texts and images."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[
        list[Text],
        _as_list(MOST_TEXTS),
        Field(description="a text, or a list of texts"),
        _one_or_more({"type": "string", "maxLength": LONGEST_TEXT}, MOST_TEXTS),
    ] = []
    image: Annotated[
        list[ImageFile],
        _as_list(MOST_IMAGES),
        Field(description="a file in base64, or a list of them"),
        _one_or_more({"type": "string", "contentEncoding": "base64"}, MOST_IMAGES),
    ] = []
    release: Annotated[int, Field(ge=0, le=1, description="1: the one of --compare")] = 0


class SearchBody(EmbedBody):
    """One query or a batch: a text and an image are one query; of two lists, pairs are."""

    minus: Annotated[Text, Field(description="a text that is subtracted from each query")] = ""
    k: Annotated[int, Field(ge=1, le=MOST_RESULTS, description="images for each query")] = 10
    where: Annotated[
        dict[Text, Text],
        BeforeValidator(_check_number),
        Field(
            json_schema_extra={"maxProperties": MOST_FILTERS},
            description="attributes that an image must have",
        ),
    ] = {}

    def queries(self) -> list[tuple[str, bytes | None]]:
        """Return the text and the image of each query.

        Raises:
            InputError: there is none, or the lists have different lengths.
        """
        texts, images = list(self.text), list(self.image)
        if not texts and not images:
            raise InputError("the request has neither a text nor an image; give one of them")
        if texts and images and 1 not in (len(texts), len(images)) and len(texts) != len(images):
            raise InputError(
                f"{number_of(len(texts), 'text')} and {number_of(len(images), 'image')} make no "
                "pairs; give as many of both, or one of either"
            )
        number = max(len(texts), len(images))
        texts = texts * number if len(texts) == 1 else texts or [""] * number
        if not images:
            return [(text, None) for text in texts]
        return list(zip(texts, images * number if len(images) == 1 else images, strict=True))


async def read_body(request: Request, model: type[Body]) -> Body:
    """Read the body of a request as JSON or as a form, and check it.

    In a form, fields may be repeated, `image` is a file, and `where` is 'attribute=value'.

    Raises:
        InputError: it is neither, or a field of it cannot be used.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        values = await _read_form(request)
    elif kind == "application/json":
        values = _parse(await request.body())
    else:
        raise InputError(
            f"the content type {excerpt(kind) or 'is missing'}: send application/json or "
            "multipart/form-data"
        )
    return check(values, model)


def _parse(body: bytes) -> Any:
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_SIGNS:
        raise InputError("the body holds more values than a request can use")
    try:
        return json_text.parse(body)
    except ValueError as error:
        raise InputError(f"the body is not JSON: {error}") from error


def check(values: Any, model: type[Body]) -> Body:
    """Make a body of plain values.

    Raises:
        InputError: a field cannot be used; the message names it.
    """
    if not isinstance(values, dict):
        raise InputError('the body is not an object of JSON: {"text": "a cat"}')
    if len(values) > MOST_FIELDS:
        raise InputError(f"the body has {len(values):,} fields; it takes at most {MOST_FIELDS}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(describe(error.errors(include_url=False)[0])) from None


def describe(error: Any) -> str:
    """Describe a mistake, as pydantic reports it, in one sentence that holds no value."""
    place = ".".join(
        excerpt(str(part), 40) for part in error["loc"] if part not in ("query", "body")
    )
    message = error["msg"].removeprefix("Value error, ").replace(" after validation", "")
    if error["type"] == "value_error":
        return f"{place} {message}"
    return f"{place or 'the body'}: {message[:1].lower()}{message[1:]}"


async def _read_form(request: Request) -> dict[str, Any]:
    values: dict[str, Any] = {}
    lists: dict[str, list[Any]] = {}
    where: dict[str, str] = {}
    try:
        async with request.form(max_files=MOST_IMAGES, max_fields=MOST_TEXTS + 20) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    if name != "image":
                        raise InputError(f"{excerpt(name, 40)}: is a file; only `image` may be one")
                    lists.setdefault(name, []).append(await value.read())
                elif name == "where":
                    attribute, _, wanted = value.partition("=")
                    where[attribute] = wanted
                elif name in ("text", "image"):
                    lists.setdefault(name, []).append(value)
                else:
                    values[name] = value
    except HTTPException as error:  # what Starlette makes of a form that is damaged
        raise InputError(f"the form cannot be read: {error.detail}") from error
    return {**values, **lists, **({"where": where} if where else {})}
