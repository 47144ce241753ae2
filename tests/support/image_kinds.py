"""One small picture in every kind of file, some of which no library here writes."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def picture(width: int = 48, height: int = 40) -> Image.Image:
    """Smooth colours that differ from corner to corner: JPEG changes them little."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    channels = [60 + 150 * x, 200 - 150 * y, 80 + 70 * x + 70 * y]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def encode(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def with_alpha(image: Image.Image) -> Image.Image:
    """Alpha that grows from left to right."""
    alpha = np.tile(np.linspace(0, 255, image.width).astype(np.uint8), (image.height, 1))
    image = image.copy()
    image.putalpha(Image.fromarray(alpha))
    return image


def exif(orientation: int, order: str = "<") -> bytes:
    """A TIFF block of one entry, the orientation; what follows 'Exif\\0\\0' in a JPEG."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return start + struct.pack(order + "IH", 8, 1) + entry + bytes(4)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    values: np.ndarray, bits: int, colour: int, *extra: bytes, interlaced: bool = False
) -> bytes:
    """Write a PNG by hand.

    Args:
        values: [height, width, channels], each below 2 ** bits.
        bits: of one value.
        colour: the standard's colour type: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA.
        extra: whole chunks that stand before the pixels.
        interlaced: by Adam7.
    """
    height, width, _ = values.shape
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2),
                  (0, 1, 2, 2), (1, 0, 2, 1)]  # fmt: skip
    raw = b""
    for y, x, down, across in passes:
        raw += b"".join(b"\0" + _packed(row, bits) for row in values[y::down, x::across])
    chunks = [chunk(b"IHDR", head), *extra, chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _packed(row: np.ndarray, bits: int) -> bytes:
    if bits == 16:
        return row.astype(">u2").tobytes()
    flat = row.astype(np.uint8).ravel()
    ones = (flat[:, None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(ones.ravel()).tobytes()


def bmp(rows: bytes, width: int, height: int, bits: int, compression: int = 0, *,
        palette: bytes = b"", header: bytes | None = None, more: bytes = b"") -> bytes:  # fmt: skip
    """A BMP file; `header` replaces the usual one of 40 bytes, `more` follows it (bit masks)."""
    if header is None:
        header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(rows),
                             2835, 2835, len(palette) // 4, 0)  # fmt: skip
    offset = 14 + len(header) + len(more) + len(palette)
    start = b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset)
    return start + header + more + palette + rows


def bmp_rows(rgb: np.ndarray, bits: int, fourth: int = 0) -> bytes:
    """Pixels bottom up, rows filled to 4 bytes: 16 bits as 5-6-5, 24 as BGR, 32 as BGRx."""
    flipped = rgb[::-1].astype(np.uint16)
    if bits == 16:
        r, g, b = flipped[..., 0] >> 3, flipped[..., 1] >> 2, flipped[..., 2] >> 3
        body = ((r << 11) | (g << 5) | b).astype("<u2").view(np.uint8).reshape(len(rgb), -1)
    else:
        body = flipped[..., ::-1].astype(np.uint8)
        if bits == 32:
            body = np.concatenate([body, np.full_like(body[..., :1], fourth)], -1)
        body = body.reshape(len(rgb), -1)
    return np.pad(body, ((0, 0), (0, -body.shape[1] % 4))).tobytes()
