"""Every kind of image: kept where TensorFlow shows it as it is meant, encoded anew where not."""

import io
import struct
from typing import Any

import numpy as np
import pytest
import simplejpeg
import tensorflow as tf
from PIL import Image, ImageOps

from components.example_gen.images.image_header import ImageLimits
from components.example_gen.images.prepare_image import prepare
from components.example_gen.records.reasons import UnusableError
from tests.support.image_kinds import (
    bmp,
    bmp_rows,
    chunk,
    encode,
    exif,
    picture,
    png,
    with_alpha,
)
from trainer.preprocessing.image_formats import decode

LIMITS = ImageLimits(1_000_000, 1_000_000)
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
DECODE = tf.function(decode, input_signature=[tf.TensorSpec([], tf.string)])
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


def shown(image: bytes) -> np.ndarray:
    """float [height, width, 3] as the Transform graph makes of it."""
    return DECODE(tf.constant(image)).numpy()


def opened(image: bytes) -> np.ndarray:
    """What Pillow shows: upright, over white."""
    with Image.open(io.BytesIO(image)) as file:
        picture = ImageOps.exif_transpose(file)
    return over_white(np.asarray(picture.convert("RGBA")))


def small(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR))


@pytest.mark.parametrize("name", EXACT)
def test_pixels_are_what_a_viewer_shows(name):
    image, changed, expected = EXACT[name]
    result = prepare(image, LIMITS)
    assert result.changed == changed
    expected = expected if expected.ndim == 3 else expected[..., None]
    assert (result.height, result.width) == expected.shape[:2]
    # As a client sends it, and as it is stored; over white, the graph rounds to whole numbers.
    for each in {image, result.image} - ({image} if name in NOT_IN_THE_GRAPH else set()):
        np.testing.assert_array_equal(shown(each), expected * np.ones(3))
    assert result.image == image if not changed else result.format == "png"
    pixels = Image.fromarray((expected * np.ones(3)).astype(np.uint8))
    np.testing.assert_allclose(result.small, small(pixels), atol=3)


@pytest.mark.parametrize("name", ABOUT)
def test_lossy_pixels_are_about_what_a_viewer_shows(name):
    image, changed = ABOUT[name]
    result = prepare(image, LIMITS)
    assert result.changed == changed
    assert (result.image == image) == (not changed)
    assert result.format == ("png" if "bmp" in name else name.split()[0])
    np.testing.assert_allclose(shown(result.image), RGB, atol=9)
    if name not in NOT_IN_THE_GRAPH:
        # Decoders round their cosine transforms each in its own way, and smooth colours as well.
        np.testing.assert_allclose(shown(image), opened(image), atol=5)
    np.testing.assert_allclose(result.small, small(picture()), atol=6)


def test_a_grey_jpeg_stays_grey():
    image = encode(picture().convert("L"), "jpeg", quality=95)
    assert prepare(image, LIMITS).image == image
    shrunk = prepare(image, ImageLimits(10**6, 10**6, 24))
    assert Image.open(io.BytesIO(shrunk.image)).mode == "L"


def test_a_jpeg_with_a_rare_sampling_of_its_colours():
    """2x2, 2x1 and 1x1: three blocks of 16 x 16 pixels need 21 of 8 x 8, as 56 x 8 pixels did."""
    image = bytearray(encode(Image.new("RGB", (56, 8), (128,) * 3), "jpeg", keep_rgb=True))
    frame = image.index(b"\xff\xc0")
    image[frame + 5 : frame + 9] = struct.pack(">HH", 16, 48)
    image[frame + 11 : frame + 18 : 3] = b"\x22\x21\x11"
    rare = bytes(image)
    with pytest.raises(ValueError, match="subsampling"):
        simplejpeg.decode_jpeg(rare)
    result = prepare(rare, LIMITS)
    assert (result.image, result.width, result.height) == (rare, 48, 16)
    assert (result.small == 128).all()
    assert (shown(rare) == 128).all()
    shrunk = prepare(rare, ImageLimits(10**6, 10**6, 32))
    np.testing.assert_allclose(shown(shrunk.image), 128, atol=1)
    with pytest.raises(UnusableError, match="damaged_pixels"):
        prepare(rare[:-12], LIMITS)


def test_a_gif_with_pixels_outside_its_palette_is_encoded_anew():
    image = gif_with_too_small_a_palette()
    with pytest.raises(tf.errors.OpError):
        shown(image)
    result = prepare(image, LIMITS)
    assert result.changed == ("palette",)
    inside = np.asarray(FEW) < 8
    np.testing.assert_array_equal(shown(result.image)[inside], PALETTE[inside])


# Where the corners (top left, top right, bottom left, bottom right) of the stored image are shown.
CORNERS = {
    1: (0, 1, 2, 3), 2: (1, 0, 3, 2), 3: (3, 2, 1, 0), 4: (2, 3, 0, 1),
    5: (0, 2, 1, 3), 6: (2, 0, 3, 1), 7: (3, 1, 2, 0), 8: (1, 3, 0, 2),
}  # fmt: skip


def corners(rgb: np.ndarray) -> np.ndarray:
    return np.array([rgb[1, 1], rgb[1, -2], rgb[-2, 1], rgb[-2, -2]], float)


