"""What ingest writes: shards of Examples, the quarantine, and the sums of everything."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import apache_beam as beam

from components.beam_blocks import Block, Bucket, ToBuckets, joined, together
from components.beam_threads import OnThreads
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
Seen = tuple[str, bytes, str]  # _IMAGES or _CAPTIONS, a digest, and the split it is in


def write_records(
    records: beam.PCollection, folders: Mapping[str, str], attributes: Sequence[str]
) -> None:
    """Write the shards of every split, of blocks of records; `folders` says where."""
    sizes = records | "Sizes" >> beam.FlatMap(_sizes) | "SizeOfSplit" >> beam.CombinePerKey(sum)
    _ = (
        records
        | "Shard" >> beam.ParDo(ToBuckets(_shard_of), beam.pvalue.AsDict(sizes))
        | "ByShard" >> beam.GroupByKey()
        | "RecordsOfShard" >> beam.MapTuple(lambda shard, blocks: (shard, joined(blocks)))
        | "Write" >> beam.ParDo(OnThreads(_WriteShard(dict(folders), tuple(attributes))))
    )


def _sizes(records: Block[Record]) -> Iterable[tuple[str, int]]:
    sizes: Counter[str] = Counter()
    for record in records:
        sizes[record.split] += record.stored.length
    return sizes.items()


def _shard_of(record: Record, sizes: Mapping[str, int]) -> tuple[str, int, int]:
    count = shards.shard_count(sizes[record.split])
    return record.split, shards.shard_order(record.key) % count, count


@dataclasses.dataclass(frozen=True)
class _WriteShard:
    folders: dict[str, str]
    attributes: tuple[str, ...]

    def __call__(self, shard: tuple[tuple[str, int, int], Block[Record]]) -> None:
        (split, number, count), records = shard
        path = shards.shard_path(self.folders[split], number, count)
        shards.write_shard(path, records, self.attributes)


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
    buckets: int,
    splits: Sequence[str] = (),
) -> None:
    """Sum up what stages counted, and what came out in the end.

    Args:
        counted: pairs of (field of the summary, what by) and a number.
        records: blocks of those that are written.
        refused: rows that are quarantined.
        folder: of the quarantine.
        buckets: in which equal images and captions meet.
        splits: that are in the sums even without any record.
    """
    distinct = (
        records
        | "ImagesAndCaptions" >> beam.Map(_images_and_captions)
        | "SameOnes" >> together(Bucket(_digest_of, buckets))
        | "Distinct" >> beam.FlatMap(_distinct)
    )
    reasons = refused | "Reasons" >> beam.Map(lambda row: (("quarantined", row.reason), 1))
    examples = records | "CountRecords" >> beam.FlatMap(_counts)
    _ = (
        (*counted, distinct, reasons, examples)
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


def _images_and_captions(records: Block[Record]) -> Block[Seen]:
    """Return the images and captions of records; captions that are the same have one digest."""
    seen: list[Seen] = []
    for record in records:
        seen.append((_IMAGES, record.image.content.encode(), record.split))
        labels = record.labels or (1,) * len(record.captions)
        for caption, label in zip(record.captions, labels, strict=True):
            plain = f"{label} {same_words(caption)}"
            seen.append((_CAPTIONS, hashlib.sha256(plain.encode()).digest(), record.split))
    return Block(seen)


def _digest_of(seen: Seen) -> bytes:
    return seen[1]


def _distinct(seen: Block[Seen]) -> Iterable[Count]:
    """Count what is there once for each split, and the records whose image others have, too."""
    counts: Counter[tuple[str, str]] = Counter()
    counts.update((field, split) for field, _, split in set(seen))
    images = Counter(digest for field, digest, _ in seen if field == _IMAGES)
    counts["identical", ""] = sum(records for records in images.values() if records > 1)
    return (+counts).items()


def _counts(records: Block[Record]) -> Iterable[Count]:
    counts: Counter[tuple[str, str]] = Counter()
    for record in records:
        counts["examples", record.split] += 1
        counts["captions", str(len(record.captions))] += 1
        counts.update(("captions_dropped", reason) for reason in record.dropped)
        counts.update(("images_changed", change) for change in record.image.changed)
    return counts.items()
