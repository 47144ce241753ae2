"""What a reader yields, and the reasons for which something is not used."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Final

from components.example_gen.storage.errors import NotAFileError, OutsideError, TimedOutError
from schema.errors import InputError, UnavailableError

FIRST_BYTES: Final = 64  # of what was rejected, kept for whoever reads the quarantine
NEAR_DUPLICATE: Final = "near_duplicate_of_train"
# A record that is not used goes to the quarantine with one of these reasons.
REASONS: Final = {
    "empty_image": "the image has no bytes",
    "too_many_bytes": "the image has more bytes than data.max_bytes",
    "not_an_image": "the bytes do not begin like any image format that is read",
    "damaged_header": "the image's header is cut off or contradicts itself",
    "too_many_pixels": "the image has more pixels than data.max_pixels",
    "damaged_pixels": "the image's pixels are cut off or damaged",
    "no_image": "there is no image",
    "several_images": "there are several images where one is expected",
    "missing_image": "the image file that is named is not there or cannot be read",
    "outside": "it lies outside of data.path and of what data.allow names",
    "timed_out": "its file was not read within data.timeouts",
    "unreadable": "it made the reader fail",
    "unsafe_name": "the name is absolute or leads out of its folder",
    "not_a_file": "it is a link, a device or another thing that is not a file",
    "repeated_name": "the name stands in its file twice",
    "bad_metadata": "its metadata cannot be read",
    "bad_labels": "the labels are not a 0 or 1 for each caption",
    "no_caption": "there is no caption",
    "empty_caption": "the caption is empty",
    "caption_not_utf8": "the caption is not UTF-8",
    "caption_too_long": "the caption is longer than data.max_caption_characters",
    "caption_is_html": "the caption is HTML",
    "too_many_captions": "there are more captions than text.max_captions, and all shall be kept",
    "key_of_another_image": "its key is that of a record with another image",
    "key_in_two_splits": "its key stands in the train split, or in another split before",
    NEAR_DUPLICATE: "the image looks like one of the train split",
}
# Of a caption: dropped and counted. The record goes to the quarantine only if none is left.
DUPLICATE_CAPTION: Final = "duplicate_caption"
ABOVE_THE_LIMIT: Final = "above_max_captions"
# Of a record that is good but must not be evaluated on: it does not count as bad data.
HARMLESS: Final = frozenset({NEAR_DUPLICATE})
_SHOWN = 200  # characters of a library's own message
_FILE_REASONS: Final[tuple[tuple[type[InputError], str], ...]] = (
    (OutsideError, "outside"),
    (TimedOutError, "timed_out"),
    (NotAFileError, "not_a_file"),
    (InputError, "missing_image"),
)


class UnusableError(Exception):
    """A record, image or caption cannot be used.

    Args:
        reason: a key of `REASONS`.
        detail: what exactly is wrong, a phrase; may be empty.
    """

    def __init__(self, reason: str, detail: str = ""):
        assert reason in REASONS, reason
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def as_unusable(error: Exception) -> UnusableError:
    """Turn an exception of reading one record into the reason that it is not used for.

    Raises:
        UnavailableError: `error` is one and says nothing about the record: a rejection would stay
            in the cache.
        MemoryError: likewise.
    """
    if isinstance(error, UnusableError):
        return error
    if isinstance(error, MemoryError) or (
        isinstance(error, UnavailableError) and not isinstance(error, TimedOutError)
    ):
        raise error
    for kind, reason in _FILE_REASONS:
        if isinstance(error, kind):
            return UnusableError(reason, str(error))
    logging.getLogger(__name__).warning("a record made its reader fail", exc_info=error)
    message = (str(error).splitlines() or [""])[0][:_SHOWN]
    return UnusableError("unreadable", f"{type(error).__name__}: {message}".removesuffix(": "))


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
    """An image, here or at an address, with captions; several rows may have the same image.

    Attributes:
        place: where it was read.
        captions: those that are bytes were never decoded.
        image: encoded.
        image_path: address of the image's file, where `image` is None.
        key: of the image, from a column or the name of its file, where the layout makes files of
            one name a record. None: rows with the same bytes have the same image.
        labels: one for each caption, or None.
        attributes: by name.
        key_column: the column of the key; empty if the key is the name of a file.
        name: what an image without a key is called. None: the digest of its bytes.
    """

    place: Place
    captions: tuple[str | bytes, ...]
    image: bytes | None = None
    image_path: str | None = None
    key: str | None = None
    labels: tuple[int, ...] | None = None
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    key_column: str = ""
    name: str | None = None

    @property
    def known_as(self) -> str | None:
        """What a person knows the row by."""
        return self.key or self.name


@dataclasses.dataclass(frozen=True)
class Rejected:
    """Something that should have been a row.

    Attributes:
        place: where it was read.
        reason: a key of `REASONS`.
        detail: what exactly is wrong; may be empty.
        key: of its image, if it is known.
        first_bytes: of the record or its image.
        image_path: address of its image's file, if it is known.
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
