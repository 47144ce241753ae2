"""What ingest writes: shards of Examples, the quarantine, and the sums of everything."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam

from components.example_gen.ingest import shards
from components.example_gen.near_duplicates import pairs as near_duplicate_pairs
from components.example_gen.near_duplicates.pairs import Pair
from components.example_gen.records import quarantine
from components.example_gen.records.examined import Refused
from components.example_gen.records.merge import Record
from trainer.preprocessing.captions import same_words


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
) -> None:
    """Sum up what stages counted, and what came out in the end.

    Args:
        counted: pairs of (field of the summary, what by) and a number.
        records: that are written.
        refused: rows that are quarantined.
        folder: of the quarantine.
    """
    identical = (
        records
        | "Content" >> beam.Map(lambda record: (record.image.content, 1))
        | "SameContent" >> beam.CombinePerKey(sum)
        | "Identical" >> beam.FlatMapTuple(lambda _, n: [(("identical", ""), n)] if n > 1 else [])
    )
    distinct = (
        records
        | "What" >> beam.FlatMap(_images_and_captions)
        | "Distinct" >> beam.Distinct()
        | "CountDistinct" >> beam.Map(lambda what: (what[0], 1))
    )
    reasons = refused | "Reasons" >> beam.Map(lambda row: (("quarantined", row.reason), 1))
    examples = records | "CountRecords" >> beam.FlatMap(_counts)
    _ = (
        (*counted, identical, distinct, reasons, examples)
        | "AllCounts" >> beam.Flatten()
        | "Sum" >> beam.CombinePerKey(sum)
        | "Sums" >> beam.combiners.ToList()
        | "Summary" >> beam.Map(_write_summary, f"{folder}/{quarantine.SUMMARY}")
    )


def _write_summary(counts: list[tuple[tuple[str, str], int]], path: str) -> None:
    from tfx.utils import io_utils

    summary = quarantine.summarize(dict(counts))
    io_utils.write_string_file(path, summary.model_dump_json(indent=1) + "\n")


def _images_and_captions(record: Record) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what is counted once a split; captions that are the same count once."""
    yield ("distinct_images", record.split), record.image.content
    labels = record.labels or (1,) * len(record.captions)
    for caption, label in zip(record.captions, labels, strict=True):
        plain = f"{label} {same_words(caption)}"
        yield ("distinct_captions", record.split), hashlib.sha256(plain.encode()).hexdigest()


def _counts(record: Record) -> Iterator[tuple[tuple[str, str], int]]:
    yield ("examples", record.split), 1
    yield ("captions", str(len(record.captions))), 1
    for reason in record.dropped:
        yield ("captions_dropped", reason), 1
    for change in record.image.changed:
        yield ("images_changed", change), 1
