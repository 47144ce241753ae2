"""Rows whose image was examined."""

import dataclasses
from collections.abc import Mapping

from components.example_gen.rows import Place


@dataclasses.dataclass(frozen=True)
class ImageFacts:
    """What later stages need of an image, without its pixels.

    Attributes:
        content: digest of the bytes as they were received.
        format: of the stored image, like width and height.
        width: in pixels.
        height: likewise.
        hash: perceptual, 64 bits.
        fingerprint: the whole `perceptual_hash.FINGERPRINT`, as bytes.
        changed: keys of `prepared.CHANGES`.
    """

    content: str
    format: str
    width: int
    height: int
    hash: int
    fingerprint: bytes
    changed: tuple[str, ...]


@dataclasses.dataclass(frozen=True, order=True)
class Stored:
    """Where the bytes of an image stand."""

    file: str
    offset: int
    length: int


@dataclasses.dataclass(frozen=True)
class ExaminedRow:
    """A usable row. `dropped` has the reasons of the captions that were dropped.

    Rows with the same key have the same image. `key_column` and `name` are those of `rows.Row`; a
    row with a name has the digest of its image as key.
    """

    split: str
    place: Place
    key: str
    image: ImageFacts
    stored: Stored
    captions: tuple[str, ...]
    labels: tuple[int, ...] | None
    attributes: Mapping[str, str]
    dropped: tuple[str, ...] = ()
    key_column: str = ""
    name: str | None = None

    @property
    def known_as(self) -> str:
        """What a person knows the row by."""
        return self.name or self.key


@dataclasses.dataclass(frozen=True)
class Refused:
    """A row that cannot be used. `reason` is a key of `rows.REASONS`."""

    split: str
    place: Place
    reason: str
    detail: str = ""
    key: str | None = None
    first_bytes: bytes = b""
