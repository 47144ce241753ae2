"""Whether two images show the same: known shifts, copies and drawings of one style."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks import near_duplicates as benchmark
from benchmarks import near_duplicates_data as pictures
from components.example_gen.near_duplicates import pixels
from components.example_gen.near_duplicates.pixels import is_flat, opened, shrunk, similarity
from tests.support.image_kinds import encode, exif, with_alpha
from tests.support.image_kinds import picture as smooth

SCENES = list(pictures.textures(9).values())


def test_a_crop_is_laid_on_its_original():
    whole = SCENES[0]  # 256 x 192
    crop = whole.crop((13, 0, 256, 182))
    # 243 of 256 columns, whose middle is 6.5 to the right: in 64ths of the width 1.625.
    at = pixels._aligned(
        *(shrunk(each) @ np.array([0.299, 0.587, 0.114], np.float32) for each in (crop, whole))
    )
    expected = [6.5 * 64 / 256, 243 / 256, -5 * 64 / 192, 182 / 192]
    assert at == pytest.approx(expected, abs=0.05)


def test_it_is_the_share_of_the_variance_where_they_differ_most():
    small = shrunk(SCENES[1])
    assert similarity(small, small) == pytest.approx(1, abs=1e-4)
    changed = small.copy()
    changed[20:30, 40:50] = 255 - changed[20:30, 40:50]
    assert similarity(small, changed) < 0.3  # 2 % of the pixels
    assert similarity(small, np.minimum(255, small * 1.15)) > 0.95
    assert similarity(small * 0.5, small) < 0.9  # more than a change of brightness
    red, blue = small.copy(), small.copy()
    red[10:40, 10:40], blue[10:40, 10:40] = (150, 50, 50), (68, 68, 170)  # of one grey, about
    assert similarity(red, blue) < 0.3


def test_flat_is_what_slopes_of_degree_3_explain():
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    slope = 128 + 60 * x - 30 * y * x**2 + 20 * y**3
    wave = np.sin(40 * x)  # its root mean square is 0.71
    for height, flat in ((4.5, True), (7.0, False)):
        grey = slope + height * wave
        assert is_flat(np.repeat(grey[..., None], 3, -1).astype(np.float32)) == flat


def test_whatever_is_stored_is_opened_upright_over_white():
    picture = smooth(48, 40)
    turned = picture.transpose(Image.Transpose.ROTATE_90)  # orientation 6 turns it back
    tagged = encode(turned, "png", exif=b"Exif\0\0" + exif(6))
    assert same(opened(tagged, True), picture)
    clear = with_alpha(picture)
    white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), clear).convert("RGB")
    assert same(opened(encode(clear, "png"), True), white)
    deep = Image.fromarray(np.full((4, 4), 0x1234, np.uint16))
    assert opened(encode(deep, "png"), True).getpixel((0, 0)) == (0x12,) * 3
    assert opened(encode(Image.new("1", (2, 2), 1), "png"), True).getpixel((0, 0)) == (255,) * 3


def test_a_large_jpeg_is_decoded_no_larger_than_it_must_be():
    large = encode(smooth(1024, 512), "jpeg")
    assert opened(large, True).size == (1024, 512)
    assert opened(large, False).size == (256, 128)
    assert np.abs(shrunk(opened(large, False)) - shrunk(opened(large, True))).max() < 3


def test_no_limit_of_pillows_own_applies(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert opened(encode(smooth(48, 40), "png"), True).size == (48, 40)
    assert Image.MAX_IMAGE_PIXELS == 100


def same(a: Image.Image, b: Image.Image) -> bool:
    """Whether all pixels are equal; Pillow's own == compares the metadata too."""
    return a.size == b.size and a.tobytes() == b.tobytes()


def halves(drawn: pictures.Pictures) -> tuple[pictures.Pictures, pictures.Pictures]:
    keys = list(drawn)
    return {k: drawn[k] for k in keys[::2]}, {k: drawn[k] for k in keys[1::2]}


def test_copies_are_told_from_drawings_of_one_style():
    """The labelled set of benchmarks/near_duplicates.py, as much of it as takes seconds."""
    emoji = pictures.emoji()
    names = list(emoji["twemoji"])[::6]
    styles = {
        "stars": halves(pictures.stars(75)),
        "textures": halves(pictures.textures(24)),
        "one vendor": halves({name: emoji["twemoji"][name] for name in names}),
        "two vendors": (
            {name: emoji["noto"][name] for name in names},
            {name: emoji["emojione"][name] for name in names if name in emoji["emojione"]},
        ),
    }
    found = {name: benchmark.measure(*style, originals=6) for name, style in styles.items()}
    copies = sum(each.copies for each in found.values())
    right = sum(each.right for each in found.values())
    wrong = [pair for each in found.values() for pair in each.wrong]
    assert copies > 180
    assert right / copies >= 0.95, {name: each.missed for name, each in found.items()}
    assert right / (right + len(wrong)) >= 0.98, wrong
    assert found["stars"].strangers == 37  # of which no two have as many points and colours
    assert not found["stars"].wrong


def test_clothes_of_28_pixels_get_a_verdict_only_if_they_are_the_same():
    train, others = halves(pictures.clothes(120))
    files = {key: pictures.encoded(image, "png") for key, image in train.items()}
    rest = {key: pictures.encoded(image, "png") for key, image in others.items()}
    rest["same bytes"] = files["shoe-10"]
    rest["same pixels"] = pictures.encoded(train["shoe-20"], "png", compress_level=0)
    rest["nearly"] = pictures.encoded(train["shoe-30"], "jpeg", quality=95)
    pairs, _ = benchmark.search(files, rest)
    assert {key: (pair.train_key, pair.sameness) for key, pair in pairs.items()} == {
        "same bytes": ("shoe-10", "bytes"),
        "same pixels": ("shoe-20", "pixels"),
    }


def test_blank_images_are_the_same_only_if_every_pixel_is():
    def blank(grey: int) -> bytes:
        return pictures.encoded(Image.new("RGB", (200, 100), (grey,) * 3), "png")

    y = np.linspace(0, 255, 128)[:, None]
    slopes = [np.tile(y * share, (1, 128)).astype(np.uint8) for share in (1, 0.8)]
    train = {"white": blank(255), "slope": pictures.encoded(Image.fromarray(slopes[0]), "png")}
    others = {"white too": blank(255), "grey": blank(250)}
    others["other slope"] = pictures.encoded(Image.fromarray(slopes[1]), "png")
    out = io.BytesIO()
    Image.new("L", (200, 100), 255).save(out, "webp", lossless=True)
    others["as webp"] = out.getvalue()
    pairs, _ = benchmark.search(train, others)
    assert {key: pair.sameness for key, pair in pairs.items()} == {
        "white too": "bytes",
        "as webp": "pixels",
    }
