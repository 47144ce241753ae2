"""Ranks of records that Beam holds: every worker ranks its batches against all candidates.

A distinct text is multiplied with all images once, with the first batch that holds it. That settles
its rank, and counts for every image how many of the batch's texts stand before its matches; the
counts of all batches, added up, settle the ranks of the images. What Beam hands to every worker are
the scores of the matches; the images it reads from the files that the batches lie in.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from components.evaluator.ranking.blocks import Counts, count
from components.evaluator.ranking.embedded import Embedded, Place, in_order, places_of
from components.evaluator.ranking.ranking import Ranks, find_targets, ranks_of
from components.evaluator.ranking.stored import Rows, Stored, read_all
from components.evaluator.ranking.targets import Targets

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

    Input: a PCollection of Stored: batches of records, each record in one batch.
    Output: a PCollection with one SplitRanks, small enough for a side input.

    The ranks are those of `ranking.rank` over all batches joined, however many workers there are.
    An embedding that is not finite fails the pipeline with the InputError of `ranking.rank`.
    """

    def expand(self, batches: beam.PCollection[Stored]) -> Any:
        joined = batches | "Together" >> beam.CombineGlobally(_Join())
        split = beam.pvalue.AsSingleton(joined | "Targets" >> beam.Map(_Split.of))
        counted = batches | "Multiply" >> beam.ParDo(_Multiply(), split=split).with_outputs(
            IMAGE_COUNTS, main="texts"
        )
        return (
            counted[IMAGE_COUNTS]
            | "Sum" >> beam.CombineGlobally(_Sum())
            | "Ranks"
            >> beam.Map(_split_ranks, split=split, texts=beam.pvalue.AsList(counted["texts"]))
        )


@dataclasses.dataclass(frozen=True)
class _Split:
    """What a batch must know of the whole split; `places`: its first record, and its texts."""

    images: tuple[Rows, ...]
    of_texts: Targets
    of_images: Targets
    places: dict[bytes, tuple[int, Place]]

    @classmethod
    def of(cls, stored: Sequence[Stored]) -> "_Split | None":
        numbered = {id(each.records): each for each in stored}
        parts = in_order([each.records for each in stored])
        if not parts:
            return None
        files = [numbered[id(part)] for part in parts]
        images = tuple(each.images for each in files)
        records = dataclasses.replace(Embedded.concatenate(parts), images=read_all(images))
        places, record = {}, 0
        texts = places_of(parts)
        for part, place in zip(parts, texts, strict=True):
            places[_name(part)] = record, place
            record += len(part.keys)
        blocks = (each.texts.read()[place.new] for each, place in zip(files, texts, strict=True))
        return cls(images, *find_targets(records, blocks), places)


class _Join(beam.CombineFn):
    """Gathers all batches."""

    def create_accumulator(self) -> list[Stored]:
        return []

    def add_input(self, accumulator: list[Stored], batch: Stored) -> list[Stored]:
        accumulator.append(batch)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Stored]]) -> list[Stored]:
        return [part for each in accumulators for part in each]

    def extract_output(self, accumulator: list[Stored]) -> list[Stored]:
        return accumulator


class _Multiply(beam.DoFn):
    """A batch to (number of its first new text, ranks of its new texts), and to image counts.

    The images are read once for each bundle, and let go of when it ends.
    """

    def start_bundle(self) -> None:
        self._images: np.ndarray | None = None

    def process(self, batch: Stored, split: _Split | None) -> Iterable[Any]:
        if not len(batch.records.keys) or split is None:
            return
        _, place = split.places[_name(batch.records)]
        if not len(place.new):
            return
        if self._images is None:
            self._images = read_all(split.images)
        of_texts = split.of_texts[place.first : place.first + len(place.new)]
        texts = batch.texts.read()[place.new]
        text_counts, image_counts = count(texts, self._images, of_texts, split.of_images)
        yield place.first, ranks_of(of_texts, text_counts)
        yield beam.pvalue.TaggedOutput(IMAGE_COUNTS, image_counts)

    def finish_bundle(self) -> None:
        self._images = None


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
    digest = hashlib.blake2b("\0".join(embedded.keys).encode(), digest_size=16)
    for each in (embedded.ids, embedded.text, embedded.owner, embedded.is_match):
        digest.update(each.tobytes())
    return digest.digest()
