"""Make small copies of images that a page can hold."""

import base64
import io

from PIL import Image

QUALITY = 78  # of WebP, 0 to 100
LARGEST = 50_000_000  # pixels; ingest refuses larger images by default


def data_uri(image: bytes, side: int) -> str | None:
    """Return a small WebP copy as a `data:` URI.

    Args:
        image: the bytes of an image file.
        side: the longest side of the copy, in pixels; smaller images are not enlarged.

    Returns:
        None for an image that cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(image)) as opened:
            if opened.width * opened.height > LARGEST:
                return None
            opened.draft("RGB", (2 * side, 2 * side))  # a JPEG is decoded at a reduced size
            has_alpha = opened.mode in ("LA", "PA", "RGBA") or "transparency" in opened.info
            small = opened.convert("RGBA" if has_alpha else "RGB")
            small.thumbnail((side, side))
            file = io.BytesIO()
            small.save(file, "WEBP", quality=QUALITY, method=4)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
