"""Small copies of images that a page holds in itself."""

import base64

from components.catalogue_index.thumbnails import thumbnail


def data_uri(image: bytes, side: int) -> str | None:
    """Return a small copy, as the index of a release has it, as a `data:` URI.

    Args:
        image: the bytes of an image file.
        side: the longest side of the copy, in pixels; smaller images are not enlarged.

    Returns:
        None for an image that cannot be decoded.
    """
    small = thumbnail(image, side)
    if small is None:
        return None
    return f"data:image/webp;base64,{base64.b64encode(small).decode()}"
