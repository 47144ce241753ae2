"""Pictures in a terminal: what the escape sequences hold is the picture."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from diptych.search.terminal_pictures import Protocol, detect, draw

COLOURS = np.array([[[200, 0, 0], [0, 200, 0]], [[0, 0, 200], [250, 250, 0]]], np.uint8)
PIXELS = COLOURS.repeat(10, 0).repeat(8, 1)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def drawn(pixels: np.ndarray, protocol: Protocol) -> str:
    sequences = draw(png(pixels), protocol)
    assert sequences is not None
    return sequences


@pytest.mark.parametrize(
    ("variables", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app", "TERM": "xterm"}, "iterm"),
        ({"TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, None),
        ({}, None),
    ],
)
def test_a_terminal_is_known_by_its_variables(variables, protocol):
    assert detect(variables) == protocol


def test_kitty_gets_a_png_in_chunks():
    noise = np.random.default_rng(0).integers(0, 255, (110, 110, 3), np.uint8)
    sequences = re.findall("\x1b_G(.*?);(.*?)\x1b\\\\", drawn(noise, "kitty"))
    assert len(sequences) > 1
    assert [options[-1] for options, _ in sequences] == ["1"] * (len(sequences) - 1) + ["0"]
    assert all(len(data) <= 4096 for _, data in sequences)
    image = base64.b64decode("".join(data for _, data in sequences))
    assert (np.asarray(Image.open(io.BytesIO(image)).convert("RGB")) == noise).all()


def test_iterm_gets_a_png():
    [(size, data)] = re.findall("size=([0-9]+):(.*)\x07", drawn(PIXELS, "iterm"))
    image = base64.b64decode(data)
    assert len(image) == int(size)
    assert (np.asarray(Image.open(io.BytesIO(image)).convert("RGB")) == PIXELS).all()


def decoded(sixel: str) -> np.ndarray:
    """A slow reader of sixel pictures: uint8 [height, width, 3]."""
    body = re.fullmatch('\x1bP0;1q"1;1;([0-9]+);([0-9]+)(.*)\x1b\\\\', sixel)
    assert body is not None
    wide, high = int(body[1]), int(body[2])
    pixels = np.zeros((high, wide, 3))
    palette: dict[str, list[float]] = {}
    colour, left, top = [0.0], 0, 0
    for number, rgb, sign in re.findall("#([0-9]+)(?:;2;([0-9;]+))?|([^#])", body[3]):
        if rgb:
            palette[number] = [int(part) * 255 / 100 for part in rgb.split(";")]
        elif number:
            colour = palette[number]
        elif sign == "$":
            left = 0
        elif sign == "-":
            left, top = 0, top + 6
        else:
            for bit in range(6):
                if (ord(sign) - 63) >> bit & 1:
                    pixels[top + bit, left] = colour
            left += 1
    return pixels


def test_sixels_read_back_are_the_picture():
    assert np.abs(decoded(drawn(PIXELS, "sixel")) - PIXELS).max() < 4


def test_a_large_picture_is_shrunk_and_a_broken_one_is_none():
    large = np.zeros((400, 800, 3), np.uint8)
    assert decoded(drawn(large, "sixel")).shape == (60, 120, 3)
    for broken in (b"", b"\x1b[2J", png(PIXELS)[:60]):
        assert draw(broken, "kitty") is None
