"""What ingest writes, by value: which shard has which record, the quarantine's files, the sums."""

import glob
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

from components.example_gen.ingest import image_store, outputs, shards
from components.example_gen.records import quarantine
from components.example_gen.records.examined import Refused
from components.example_gen.rows import Place
from pipeline.beam.arguments import beam_arguments
from pipeline.config.beam import LocalBeam
from schema import features
from tests.support.ingest import blocks, facts, record, values


def run(build) -> None:
    """A Beam pipeline; `build` gets a function that makes a collection."""
    with beam.Pipeline(options=PipelineOptions(beam_arguments(LocalBeam()))) as pipeline:
        numbers = iter(range(9))
        build(lambda made: pipeline | f"Create{next(numbers)}" >> beam.Create(list(made)))


def keys(path: str) -> list[str]:
    """Of the records of a shard, in its order."""
    return [
        values(tf.train.Example.FromString(each.numpy()), features.IMAGE_KEY)[0].decode()
        for each in tf.data.TFRecordDataset(path, "GZIP")
    ]


def test_a_split_has_the_shards_its_own_bytes_need_and_a_record_its_place_in_them(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(shards, "SHARD_BYTES", 100)
    spooled = image_store.ImageStore(str(tmp_path / "spool"))
    # 40 images of 7 bytes need ceil(280 / 100) = 3 shards; 9 of them ceil(63 / 100) = 1.
    made = [
        record(
            f"{split}{n}",
            split=split,
            stored=spooled.add(b"%07d" % n),
            attributes={"vendor": "v", "other": "o"},
        )
        for split, count in (("train", 40), ("eval", 9))
        for n in range(count)
    ]
    spooled.close()
    folders = {split: str(tmp_path / split) for split in ("train", "eval")}
    for folder in folders.values():
        Path(folder).mkdir()
    run(lambda create: outputs.write_records(create(blocks(made)), folders, ["vendor"]))
    for split, count in (("train", 3), ("eval", 1)):
        named = [f"{split}{n}" for n in range(40 if split == "train" else 9)]
        files = sorted(glob.glob(f"{folders[split]}/*"))
        assert files == [shards.shard_path(folders[split], n, count) for n in range(count)]
        for number, file in enumerate(files):
            mine = [key for key in named if shards.shard_order(key) % count == number]
            assert keys(file) == sorted(mine, key=shards.shard_order)
    [example, *_] = tf.data.TFRecordDataset(shards.shard_path(folders["eval"], 0, 1), "GZIP")
    kept = tf.train.Example.FromString(example.numpy())
    assert values(kept, features.attribute("vendor")) == [b"v"]
    assert features.attribute("other") not in kept.features.feature


def test_a_refused_row_is_a_line_of_the_file_its_place_decides(tmp_path):
    refused = [Refused("train", Place("a.tar", n), "no_image", key=f"k{n}") for n in range(40)]
    run(lambda create: outputs.write_quarantine(create(reversed(refused)), str(tmp_path)))
    assert list(quarantine.read_records(str(tmp_path))) == refused
    by_file: dict[int, list[str]] = {n: [] for n in range(4)}
    for each in refused:
        by_file[shards.shard_order(f"a.tar: {each.place.offset}") % 4].append(quarantine.line(each))
    for number, lines in by_file.items():
        text = (tmp_path / f"records-{number:05d}-of-00004.jsonl").read_text()
        assert text == "".join(line + "\n" for line in sorted(lines))


@pytest.mark.parametrize("some", [True, False])
def test_the_sums_of_what_was_counted_written_and_refused(tmp_path, some):
    records = [
        record("a", image=facts("x", changed=("from_bmp", "shrunk")), captions=("1", "2"), rows=2),
        record("b", image=facts("x", changed=("shrunk",)), dropped=("empty_caption",) * 2),
        record("c", image=facts("x"), split="eval", captions=("3", "4")),
        # Of other bytes, though they look alike.
        record("d", image=facts("y", hash=1), rows=3, dropped=("duplicate_caption",)),
        *(record(key, image=facts("z")) for key in ("e", "f")),
        record("g", image=facts("w", hash=1), captions=("2", " 2", "3"), labels=(1, 1, 0)),
    ]
    reasons = ["no_image", "no_caption", "no_image"]
    refused = [Refused("train", Place("a", n), each) for n, each in enumerate(reasons)]
    counted = [
        [(("read", ""), 8), (("merged", ""), 1), (("read", ""), 5)],
        [(("near_duplicates", "eval"), 1), (("merged", ""), 2)],
    ]
    if not some:
        records, refused, counted = [], [], [[(("read", ""), 0)]]
    run(
        lambda create: outputs.write_summary(
            [create(each) for each in counted],
            create(blocks(records)),
            create(refused),
            str(tmp_path),
            2,
            ["eval", "none", "train"],
        )
    )
    summary = quarantine.read_summary(str(tmp_path))
    if not some:
        assert summary == quarantine.Summary(examples={"eval": 0, "none": 0, "train": 0})
        return
    assert summary == quarantine.Summary(
        read=13,
        examples={"eval": 1, "none": 0, "train": 6},
        merged=3,
        quarantined={"no_caption": 1, "no_image": 2},
        captions_dropped={"duplicate_caption": 1, "empty_caption": 2},
        captions={"1": 4, "2": 2, "3": 1},
        distinct_images={"eval": 1, "train": 4},  # x, y, z and w
        # Of train '1', '2' twice, what `record` gives b, d, e and f, and '3' that does not match.
        distinct_captions={"eval": 2, "train": 4},
        images_changed={"from_bmp": 1, "shrunk": 2},
        identical=5,  # a, b and c; e and f
        near_duplicates={"eval": 1},
    )
    assert summary.lost == 0
