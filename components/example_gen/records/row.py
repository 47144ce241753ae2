"""What a reader yields: a row, why there is none, or a file that it does not read."""

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

    Captions that are bytes were never decoded. `labels` has one for each caption or is None. `key`
    is what a column says (`key_column`), or the name of the image's file where the layout makes
    files of one name a record. An image without a key is called `name`.
    """

    place: Place
    captions: tuple[str | bytes, ...]
    image: bytes | None = None
    image_path: str | None = None  # address of the image's file, where `image` is None
    key: str | None = None  # of the image; None: rows with the same bytes are of one image
    labels: tuple[int, ...] | None = None
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    key_column: str = ""  # that the key is from; empty: from the name of a file
    name: str | None = None  # None: the digest of its bytes

    @property
    def known_as(self) -> str | None:
        """What a person knows the row by."""
        return self.key or self.name


@dataclasses.dataclass(frozen=True)
class Rejected:
    """Something that should have been a row. `reason` is a key of `reasons.REASONS`.

    `image_path` is the address of its image's file, where at least that much is known.
    """

    place: Place
    reason: str
    detail: str = ""
    key: str | None = None
    first_bytes: bytes = b""
    image_path: str | None = None


@dataclasses.dataclass(frozen=True)
class Ignored:
    """A file that holds neither an image nor a text about one; it is only counted.

    `kind` is its suffix with the dot, or a word.
    """

    kind: str
