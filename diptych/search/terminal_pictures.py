r"""Draw pictures in terminals that can show them: by kitty's, iTerm2's or the sixel protocol."""

import base64
import io
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from PIL import Image

Protocol = Literal["kitty", "iterm", "sixel"]

ROWS = 6  # lines of the terminal that a picture takes
PIXELS = 120  # of its larger side; a line has about 20
_CHUNK = 4096  # base64 characters of one escape sequence of kitty
_COLOURS = 64  # of a sixel picture
_BY_PROGRAM: Mapping[str, Protocol] = {
    "iTerm.app": "iterm",
    "WezTerm": "iterm",
    "vscode": "iterm",
    "ghostty": "kitty",
}
_SIXEL = ("foot", "mlterm", "yaft", "sixel")


def detect(environment: Mapping[str, str]) -> Protocol | None:
    """Return the protocol of a terminal by the variables that it sets; None: it has none."""
    terminal = environment.get("TERM", "")
    if "TMUX" in environment or terminal.startswith("screen"):
        return None  # these pass none of the protocols on
    if "KITTY_WINDOW_ID" in environment or "kitty" in terminal:
        return "kitty"
    program = _BY_PROGRAM.get(environment.get("TERM_PROGRAM", ""))
    if program is not None:
        return program
    return "sixel" if any(name in terminal for name in _SIXEL) else None


def draw(picture: bytes, protocol: Protocol) -> str | None:
    """Return the escape sequences that draw a picture; None: it cannot be decoded.

    The picture is decoded and encoded anew, so nothing in its file reaches the terminal.
    """
    try:
        with Image.open(io.BytesIO(picture)) as file:
            shown = file.convert("RGBA")
    except Exception:
        return None
    shown.thumbnail((PIXELS, PIXELS))
    if protocol == "sixel":
        return _sixel(shown)
    encoded = io.BytesIO()
    shown.save(encoded, "PNG")
    data = base64.b64encode(encoded.getvalue()).decode("ascii")
    if protocol == "iterm":
        options = f"inline=1;height={ROWS};preserveAspectRatio=1;size={len(encoded.getvalue())}"
        return f"\x1b]1337;File={options}:{data}\x07"
    return "".join(_kitty(data))


def _kitty(data: str) -> Iterator[str]:
    for start in range(0, len(data), _CHUNK):
        more = int(start + _CHUNK < len(data))
        options = f"a=T,f=100,q=2,r={ROWS},m={more}" if start == 0 else f"m={more}"
        yield f"\x1b_G{options};{data[start : start + _CHUNK]}\x1b\\"


def _sixel(picture: Image.Image) -> str:
    """Encode a picture: bands of six rows; a character is a column of six pixels of one colour."""
    white = Image.new("RGBA", picture.size, "white")
    flat = Image.alpha_composite(white, picture).convert("RGB").quantize(_COLOURS)
    wide, high = flat.size
    palette = np.asarray(flat.getpalette() or [], np.int64).reshape(-1, 3) * 100 // 255
    pixels = np.asarray(flat)
    colours = "".join(f"#{n};2;{r};{g};{b}" for n, (r, g, b) in enumerate(palette.tolist()))
    bands = (_band(pixels[top : top + 6]) for top in range(0, high, 6))
    return f'\x1bP0;1q"1;1;{wide};{high}{colours}{"-".join(bands)}\x1b\\'


def _band(rows: np.ndarray) -> str:
    weights = 1 << np.arange(len(rows))
    drawn = []
    for colour in np.unique(rows).tolist():
        columns = weights @ (rows == colour)
        drawn.append(f"#{colour}" + "".join(chr(63 + bits) for bits in columns.tolist()))
    return "$".join(drawn)
