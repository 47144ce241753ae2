"""What the model is sent for each kind of image that a program may hold."""

import io
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from components.example_gen.images import foreign
from diptych.client import images
from diptych.client.images import LIMITS, UnusableImageError, encode
from schema.errors import InputError
from tests.support.client import png

RAMP = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3) * 3


def decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp", "bmp"])
def test_a_file_of_a_format_that_the_model_decodes_is_sent_as_it_is(kind, tmp_path):
    data = saved(Image.fromarray(RAMP), kind)
    (tmp_path / "file").write_bytes(data)
    for given in (data, tmp_path / "file", str(tmp_path / "file")):
        encoded = encode(given)
        assert (encoded.data, encoded.pixels) == (data, 24)


@pytest.mark.parametrize("kind", ["tiff", "avif"])
def test_a_format_that_the_model_does_not_decode_becomes_png(kind):
    options = {"quality": 100, "subsampling": "4:4:4"} if kind == "avif" else {}
    encoded = encode(saved(Image.fromarray(RAMP), kind, **options))
    assert encoded.data.startswith(b"\x89PNG")
    np.testing.assert_allclose(decoded(encoded.data).astype(int), RAMP, atol=6 if options else 0)


def test_an_array_and_an_image_of_pillow_become_png():
    for given in (RAMP, RAMP[::-1][::-1], Image.fromarray(RAMP)):
        assert (decoded(encode(given).data) == RAMP).all()
    clear = Image.fromarray(RAMP).convert("RGBA")
    clear.putalpha(77)
    assert (decoded(encode(clear).data)[..., 3] == 77).all()  # the model blends it over white
    assert decoded(encode(Image.fromarray(RAMP).convert("CMYK")).data).shape == (6, 4, 3)
    assert (decoded(encode(Image.fromarray(RAMP[..., 0])).data) == RAMP[..., 0]).all()


def test_an_image_of_pillow_that_was_opened_from_a_file_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the left when it was taken
    data = saved(Image.fromarray(RAMP), "png", exif=exif)
    with Image.open(io.BytesIO(data)) as picture:
        assert (decoded(encode(picture).data) == np.rot90(RAMP, -1)).all()


def failure(given) -> str:
    with pytest.raises(UnusableImageError) as caught:
        encode(given)
    return str(caught.value)


def test_what_cannot_be_used_is_a_reason(tmp_path):
    assert failure(b"") == "has no bytes"
    assert failure(b"<svg/>") == (
        "is not an image of a format that is read (SVG, which is not read)"
    )
    assert failure(png((0, 0, 0))[:20]).startswith("has a header that is cut off or damaged")
    assert failure(tmp_path / "a.png") == "is not there"
    assert failure(tmp_path / "b" / "a.png") == (
        f"cannot be used: the folder {tmp_path}/b is not there"
    )
    assert failure(tmp_path) == "is a folder"
    assert failure("a\0b") == "cannot be read: embedded null byte"
    assert failure("x" * 300) == "the name is too long for the file system"
    os.mkfifo(tmp_path / "pipe.png")
    assert failure(tmp_path / "pipe.png") == "is not a plain file"
    (tmp_path / "circle").symlink_to("circle")
    assert failure(tmp_path / "circle") == "its links lead round in a circle"


def test_a_huge_image_is_refused_by_its_header_or_size(tmp_path):
    assert failure(saved(Image.new("1", (10_000, 10_000)), "png")) == (
        "has more than 50,000,000 pixels (100,000,000 pixels (10,000 x 10,000))"
    )
    assert failure(Image.new("1", (10_000, 10_000))) == "has more than 50,000,000 pixels"
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(LIMITS.max_bytes + 1)
    assert failure(tmp_path / "huge.jpg") == "has more than 100,000,000 bytes"


def test_what_is_never_an_image_is_named_by_its_place():
    wrong = (
        np.zeros((2, 2), np.uint8),
        np.zeros((2, 2, 3)),
        np.zeros((2, 0, 3), np.uint8),
        5,
        None,
    )
    sentences = []
    for position, given in enumerate(wrong):
        with pytest.raises(InputError, match=re.escape(f"images[{position}] is ")) as caught:
            images.check_kind(given, position)
        sentences.append(str(caught.value))
    assert sentences[1] == ("images[1] is an array float64 [2, 2, 3], not uint8 [height, width, 3]")
    images.check_kind(RAMP, 0)


def test_a_hostile_name_is_shown_and_not_obeyed():
    assert images.name_of("a\x1b[31m\n.png", 0) == r"a\x1b[31m\n.png"
    assert images.name_of(b"", 3) == "images[3]"


def test_large_tiffs_are_decoded_one_at_a_time(monkeypatch):
    # Each takes hundreds of megabytes, and sixteen of them may come in one request.
    large = saved(Image.new("L", (3000, 2000), 7), "tiff", compression="tiff_lzw")
    small = saved(Image.new("L", (3, 2), 7), "tiff")
    running, most = 0, 0
    plain = foreign.plain

    def counted(_, kind):
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.02)
        running -= 1
        return plain(small, kind)

    monkeypatch.setattr(foreign, "plain", counted)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(images.encode_bytes, [large] * 8))
        assert most == 1
        list(threads.map(images.encode_bytes, [small] * 8))
        assert most > 1


def test_an_image_that_is_still_in_its_file_may_be_in_several_threads():
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    data = saved(Image.fromarray(noise), "jpeg")
    expected = decoded(data)
    for _ in range(4):
        shared = Image.open(io.BytesIO(data))
        with ThreadPoolExecutor(8) as threads:
            for answer in threads.map(encode, [shared] * 8):
                assert np.array_equal(decoded(answer.data), expected)


def test_a_file_of_the_system_that_has_nothing_to_read_now_has_no_bytes(tmp_path, monkeypatch):
    class Waiting(io.BytesIO):
        def read(self, _size=-1):
            return None  # what a read that does not wait answers, where it would have to

    (tmp_path / "a.png").write_bytes(png((1, 2, 3)))
    monkeypatch.setattr(os, "fdopen", lambda *_, **__: Waiting())
    with pytest.raises(UnusableImageError, match="has no bytes"):
        encode(tmp_path / "a.png")
