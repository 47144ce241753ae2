"""Look at images and the captions of their rows: what a thread of ingest does."""

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np

from components.example_gen.config import IngestConfig
from components.example_gen.images.image_header import ImageLimits
from components.example_gen.images.originals import Original
from components.example_gen.images.prepare_image import prepare
from components.example_gen.images.prepared import Prepared
from components.example_gen.near_duplicates.perceptual_hash import fingerprints
from components.example_gen.records.captions import clean
from components.example_gen.records.examined import Found, ImageFacts, Refused, Stored
from components.example_gen.records.faults import as_unusable
from components.example_gen.records.reasons import UnusableError
from components.example_gen.records.row import FIRST_BYTES, Row
from components.example_gen.storage import named_files
from components.example_gen.storage.allowed import Access, access_of

KEY_CHARACTERS = 32  # of the digest that stands in for a key: 128 bits
NOWHERE = Stored("", 0, 0)

Rows = Sequence[tuple[str, Row]]  # of one image, each with its split


@dataclasses.dataclass(frozen=True)
class Limits:
    """What images and captions may be, and where images may come from."""

    images: ImageLimits
    caption_characters: int
    access: Access

    @classmethod
    def of(cls, config: IngestConfig) -> "Limits":
        """Those of a config."""
        images = ImageLimits(config.max_pixels, config.max_bytes, config.max_side)
        return cls(images, config.max_caption_characters, access_of(config))


@dataclasses.dataclass(frozen=True)
class Examined:
    """What was found of one image.

    `image` is the bytes to keep, None if no row is usable; `found` the usable rows, their images
    stored nowhere yet; `refused` the others; `original` is there if the image was changed.
    """

    image: bytes | None
    found: list[Found]
    refused: list[Refused]
    original: Original | None = None


def examine(images: Sequence[Rows], limits: Limits) -> list[Examined]:
    """Examine several images and their captions; each image is read and decoded once.

    Several at once, because threads that ask for Python's lock for every small step hold each
    other up: what NumPy does is done for all of them together.

    Args:
        images: of each its rows with their splits; all with the same bytes or the same address.
        limits: of what is usable.
    """
    prepared = [_prepare(rows, limits) for rows in images]
    small = [each[1].small for each in prepared if not isinstance(each, list)]
    prints = iter(fingerprints(np.stack(small)) if small else ())
    return [
        Examined(None, [], each)
        if isinstance(each, list)
        else _examined(rows, *each, next(prints), limits)
        for rows, each in zip(images, prepared, strict=True)
    ]


def _prepare(rows: Rows, limits: Limits) -> tuple[bytes, Prepared] | list[Refused]:
    """An image as received and what was made of it, or its rows' refusal."""
    first = rows[0][1]
    image = first.image
    try:
        if image is None:
            image = _fetch(first, limits)
        return image, prepare(image, limits.images)
    except Exception as error:
        fault = as_unusable(error)
        head = (image or b"")[:FIRST_BYTES]
        return [_refused(split, row, fault, head) for split, row in rows]


def _examined(
    rows: Rows, image: bytes, prepared: Prepared, fingerprint: np.void, limits: Limits
) -> Examined:
    content = hashlib.sha256(image).hexdigest()
    facts = ImageFacts(
        content=content,
        format=prepared.format,
        width=prepared.width,
        height=prepared.height,
        hash=int(fingerprint["hash"]),
        fingerprint=fingerprint.tobytes(),
        changed=prepared.changed,
    )
    found: list[Found] = []
    refused: list[Refused] = []
    for split, row in rows:
        try:
            found.append(_found(split, row, facts, limits))
        except Exception as error:
            head = next((_bytes(caption) for caption in row.captions), b"")
            refused.append(_refused(split, row, as_unusable(error), head))
    if not found:
        return Examined(None, [], refused)
    kind = ", ".join(prepared.changed)
    original = Original(content, kind, image, prepared.image) if kind else None
    return Examined(prepared.image, found, refused, original)


def _fetch(row: Row, limits: Limits) -> bytes:
    if row.image_path is None:
        raise UnusableError("no_image")
    # One more than allowed, so that whoever judges the size sees that there are too many.
    return named_files.read(row.image_path, limits.images.max_bytes, limits.access)


def _found(split: str, row: Row, facts: ImageFacts, limits: Limits) -> Found:
    cleaned = clean(row.captions, row.labels, limits.caption_characters)
    return Found(
        split=split,
        place=row.place,
        key=row.key if row.key else facts.content[:KEY_CHARACTERS],
        image=facts,
        stored=NOWHERE,
        captions=tuple(cleaned.captions),
        labels=cleaned.labels,
        attributes=row.attributes,
        dropped=tuple(cleaned.dropped),
        key_column=row.key_column,
        name=None if row.key else row.name,
    )


def _refused(split: str, row: Row, error: UnusableError, head: bytes) -> Refused:
    return Refused(split, row.place, error.reason, error.detail, row.known_as, head)


def _bytes(caption: str | bytes) -> bytes:
    if isinstance(caption, str):
        caption = caption[:FIRST_BYTES].encode(errors="replace")
    return caption[:FIRST_BYTES]
