"""Examine images and the captions of their rows: what a thread of ingest does."""

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np

from components.example_gen.config import IngestConfig
from components.example_gen.files import access_of
from components.example_gen.images.originals import Original
from components.example_gen.images.preparation import ImageLimits, prepare
from components.example_gen.images.prepared import Prepared
from components.example_gen.near_duplicates.perceptual_hash import fingerprints
from components.example_gen.readers.registry import AUTO
from components.example_gen.records.captions import clean
from components.example_gen.records.examined import ExaminedRow, ImageFacts, Refused, Stored
from components.example_gen.rows import FIRST_BYTES, Row, UnusableError, as_unusable
from components.example_gen.storage import named_files
from components.example_gen.storage.allowed import Access

KEY_CHARACTERS = 32  # of the digest that serves as a key: 128 bits
NOWHERE = Stored("", 0, 0)

Rows = Sequence[tuple[str, Row]]  # of one image, with their splits


@dataclasses.dataclass(frozen=True)
class Limits:
    """What images and captions may be, and where images may come from."""

    images: ImageLimits
    caption_characters: int
    access: Access

    @classmethod
    def of(cls, config: IngestConfig) -> "Limits":
        """Return the limits of a config."""
        larger = None if config.max_side == AUTO else config.max_side  # nothing is trained
        images = ImageLimits(config.max_pixels, config.max_bytes, larger, config.max_smaller_side)
        return cls(images, config.max_caption_characters, access_of(config))


@dataclasses.dataclass(frozen=True)
class Examined:
    """What became of one image and its rows.

    Attributes:
        image: the bytes to store, None if no row is usable.
        rows: the usable ones, whose image is not stored yet.
        refused: the others.
        original: the image as received, if it was changed.
    """

    image: bytes | None
    rows: list[ExaminedRow]
    refused: list[Refused]
    original: Original | None = None


def examine(images: Sequence[Rows], limits: Limits) -> list[Examined]:
    """Examine several images and their captions; each image is read and decoded once.

    Several at once: NumPy handles all of them together, since threads that take Python's lock for
    many small steps block each other.

    Args:
        images: the rows of each image with their splits; they have the same bytes or address.
        limits: of what is usable.
    """
    prepared = [_prepare(rows, limits) for rows in images]
    small = [result[1].small for result in prepared if not isinstance(result, list)]
    prints = iter(fingerprints(np.stack(small)) if small else ())
    return [
        Examined(None, [], result)
        if isinstance(result, list)
        else _examined(rows, *result, next(prints), limits)
        for rows, result in zip(images, prepared, strict=True)
    ]


def _prepare(rows: Rows, limits: Limits) -> tuple[bytes, Prepared] | list[Refused]:
    """Return an image as received and what is stored of it, or the refusals of its rows."""
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
    examined_rows: list[ExaminedRow] = []
    refused: list[Refused] = []
    for split, row in rows:
        try:
            examined_rows.append(_examine_row(split, row, facts, limits))
        except Exception as error:
            head = next((_bytes(caption) for caption in row.captions), b"")
            refused.append(_refused(split, row, as_unusable(error), head))
    if not examined_rows:
        return Examined(None, [], refused)
    kind = ", ".join(prepared.changed)
    original = Original(content, kind, image, prepared.image) if kind else None
    return Examined(prepared.image, examined_rows, refused, original)


def _fetch(row: Row, limits: Limits) -> bytes:
    if row.image_path is None:
        raise UnusableError("no_image")
    # One more than allowed, so that a file that is too large shows.
    return named_files.read(row.image_path, limits.images.max_bytes, limits.access)


def _examine_row(split: str, row: Row, facts: ImageFacts, limits: Limits) -> ExaminedRow:
    cleaned = clean(row.captions, row.labels, limits.caption_characters)
    return ExaminedRow(
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
