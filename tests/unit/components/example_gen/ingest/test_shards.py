"""A record as a tf.train.Example, and the files it is written to."""

import gzip
import hashlib
from pathlib import Path

import pytest
import tensorflow as tf

from components.example_gen.ingest import image_store, shards
from components.example_gen.ingest.shards import to_example
from schema import features
from tests.support.ingest import facts, record, values


def named(example: tf.train.Example) -> dict[str, list]:
    return {name: values(example, name) for name in example.features.feature}


def test_an_example_follows_the_contract():
    made = to_example(
        record(
            key="set/k",
            image=facts(format="jpeg", width=40, height=30, hash=0xAB),
            captions=("A red cat", "the cat's red"),
            labels=(1, 0),
            attributes={"vendor": "v", "other": "o"},
        ),
        b"bytes of the image",
        attributes=["vendor", "absent"],
    )
    assert named(made) == {
        features.IMAGE_KEY: [b"set/k"],
        features.IMAGE_ENCODED: [b"bytes of the image"],
        features.IMAGE_FORMAT: [b"jpeg"],
        features.IMAGE_WIDTH: [40],
        features.IMAGE_HEIGHT: [30],
        features.IMAGE_BYTES: [18],
        features.PERCEPTUAL_HASH: [b"00000000000000ab"],
        features.CAPTIONS: [b"A red cat", b"the cat's red"],
        features.CAPTION_WORDS: [3, 5],
        features.WORDS: [b"'", b"a", b"cat", b"red", b"s", b"the"],
        features.LABELS: [1, 0],
        features.attribute("vendor"): [b"v"],
    }


def test_labels_and_attributes_may_be_absent():
    names = set(to_example(record(), b"x", ["vendor"]).features.feature)
    assert features.LABELS not in names
    assert features.attribute("vendor") not in names


def test_signs_are_words_as_the_model_reads_them():
    made = to_example(record(captions=("☀", "Wow!?")), b"x", [])
    assert values(made, features.CAPTIONS) == ["☀".encode(), b"Wow!?"]
    assert values(made, features.CAPTION_WORDS) == [1, 3]
    assert values(made, features.WORDS) == [b"!", b"?", b"wow", "☀".encode()]


def test_shards_are_as_many_as_fit_their_size():
    # 32 MiB each: ceil(bytes / 33,554,432), and one for a split of nothing.
    assert [shards.shard_count(n) for n in (0, 1, 2**25, 2**25 + 1, 10 * 2**25)] == [1, 1, 1, 2, 10]
    assert shards.shard_path("f", 3, 12) == "f/data_tfrecord-00003-of-00012.gz"


def test_a_records_place_is_its_keys_digest():
    # Of other bytes than the split is, or each split would have its records in one shard.
    digest = hashlib.sha256("ü/1".encode()).hexdigest()
    assert shards.shard_order("ü/1") == int(digest[16:32], 16)


@pytest.fixture
def stored(tmp_path) -> list:
    """Nine records with their images in two spools."""
    made = []
    for half in (range(5), range(5, 9)):
        written = image_store.ImageStore(str(tmp_path / "spool"))
        made += [
            record(f"k{n}", stored=written.add(b"image %d" % n), captions=(f"{n}",)) for n in half
        ]
        written.close()
    return made


def test_a_shard_holds_each_image_with_its_record_in_an_order_of_the_keys(stored, tmp_path):
    paths = [str(tmp_path / name) for name in ("a.gz", "b.gz")]
    assert shards.write_shard(paths[0], stored, []) == 9
    assert shards.write_shard(paths[1], reversed(stored), []) == 9
    first, second = (Path(path).read_bytes() for path in paths)
    assert first == second
    examples = [
        tf.train.Example.FromString(each.numpy())
        for each in tf.data.TFRecordDataset(paths[0], "GZIP")
    ]
    keys = [values(each, features.IMAGE_KEY)[0].decode() for each in examples]
    assert sorted(keys) == [f"k{n}" for n in range(9)]
    assert keys != sorted(keys)  # shuffled
    for key, example in zip(keys, examples, strict=True):
        assert values(example, features.IMAGE_ENCODED) == [b"image " + key[1:].encode()]
        assert values(example, features.CAPTIONS) == [key[1:].encode()]
    # Packed, but not compressed: the images of real data are, already.
    assert len(first) > len(gzip.decompress(first))


def test_records_of_one_image_each_have_it(stored, tmp_path):
    path = str(tmp_path / "one.gz")
    assert shards.write_shard(path, [stored[0], record("k", stored=stored[0].stored)], []) == 2
    images = [
        values(tf.train.Example.FromString(each.numpy()), features.IMAGE_ENCODED)
        for each in tf.data.TFRecordDataset(path, "GZIP")
    ]
    assert images == [[b"image 0"], [b"image 0"]]


def test_a_spool_that_was_cut_off_is_noticed(stored):
    path = Path(stored[0].stored.file)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RuntimeError, match="was cut off"):
        list(image_store.read(each.stored for each in stored))
