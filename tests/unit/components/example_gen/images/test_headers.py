"""What is refused before a pixel is decoded, and what the header says of the rest."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from components.example_gen.images.headers import exif_orientation
from components.example_gen.images.preparation import ImageLimits, prepare, read_header
from components.example_gen.rows import UnusableError
from tests.support.image_kinds import bmp, bmp_rows, chunk, encode, exif, picture, png
from tests.support.peak_memory import begin_peak, peak

LIMITS = ImageLimits(1_000_000, 1_000_000)
RGB = np.asarray(picture())
HUGE = 30_000


def refused(image: bytes, limits: ImageLimits = LIMITS) -> tuple[str, str]:
    with pytest.raises(UnusableError) as caught:
        read_header(image, limits)
    return caught.value.reason, caught.value.detail


def jpeg_frame(width: int, height: int, marker: int = 0xC0, bits: int = 8) -> bytes:
    frame = struct.pack(">HBHHB", 17, bits, height, width, 3) + b"\1\x22\0\2\x11\1\3\x11\1"
    return b"\xff\xd8\xff" + bytes([marker]) + frame + b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0"


@pytest.mark.parametrize("kind", ["bmp", "gif", "jpeg", "png", "webp"])
def test_format_and_size(kind):
    for size in ((48, 40), (3, 500)):
        header = read_header(encode(picture(*size), kind), LIMITS)
        assert (header.format, header.width, header.height) == (kind, *size)


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": b"Exif\0\0" + exif(1)}])
def test_the_three_layouts_of_webp(options):
    header = read_header(encode(picture(47, 39), "webp", **options), LIMITS)
    assert (header.width, header.height, header.orientation) == (47, 39, 1)


def test_empty_and_too_many_bytes():
    assert refused(b"") == ("empty_image", "")
    image = encode(picture(), "png")
    read_header(image, ImageLimits(10**6, len(image)))
    expected = ("too_many_bytes", f"{len(image):,} bytes")
    assert refused(image, ImageLimits(10**6, len(image) - 1)) == expected


@pytest.mark.parametrize(
    ("image", "detail"),
    [
        (b"<!DOCTYPE html><html>404</html>", "looks like HTML"),
        (b"\xef\xbb\xbf  \n<html lang=en>", "looks like HTML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG, which is not read"),
        (b"<?xml version='1.0'?>\n<!-- a --><svg width='1'>", "SVG, which is not read"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "looks like XML"),
        (b'{"error": "not found"}', "looks like JSON"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "looks like a video or another ISO media file"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL, which is not read"),
        (b"\0\0\1\0\1\0\x10\x10", "an icon file, which is not read"),
        (b"%PDF-1.7", "looks like PDF"),
        (b"/9j/4AAQSkZJRgABAQ", "looks like base64 text"),
        (b"iVBORw0KGgoAAAANSUhEUg", "looks like base64 text"),
        (b"version https://git-lfs.github.com/spec/v1", "looks like a Git LFS pointer"),
        (b"BMW makes cars in Munich", "looks like text"),
        (b"GIF8", "looks like text"),
        (bytes(1000), "looks like zeros"),
        (b"\xde\xad\xbe\xef\x99", ""),
        (jpeg_frame(8, 8, 0xC9), "looks like arithmetic-coded JPEG"),
        (jpeg_frame(8, 8, 0xC3), "looks like lossless JPEG"),
        (jpeg_frame(8, 8, bits=12), "looks like 12-bit JPEG"),
    ],
)
def test_what_is_no_image_is_named(image, detail):
    assert refused(image) == ("not_an_image", detail)


WRONG_BITS = png(RGB, 8, 2)[:24] + b"\3"
TALL = bmp(b"", 10, 0, 24)


@pytest.mark.parametrize(
    ("image", "detail"),
    [
        (encode(picture(), "jpeg")[:30], "the JPEG is cut off"),
        (b"\xff\xd8\xff\xe0\0\2rubbish", "no JPEG marker at byte 6"),
        (b"\xff\xd8\xff\xd9", "the JPEG ends before its pixels"),
        (b"\xff\xd8\xff\xe0\0\2" + jpeg_frame(8, 8)[21:], "the JPEG does not give its size"),
        (jpeg_frame(8, 8)[:21] + jpeg_frame(9, 9)[2:], "the JPEG gives its size twice"),
        (jpeg_frame(8, 0), "the JPEG says it is 8 x 0"),
        (encode(picture(), "png")[:20], "the PNG is cut off"),
        (WRONG_BITS + png(RGB, 8, 2)[25:], "the checksum of the PNG's IHDR chunk is wrong"),
        (png(RGB, 8, 5), "PNG has no 8 bits for colour type 5"),
        (png(np.zeros((0, 4, 1)), 8, 0), "the PNG says it is 4 x 0"),
        (encode(picture(), "gif")[:12], "the GIF is cut off"),
        (encode(picture(), "gif")[:13] + b";", "the GIF is cut off"),
        (encode(picture(), "webp")[:22], "the WEBP is cut off"),
        (
            encode(picture(), "webp").replace(b"VP8 ", b"VP9 "),
            "the WebP does not begin with its pixels or size",
        ),
        (encode(picture(), "bmp")[:20], "the BMP is cut off"),
        (TALL, "the BMP says it is 10 x 0"),
    ],
)
def test_damaged_headers(image, detail):
    assert refused(image) == ("damaged_header", detail)


def test_a_gif_frame_larger_than_its_image():
    gif = bytearray(encode(picture(), "gif"))
    gif[6:8] = struct.pack("<H", 40)  # 48 wide inside 40
    detail = "the GIF's first frame is empty or leaves the image"
    assert refused(bytes(gif)) == ("damaged_header", detail)


def huge_png() -> bytes:
    head = struct.pack(">IIBBBBB", HUGE, HUGE, 1, 0, 0, 0, 0)
    zeros, packer = bytes(1 << 20), zlib.compressobj(9)
    body = b"".join(packer.compress(zeros) for _ in range(HUGE * (HUGE // 8 + 1) >> 20))
    chunks = (chunk(b"IHDR", head), chunk(b"IDAT", body + packer.flush()), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def huge(kind: str) -> bytes:
    """A file that says it has 30,000 x 30,000 pixels (WebP: 16,000 x 16,000)."""
    if kind == "jpeg":
        return jpeg_frame(HUGE, HUGE)
    if kind == "bmp":
        return bmp(bytes(12), HUGE, -HUGE, 24)
    image = bytearray(encode(picture(), kind, **({"lossless": True} if kind == "webp" else {})))
    if kind == "gif":
        image[6:10] = struct.pack("<HH", HUGE, HUGE)
    else:
        image[21:25] = struct.pack("<I", 15_999 | 15_999 << 14)
    return bytes(image)


def test_too_many_pixels_are_refused_by_the_header():
    detail = "900,000,000 pixels (30,000 x 30,000)"
    for kind in ("jpeg", "bmp", "gif"):
        assert refused(huge(kind)) == ("too_many_pixels", detail)
    assert refused(huge("webp"))[1] == "256,000,000 pixels (16,000 x 16,000)"
    image = encode(picture(), "png")
    read_header(image, ImageLimits(48 * 40, 10**6))
    assert refused(image, ImageLimits(48 * 40 - 1, 10**6))[0] == "too_many_pixels"


def test_a_huge_png_costs_no_memory():
    """900 million pixels in under a megabyte: 112 MB or more if any code decoded them."""
    bomb = huge_png()
    assert len(bomb) < 1_000_000
    before = begin_peak()
    tracemalloc.start()
    for _ in range(20):
        with pytest.raises(UnusableError, match="too_many_pixels"):
            prepare(bomb, LIMITS)
    _, traced = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert traced < 1 << 20
    assert peak() - before < 100 * 2**20


def test_orientation_of_exif():
    for order in "<>":
        assert [exif_orientation(exif(each, order)) for each in range(10)] == [1, *range(1, 9), 1]
    assert exif_orientation(b"Exif\0\0" + exif(6)) == 6
    # Another tag first, and the orientation after it.
    entries = struct.pack("<HHII", 0x010F, 2, 4, 0) + struct.pack("<HHIHH", 0x0112, 3, 1, 8, 0)
    assert exif_orientation(b"II*\0" + struct.pack("<IH", 8, 2) + entries) == 8


@pytest.mark.parametrize(
    "block",
    [b"", b"II*\0", exif(6)[:15], b"II*\0\xff\xff\xff\xff" + exif(6)[8:], b"rubbish" * 9,
     exif(6).replace(b"\x12\1\3\0", b"\x12\1\4\0")],
)  # fmt: skip
def test_damaged_exif_says_nothing(block):
    assert exif_orientation(block) == 1


def test_the_first_exif_of_a_jpeg_counts():
    image = encode(picture(), "jpeg", exif=b"Exif\0\0" + exif(6))
    assert read_header(image, LIMITS).orientation == 6
    again = b"\xff\xe1" + struct.pack(">H", 34) + b"Exif\0\0" + exif(3)
    assert read_header(image[:2] + again + image[2:], LIMITS).orientation == 3
    xmp = b"\xff\xe1" + struct.pack(">H", 34) + b"http:/" + exif(3)
    assert read_header(image[:2] + xmp + image[2:], LIMITS).orientation == 6


def test_exif_after_the_pixels_of_a_png():
    image = png(RGB, 8, 2)
    late = image[:-12] + chunk(b"eXIf", exif(8)) + image[-12:]
    assert read_header(late, LIMITS).orientation == 8


def test_every_sampling_of_colours_has_a_header():
    for sampling in ("444", "422", "420", "440", "411"):
        image = simplejpeg.encode_jpeg(RGB, 90, colorsubsampling=sampling)
        assert read_header(image, LIMITS).width == 48


def test_rows_from_the_top_down():
    image = bmp(bmp_rows(RGB[::-1], 24), 48, -40, 24)
    assert read_header(image, LIMITS).height == 40


def test_no_state_of_pillow_is_changed():
    assert Image.MAX_IMAGE_PIXELS == 1024 * 1024 * 1024 // 4 // 3