@pytest.mark.parametrize("orientation", CORNERS)
@pytest.mark.parametrize(
    ("kind", "stays", "options"),
    [
        ("jpeg", "jpeg", {"quality": 95}),
        ("png", "png", {}),
        ("webp", "png", {"lossless": True}),
    ],
)
def test_orientation(kind, stays, options, orientation):
    order = "<>"[orientation % 2]
    block = exif(orientation, order)
    block = block if kind == "png" else b"Exif\0\0" + block
    image = encode(picture(), kind, exif=block, **options)
    for max_side in (None, 36):
        result = prepare(image, ImageLimits(10**6, 10**6, max_side))
        assert result.changed == (("shrunk",) if max_side else ())
        assert result.format == (stays if result.changed else kind)
        long, short = (48, 40) if max_side is None else (36, 30)
        sides = (long, short) if orientation < 5 else (short, long)
        assert (result.width, result.height) == sides
        assert shown(result.image).shape == (*sides[::-1], 3)
        expected = corners(RGB)[list(CORNERS[orientation])]
        np.testing.assert_allclose(corners(shown(result.image)), expected, atol=12)
        np.testing.assert_allclose(corners(result.small), expected, atol=16)
    np.testing.assert_allclose(shown(image), opened(image), atol=5 if kind == "jpeg" else 0)


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


@pytest.mark.parametrize("name", MORE)
def test_the_graph_shows_what_pillow_and_ingest_show(name):
    image = MORE[name]
    atol = 7 if name.startswith("jpeg") else 1.01  # Pillow rounds alpha, and JPEG as above
    np.testing.assert_allclose(shown(image), opened(image), atol=atol)
    prepared = prepare(image, LIMITS)
    np.testing.assert_allclose(shown(image), shown(prepared.image), atol=1e-4)
    assert (prepared.height, prepared.width) == shown(image).shape[:2]


@pytest.mark.parametrize(("missing", "high"), [(0, WIDE), (2, HIGH)])
def test_an_orientation_counts_where_its_whole_entry_is_there(missing, high):
    image = cut_exif(missing)
    assert shown(image).shape[0] == prepare(image, LIMITS).height == high


@pytest.mark.parametrize("size", [(1 << 14, (1 << 14) - 1), (0xFFFF, 1 << 12)])
def test_a_canvas_of_any_size_is_not_painted(size):
    """2**28 pixels and as many, of which a GIF would take 0.8 GB for a file of a hundred bytes."""
    image = encode(FEW, "gif")
    image = image[:6] + struct.pack("<HH", *size) + image[10:]
    with pytest.raises(tf.errors.InvalidArgumentError):
        shown(image)


def test_a_bmp_of_no_pixels_is_an_error_of_the_graph():
    with pytest.raises(tf.errors.OpError):
        shown(bmp(b"", 0, 0, 24))


@pytest.mark.parametrize("name", ["jpeg", "png rgb", "gif", "webp", "webp animated", "bmp"])
def test_what_is_cut_off_is_an_error_of_the_graph(name):
    files: dict[str, Any] = {**EXACT, **ABOUT}
    image = files[name][0]
    # The second frame of an animation is not looked at, nor is the checksum of a PNG's end.
    last = 2 if name == "webp animated" else 16 if name == "png rgb" else 4
    ends = (len(image) // 3, len(image) * 2 // 3, len(image) - last)
    for end in (0, 3, 12, *(ends[:1] if name == "webp animated" else ends)):
        with pytest.raises(tf.errors.OpError):
            shown(image[:end])


@pytest.mark.parametrize(
    ("rubbish", "end"), [(b"", b""), (bytes(20), b""), (b"r" * 9, b"\xff\xd9")]
)
def test_a_jpeg_that_lacks_only_its_end_marker_is_kept(rubbish, end):
    whole = encode(picture(), "jpeg", quality=95)
    for max_side in (None, 36):
        limits = ImageLimits(10**6, 10**6, max_side)
        result = prepare(whole[:-2] + rubbish + end, limits)
        assert result.changed == ("end_marker",) + (("shrunk",) if max_side else ())
        np.testing.assert_array_equal(shown(result.image), shown(prepare(whole, limits).image))
    for missing in (12, 40, 200) if not end else ():  # rubbish before the marker may hide a cut
        with pytest.raises(UnusableError, match="damaged_pixels"):
            prepare(whole[:-missing] + rubbish + end, LIMITS)


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


@pytest.mark.parametrize("name", FOREIGN)
def test_formats_that_the_graph_cannot_decode_are_encoded_anew(name):
    image, stored, expected, most = FOREIGN[name]
    result = prepare(image, LIMITS)
    assert (result.changed, result.format) == ((name.split()[0],), stored)
    assert (result.width, result.height) == (48, 40)
    np.testing.assert_allclose(shown(result.image), expected * np.ones(3), atol=most)
    with pytest.raises(tf.errors.OpError):
        shown(image)
    with pytest.raises(UnusableError, match="damaged_"):
        prepare(image[: len(image) // 4], LIMITS)
    with pytest.raises(UnusableError, match="too_many_pixels"):
        prepare(image, ImageLimits(48 * 40 - 1, 10**6))


@pytest.mark.parametrize("kind", ["tiff", "avif"])
def test_formats_that_pillow_alone_reads_are_turned_upright(kind):
    tags = Image.Exif()
    tags[0x0112] = 6
    options = {"quality": 95} if kind == "avif" else {}
    result = prepare(encode(picture(), kind, exif=tags, **options), LIMITS)
    assert (result.width, result.height) == (40, 48)
    expected = corners(RGB)[list(CORNERS[6])]
    np.testing.assert_allclose(corners(shown(result.image)), expected, atol=12)
