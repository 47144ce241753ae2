"""What a file beside others is: an image, a text about one, or neither.

Its suffix says so where it is known; else its first bytes do, of as many files as it takes.
"""

import mimetypes
import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Final, Literal

from components.example_gen.images.formats import is_image
from components.example_gen.rows import UnusableError

Kind = Literal["image", "text", "other"]

# Suffixes of formats that are read.
READ_SUFFIXES: Final = frozenset(
    {
        *("bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "webp"),
        *("apng", "avif", "dib", "heic", "heif", "tif", "tiff"),
    }
)
# Suffixes of other images; a rejection says what they are.
OTHER_SUFFIXES: Final = frozenset(
    {
        *("svg", "jp2", "j2k", "jxl", "psd", "ico", "hif", "heics", "avifs", "tga", "pcx", "ppm"),
        *("cr2", "cr3", "nef", "arw", "dng", "orf", "rw2", "raf"),
    }
)
IMAGE_SUFFIXES: Final = READ_SUFFIXES | OTHER_SUFFIXES
CAPTION_SUFFIXES: Final = ("txt", "caption", "text")  # the first one that exists is read
SIDECAR_SUFFIXES: Final = frozenset({*CAPTION_SUFFIXES, "json"})
# Files of these names, whatever their suffix, describe the data as a whole.
NOTICES: Final = frozenset(
    {
        *("readme", "license", "licence", "notice", "copying", "changelog", "citation", "authors"),
        *("requirements", "dataset_info", "dataset_infos", "dataset_dict", "state"),
    }
)
SNIFFED = 256  # bytes of a file that are examined
TRIED = 32  # files of an unknown suffix; if none of them is an image, the others are skipped
LONGEST_SUFFIX = 12  # characters; what is longer is part of a name
_TYPES = mimetypes.MimeTypes()  # Python's own, not those of this machine


def suffix_of(name: str) -> str:
    """Return what follows the last dot of a file's name, in lower case; may be empty."""
    return posixpath.splitext(name)[1].removeprefix(".").lower()


def stem_of(name: str) -> str:
    """Return a file's name without suffix; of `1.jpg.txt`, beside `1.jpg`, without both."""
    stem, suffix = posixpath.splitext(name)
    if suffix.removeprefix(".").lower() in SIDECAR_SUFFIXES and suffix_of(stem) in IMAGE_SUFFIXES:
        return posixpath.splitext(stem)[0]
    return stem


def counted_as(name: str) -> str:
    """Return what an ignored file is counted as: its suffix with the dot, or a word."""
    suffix = suffix_of(name)
    known = suffix and len(suffix) <= LONGEST_SUFFIX and suffix.isascii()
    return f".{suffix}" if known else "without a suffix"


def is_hidden(relative: str) -> bool:
    """Return whether a path has a part that begins with a dot or two underscores."""
    return any(part.startswith((".", "__")) for part in relative.split("/"))


def by_suffix(name: str) -> Kind | None:
    """Return the kind of a file by its suffix, or None if that is unknown."""
    suffix = suffix_of(name)
    if suffix in IMAGE_SUFFIXES:
        return "image"
    if suffix in SIDECAR_SUFFIXES:
        return "text"
    media_type, _ = _TYPES.guess_type(f"x.{suffix}") if suffix else (None, None)
    if media_type is None or media_type == "application/octet-stream":
        return None
    return "image" if media_type.partition("/")[0] == "image" else "other"


class Sniffer:
    """Recognise images of unknown suffixes by their first bytes.

    Args:
        read: gives the first bytes of a file.
    """

    def __init__(self, read: Callable[[str], bytes]):
        self._read = read
        self._tried: Counter[str] = Counter()
        self._images: set[str] = set()

    def kind(self, name: str) -> Kind:
        """Return what a file is."""
        kind, suffix = by_suffix(name), suffix_of(name)
        if kind is not None:
            return kind
        if self._tried[suffix] >= TRIED and suffix not in self._images:
            return "other"
        self._tried[suffix] += 1
        if not is_image(self._read(name)):
            return "other"
        self._images.add(suffix)
        return "image"


def the_image(names: Iterable[str]) -> str | None:
    """Return the only image of a record, or its only image of a format that is read.

    Raises:
        UnusableError: there are several.
    """
    images = list(names)
    read = [name for name in images if suffix_of(name) not in OTHER_SUFFIXES]
    candidates = read or images
    if len(candidates) > 1:
        shown = ", ".join(sorted(f".{suffix_of(name)}" for name in candidates)[:5])
        raise UnusableError("several_images", shown)
    return candidates[0] if candidates else None


def caption_files(names: Collection[str]) -> list[str]:
    """Return the suffixes of caption files among some: those of the first kind that occurs."""
    return next(([suffix] for suffix in CAPTION_SUFFIXES if suffix in names), [])
