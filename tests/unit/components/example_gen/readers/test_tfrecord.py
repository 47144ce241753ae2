"""TFRecord of tf.train.Example, as TensorFlow writes it."""

import gzip
from pathlib import Path

import pytest
import tensorflow as tf

from components.example_gen.readers import tfrecord
from components.example_gen.readers.tfrecord import READER
from schema import features
from schema.errors import InputError
from tests.support.readers import everything, options, picture, reasons, rows


def example(**values) -> bytes:
    """Values by feature; `__` in a name stands for a slash."""
    made = tf.train.Example()
    for name, value in values.items():
        feature = made.features.feature[name.replace("__", "/")]
        if all(isinstance(each, int) for each in value):
            feature.int64_list.value.extend(value)
        else:
            feature.bytes_list.value.extend(value)
    return made.SerializeToString()


def write(path: Path, records: list[bytes], compression: str = "") -> Path:
    with tf.io.TFRecordWriter(str(path), compression) as sink:
        for each in records:
            sink.write(each)
    return path


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_examples_of_our_own_contract(tmp_path, compression):
    records = [
        {
            features.IMAGE_KEY: [f"k{n}".encode()],
            features.IMAGE_ENCODED: [picture(shade=n)],
            features.CAPTIONS: [f"a{n}".encode(), "ß".encode()],
            features.LABELS: [1, 0],
            features.attribute("vendor"): [f"v{n}".encode()],
            "image/caption": [b"not this one"],
        }
        for n in range(3)
    ]
    path = write(tmp_path / "a", [example(**each) for each in records], compression)
    found = rows(READER, path, options("vendor", "absent"))
    assert [row.key for row in found] == ["k0", "k1", "k2"]
    assert [row.image for row in found] == [picture(shade=n) for n in range(3)]
    assert found[1].captions == (b"a1", "ß".encode())
    assert found[1].labels == (1, 0)
    assert found[1].attributes == {"vendor": "v1"}
    assert [row.place.offset for row in found] == [0, 1, 2]


def test_usual_names_and_names_of_the_config(tmp_path):
    record = example(
        image__encoded=[b"i"],
        image__caption=[b"c"],
        image__filename=[b"f"],
        size=[64],
        other=[b"o"],
    )
    path = write(tmp_path / "a", [record])
    [row] = rows(READER, path, options("size"))
    assert (row.key, row.image, row.captions) == ("f", b"i", (b"c",))
    assert row.attributes == {"size": "64"}
    [row] = rows(READER, path, options(image="other", captions="image/filename", key="size"))
    assert (row.key, row.image, row.captions) == ("64", b"o", (b"f",))
    with pytest.raises(InputError, match=r"has no column 'x', which data\.columns\.image names"):
        rows(READER, path, options(image="x"))


def test_an_image_may_be_a_path(tmp_path):
    path = write(tmp_path / "a", [example(image_path=[b"s/b.png"], caption=[b"c"])])
    assert [row.image_path for row in rows(READER, path)] == [f"{tmp_path}/s/b.png"]


def test_records_that_are_no_rows(tmp_path):
    good = example(image=[b"i"], caption=[b"c"])
    records = [
        good,
        b"\xff no example",
        example(image=[], caption=[b"c"]),
        example(image=[b"i"]),
        example(image=[b"i", b"j"], caption=[b"c"]),
        example(image=[b"i"], caption=[b"c"], labels=[b"1"]),
        example(image=[b"x" * (1 << 25)], caption=[b"c"]),
        good,
    ]
    found = everything(READER, write(tmp_path / "a", records))
    assert reasons(found) == [
        *("row", "bad_metadata", "no_image", "no_caption", "several_images", "bad_labels"),
        *("too_many_bytes", "row"),
    ]
    assert [each.place.offset for each in found] == list(range(8))
    assert found[1].first_bytes == b"\xff no example"


@pytest.mark.parametrize("at", [3, 9, 20, -2])
@pytest.mark.parametrize("kind", ["", "GZIP"])
def test_a_damaged_record_is_named(tmp_path, at, kind):
    record = example(image=[b"i" * 50], caption=[b"c"])
    path = write(tmp_path / "a.tfrecord", [record, record, record])
    body = bytearray(path.read_bytes())
    size = len(body) // 3
    body[2 * size + at if at > 0 else 3 * size + at] ^= 1
    path.write_bytes(body)
    if kind:
        path.write_bytes(gzip.compress(body))
    with pytest.raises(InputError, match=r"a\.tfrecord: record 2 is damaged or cut off"):
        everything(READER, path)


@pytest.mark.parametrize("keep", [0.4, 0.7, 0.99])
@pytest.mark.parametrize("kind", ["", "GZIP"])
def test_a_file_cut_off_is_noticed(tmp_path, keep, kind):
    path = write(tmp_path / "a", [example(image=[b"i" * 50], caption=[b"c"])] * 3, kind)
    body = path.read_bytes()
    path.write_bytes(body[: int(len(body) * keep)])
    with pytest.raises(InputError, match=r"a: record \d is damaged or cut off"):
        everything(READER, path)


def test_a_long_record_that_is_cut_off(tmp_path):
    path = write(tmp_path / "a", [example(image=[b"x" * (1 << 25)], caption=[b"c"])])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="record 0 is damaged or cut off"):
        everything(READER, path)


def test_no_file_no_record_and_no_tfrecord(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(InputError, match="a: holds no record"):
        everything(READER, tmp_path / "a")
    (tmp_path / "a").write_bytes(b"hello " * 20)
    with pytest.raises(InputError, match="a: record 0 is damaged or cut off"):
        everything(READER, tmp_path / "a")


def test_a_length_that_looks_like_a_compression_does_not_mislead(tmp_path):
    size = int.from_bytes(b"\x1f\x8b\x08", "little")
    around = len(example(image=[b"i" * 500_000], caption=[b"c"])) - 500_000
    body = example(image=[b"i" * (size - around)], caption=[b"c"])
    path = write(tmp_path / "a", [body])
    head = path.read_bytes()[:12]
    assert head.startswith(b"\x1f\x8b\x08")
    assert tfrecord._is_record(head)
    assert reasons(everything(READER, path)) == ["row"]
