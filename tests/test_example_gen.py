"""Readers and the record contract: what is read, and what is refused in which words."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
import tensorflow as tf
from PIL import Image

from components.example_gen.component import find_shards, refuse_repeated_key
from components.example_gen.record import Record, to_example
from components.example_gen.webdataset import read_shard
from schema import features
from schema.errors import InputError


def picture(kind: str = "png", size: tuple[int, int] = (4, 3)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (9, 99, 199)).save(out, kind)
    return out.getvalue()


def write(path: Path, members: dict[str, bytes]) -> str:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return str(path)


def meta(**values) -> bytes:
    return json.dumps(values).encode()


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_records_of_a_shard(tmp_path, name):
    image = picture()
    path = write(
        tmp_path / name,
        {
            "__info__.json": b"{}",
            "set/one.png": image,
            "set/one.json": meta(
                captions=["a", "b"], labels=[1, 0], attributes={"vendor": "x", "n": 3}
            ),
            "two.seg.png": b"another extension, not an image of ours",
            "two.PNG": image,
            "two.txt": "ein Käfer".encode(),
        },
    )
    one, two = read_shard(path)
    assert (one.key, one.image, one.captions, one.labels) == ("set/one", image, ["a", "b"], [1, 0])
    assert one.attributes == {"vendor": "x", "n": "3"}
    assert (two.key, two.captions, two.labels) == ("two", ["ein Käfer"], None)


def broken(tmp_path: Path, members: dict[str, bytes]) -> str:
    with pytest.raises(InputError) as caught:
        list(read_shard(write(tmp_path / "bad.tar", members)))
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_what_a_shard_is_refused_for(tmp_path):
    assert broken(tmp_path, {}) == "bad.tar: holds no record"
    assert broken(tmp_path, {"k.txt": b"hi"}) == "bad.tar: k: has no images, one is expected"
    two = {"k.png": b"", "k.jpg": b"", "k.txt": b"hi"}
    assert broken(tmp_path, two) == "bad.tar: k: has 2 images, one is expected"
    text = {"k.png": b"", "k.json": b"{"}
    assert "k: its text is not UTF-8 or its JSON does not parse" in broken(tmp_path, text)
    assert "not UTF-8" in broken(tmp_path, {"k.png": b"", "k.txt": b"\xff"})
    for wrong in ([1], "text", None):
        captions = {"k.png": b"", "k.json": meta(captions=wrong)}
        assert "k: 'captions' must be a list of strings" in broken(tmp_path, captions)
    labels = {"k.png": b"", "k.json": meta(captions=["a"], labels=["1"])}
    assert "k: 'labels' must be a list of 0 and 1" in broken(tmp_path, labels)
    assert "its JSON is no object" in broken(tmp_path, {"k.png": b"", "k.json": b"[]"})


@pytest.mark.parametrize("name", ["cut.tar", "cut.tar.gz"])
@pytest.mark.parametrize("keep", [0.5, 0.97])
def test_a_shard_cut_off_is_noticed_wherever_it_was_cut(tmp_path, name, keep):
    noise = [bytes(tf.random.uniform([700], 0, 256, tf.int32).numpy().tolist()) for _ in range(8)]
    members: dict[str, bytes] = {}
    for n, body in enumerate(noise):
        members |= {f"k{n}.png": body, f"k{n}.txt": b"hi"}
    path = Path(write(tmp_path / name, members))
    whole = path.read_bytes()
    end = len(whole) if name.endswith("gz") else len(whole.rstrip(b"\0"))
    path.write_bytes(whole[: int(end * keep)])
    with pytest.raises(InputError, match=r"cut\.tar.*: the tar is damaged or cut off after k\d"):
        list(read_shard(str(path)))


def test_a_missing_file_and_a_file_that_is_no_tar(tmp_path):
    (tmp_path / "no.tar").write_bytes(b"hello " * 200)
    (tmp_path / "no.tar.gz").write_bytes(gzip.compress(b"hello " * 200))
    (tmp_path / "empty.tar").write_bytes(b"")
    for name in ("no.tar", "no.tar.gz", "empty.tar", "absent.tar"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            list(read_shard(str(tmp_path / name)))
    with pytest.raises(InputError, match="matches no file"):
        find_shards(str(tmp_path), "train-*.tar")


def example(**changes) -> tf.train.Example:
    record = {"source": "f: k", "key": "k", "image": picture(), "captions": ["a"], **changes}
    return to_example(Record(**record), attributes=["vendor"], max_captions=2)


def test_an_example_follows_the_contract():
    image = picture("jpeg")
    made = example(
        image=image, captions=[" a ", "b"], labels=[1, 0], attributes={"vendor": "v", "other": "o"}
    )
    found = {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in made.features.feature.items()
    }
    assert found == {
        features.IMAGE_KEY: [b"k"],
        features.IMAGE_ENCODED: [image],
        features.IMAGE_FORMAT: [b"jpeg"],
        features.IMAGE_WIDTH: [4],
        features.IMAGE_HEIGHT: [3],
        features.IMAGE_BYTES: [len(image)],
        features.CAPTIONS: [b"a", b"b"],
        features.LABELS: [1, 0],
        features.attribute("vendor"): [b"v"],
    }


def test_labels_and_attributes_may_be_absent():
    names = set(example().features.feature)
    assert features.LABELS not in names
    assert features.attribute("vendor") not in names


@pytest.mark.parametrize("kind", ["bmp", "gif", "jpeg", "png", "webp"])
def test_every_format_is_recognised_by_its_bytes(kind):
    made = example(image=picture(kind))
    assert made.features.feature[features.IMAGE_FORMAT].bytes_list.value[0].decode() == kind


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image": b"not an image"}, "f: k: is no image"),
        ({"image": picture(size=(64, 64))[:100]}, "f: k: is no image"),
        ({"image": picture("tiff")}, "f: k: is no image"),
        ({"captions": []}, "f: k: has an empty caption or none at all"),
        ({"captions": ["a", " "]}, "f: k: has an empty caption"),
        ({"captions": ["a"] * 3}, "f: k: has 3 captions, more than text.max_captions = 2"),
        ({"labels": [1, 0]}, "f: k: has 2 labels for 1 captions"),
        ({"labels": [2]}, "f: k: labels must be 0 or 1"),
    ],
)
def test_what_a_record_is_refused_for(changes, sentence):
    with pytest.raises(InputError) as caught:
        example(**changes)
    assert str(caught.value).startswith(sentence)


def test_a_key_stands_once():
    refuse_repeated_key("k", ["train"])
    with pytest.raises(InputError, match=r"k: this image key stands in the data 2 times"):
        refuse_repeated_key("k", ["train", "eval"])
