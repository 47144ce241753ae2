"""The answers of the HTTP API as its OpenAPI document describes them."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Annotated
from urllib.parse import quote

import numpy as np
from pydantic import BaseModel, Field

from diptych.search.engine import Answer, Shown
from diptych.search.facets import Facet
from schema.text.untrusted_text import escaped

Vector = list[float]


class Failure(BaseModel):
    """Why a request was not answered."""

    error: Annotated[str, Field(description="one sentence")]


class Health(BaseModel):
    """That the server answers."""

    status: str = "ok"


class Embeddings(BaseModel):
    """Embeddings in the order of the request, of length 1 unless `model.normalize` is false."""

    release: str
    dim: int
    text: list[Vector]
    image: Annotated[
        list[Vector | None], Field(description="null where an image cannot be decoded")
    ]


class Similarities(BaseModel):
    """Inner products of the embeddings of images and texts."""

    release: str
    similarity: Annotated[
        list[Vector | None],
        Field(description="a row for each image; null where it cannot be decoded"),
    ]


class Image(BaseModel):
    """An image of the collection; control characters in its texts are written visibly."""

    key: str
    score: Annotated[
        float | None, Field(description="inner product of the query and the image")
    ] = None
    captions: list[str]
    attributes: dict[str, str]
    path: Annotated[str | None, Field(description="the file, where the collection is a folder")]
    thumbnail: Annotated[str, Field(description="path of a small picture on this server")]


class Caption(BaseModel):
    """A caption that fits an image."""

    text: str
    score: float


class Result(BaseModel):
    """The answer to one query."""

    images: list[Image]
    captions: Annotated[
        list[Caption], Field(description="those that fit the query's image best; best first")
    ]


class Results(BaseModel):
    """The answers to all queries of a request, in its order."""

    release: str
    milliseconds: float
    results: list[Result]


class Value(BaseModel):
    """A value of an attribute: `label` is for people, `value` for requests."""

    value: str
    label: str
    count: int


class Attribute(BaseModel):
    """An attribute that results can be filtered by."""

    name: str
    label: str
    values: list[Value]


class Unusable(BaseModel):
    """A file that cannot be searched."""

    file: str
    reason: str


class Release(BaseModel):
    """What is searched; `version` grows when the collection changes."""

    name: str
    collection: str
    version: int
    images: int
    failed: int
    failures: list[Unusable]
    dim: int
    attributes: list[Attribute]
    sample: list[Image]


class Info(BaseModel):
    """What the page shows before anything is searched for."""

    releases: list[Release]
    problem: str


def attributes_of(facets: Iterable[Facet]) -> list[Attribute]:
    """Describe attributes; what is not Unicode text cannot be sent and is left out."""
    return [
        Attribute(
            name=facet.name,
            label=escaped(facet.name),
            values=[
                Value(value=value, label=escaped(value) or "(empty)", count=count)
                for value, count in facet.values
                if _can_be_sent(value)
            ],
        )
        for facet in facets
        if _can_be_sent(facet.name)
    ]


def image_of(shown: Shown, release: int, version: int) -> Image:
    """Describe an image.

    Args:
        shown: the image.
        release: the number of the collection that it is in.
        version: of that collection; a browser fetches a picture again when it has changed.
    """
    record = quote(shown.record, safe="", errors="surrogatepass")
    return Image(
        key=shown.key,
        score=shown.score,
        captions=list(shown.captions),
        attributes=dict(shown.attributes),
        path=None if shown.path is None else escaped(str(shown.path)),
        thumbnail=f"thumbnails/{release}?key={record}&version={version}",
    )


def result_of(answer: Answer, release: int, version: int) -> Result:
    """Describe an answer; `release` and `version` are as of `image_of`."""
    return Result(
        images=[image_of(shown, release, version) for shown in answer.images],
        captions=[Caption(text=text, score=score) for text, score in answer.captions],
    )


def vectors_of(rows: np.ndarray, valid: np.ndarray | None = None) -> list[Vector | None]:
    """Make lists of float32 [n, d]; None where `valid`, bool [n], is false."""
    kept = [True] * len(rows) if valid is None else valid.tolist()
    return [row if known else None for row, known in zip(rows.tolist(), kept, strict=True)]


def failures_of(failures: Mapping[str, str], most: int) -> list[Unusable]:
    """Describe the first files that cannot be searched."""
    some = itertools.islice(failures.items(), most)
    return [Unusable(file=escaped(file), reason=escaped(reason)) for file, reason in some]


def _can_be_sent(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
