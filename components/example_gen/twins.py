"""Images outside the train split that look like one of it: found, counted, left out if asked."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np

from components.example_gen import near_duplicates
from components.example_gen.config import NearDuplicatesConfig
from components.example_gen.found import Refused
from components.example_gen.merge import Record
from components.example_gen.perceptual_hash import FINGERPRINT
from components.example_gen.splits import TRAIN
from components.example_gen.stages import COUNTS, KEPT, REFUSED


@dataclasses.dataclass(frozen=True)
class Looks:
    """What is compared of many images: their keys, and their fingerprints [n]."""

    keys: list[str]
    fingerprints: np.ndarray

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Looks":
        """Of records, in the order of their keys."""
        ordered = sorted(records, key=lambda record: record.key)
        joined = b"".join(record.image.looks for record in ordered)
        return cls([record.key for record in ordered], np.frombuffer(joined, FINGERPRINT))


class FindTwins(beam.DoFn):
    """Batches of train records against all others: yields (key of the other, (bits, train's key)).

    Args:
        distance: bits in which two hashes may differ.
    """

    def __init__(self, distance: int):
        self._distance = distance

    def process(self, train: list[Record], others: Looks) -> Iterator[tuple[str, tuple[int, str]]]:
        looks = Looks.of(train)
        found = near_duplicates.find(others.fingerprints, looks.fingerprints, self._distance)
        for a, b, bits in zip(found.index_a, found.index_b, found.bits, strict=True):
            yield others.keys[a], (int(bits), looks.keys[b])


def without_twins(records: beam.PCollection, asked: NearDuplicatesConfig) -> tuple[Any, list[Any]]:
    """Records, without those outside train that look like one of train's; and what was found."""
    if asked.action == "off":
        return records, []
    train = records | "Train" >> beam.Filter(lambda record: record.split == TRAIN)
    others = records | "NotTrain" >> beam.Filter(lambda record: record.split != TRAIN)
    looks = others | "Others" >> beam.combiners.ToList() | "Looks" >> beam.Map(Looks.of)
    near = (
        train
        | "Batches" >> beam.BatchElements(min_batch_size=256, max_batch_size=1024)
        | "FindTwins" >> beam.ParDo(FindTwins(asked.distance), beam.pvalue.AsSingleton(looks))
    )
    judged = (
        {
            "record": others | "OthersByKey" >> beam.Map(lambda record: (record.key, record)),
            "twin": near | "Nearest" >> beam.CombinePerKey(min),
        }
        | "Twins" >> beam.CoGroupByKey()
        | "Judge"
        >> beam.FlatMap(_judge, asked.action == "remove").with_outputs(REFUSED, COUNTS, main=KEPT)
    )
    return (train, judged[KEPT]) | "Records" >> beam.Flatten(), [judged]


def _judge(group: tuple[str, Mapping[str, Any]], remove: bool) -> Iterator[Any]:
    key, found = group
    [record] = found["record"]
    for bits, twin in found["twin"]:
        count = (("near_duplicates", record.split), 1)
        yield beam.pvalue.TaggedOutput(COUNTS, count)
        if remove:
            detail = f"{bits} of 64 bits differ from the key {twin}"
            refused = Refused(record.split, record.place, "near_duplicate_of_train", detail, key)
            yield beam.pvalue.TaggedOutput(REFUSED, refused)
            # Its other rows are in the record; they were counted as merged.
            return
    yield record
