"""Images of every kind that ingest keeps, and what a viewer shows of them."""

import struct

import numpy as np
import simplejpeg
from PIL import Image

from tests.support.image_kinds import bmp, bmp_rows, chunk, encode, picture, png, with_alpha

RGB = np.asarray(picture())
GREY = np.asarray(picture().convert("L"))
HIGH, WIDE = GREY.shape
GREY_16 = GREY.astype(np.uint16) * 256 + 0x5A
RGB_16 = RGB.astype(np.uint16) * 256 + 37
FEW = picture().quantize(16)
TURNED = picture().rotate(180)
PALETTE = np.asarray(FEW.convert("RGB"))


def over_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., -1:] / 255
    mixed = np.round(rgba[..., :-1] * alpha + 255 * (1 - alpha))
    return np.broadcast_to(mixed, (*rgba.shape[:2], 3))


def clear_where(rgb: np.ndarray, clear: np.ndarray) -> np.ndarray:
    return np.where(clear[..., None], 255, rgb if rgb.ndim == 3 else rgb[..., None])


def rgba(image: Image.Image) -> np.ndarray:
    return over_white(np.asarray(image))


def trns(*values: int) -> bytes:
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


def moved_gif() -> bytes:
    """A GIF whose one frame begins 8 pixels to the right of the image's edge."""
    gif = bytearray(encode(FEW, "gif"))
    at = gif.index(b"\x2c", 13 + 48)
    gif[6:8] = struct.pack("<H", WIDE + 8)
    gif[at + 1 : at + 3] = struct.pack("<H", 8)
    return bytes(gif)


def gif_with_too_small_a_palette() -> bytes:
    gif = bytearray(encode(FEW, "gif"))
    assert gif[10] & 7 == 3  # 2 ** (3 + 1) colours
    gif[10] = gif[10] & ~7 | 2
    return bytes(gif[: 13 + 24] + gif[13 + 48 :])


