"""Which image format some bytes begin like, and what else they look like.

Importing this file stays free of Pillow.
"""

from collections.abc import Sequence
from typing import Final

TIFF, AVIF, HEIC = "tiff", "avif", "heic"  # formats that only ingest decodes
_AVIF: Final = {b"avif", b"avis"}
_HEIC: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_IMAGES: Final = {"Canon RAW", "an icon file", "JPEG 2000", "JPEG XL", "Photoshop", "SVG"}
_BINARY: Final = (
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\1\0", "an icon file"),
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"PK\3\4", "a zip file"),
    (b"\x1f\x8b", "a gzip file"),
)
_TEXT: Final = (
    ("<!doctype html", "HTML"),
    ("<html", "HTML"),
    ("<svg", "SVG"),
    ("<!doctype svg", "SVG"),
    ("<?xml", "XML"),
    ("<", "HTML or XML"),
    ("{", "JSON"),
    ("[", "JSON"),
    ("data:image", "a data: address"),
    ("version https://git-lfs", "a Git LFS pointer"),
    ("http://", "an address"),
    ("https://", "an address"),
    ("/9j/", "base64 text"),
    ("ivborw0kggo", "base64 text"),
    ("r0lgodlh", "base64 text"),
    ("uklgr", "base64 text"),
)
_SNIFFED = 1024  # bytes examined for text
_BMP_HEADERS = {size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124)}


def format_of(image: bytes) -> str | None:  # noqa: PLR0911  one for each format
    """Return the format by the first bytes, or None if it is not one that is read."""
    if image[:4] in _TIFF:
        return TIFF
    if image[4:8] == b"ftyp":
        # The brand, and after a version those that the file is compatible with.
        box = image[8 : min(int.from_bytes(image[:4]), 256)]
        brands = {box[:4], *(box[at : at + 4] for at in range(8, len(box), 4))}
        if box[:4] in _AVIF | _HEIC:
            return AVIF if brands & _AVIF else HEIC
    if image[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if image[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if image[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "webp"
    if image[:2] == b"BM" and image[14:18] in _BMP_HEADERS:  # `BM` alone may begin a text
        return "bmp"
    return None


def looks_like(image: bytes) -> str:
    """Return a phrase for what bytes of a format that is not read look like; '' if unknown."""
    name = _name(image)
    if name in _IMAGES:
        return f"{name}, which is not read"
    return f"looks like {name}" if name else ""


def _name(image: bytes) -> str:
    if image[4:8] == b"ftyp":
        raw = image[8:12] == b"crx "
        return "Canon RAW" if raw else "a video or another ISO media file"
    start = image[:_SNIFFED]
    if not start.strip(b"\0"):
        return "zeros"
    if match := _first_match(_BINARY, start):
        return match
    text = start.decode("utf-8-sig", errors="ignore").lstrip().lower()
    if "<svg" in text:  # after an XML declaration
        return "SVG"
    if match := next((name for prefix, name in _TEXT if text.startswith(prefix)), ""):
        return match
    return "text" if _printable(start) else ""


def _first_match(known: Sequence[tuple[bytes, str]], start: bytes) -> str:
    return next((name for prefix, name in known if start.startswith(prefix)), "")


def _printable(start: bytes) -> bool:
    return all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start)


def is_image(start: bytes) -> bool:
    """Return whether some bytes begin like an image, also of a format that is not read."""
    return format_of(start) is not None or _name(start) in _IMAGES
