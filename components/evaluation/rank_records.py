"""Ranks of records that Beam holds: every worker ranks its batches against all candidates.

A distinct text is multiplied with all images once, with the first batch that holds it. That settles
its rank, and counts for every image how many of the batch's texts stand before its matches; the
counts of all batches, added up, settle the ranks of the images. What goes to every worker are the
images and the scores of the matches, not the texts.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from components.evaluation.embedded import Embedded, Place, in_order, places_of
from components.evaluation.ranking import Ranks, find_targets, ranks_of
from components.evaluation.targets import Targets
from components.evaluation.tile import Counts
from components.evaluation.tiles import count

IMAGE_COUNTS = "image_counts"


@dataclasses.dataclass(frozen=True)
class SplitRanks:
    """The ranks of a whole split.

    Attributes:
        images: of each record.
        texts: of each distinct text.
        places: of each batch, by its name: its first record, and its texts among all of them.
    """

    images: Ranks
    texts: Ranks
    places: dict[bytes, tuple[int, np.ndarray]]

    def of(self, batch: Embedded) -> tuple[Ranks, Ranks]:
        """The ranks of a batch's records [n] and of its texts [u]."""
        if not len(batch.keys):
            return self.images[:0], self.texts[:0]
        first, texts = self.places[_name(batch)]
        return self.images[first : first + len(batch.keys)], self.texts[texts]


class RankRecords(beam.PTransform):
    """Rank every image and every distinct text of a split against the whole split.

    Use: `batches | RankRecords()`.

    Input: a PCollection of Embedded: batches of records, each record in one batch.
    Output: a PCollection with one SplitRanks, small enough for a side input.

    The ranks are those of `ranking.rank` over all batches joined, however many workers there are.
    An embedding that is not finite fails the pipeline with the InputError of `ranking.rank`.
    """

    def expand(self, batches: beam.PCollection[Embedded]) -> Any:
        joined = batches | "Together" >> beam.CombineGlobally(_Join())
        split = beam.pvalue.AsSingleton(joined)
        places = beam.pvalue.AsSingleton(joined | "Places" >> beam.Map(_without_images))
        counted = batches | "Multiply" >> beam.ParDo(_Multiply(), split=split).with_outputs(
            IMAGE_COUNTS, main="texts"
        )
        return (
            counted[IMAGE_COUNTS]
            | "Sum" >> beam.CombineGlobally(_Sum())
            | "Ranks"
            >> beam.Map(_split_ranks, split=places, texts=beam.pvalue.AsList(counted["texts"]))
        )


@dataclasses.dataclass(frozen=True)
class _Split:
    """What a batch must know of the whole split; `places`: its first record, and its texts."""

    images: np.ndarray
    of_texts: Targets
    of_images: Targets
    places: dict[bytes, tuple[int, Place]]

    @classmethod
    def of(cls, parts: Sequence[Embedded]) -> "_Split | None":
        parts = in_order(parts)
        if not parts:
            return None
        embedded = Embedded.concatenate(parts)
        of_texts, of_images = find_targets(embedded)
        places, record = {}, 0
        for part, place in zip(parts, places_of(parts), strict=True):
            places[_name(part)] = record, place
            record += len(part.keys)
        return cls(embedded.images, of_texts, of_images, places)


class _Join(beam.CombineFn):
    """Gathers all batches, and ends with what each of them must know."""

    def create_accumulator(self) -> list[Embedded]:
        return []

    def add_input(self, accumulator: list[Embedded], batch: Embedded) -> list[Embedded]:
        accumulator.append(batch)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Embedded]]) -> list[Embedded]:
        return [part for each in accumulators for part in each]

    def extract_output(self, accumulator: list[Embedded]) -> _Split | None:
        return _Split.of(accumulator)


class _Multiply(beam.DoFn):
    """A batch to (number of its first new text, ranks of its new texts), and to image counts."""

    def process(self, batch: Embedded, split: _Split | None) -> Iterable[Any]:
        if not len(batch.keys) or split is None:
            return
        _, place = split.places[_name(batch)]
        if not len(place.new):
            return
        of_texts = split.of_texts[place.first : place.first + len(place.new)]
        texts = batch.texts[place.new]
        text_counts, image_counts = count(texts, split.images, of_texts, split.of_images)
        yield place.first, ranks_of(of_texts, text_counts)
        yield beam.pvalue.TaggedOutput(IMAGE_COUNTS, image_counts)


class _Sum(beam.CombineFn):
    """Adds counts up, on each worker first."""

    def create_accumulator(self) -> Counts | None:
        return None

    def add_input(self, accumulator: Counts | None, counts: Counts) -> Counts:
        if accumulator is None:
            return Counts(counts.better.copy(), counts.tied.copy())
        accumulator.add(counts)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Counts | None]) -> Counts | None:
        total = None
        for each in accumulators:
            if each is not None:
                total = self.add_input(total, each)
        return total

    def extract_output(self, accumulator: Counts | None) -> Counts | None:
        return accumulator


def _without_images(split: _Split | None) -> _Split | None:
    """What the last stage needs, which would otherwise hold a copy of all images."""
    return None if split is None else dataclasses.replace(split, images=split.images[:0])


def _split_ranks(
    counts: Counts | None, split: _Split | None, texts: Sequence[tuple[int, Ranks]]
) -> SplitRanks:
    ordered = [ranks for _, ranks in sorted(texts, key=lambda each: each[0])]
    if counts is None or split is None:
        return SplitRanks(Ranks.concatenate([]), Ranks.concatenate([]), {})
    places = {name: (first, place.text) for name, (first, place) in split.places.items()}
    return SplitRanks(ranks_of(split.of_images, counts), Ranks.concatenate(ordered), places)


def _name(embedded: Embedded) -> bytes:
    """Tell a batch from all others by its content: two of one name hold the same records."""
    found = hashlib.blake2b("\0".join(embedded.keys).encode(), digest_size=16)
    for each in (embedded.ids, embedded.text, embedded.owner, embedded.is_match):
        found.update(each.tobytes())
    return found.digest()
