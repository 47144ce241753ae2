"""Rows in blocks: which rows meet, and what of them a stage holds."""

import pickle
import zlib

import apache_beam as beam
import pytest
from apache_beam.coders import FastPrimitivesCoder
from apache_beam.options.pipeline_options import PipelineOptions

from components import beam_blocks
from components.beam_blocks import (
    Block,
    Bucket,
    ToBuckets,
    bucket_count,
    by_key,
    joined,
    together,
)
from pipeline.beam.arguments import beam_arguments
from pipeline.config.beam import LocalBeam
from tests.support.ingest import record


@pytest.mark.parametrize(
    ("data_bytes", "count"),
    [(0, 64), (64 << 20, 64), (65 << 20, 65), (10**9, 953), (4096 << 20, 4096), (10**13, 4096)],
)
def test_there_is_a_bucket_for_each_mebibyte_of_the_data(data_bytes, count):
    assert bucket_count(data_bytes) == count


def test_the_bucket_of_a_key_is_the_same_on_every_machine():
    bucket = Bucket(lambda row: row[0], 7)
    assert zlib.crc32(b"cat") == 0x9E5E43A8
    assert bucket(("cat", 1)) == bucket.of("cat") == bucket.of(b"cat") == 0x9E5E43A8 % 7
    assert bucket.of("\udcff") == zlib.crc32(b"\xed\xb3\xbf") % 7  # of a name that is not UTF-8


def test_rows_of_one_key_end_in_one_block_and_none_is_lost(tmp_path):
    rows = [(f"key {number % 40}", number) for number in range(1000)]
    cut = [Block(rows[first : first + 30]) for first in range(0, 1000, 30)]
    found: list[list] = []
    path = tmp_path / "blocks"
    with beam.Pipeline(options=PipelineOptions(beam_arguments(LocalBeam()))) as pipeline:
        _ = (
            pipeline
            | beam.Create(cut)
            | "Together" >> together(Bucket(lambda row: row[0], 6))
            | beam.combiners.ToList()
            | beam.Map(lambda all_of: path.write_bytes(pickle.dumps([[*each] for each in all_of])))
        )
    found = pickle.loads(path.read_bytes())
    assert sorted(row for block in found for row in block) == sorted(rows)
    assert len(found) <= 6
    keys = [key for block in found for key in {key for key, _ in block}]
    assert len(keys) == len(set(keys)) == 40


def test_a_bundle_holds_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr(beam_blocks, "ROWS_HELD", 5)
    stage = ToBuckets(lambda row, side: (row % 2, side))
    stage.start_bundle()
    assert list(stage.process(Block([1, 2, 3, 4]), "s")) == []
    released = list(stage.process(Block([5, 6]), "s"))
    assert released == [((1, "s"), Block([1, 3, 5])), ((0, "s"), Block([2, 4, 6]))]
    assert list(stage.process(Block([7]), "s")) == []
    assert [element.value for element in stage.finish_bundle()] == [((1, "s"), Block([7]))]
    assert list(stage.finish_bundle()) == []


def test_a_block_is_encoded_as_a_whole():
    """What rows share is encoded once: Beam would encode the items of a list one by one."""
    coder = FastPrimitivesCoder()
    rows = [record(f"key {number}", captions=("the same",)) for number in range(100)]
    block = coder.encode(Block(rows))
    assert coder.decode(block) == Block(rows)
    assert block.count(b"Record") == 1
    assert coder.encode(rows).count(b"Record") == 100
    assert len(block) < len(coder.encode(rows)) / 3


def test_blocks_are_joined_and_grouped_in_their_order():
    assert joined([Block([3, 1]), Block([]), Block([2])]) == Block([3, 1, 2])
    assert by_key(["b1", "a1", "b2"], lambda item: item[0]) == {"b": ["b1", "b2"], "a": ["a1"]}
    assert len(Block([1, 2])) == 2
