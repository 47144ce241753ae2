"""What a reader finds: a row, or why there is none."""

import dataclasses
from collections.abc import Mapping

FIRST_BYTES = 64  # of what was rejected, kept for whoever looks at the quarantine


@dataclasses.dataclass(frozen=True, order=True)
class Place:
    """Where a row was read: a file, and where in it.

    `offset` counts what the file's format counts: bytes of a tar up to the record's first header,
    records of a TFRecord, lines of a text (from 1), rows of a table, entries of a COCO file.
    """

    source: str
    offset: int

    def __str__(self) -> str:
        return f"{self.source}: {self.offset}"


@dataclasses.dataclass(frozen=True)
class Row:
    """An image, here or at an address, with captions; several rows may be of one image.

    Captions that are bytes were never decoded. `labels` has one for each caption or is None.
    """

    place: Place
    captions: tuple[str | bytes, ...]
    image: bytes | None = None
    image_path: str | None = None  # address of the image's file, where `image` is None
    key: str | None = None  # of the image; None: its digest
    labels: tuple[int, ...] | None = None
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Rejected:
    """Something that should have been a row. `reason` is a key of `reasons.REASONS`."""

    place: Place
    reason: str
    detail: str = ""
    key: str | None = None
    first_bytes: bytes = b""
