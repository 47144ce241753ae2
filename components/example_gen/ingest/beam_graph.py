"""The Beam graph of ingest: files in, records of each split and a quarantine out.

parts of files -> rows -> images examined, on disk -> by key: records -> splits -> keys of their own
-> near duplicates out of what is not train -> shards
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam

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
from components.example_gen.ingest.stages import COUNTS, ORIGINALS, REFUSED, USABLE, Examine
from components.example_gen.readers.parsing.limits import check_rejected
from components.example_gen.readers.registry import READERS, ReadOptions
from components.example_gen.records.examined import ExaminedRow, Refused
from components.example_gen.records.merge import Grouping, Record, merge_all, own_names
from components.example_gen.records.retained import sources
from components.example_gen.records.splits import precedence
from components.example_gen.rows import Ignored, Row
from components.example_gen.split_digests import write_digests

NODE = "ImageTextExampleGen"
ELSEWHERE = "elsewhere"  # rows whose image is in a file of its own


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
) -> None:
    """Add ingest to a Beam pipeline.

    Args:
        pipeline: to add it to.
        parts: of the files to read.
        config: of the data.
        max_captions: the most captions the model takes of one image.
        places: where everything goes.
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
        | "ByAddress" >> beam.GroupByKey()
        | "Address" >> beam.Values()
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
        | "Count" >> count_records(NODE)
        | "ByKey" >> beam.GroupBy(lambda row: row.key)
        | "Merge" >> beam.FlatMap(_merge, grouping).with_outputs(REFUSED, COUNTS, main=USABLE)
    )
    named = (
        merged[USABLE]
        | "ByName" >> beam.GroupBy(lambda record: record.name or record.key)
        | "OwnNames" >> beam.FlatMap(_own_names, grouping)
    )
    records, near = without_near_duplicates(named, config.near_duplicates, config.attributes)
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
    write_summary(counted, records, refused, places.quarantine, sorted(places.splits))


class Read(beam.DoFn):
    """Read the rows of a part: those with their image at once, the others by its address.

    Args:
        options: by the name of a retained data set; those of all splits under ''.
    """

    def __init__(self, options: Mapping[str, ReadOptions]):
        self._options = dict(options)

    def process(self, part: Part) -> Iterator[Any]:
        split, reader, file, number = part
        options = self._options.get(split, self._options[""])
        counts: Counter[tuple[str, str]] = Counter()
        rejected = 0
        for row in READERS[reader].read(file, number, options):
            if isinstance(row, Ignored):
                counts["ignored", row.kind] += 1
                continue
            counts["read", ""] += 1
            if not isinstance(row, Row):
                rejected += 1
                check_rejected(file, rejected, counts["read", ""], row)
                why = (row.reason, row.detail, row.key, row.first_bytes)
                yield beam.pvalue.TaggedOutput(REFUSED, Refused(split, row.place, *why))
                continue
            if row.key_column:
                counts["key_columns", row.key_column] += 1
            if row.image is None and row.image_path is not None:
                yield beam.pvalue.TaggedOutput(ELSEWHERE, (row.image_path, (split, row)))
            else:
                yield [(split, row)]
        for count in counts.items():
            yield beam.pvalue.TaggedOutput(COUNTS, count)


def _merge(group: tuple[str, Iterable[ExaminedRow]], grouping: Grouping) -> Iterator[Any]:
    records, refused, elsewhere = merge_all(*group, grouping)
    if elsewhere:
        yield beam.pvalue.TaggedOutput(COUNTS, (("other_share", ""), elsewhere))
    for row in refused:
        yield beam.pvalue.TaggedOutput(REFUSED, row)
    for record in records:
        yield record
        if record.rows > 1:
            yield beam.pvalue.TaggedOutput(COUNTS, (("merged", ""), record.rows - 1))


def _own_names(group: tuple[str, Iterable[Record]], grouping: Grouping) -> Iterable[Record]:
    return own_names(group[1], grouping)
