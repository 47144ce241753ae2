"""Find, count and remove images outside the train split that are copies of one in it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.utils.windowed_value import WindowedValue

from components.beam_blocks import Block, Bucket, ToBuckets, joined
from components.beam_bundles import at_the_end
from components.example_gen.config import NearDuplicatesConfig
from components.example_gen.ingest import image_store
from components.example_gen.ingest.stages import COUNTS, KEPT, REFUSED
from components.example_gen.near_duplicates.candidates import (
    AT_MOST,
    Candidate,
    Compared,
    candidates,
)
from components.example_gen.near_duplicates.pairs import Pair, confirm
from components.example_gen.records.examined import Refused, Stored
from components.example_gen.records.merge import Record
from components.example_gen.records.splits import TRAIN
from components.example_gen.rows import NEAR_DUPLICATE

PAIRS = "pairs"
TRAIN_AT_ONCE = 1024  # records of train that are compared at once


def without_near_duplicates(
    records: beam.PCollection,
    config: NearDuplicatesConfig,
    attributes: Sequence[str],
    buckets: int,
) -> tuple[beam.PCollection, Any]:
    """Remove records outside train whose image is a copy of one of train.

    Args:
        records: blocks of all splits; their images are in an image store.
        config: whether to compare, and what to do.
        attributes: names of those to keep of a pair.
        buckets: by which records and what they are compared with meet.

    Returns:
        Blocks of records, and the outputs `REFUSED`, `COUNTS` and `PAIRS`, None if nothing is
        compared.
    """
    if config.action == "off":
        return records, None
    bucket = Bucket(_own_key, buckets)
    train = records | "Train" >> beam.Map(_of_split, True)
    others = records | "NotTrain" >> beam.Map(_of_split, False)
    compared = (
        others
        | "ComparedOthers" >> beam.Map(lambda block: Compared.of(block, _own_key))
        | "Others" >> beam.combiners.ToList()
        | "Compared" >> beam.Map(Compared.joined)
    )
    near = (
        train
        # Before the side input, where a runner may write elements to disk: whole records are many.
        | "ComparedTrain" >> beam.ParDo(_ComparedTrain())
        | "Candidates" >> beam.FlatMap(_candidates, beam.pvalue.AsSingleton(compared))
        | "Closest" >> beam.combiners.Top.SmallestPerKey(AT_MOST)
        | "BucketOfKey" >> beam.Map(lambda found: (bucket.of(found[0]), found))
    )
    judged = (
        {
            "records": others | "OthersToBuckets" >> beam.ParDo(ToBuckets(bucket)),
            "candidates": near,
        }
        | "WithCandidates" >> beam.CoGroupByKey()
        | "Judge"
        >> beam.ParDo(Judge(config, attributes)).with_outputs(REFUSED, COUNTS, PAIRS, main=KEPT)
    )
    # A runner may write what is flattened once for each of its consumers: here it has one.
    flattened = (train, judged[KEPT]) | "Flattened" >> beam.Flatten()
    return flattened | "Records" >> beam.Map(_same), judged


def _same(block: Block[Record]) -> Block[Record]:
    return block


def _of_split(block: Block[Record], is_train: bool) -> Block[Record]:
    return Block([record for record in block if (record.split == TRAIN) == is_train])


def _own_key(record: Record) -> str:
    """Return a key that no other record has: a retained data set may hold images of a split."""
    return f"{record.split}/{record.key}"


class _ComparedTrain(beam.DoFn):
    """Collect what is compared of many records, as NumPy compares many at once."""

    def start_bundle(self) -> None:
        self._records: list[Record] = []

    def process(self, block: Block[Record]) -> Iterator[Compared]:
        self._records += block
        if len(self._records) >= TRAIN_AT_ONCE:
            yield Compared.of(self._records)
            self._records = []

    def finish_bundle(self) -> Iterator[WindowedValue]:
        yield at_the_end(Compared.of(self._records))


def _candidates(train: Compared, others: Compared) -> Iterator[tuple[str, Candidate]]:
    for key, close_ones in candidates(others, train):
        for candidate in close_ones:
            yield key, candidate


class Judge(beam.DoFn):
    """Decide for the records of a bucket and their candidates which are kept.

    The candidates are decoded one by one, the closest first, until one is confirmed: most records
    have none, and no thumbnail of any other image is kept.

    Args:
        config: what to do with near duplicates.
        attributes: names of those to keep of a pair.
    """

    def __init__(self, config: NearDuplicatesConfig, attributes: Sequence[str]):
        self._config, self._attributes = config, tuple(attributes)

    def process(self, group: tuple[int, Mapping[str, Any]]) -> Iterator[Any]:
        _, together = group
        candidates: dict[str, list[Candidate]] = dict(together["candidates"])
        kept: list[Record] = []
        for record in joined(together["records"]):
            closest = sorted(candidates.get(_own_key(record), ()))
            pair = confirm(record, closest, _read, self._config.similarity, self._attributes)
            if pair is None or self._config.action == "report":
                kept.append(record)
            if pair is not None:
                yield from self._found(record, pair)
        yield Block(kept)

    def _found(self, record: Record, pair: Pair) -> Iterator[Any]:
        yield beam.pvalue.TaggedOutput(COUNTS, (("near_duplicates", record.split), 1))
        yield beam.pvalue.TaggedOutput(PAIRS, pair)
        if self._config.action == "remove":
            # The record's other rows were counted as merged.
            why = (record.split, record.place, NEAR_DUPLICATE, pair.detail, record.key)
            yield beam.pvalue.TaggedOutput(REFUSED, Refused(*why))


def _read(stored: Stored) -> bytes:
    [(_, body)] = image_store.read([stored])
    return body
