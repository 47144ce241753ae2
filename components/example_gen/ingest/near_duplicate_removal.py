"""Find, count and remove images outside the train split that are copies of one in it."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from components.example_gen.config import NearDuplicatesConfig
from components.example_gen.ingest import image_store
from components.example_gen.ingest.stages import COUNTS, KEPT, REFUSED
from components.example_gen.near_duplicates.candidates import (
    AT_MOST,
    Candidate,
    Compared,
    candidates,
)
from components.example_gen.near_duplicates.pairs import confirm
from components.example_gen.records.examined import Refused, Stored
from components.example_gen.records.merge import Record
from components.example_gen.records.splits import TRAIN
from components.example_gen.rows import NEAR_DUPLICATE

PAIRS = "pairs"


def without_near_duplicates(
    records: beam.PCollection, config: NearDuplicatesConfig, attributes: Sequence[str]
) -> tuple[beam.PCollection, Any]:
    """Remove records outside train whose image is a copy of one of train.

    Args:
        records: of all splits; their images are in an image store.
        config: whether to compare, and what to do.
        attributes: names of those to keep of a pair.

    Returns:
        Records, and the outputs `REFUSED`, `COUNTS` and `PAIRS`; None if nothing is compared.
    """
    if config.action == "off":
        return records, None
    train = records | "Train" >> beam.Filter(lambda record: record.split == TRAIN)
    others = records | "NotTrain" >> beam.Filter(lambda record: record.split != TRAIN)
    compared = (
        others
        | "ByOwnKey" >> beam.Map(lambda record: dataclasses.replace(record, key=_own_key(record)))
        | "Others" >> beam.combiners.ToList()
        | "Compared" >> beam.Map(Compared.of)
    )
    near = (
        train
        | "Batches" >> beam.BatchElements(min_batch_size=256, max_batch_size=1024)
        # Before the side input, where a runner may write elements to disk: whole records are many.
        | "ComparedTrain" >> beam.Map(Compared.of)
        | "Candidates" >> beam.FlatMap(_candidates, beam.pvalue.AsSingleton(compared))
        | "Closest" >> beam.combiners.Top.SmallestPerKey(AT_MOST)
    )
    judged = (
        {
            "record": others | "OthersByKey" >> beam.Map(lambda record: (_own_key(record), record)),
            "candidates": near,
        }
        | "WithCandidates" >> beam.CoGroupByKey()
        | "Judge"
        >> beam.ParDo(Judge(config, attributes)).with_outputs(REFUSED, COUNTS, PAIRS, main=KEPT)
    )
    # A runner may write what is flattened once for each of its consumers: here it has one.
    flattened = (train, judged[KEPT]) | "Flattened" >> beam.Flatten()
    return flattened | "Records" >> beam.Map(_same), judged


def _same(record: Record) -> Record:
    return record


def _own_key(record: Record) -> str:
    """Return a key that no other record has: a retained data set may hold images of a split."""
    return f"{record.split}/{record.key}"


def _candidates(train: Compared, others: Compared) -> Iterator[tuple[str, Candidate]]:
    for key, close_ones in candidates(others, train):
        for candidate in close_ones:
            yield key, candidate


class Judge(beam.DoFn):
    """Decide for a record and its candidates whether it is kept.

    The candidates are decoded one by one, the closest first, until one is confirmed: most records
    have none, and no thumbnail of any other image is kept.

    Args:
        config: what to do with near duplicates.
        attributes: names of those to keep of a pair.
    """

    def __init__(self, config: NearDuplicatesConfig, attributes: Sequence[str]):
        self._config, self._attributes = config, tuple(attributes)

    def process(self, group: tuple[str, Mapping[str, Any]]) -> Iterator[Any]:
        _, joined = group
        [record] = joined["record"]
        closest = [candidate for few in joined["candidates"] for candidate in few]
        pair = confirm(record, sorted(closest), _read, self._config.similarity, self._attributes)
        if pair is None:
            yield record
            return
        yield beam.pvalue.TaggedOutput(COUNTS, (("near_duplicates", record.split), 1))
        yield beam.pvalue.TaggedOutput(PAIRS, pair)
        if self._config.action == "report":
            yield record
            return
        # The record's other rows were counted as merged.
        why = (record.split, record.place, NEAR_DUPLICATE, pair.detail, record.key)
        yield beam.pvalue.TaggedOutput(REFUSED, Refused(*why))


def _read(stored: Stored) -> bytes:
    [(_, body)] = image_store.read([stored])
    return body
