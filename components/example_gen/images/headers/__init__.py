"""What each image format's header says, read from the bytes alone: one parser a format.

A parser is a function `parse(image: bytes) -> Header`. It trusts the magic bytes to have been seen,
decodes no pixel, and copies nothing larger than one field. It raises `UnusableError`, or an
`IndexError` or `struct.error` where the bytes end too early.
"""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """An image before any pixel is decoded.

    Attributes:
        format: what `image_magic.format_of` says.
        width: in pixels as stored, before the orientation is applied.
        height: likewise.
        orientation: EXIF's, 1 (upright) to 8.
        changes: keys of `prepared.CHANGES` that the format's own traits ask for.
        colours: of a JPEG: 1 (grey), 3 or 4 (CMYK).
        frame: of a GIF: left, top, right and bottom of the first frame, maybe not the whole image.
        palette: of a GIF: how many colours the first frame has to choose from.
        transparent: of a GIF: whether a colour of the first frame, or what is around it, is.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    changes: tuple[str, ...] = ()
    colours: int = 0
    frame: tuple[int, int, int, int] | None = None
    palette: int = 0
    transparent: bool = False
