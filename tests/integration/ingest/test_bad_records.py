"""1,000 good records and 240 bad or odd ones: exactly the expected come through, cheaply."""

import hashlib
import io
import tarfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.example_gen.config import IngestConfig
from components.example_gen.images.originals import OF_EACH_KIND, read_originals
from schema import features
from tests.support import bad_images
from tests.support.bad_images import EACH, KINDS, SIZE, names
from tests.support.ingest import Ingested, ingested, picture, values, write_tar
from tests.support.peak_memory import begin_peak, peak
from trainer.preprocessing.image_files.image_formats import decode

GOOD = 1_000
REFUSED = {kind: reason for kind, (_, reason) in KINDS.items() if reason is not None}
USED = sorted(set(KINDS) - set(REFUSED))


def config(folder: Path, **changes) -> IngestConfig:
    payload = {"path": str(folder.parent), "splits": {"train": folder.name}, **changes}
    return IngestConfig.model_validate(payload)


Measured = tuple[Ingested, float, float]  # what came out, the time against the clean set's, MB


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Measured:
    """The good records and the bad ones, in turns with as many that are all good.

    The processor's time is compared, not the clock's: other tests run beside this one.
    """
    clean = tmp_path_factory.mktemp("clean") / "images"
    both = tmp_path_factory.mktemp("mixed") / "images"
    bad_images.write_good(clean, GOOD + EACH * len(KINDS))
    bad_images.write_good(both, GOOD)
    bad_images.write_bad(both)
    ingested(clean.parent / "warm", config(clean))  # what is imported and built only once
    before = begin_peak()
    alone, mixed = [], []
    for n in range(2):
        alone.append(seconds(clean, f"out-{n}")[0])
        took, done = seconds(both, f"out-{n}")
        mixed.append(took)
    return done, min(mixed) / min(alone), (peak() - before) / 2**20


def seconds(folder: Path, name: str) -> tuple[float, Ingested]:
    started = time.process_time()
    done = ingested(folder.parent / name, config(folder))
    return time.process_time() - started, done


def test_exactly_the_expected_records_come_through(mixed):
    done, _, _ = mixed
    expected = {f"good-{n:04d}" for n in range(GOOD)}
    expected |= {name for kind in USED for name in names(kind)}
    assert set(done.keys("train")) == expected
    assert len(done.keys("train")) == len(expected) == GOOD + EACH * len(USED)
    assert done.summary.lost == 0
    assert done.summary.read == GOOD + 12 * EACH


def test_each_reject_carries_its_reason(mixed):
    done, _, _ = mixed
    found = {each.key: each.reason for each in done.refused}
    assert found == {name: reason for kind, reason in REFUSED.items() for name in names(kind)}
    expected = Counter(dict.fromkeys(REFUSED.values(), 0))
    for reason in REFUSED.values():
        expected[reason] += EACH
    assert done.summary.quarantined == expected


def test_odd_images_come_out_as_a_decoder_without_options_reads_them(mixed):
    done, _, _ = mixed
    by_key = {values(each, features.IMAGE_KEY)[0].decode(): each for each in done.examples["train"]}
    for kind in USED:
        for name in names(kind):
            example = by_key[name]
            [image] = values(example, features.IMAGE_ENCODED)
            pixels = decode(image).numpy()
            size = SIZE[::-1] if kind == "exif" else SIZE
            shape = (size[1], size[0])
            assert pixels.shape[:2] == shape
            assert values(example, features.IMAGE_HEIGHT) == [shape[0]]
            assert pixels.std() > 10  # a picture, not a black rectangle
    changed = done.summary.images_changed
    assert changed == {"first_frame": EACH}  # CMYK, 16 bits and turned are kept as they are


def test_some_images_that_are_encoded_anew_are_kept_as_received(mixed):
    done, _, _ = mixed
    kept = read_originals(str(done.folder))
    assert [each.kind for each in kept] == ["first_frame"] * OF_EACH_KIND
    first = 10_000 * (1 + list(KINDS).index("animated"))
    made = {bad_images.animated(first + n) for n in range(EACH)}
    digests = sorted(hashlib.sha256(image).hexdigest() for image in made)
    assert [each.digest for each in kept] == digests[:OF_EACH_KIND]  # the lowest, in any order
    for each in kept:
        assert each.image in made
        np.testing.assert_array_equal(decode(each.stored), decode(each.image))


def test_a_turned_image_shows_what_its_camera_saw(mixed):
    done, _, _ = mixed
    seed = 10_000 * (1 + list(KINDS).index("exif"))
    [example] = [e for e in done.examples["train"] if values(e, features.IMAGE_KEY) == [b"exif-00"]]
    [image] = values(example, features.IMAGE_ENCODED)
    upright = Image.open(io.BytesIO(bad_images.jpeg(seed))).transpose(Image.Transpose.ROTATE_270)
    difference = decode(image).numpy() - np.asarray(upright, float)
    assert np.abs(difference).mean() < 4  # each decoder smooths the colours in its own way


def test_bombs_take_no_memory_and_bad_records_little_time(mixed):
    _, ratio, megabytes = mixed
    assert megabytes < 100
    assert ratio <= 1.2


def test_nothing_is_written_elsewhere(mixed):
    done, _, _ = mixed
    around = {path.name for path in done.folder.parent.iterdir()}
    assert around == {"images", "out-0", "out-1"}
    assert {path.suffix for path in (done.folder.parent / "images").iterdir()} == {".jpg", ".txt"}


def odd(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_members_of_a_tar_that_are_no_files_or_lead_elsewhere(tmp_path):
    image = picture(1)
    write_tar(
        tmp_path / "train.tar",
        [
            ("good.png", image), ("good.txt", b"good"),
            ("../outside.png", image), ("../outside.txt", b"up"),
            ("/absolute.png", image), ("/absolute.txt", b"root"),
            odd("link.png", tarfile.SYMTYPE, "/etc/passwd"), ("link.txt", b"link"),
            odd("hard.png", tarfile.LNKTYPE, "good.png"), ("hard.txt", b"hard"),
            odd("device.png", tarfile.CHRTYPE), ("device.txt", b"device"),
        ],
    )  # fmt: skip
    done = ingested(tmp_path / "out", config(tmp_path / "train.tar"))
    assert done.keys("train") == ["good"]
    assert {each.key: each.reason for each in done.refused} == {
        "../outside": "unsafe_name",
        "absolute": "unsafe_name",
        "link": "not_a_file",
        "hard": "not_a_file",
        "device": "not_a_file",
    }
    assert done.summary.read == 6
    assert {path.name for path in tmp_path.iterdir()} == {"train.tar", "out"}


def test_captions_that_cannot_be_used(tmp_path):
    captions = {
        "good": " a  cat\u200b\n".encode(),
        "empty": b" \n",
        "latin": "Käfer".encode("latin-1"),
        "long": b"a " * 500_000,
        "html": b"<html><body><h1>404</h1></body></html>",
    }
    members = []
    for n, (key, caption) in enumerate(captions.items()):
        members += [(f"{key}.png", picture(n)), (f"{key}.txt", caption)]
    write_tar(tmp_path / "train.tar", members)
    done = ingested(tmp_path / "out", config(tmp_path / "train.tar"))
    [example] = done.examples["train"]
    assert values(example, features.CAPTIONS) == [b"a cat"]
    assert {each.key: each.reason for each in done.refused} == {
        "empty": "empty_caption",
        "latin": "caption_not_utf8",
        "long": "caption_too_long",
        "html": "caption_is_html",
    }
