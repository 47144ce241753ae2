"""Images cut off anywhere or with bits turned over, and what no file can tell."""

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from components.example_gen.images import gif
from components.example_gen.images.preparation import ImageLimits, prepare
from components.example_gen.images.prepared import fitted
from components.example_gen.rows import UnusableError
from tests.support.image_kinds import chunk, encode, picture, png

LIMITS = ImageLimits(1_000_000, 1_000_000)


def textured(width: int = 160, height: int = 120) -> Image.Image:
    """Like a photo: its pixels cannot be told from their neighbours, so that the files are long."""
    noise = np.random.default_rng(0).normal(0, 20, (height, width, 3))
    return Image.fromarray(
        np.clip(np.asarray(picture(width, height)) + noise, 0, 255).astype(np.uint8)
    )


FILES = {
    "jpeg": encode(textured(), "jpeg", quality=90),
    "jpeg progressive": encode(textured(), "jpeg", quality=90, progressive=True),
    "jpeg restarts": encode(textured(), "jpeg", quality=90, restart_marker_blocks=8),
    "jpeg grey": encode(textured().convert("L"), "jpeg", quality=90),
    "jpeg cmyk": encode(textured().convert("CMYK"), "jpeg", quality=90),
    "png": encode(textured(), "png"),
    "png palette": encode(textured().quantize(64), "png"),
    "png interlaced": png(np.asarray(textured()), 8, 2, interlaced=True),
    "gif": encode(textured().quantize(64), "gif"),
    "gif animated": encode(
        textured().quantize(64), "gif", save_all=True, append_images=[textured().rotate(180)]
    ),
    "webp": encode(textured(), "webp"),
    "webp lossless": encode(textured(), "webp", lossless=True),
    "bmp": encode(textured(), "bmp"),
}


def reason(image: bytes, limits: ImageLimits = LIMITS) -> str | None:
    try:
        prepare(image, limits)
    except UnusableError as error:
        return error.reason
    return None


@pytest.mark.parametrize("name", FILES)
def test_an_image_cut_off_anywhere_is_damaged(name):
    image = FILES[name]
    assert reason(image) is None
    ends = [int(len(image) * share) for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999)]
    # Without its last bytes, the end marker, a JPEG is whole.
    last = () if name.startswith("jpeg") else (len(image) - 2, len(image) - 1)
    for end in (*ends, *last):
        for max_side in (None, 100, 32):
            limits = ImageLimits(10**6, 10**6, max_side)
            assert reason(image[:end], limits) in ("damaged_pixels", "damaged_header"), end


@pytest.mark.parametrize("name", FILES)
def test_what_follows_an_image_does_no_harm(name):
    image = FILES[name]
    for more in (b"\0", b"rubbish" * 99, image):
        assert prepare(image + more, LIMITS).changed == prepare(image, LIMITS).changed


def found(name: str, flips: int = 200) -> float:
    """Share of files with one bit turned over, behind the header, that are found damaged."""
    image, random = FILES[name], np.random.default_rng(1)
    hits = 0
    for at in random.integers(700, len(image), flips):
        turned = bytearray(image)
        turned[at] ^= 1 << random.integers(8)
        hits += reason(bytes(turned)) is not None
    return hits / flips


def test_a_png_has_checksums():
    assert found("png") == found("png palette") == found("png interlaced") == 1


@pytest.mark.parametrize(("name", "least"), [("jpeg", 0.2), ("jpeg progressive", 0.25)])
def test_some_bits_of_a_jpeg_are_noticed(name, least):
    """One bit changes a few codes; the decoder notices if they no longer end where they must."""
    assert found(name) > least


def test_pixels_without_any_redundancy_cannot_be_checked():
    assert found("bmp", 50) == 0


def test_a_damaged_chunk_beside_the_pixels_of_a_png():
    image = FILES["png"]
    comment = chunk(b"tEXt", b"Comment\0hello")
    assert prepare(image[:33] + comment + image[33:], LIMITS).changed == ()
    assert reason(image[:33] + comment[:-1] + b"?" + image[33:]) == "damaged_pixels"
    assert reason(image[:33] + chunk(b"CrIt", b"") + image[33:]) == "damaged_pixels"
    # A text that expands to 3 MB: Pillow alone would refuse the image over it.
    long_text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3_000_000)))
    assert prepare(image[:33] + long_text + image[33:], LIMITS).changed == ()


def test_a_png_that_pillow_shows_and_tensorflow_refuses_is_damaged():
    """Kept, it would fail Transform and with it the whole run."""
    indices = np.zeros((4, 4, 1), np.uint8)
    assert reason(png(indices, 8, 3)) == "damaged_pixels"  # without a palette
    assert reason(png(indices, 8, 3, chunk(b"PLTE", bytes(3)))) is None
    assert reason(png(indices, 8, 0, chunk(b"tR\xceS", bytes(2)))) == "damaged_pixels"  # a name
    head = png(indices, 8, 0)[:33]
    packed, end = zlib.compress(bytes(4 * 5)), chunk(b"IEND", b"")
    two = [chunk(b"IDAT", packed[:5]), chunk(b"IDAT", packed[5:])]
    assert reason(head + two[0] + two[1] + end) is None
    assert reason(head + two[0] + chunk(b"tEXt", b"a\0b") + two[1] + end) == "damaged_pixels"
    assert reason(head + chunk(b"IDAT", packed[:-4]) + end) == "damaged_pixels"  # no checksum
    assert reason(head + chunk(b"IDAT", zlib.compress(bytes(4 * 9))) + end) is None  # rows too many


