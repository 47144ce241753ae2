"""The Beam graph of ingest: files in, records of each split and a quarantine out.

parts of files -> rows -> images examined, on disk -> by key: records -> splits -> keys of their own
-> near duplicates out of what is not train -> shards; all in blocks
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam

from components.beam_blocks import FEWEST, Block, Bucket, by_key, together
from components.beam_progress import count_records
from components.example_gen.config import IngestConfig
from components.example_gen.files import Part, read_options
from components.example_gen.images.originals import write_originals
from components.example_gen.ingest.examine import Limits
from components.example_gen.ingest.near_duplicate_removal import PAIRS, without_near_duplicates
from components.example_gen.ingest.outputs import (
    write_pairs,
    write_quarantine,
    write_records,
    write_summary,
)
from components.example_gen.ingest.read import ELSEWHERE, Read, by_address, path_of
from components.example_gen.ingest.stages import COUNTS, ORIGINALS, REFUSED, USABLE, Examine
from components.example_gen.records.examined import ExaminedRow
from components.example_gen.records.merge import Grouping, Record, merge_all, own_names
from components.example_gen.records.retained import sources
from components.example_gen.records.splits import precedence
from components.example_gen.split_digests import write_digests

NODE = "ImageTextExampleGen"


@dataclasses.dataclass(frozen=True)
class Places:
    """Folders: of all examples, by split, of the quarantine, and of the image store."""

    examples: str
    splits: Mapping[str, str]
    quarantine: str
    image_store: str


def ingest(
    pipeline: beam.Pipeline,
    parts: Iterable[Part],
    config: IngestConfig,
    max_captions: int,
    places: Places,
    buckets: int = FEWEST,
) -> None:
    """Add ingest to a Beam pipeline.

    Args:
        pipeline: to add it to.
        parts: of the files to read.
        config: of the data.
        max_captions: the most captions the model takes of one image.
        places: where everything goes.
        buckets: by which rows of the same key meet.
    """
    limits = Limits.of(config)
    ranks = precedence(list(config.patterns))
    retained = sources(config)
    grouping = Grouping(ranks, config.shares, max_captions, config.keep_captions, retained)
    options = {"": read_options(config)}
    options |= {name: read_options(source.config) for name, source in retained.items()}
    rows = (
        pipeline
        | "Parts" >> beam.Create(list(parts), reshuffle=False)
        | "Spread" >> beam.Reshuffle()
        | "Read" >> beam.ParDo(Read(options)).with_outputs(REFUSED, ELSEWHERE, COUNTS, main=USABLE)
    )
    fetched = (
        rows[ELSEWHERE]
        # The rows of one image together, so that its file is read and decoded once.
        | "ByAddress" >> together(Bucket(path_of, buckets))
        | "Address" >> beam.FlatMap(by_address)
    )
    # Not flattened before: a runner may write flattened elements, here the images, to disk.
    examined = [
        images
        | f"Examine{name}"
        >> beam.ParDo(Examine(limits, places.image_store)).with_outputs(
            REFUSED, ORIGINALS, main=USABLE
        )
        for name, images in (("Inline", rows[USABLE]), ("Fetched", fetched))
    ]
    merged = (
        [stage[USABLE] for stage in examined]
        | "Usable" >> beam.Flatten()
        | "Count" >> count_records(NODE, len)
        | "ByKey" >> together(Bucket(_key, buckets))
        | "Merge" >> beam.FlatMap(_merge, grouping).with_outputs(REFUSED, COUNTS, main=USABLE)
    )
    named = (
        merged[USABLE]
        | "ByName" >> together(Bucket(_name, buckets))
        | "OwnNames" >> beam.Map(_own_names, grouping)
    )
    records, near = without_near_duplicates(
        named, config.near_duplicates, config.attributes, buckets
    )
    compared = () if near is None else (near,)
    stages = (rows, *examined, merged, *compared)
    refused = [stage[REFUSED] for stage in stages] | "AllRefused" >> beam.Flatten()
    write_records(records, places.splits, config.attributes)
    write_digests(records, places.splits)
    originals = [stage[ORIGINALS] for stage in examined] | "AllOriginals" >> beam.Flatten()
    write_originals(originals, places.examples)
    write_quarantine(refused, places.quarantine)
    if near is not None:
        write_pairs(near[PAIRS], places.quarantine)
    counted = [stage[COUNTS] for stage in (rows, merged, *compared)]
    write_summary(counted, records, refused, places.quarantine, buckets, sorted(places.splits))


def _key(row: ExaminedRow) -> str:
    return row.key


def _name(record: Record) -> str:
    return record.name or record.key


def _merge(rows: Block[ExaminedRow], grouping: Grouping) -> Iterator[Any]:
    merged: list[Record] = []
    counts: Counter[tuple[str, str]] = Counter()
    for key, group in by_key(rows, _key).items():
        records, refused, elsewhere = merge_all(key, group, grouping)
        counts["other_share", ""] += elsewhere
        counts["merged", ""] += sum(record.rows - 1 for record in records)
        merged += records
        for row in refused:
            yield beam.pvalue.TaggedOutput(REFUSED, row)
    yield Block(merged)
    for count in (+counts).items():
        yield beam.pvalue.TaggedOutput(COUNTS, count)


def _own_names(records: Block[Record], grouping: Grouping) -> Block[Record]:
    named = by_key(records, _name).values()
    return Block([record for group in named for record in own_names(group, grouping)])
