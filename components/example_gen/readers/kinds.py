"""What a file beside others is for: an image, a text about one, or neither.

Its suffix says so where it is known; else its first bytes do, of as many files as it takes.
"""

import mimetypes
import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Final, Literal

from components.example_gen.images.image_magic import is_image
from components.example_gen.records.reasons import UnusableError

Kind = Literal["image", "text", "other"]

# Of formats that are read.
READ_SUFFIXES: Final = frozenset(
    {
        *("bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "webp"),
        *("apng", "avif", "dib", "heic", "heif", "tif", "tiff"),
    }
)
# Of images too; whoever opens one says what it is.
OTHER_SUFFIXES: Final = frozenset(
    {
        *("svg", "jp2", "j2k", "jxl", "psd", "ico", "hif", "heics", "avifs", "tga", "pcx", "ppm"),
        *("cr2", "cr3", "nef", "arw", "dng", "orf", "rw2", "raf"),
    }
)
IMAGE_SUFFIXES: Final = READ_SUFFIXES | OTHER_SUFFIXES
CAPTION_SUFFIXES: Final = ("txt", "caption", "text")  # the first that is there is read
SIDECAR_SUFFIXES: Final = frozenset({*CAPTION_SUFFIXES, "json"})
# Files of these names, whatever their suffix, describe the data as a whole.
NOTICES: Final = frozenset(
    {
        *("readme", "license", "licence", "notice", "copying", "changelog", "citation", "authors"),
        *("requirements", "dataset_info", "dataset_infos", "dataset_dict", "state"),
    }
)
SNIFFED = 256  # bytes of a file that are looked at
TRIED = 32  # files of an unknown suffix; if none of them is an image, no other is looked at
LONGEST_SUFFIX = 12  # characters; what is longer is part of a name
_TYPES = mimetypes.MimeTypes()  # the library's own, not those of this machine


def suffix_of(name: str) -> str:
    """What stands behind the last dot of a file's name, in small letters; may be empty."""
    return posixpath.splitext(name)[1].removeprefix(".").lower()


def stem_of(name: str) -> str:
    """A file's name without suffix; of `1.jpg.txt`, which is beside `1.jpg`, without both."""
    stem, suffix = posixpath.splitext(name)
    if suffix.removeprefix(".").lower() in SIDECAR_SUFFIXES and suffix_of(stem) in IMAGE_SUFFIXES:
        return posixpath.splitext(stem)[0]
    return stem


def counted_as(name: str) -> str:
    """What an ignored file is counted as: its suffix with the dot, or a word."""
    suffix = suffix_of(name)
    known = suffix and len(suffix) <= LONGEST_SUFFIX and suffix.isascii()
    return f".{suffix}" if known else "without a suffix"


def is_hidden(relative: str) -> bool:
    """Whether a path has a part that begins with a dot or two underscores."""
    return any(part.startswith((".", "__")) for part in relative.split("/"))


def by_suffix(name: str) -> Kind | None:
    """What a file is for by its suffix; None if that says nothing."""
    suffix = suffix_of(name)
    if suffix in IMAGE_SUFFIXES:
        return "image"
    if suffix in SIDECAR_SUFFIXES:
        return "text"
    found, _ = _TYPES.guess_type(f"x.{suffix}") if suffix else (None, None)
    if found is None or found == "application/octet-stream":
        return None
    return "image" if found.partition("/")[0] == "image" else "other"


class Sniffer:
    """Tell images of unknown suffixes by their first bytes.

    Args:
        read: gives the first bytes of a file.
    """

    def __init__(self, read: Callable[[str], bytes]):
        self._read = read
        self._tried: Counter[str] = Counter()
        self._images: set[str] = set()

    def kind(self, name: str) -> Kind:
        """What a file is for."""
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
    """The image of a record whose images have these names: the only one, or the only one read.

    Raises:
        UnusableError: there are several.
    """
    images = list(names)
    read = [each for each in images if suffix_of(each) not in OTHER_SUFFIXES]
    candidates = read or images
    if len(candidates) > 1:
        shown = ", ".join(sorted(f".{suffix_of(each)}" for each in candidates)[:5])
        raise UnusableError("several_images", shown)
    return candidates[0] if candidates else None


def caption_files(names: Collection[str]) -> list[str]:
    """Of some suffixes those whose texts are captions: of the first kind that is there."""
    return next(([each] for each in CAPTION_SUFFIXES if each in names), [])