def codes(count: int) -> bytes:
    """GIF's pixels, `count` black ones: 2 bits a pixel, cleared after each so that codes stay 3."""
    bits = "".join(f"{code:03b}"[::-1] for code in [4, 0] * count + [5])
    body = np.packbits([int(bit) for bit in bits], bitorder="little").tobytes()
    return b"\2" + bytes([len(body)]) + body + b"\0"


@pytest.mark.parametrize("flags", [0, 0x40])  # 0x40: interlaced
def test_a_gif_whose_pixels_end_early(flags):
    size = struct.pack("<HH", 5, 7)
    start = b"GIF89a" + size + b"\x81\0\0" + bytes(12) + b"," + bytes(4) + size + bytes([flags])
    assert reason(start + codes(35) + b";") is None
    assert reason(start + codes(34) + b";") == "damaged_pixels"
    assert reason(start + codes(8) + b";") == "damaged_pixels"
    assert reason(start + b"\0" + codes(35)[1:] + b";") == "damaged_header"  # codes of 0 bits


def test_counting_the_pixels_of_a_gif():
    for colours in (2, 4, 16, 256):
        image = textured(97, 61).quantize(colours)
        assert gif.pixel_count(*gif.codes(encode(image, "gif"))) == 97 * 61
    long = Image.new("P", (1000, 900))  # strings of thousands of pixels
    assert gif.pixel_count(*gif.codes(encode(long, "gif"))) == 900_000


def test_the_detail_says_what_was_found():
    image = bytearray(FILES["png"])
    image[100] ^= 1
    with pytest.raises(UnusableError, match="the checksum of the PNG's chunk at byte 33 is wrong"):
        prepare(bytes(image), LIMITS)
    with pytest.raises(UnusableError, match="Premature end of JPEG file"):
        prepare(FILES["jpeg"][:-200], LIMITS)


def test_the_larger_side_is_shrunk_to_max_side():
    assert fitted(640, 480, 256) == (256, 192)
    assert fitted(480, 640, 256) == (192, 256)
    assert fitted(256, 256, 256) == (256, 256)
    assert fitted(9_000, 3, 32) == (32, 1)
    assert fitted(9_000, 3, None) == (9_000, 3)


def test_the_smaller_side_is_shrunk_to_max_smaller_side():
    assert fitted(640, 480, None, 240) == (320, 240)
    assert fitted(480, 640, None, 240) == (240, 320)
    assert fitted(640, 480, 160, 240) == (160, 120)
    assert fitted(640, 480, 600, 240) == (320, 240)
    assert fitted(640, 200, None, 240) == (640, 200)
    for kind in ("jpeg", "png"):
        result = prepare(encode(picture(400, 300), kind), ImageLimits(10**6, 10**6, None, 96))
        assert (result.width, result.height, result.changed) == (128, 96, ("shrunk",))


@pytest.mark.parametrize("max_side", [200, 150, 97, 64, 40])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "bmp", "gif"])
def test_shrunk_pixels_are_those_of_a_good_filter(kind, max_side):
    """Against Pillow's best filter on the full size: less than 3 of 255 in the mean.

    Scaling by halves before it, as libjpeg does, must not show.
    """
    full = picture(400, 300)
    stripes = np.asarray(full).copy()
    stripes[::2] //= 2  # what aliasing would show
    full = Image.fromarray(stripes)
    if kind == "gif":
        full = full.quantize(128)
    good: dict[str, dict] = {
        "jpeg": {"quality": 95, "subsampling": 0},
        "webp": {"lossless": True},
    }
    result = prepare(encode(full, kind, **good.get(kind, {})), ImageLimits(10**6, 10**6, max_side))
    assert result.changed == ("shrunk",)
    assert (result.width, result.height) == (max_side, round(max_side * 0.75))
    assert result.format == ("jpeg" if kind == "jpeg" else "png")
    shrunk = Image.open(io.BytesIO(result.image))
    expected = full.convert("RGB").resize(shrunk.size, Image.Resampling.LANCZOS)
    difference = np.abs(np.asarray(shrunk, int) - np.asarray(expected, int))
    assert difference.mean() < 3


def test_transparent_colours_do_not_bleed_when_shrunk():
    """Half of the image is green but transparent: no green may show along the edge."""
    pixels = np.zeros((100, 100, 4), np.uint8)
    pixels[:, :51] = (255, 0, 0, 255)
    pixels[:, 51:] = (0, 255, 0, 0)
    result = prepare(encode(Image.fromarray(pixels), "png"), ImageLimits(10**6, 10**6, 50))
    shown = Image.open(io.BytesIO(result.image))
    white = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
    red, green, blue, _ = np.moveaxis(np.asarray(white, int), -1, 0)
    assert (green - blue).max() <= 3
    assert red.min() >= 252


def test_an_image_thinner_than_a_pixel_when_shrunk():
    result = prepare(encode(picture(900, 2), "png"), ImageLimits(10**6, 10**6, 32))
    assert (result.width, result.height) == (32, 1)


def test_threads_get_what_one_thread_gets():
    images = [*FILES.values()] * 8
    limits = ImageLimits(10**6, 10**6, 64)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda image: prepare(image, limits), images))
    for image, result in zip(images, results, strict=True):
        alone = prepare(image, limits)
        assert result.image == alone.image
        np.testing.assert_array_equal(result.small, alone.small)
