"""What ingest writes: shards of Examples, the quarantine, and the sums of everything."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import apache_beam as beam
from apache_beam.utils.windowed_value import WindowedValue

from components.beam_bundles import at_the_end
from components.example_gen.ingest import shards
from components.example_gen.near_duplicates import pairs as near_duplicate_pairs
from components.example_gen.near_duplicates.pairs import Pair
from components.example_gen.records import quarantine
from components.example_gen.records.examined import Refused
from components.example_gen.records.merge import Record
from trainer.preprocessing.captions import same_words

_IMAGES: Final = "distinct_images"  # fields of the summary
_CAPTIONS: Final = "distinct_captions"
Count = tuple[tuple[str, str], int]  # a field of the summary and what by, and a number


def write_records(
    records: beam.PCollection, folders: Mapping[str, str], attributes: Sequence[str]
) -> None:
    """Write the shards of every split; `folders` says where."""
    sizes = (
        records
        | "Sizes" >> beam.Map(lambda record: (record.split, record.stored.length))
        | "SizeOfSplit" >> beam.CombinePerKey(sum)
    )
    _ = (
        records
        | "Shard" >> beam.Map(_sharded, beam.pvalue.AsDict(sizes))
        | "ByShard" >> beam.GroupByKey()
        | "Write" >> beam.Map(_write_shard, dict(folders), tuple(attributes))
    )


def _sharded(record: Record, sizes: Mapping[str, int]) -> tuple[tuple[str, int, int], Record]:
    count = shards.shard_count(sizes[record.split])
    return (record.split, shards.shard_order(record.key) % count, count), record


def _write_shard(
    shard: tuple[tuple[str, int, int], Iterable[Record]],
    folders: Mapping[str, str],
    attributes: tuple[str, ...],
) -> int:
    (split, number, count), records = shard
    return shards.write_shard(shards.shard_path(folders[split], number, count), records, attributes)


def write_quarantine(refused: beam.PCollection, folder: str) -> None:
    """Write a line for each refused row."""
    _ = (
        refused
        | "File"
        >> beam.Map(lambda row: (shards.shard_order(str(row.place)) % quarantine.FILES, row))
        | "ByFile" >> beam.GroupByKey()
        | "WriteQuarantine" >> beam.Map(_write_quarantined, folder)
    )


def _write_quarantined(file: tuple[int, Iterable[Refused]], folder: str) -> None:
    from tfx.utils import io_utils

    number, refused = file
    lines = sorted(map(quarantine.line, refused))
    path = f"{folder}/{quarantine.RECORDS.format(number, quarantine.FILES)}"
    io_utils.write_string_file(path, "\n".join(lines) + "\n")


def write_pairs(pairs: beam.PCollection, folder: str) -> None:
    """Write the near duplicates, those that are removed as well as those that are reported."""
    _ = (
        pairs
        | "AllPairs" >> beam.combiners.ToList()
        | "WritePairs" >> beam.Map(_write_pairs, f"{folder}/{near_duplicate_pairs.FILE}")
    )


def _write_pairs(pairs: list[Pair], path: str) -> None:
    from tfx.utils import io_utils

    io_utils.write_string_file(path, near_duplicate_pairs.written(pairs))


def write_summary(
    counted: Sequence[beam.PCollection],
    records: beam.PCollection,
    refused: beam.PCollection,
    folder: str,
    splits: Sequence[str] = (),
) -> None:
    """Sum up what stages counted, and what came out in the end.

    Args:
        counted: pairs of (field of the summary, what by) and a number.
        records: that are written.
        refused: rows that are quarantined.
        folder: of the quarantine.
        splits: that are in the sums even without any record.
    """
    repeated = (
        records
        | "What" >> beam.FlatMap(_images_and_captions)
        | "SplitsOfWhat" >> beam.CombinePerKey(_CountByKey())
        | "Repeated" >> beam.FlatMapTuple(_repeated)
    )
    reasons = refused | "Reasons" >> beam.Map(lambda row: (("quarantined", row.reason), 1))
    examples = records | "CountRecords" >> beam.ParDo(_CountRecords())
    _ = (
        (*counted, repeated, reasons, examples)
        | "AllCounts" >> beam.Flatten()
        | "Sum" >> beam.CombinePerKey(sum)
        | "Sums" >> beam.combiners.ToList()
        | "Summary" >> beam.Map(_write_summary, f"{folder}/{quarantine.SUMMARY}", tuple(splits))
    )


def _write_summary(counts: list[Count], path: str, splits: Sequence[str]) -> None:
    from tfx.utils import io_utils

    none = dict.fromkeys((("examples", split) for split in splits), 0)
    summary = quarantine.summarize(none | dict(counts))
    io_utils.write_string_file(path, summary.model_dump_json(indent=1) + "\n")


def _images_and_captions(record: Record) -> Iterator[tuple[tuple[str, bytes], str]]:
    """Yield what is counted once a split, with the split; captions that are the same count once."""
    yield (_IMAGES, record.image.content.encode()), record.split
    labels = record.labels or (1,) * len(record.captions)
    for caption, label in zip(record.captions, labels, strict=True):
        plain = f"{label} {same_words(caption)}"
        yield (_CAPTIONS, hashlib.sha256(plain.encode()).digest()), record.split


class _CountByKey(beam.CombineFn):
    """Count how often each value occurs."""

    def create_accumulator(self) -> dict[str, int]:
        return {}

    def add_input(self, counts: dict[str, int], value: str) -> dict[str, int]:
        counts[value] = counts.get(value, 0) + 1
        return counts

    def merge_accumulators(self, several: Iterable[dict[str, int]]) -> dict[str, int]:
        merged: Counter[str] = Counter()
        for counts in several:
            merged.update(counts)
        return dict(merged)

    def extract_output(self, counts: dict[str, int]) -> dict[str, int]:
        return counts


def _repeated(what: tuple[str, bytes], by_split: Mapping[str, int]) -> Iterator[Count]:
    field, _ = what
    for split in by_split:
        yield (field, split), 1
    records = sum(by_split.values())
    if field == _IMAGES and records > 1:
        yield ("identical", ""), records


class _CountRecords(beam.DoFn):
    """Count the records of a bundle; an element for each count would cost as much as a record."""

    def start_bundle(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def process(self, record: Record) -> None:
        self._counts["examples", record.split] += 1
        self._counts["captions", str(len(record.captions))] += 1
        self._counts.update(("captions_dropped", reason) for reason in record.dropped)
        self._counts.update(("images_changed", change) for change in record.image.changed)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        yield from map(at_the_end, self._counts.items())
