"""Images with oddities that viewers accept, and of formats that TensorFlow cannot decode."""

import io
import struct
from typing import Any

from PIL import Image

from tests.support.image_files import FEW, GREY, GREY_16, PALETTE, RGB, TURNED, rgba
from tests.support.image_kinds import chunk, encode, exif, picture, png, with_alpha


def ycck() -> bytes:
    """A CMYK JPEG whose marker of Adobe says that its colours are YCCK."""
    image = encode(picture().convert("CMYK"), "jpeg", quality=95)
    at = image.index(b"Adobe") + 11
    return image[:at] + b"\2" + image[at + 1 :]


def unmarked() -> bytes:
    """A CMYK JPEG without Adobe's marker: Pillow and ingest take its colours for inverted too."""
    image = encode(picture().convert("CMYK"), "jpeg", quality=95)
    at = image.index(b"\xff\xee")
    return image[:at] + image[at + 16 :]


def late_exif() -> bytes:
    return png(RGB, 8, 2)[:-12] + chunk(b"eXIf", exif(8)) + png(RGB, 8, 2)[-12:]


def small_frames() -> bytes:
    """An animated WebP whose first frame is smaller than its canvas, with alpha."""
    frames = [with_alpha(picture()), with_alpha(picture()).rotate(180)]
    image = bytearray(encode(frames[0], "webp", save_all=True, append_images=frames[1:],
                             lossless=True, exact=True))  # fmt: skip
    image[24:30] = (59).to_bytes(3, "little") + (49).to_bytes(3, "little")
    at = image.index(b"ANMF") + 8
    image[at : at + 6] = (3).to_bytes(3, "little") + (2).to_bytes(3, "little")
    return bytes(image)


def cut_exif(missing: int) -> bytes:
    """A JPEG whose EXIF ends within its entry."""
    block = b"Exif\0\0" + exif(6)[: 22 - missing]
    image = encode(picture(), "jpeg")
    return image[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + image[2:]


LOSSY_ALPHA = encode(with_alpha(picture()), "webp", quality=90, exif=b"Exif\0\0" + exif(6))
TEXT = chunk(b"tEXt", b"Comment\0eXIf tRNS Exif\0\0")
MORE = {
    "jpeg ycck": ycck(),
    "jpeg cmyk unmarked": unmarked(),
    "jpeg exif twice": encode(picture(), "jpeg", exif=b"Exif\0\0" + exif(3))[:2]
    + b"\xff\xe1\0\x22Exif\0\0" + exif(6) + encode(picture(), "jpeg")[2:],
    "png exif behind its pixels": late_exif(),
    "png exif behind its end": png(RGB, 8, 2) + chunk(b"eXIf", exif(6)),
    "png words of its chunks in a text": encode(picture(), "png")[:33] + TEXT
    + encode(picture(), "png")[33:],
    "webp lossy alpha exif": LOSSY_ALPHA,
    "webp small frames": small_frames(),
    "webp animated lossy alpha": encode(with_alpha(picture()), "webp", save_all=True,
                                        append_images=[with_alpha(TURNED)], quality=90),
    "gif clear interlaced": encode(FEW, "gif", transparency=3, interlace=True),
    "gif animated clear": encode(FEW, "gif", save_all=True, append_images=[TURNED.quantize(16)],
                                 transparency=3),
}  # fmt: skip


def tiff(**options) -> bytes:
    return encode(picture(), "tiff", **options)


def heic(image: Image.Image, **options) -> bytes:
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=95, **options)
    return out.getvalue()


ALPHA = rgba(with_alpha(picture()))
FOREIGN: dict[
    str, Any
] = {  # name: (file, format stored, what is shown, the largest difference to that)
    "tiff": (tiff(), "png", RGB, 0),
    "tiff lzw": (tiff(compression="tiff_lzw"), "png", RGB, 0),
    "tiff pages": (tiff(save_all=True, append_images=[TURNED]), "png", RGB, 0),
    "tiff cmyk": (encode(picture().convert("CMYK"), "tiff"), "png", RGB, 1),
    "tiff palette": (encode(FEW, "tiff"), "png", PALETTE, 0),
    "tiff 16 bits": (encode(Image.fromarray(GREY_16), "tiff"), "png", GREY[..., None], 0),
    "tiff alpha": (encode(with_alpha(picture()), "tiff"), "png", ALPHA, 1e-4),
    "avif": (encode(picture(), "avif", quality=95), "jpeg", RGB, 12),
    "avif alpha": (encode(with_alpha(picture()), "avif", quality=95), "png", ALPHA, 12),
    "heic": (heic(picture()), "jpeg", RGB, 12),
}