RLE = b"".join(b"".join(bytes([1, v >> 4]) for v in row) + b"\0\0" for row in GREY[::-1].tolist())
GREYS_16 = b"".join(bytes([16 * v] * 3 + [0]) for v in range(16))
MASKS = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
CORE = struct.pack("<IHHHH", 12, WIDE, HIGH, 1, 24)
G2, G1 = GREY >> 6, GREY >> 7
CLEAR_16 = GREY_16[3, 3] == GREY_16
CLEAR_RGB = (RGB[3, 3] == RGB).all(-1)
CLEAR_P = np.asarray(FEW) == 3
ROOM = np.concatenate([np.full((HIGH, 8, 3), 255), PALETTE], 1)
# name: (file, keys of CHANGES, what a viewer shows over white)
EXACT = {
    "png grey": (encode(picture().convert("L"), "png"), (), GREY),
    "png grey alpha": (
        encode(with_alpha(picture()).convert("LA"), "png"),
        (),
        rgba(with_alpha(picture()).convert("LA")),
    ),
    "png rgb": (encode(picture(), "png"), (), RGB),
    "png rgba": (encode(with_alpha(picture()), "png"), (), rgba(with_alpha(picture()))),
    "png palette": (encode(FEW, "png"), (), PALETTE),
    "png palette clear": (encode(FEW, "png", transparency=3), (), clear_where(PALETTE, CLEAR_P)),
    "png 1 bit": (png(G1[..., None], 1, 0), (), G1 * 255),
    "png 2 bits": (png(G2[..., None], 2, 0), (), G2 * 85),
    "png 2 bits clear": (
        png(G2[..., None], 2, 0, trns(2)),
        (),
        clear_where(G2 * 85, G2 == 2),
    ),
    "png 1 bit clear": (
        png(G1[..., None], 1, 0, trns(0)),
        (),
        clear_where(G1 * 255, G1 == 0),
    ),
    "png grey clear": (
        png(GREY[..., None], 8, 0, trns(int(GREY[3, 3]))),
        (),
        clear_where(GREY, GREY[3, 3] == GREY),
    ),
    "png rgb clear": (
        png(RGB, 8, 2, trns(*RGB[3, 3].tolist())),
        (),
        clear_where(RGB, CLEAR_RGB),
    ),
    "png grey 16": (png(GREY_16[..., None], 16, 0), (), GREY),
    "png grey 16 clear": (
        png(GREY_16[..., None], 16, 0, trns(int(GREY_16[3, 3]))),
        (),
        clear_where(GREY, CLEAR_16),
    ),
    "png rgb 16": (png(RGB_16, 16, 2), (), RGB),
    "png rgb 16 clear": (
        png(RGB_16, 16, 2, trns(*RGB_16[3, 3].tolist())),
        (),
        clear_where(RGB, CLEAR_RGB),
    ),
    "png grey alpha 16": (
        png(np.stack([GREY_16, GREY_16[::-1]], -1), 16, 4),
        (),
        over_white(np.stack([GREY, GREY[::-1]], -1)),
    ),
    "png rgba 16": (
        png(np.dstack([RGB_16, GREY_16]), 16, 6),
        (),
        over_white(np.dstack([RGB, GREY])),
    ),
    "png interlaced": (png(RGB, 8, 2, interlaced=True), (), RGB),
    "png animated": (
        encode(picture(), "png", save_all=True, append_images=[TURNED]),
        ("first_frame",),
        RGB,
    ),
    "gif": (encode(FEW, "gif", interlace=False), (), PALETTE),
    "gif interlaced": (encode(FEW, "gif", interlace=True), (), PALETTE),
    "gif grey": (encode(picture().convert("L"), "gif"), (), GREY),
    "gif clear": (
        encode(FEW, "gif", transparency=3),
        (),
        clear_where(PALETTE, CLEAR_P),
    ),
    "gif animated": (
        encode(FEW, "gif", save_all=True, append_images=[TURNED]),
        ("first_frame",),
        PALETTE,
    ),
    "gif with room around its frame": (moved_gif(), (), ROOM),
    "webp": (encode(picture(), "webp", lossless=True), (), RGB),
    "webp rgba": (
        encode(with_alpha(picture()), "webp", lossless=True, exact=True),
        (),
        rgba(with_alpha(picture())),
    ),
    "webp animated": (  # TensorFlow 2.21 writes past its memory on these
        encode(picture(), "webp", save_all=True, append_images=[TURNED], lossless=True),
        ("first_frame",),
        RGB,
    ),
    "bmp": (encode(picture(), "bmp"), (), RGB),
    "bmp odd": (bmp(bmp_rows(RGB[:, :47], 24), 47, HIGH, 24), (), RGB[:, :47]),
    "bmp top down": (bmp(bmp_rows(RGB[::-1], 24), WIDE, -HIGH, 24), (), RGB),
    "bmp core": (bmp(bmp_rows(RGB, 24), WIDE, HIGH, 24, header=CORE), ("bmp",), RGB),
    "bmp grey": (encode(picture().convert("L"), "bmp"), (), GREY),
    "bmp palette": (encode(FEW, "bmp"), (), PALETTE),
    "bmp 1 bit": (
        encode(Image.fromarray(G1 * 255).convert("1", dither=Image.Dither.NONE), "bmp"),
        (),
        G1 * 255,
    ),
    "bmp 32": (bmp(bmp_rows(RGB, 32), WIDE, HIGH, 32), (), RGB),
    "bmp rle": (
        bmp(RLE + b"\0\1", WIDE, HIGH, 8, 1, palette=GREYS_16),
        ("bmp",),
        GREY // 16 * 16,
    ),
}
NOT_IN_THE_GRAPH = ("bmp core", "bmp rle", "bmp 16")  # an error there, encoded anew by ingest
# Lossy, or with colours of 5 bits: the same within a few of 255.
ABOUT = {
    "jpeg": (encode(picture(), "jpeg", quality=95), ()),
    "jpeg progressive": (encode(picture(), "jpeg", quality=95, progressive=True), ()),
    "jpeg 4:4:4": (encode(picture(), "jpeg", quality=95, subsampling=0), ()),
    "jpeg 4:1:1": (simplejpeg.encode_jpeg(RGB, 95, colorsubsampling="411"), ()),
    "jpeg in rgb": (encode(picture(), "jpeg", quality=95, keep_rgb=True), ()),
    "jpeg cmyk": (encode(picture().convert("CMYK"), "jpeg", quality=95), ()),
    "webp lossy": (encode(picture(), "webp", quality=95), ()),
    "bmp 16": (bmp(bmp_rows(RGB, 16), WIDE, HIGH, 16, 3, more=MASKS), ("bmp",)),
}
