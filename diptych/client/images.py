"""Make of whatever a program holds an image in the bytes that the model takes.

Files and bytes of the formats that the model decodes are passed on as they are. TIFF, AVIF and
HEIC, arrays and Pillow's images become PNG. Of a file only the header is read here: its pixels are
decoded once, by the model, as those of every other client are.
"""

import contextlib
import dataclasses
import io
import os
import stat
import threading
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageOps

from components.example_gen.images import foreign, preparation
from components.example_gen.images.preparation import ImageLimits
from components.example_gen.rows import UnusableError
from schema.errors import InputError
from schema.system import file_errors
from schema.text.messages import excerpt
from schema.text.untrusted_text import for_people

ImageInput: TypeAlias = str | Path | bytes | np.ndarray | Image.Image
"""A path, the bytes of a file, uint8 [h, w, 3], or an image of Pillow."""

LIMITS = ImageLimits(max_pixels=50_000_000, max_bytes=100_000_000)
LARGE = 2**21  # bytes of a file; of so many files ahead of their use, memory would run out
_LARGE_PIXELS = 2**22  # of a TIFF, AVIF or HEIC, which is decoded here
_DECODING = threading.Lock()  # such a one takes up to 400 MB: one at a time, however many threads
# Pillow reads the pixels of a file when they are needed, and fails where two threads do so at once.
_LOADING = tuple(threading.Lock() for _ in range(64))  # by the image
_COMPRESSION = 1  # of PNG: it is decoded at once and stored nowhere
_REASONS = {
    "empty_image": "has no bytes",
    "too_many_bytes": f"has more than {LIMITS.max_bytes:,} bytes",
    "not_an_image": "is not an image of a format that is read",
    "damaged_header": "has a header that is cut off or damaged",
    "too_many_pixels": f"has more than {LIMITS.max_pixels:,} pixels",
    "damaged_pixels": "cannot be decoded as an image",
}
UNDECODABLE = _REASONS["damaged_pixels"]


class UnusableImageError(InputError):
    """An image cannot be used; the message says why without naming the image."""


@dataclasses.dataclass(frozen=True, slots=True)
class Encoded:
    """An image as the model takes it.

    Attributes:
        data: the bytes of a JPEG, PNG, GIF, WebP or BMP.
        pixels: width x height.
    """

    data: bytes
    pixels: int


def name_of(image: ImageInput, position: int) -> str:
    """Return how messages name an image: its path, or its place in the list."""
    return for_people(str(image)) if isinstance(image, str | Path) else f"images[{position}]"


def check_kind(image: object, position: int) -> None:
    """Check that a value is of a kind that can be an image.

    Raises:
        InputError: it is not, or it is an array of another type or shape than uint8 [h, w, 3].
    """
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise InputError(
                f"images[{position}] is an array {image.dtype} {list(image.shape)}, "
                "not uint8 [height, width, 3]"
            )
    elif not isinstance(image, str | Path | bytes | Image.Image):
        raise InputError(
            f"images[{position}] is of the type {type(image).__name__}, not a path, the bytes of "
            "a file, an array uint8 [height, width, 3] or an image of Pillow"
        )


def encode(image: ImageInput) -> Encoded:
    """Return an image as the model takes it. Safe in threads.

    Raises:
        UnusableImageError: it cannot be read, is too large, or is not an image.
    """
    if isinstance(image, str | Path):
        return encode_bytes(read_file(Path(image))[0])
    if isinstance(image, bytes):
        return encode_bytes(image)
    if isinstance(image, np.ndarray):
        _check_size(image.shape[1], image.shape[0])
        return _as_png(Image.fromarray(image))
    _check_size(*image.size)
    try:
        with _LOADING[(id(image) >> 4) % len(_LOADING)]:
            upright = ImageOps.exif_transpose(image)
        return _as_png(foreign.of_8_bits(upright))
    except UnusableError as error:
        raise _unusable(error) from error
    except Exception as error:  # Pillow reads the pixels of its file only now; it raises many types
        raise UnusableImageError(UNDECODABLE) from error


def encode_bytes(data: bytes) -> Encoded:
    """Return the bytes of a file as the model takes them.

    Raises:
        UnusableImageError: as `encode`.
    """
    try:
        header = preparation.read_header(data, LIMITS)
        if header.format in foreign.FORMATS:
            large = header.width * header.height > _LARGE_PIXELS
            with _DECODING if large else contextlib.nullcontext():
                return _as_png(foreign.plain(data, header.format))
    except UnusableError as error:
        raise _unusable(error) from error
    return Encoded(data, header.width * header.height)


def read_file(path: Path) -> tuple[bytes, os.stat_result]:
    """Read a plain file and return how it was when it was opened.

    Raises:
        UnusableImageError: it is not there, not a plain file, too large, or may not be read.
    """
    try:
        # A pipe is opened without waiting for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            opened = os.fstat(descriptor)
            if not stat.S_ISREG(opened.st_mode):
                kind = "a folder" if stat.S_ISDIR(opened.st_mode) else "not a plain file"
                raise UnusableImageError(f"is {kind}")
            if opened.st_size > LIMITS.max_bytes:
                raise UnusableImageError(_REASONS["too_many_bytes"])
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(opened.st_size + 1)  # Python makes room for that many bytes
                if data is not None and len(data) > opened.st_size:  # it grows, or is of /proc
                    data += file.read(LIMITS.max_bytes + 1 - len(data)) or b""
                if data is None:  # /proc/kmsg says it is a plain file, and has nothing to read now
                    raise UnusableImageError(_REASONS["empty_image"])
                if len(data) > LIMITS.max_bytes:
                    raise UnusableImageError(_REASONS["too_many_bytes"])
                return data, opened
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise UnusableImageError(reason(error, path)) from error


def reason(error: OSError | ValueError, path: Path) -> str:
    """Describe why a file cannot be read, without its name."""
    sentence = file_errors.sentence(error) or f"cannot be read: {error}"
    return for_people(sentence.removeprefix(f"{file_errors.shortened(path)}: "))


def _check_size(width: int, height: int) -> None:
    if width * height > LIMITS.max_pixels:
        raise UnusableImageError(_REASONS["too_many_pixels"])
    if not width * height:
        raise UnusableImageError("has no pixels")


def _as_png(picture: Image.Image) -> Encoded:
    out = io.BytesIO()
    picture.save(out, "png", compress_level=_COMPRESSION)
    return Encoded(out.getvalue(), picture.width * picture.height)


def _unusable(error: UnusableError) -> UnusableImageError:
    detail = f" ({excerpt(for_people(error.detail))})" if error.detail else ""
    return UnusableImageError(_REASONS[error.reason] + detail)


def is_large(image: ImageInput) -> bool:
    """Return whether an image is a file of more bytes than are read ahead of their use."""
    if not isinstance(image, str | Path):
        return False
    try:
        return Path(image).stat().st_size > LARGE
    except (OSError, ValueError):
        return False  # reading it says why
