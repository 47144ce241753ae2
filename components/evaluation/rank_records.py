"""Ranks of records that Beam holds: every worker ranks its batches against all candidates.

Each batch is multiplied with all images once. That settles the ranks of its texts, and counts for
every image how many of these texts stand before its matches; the counts of all batches, added up,
settle the ranks of the images. What goes to every worker are the images and the scores of the
matches, not the texts.
"""

import dataclasses
import hashlib
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np

from components.evaluation.embedded import Embedded
from components.evaluation.ranking import Ranks, find_targets, ranks_of
from components.evaluation.targets import Targets
from components.evaluation.tile import Counts
from components.evaluation.tiles import count

IMAGE_COUNTS = "image_counts"
NOTHING = Ranks(np.zeros(0), np.zeros(0))


class RankRecords(beam.PTransform):
    """Rank every image and every caption of a split against the whole split.

    Use: `batches | RankRecords()`.

    Input: a PCollection of (anything, Embedded): batches of records, each record in one batch.
    Output: a PCollection of (the same thing, image Ranks [n], text Ranks [m]), one per batch, in
    no order. Row i of the image ranks belongs to `keys[i]` of that batch's Embedded, row j of the
    text ranks to `captions[j]`; captions that are explicit mismatches have nan there.

    The ranks are those of `ranking.rank` over all batches joined, however many workers there are.
    An embedding that is not finite fails the pipeline with the InputError of `ranking.rank`.
    """

    def expand(self, batches: beam.PCollection[tuple[Any, Embedded]]) -> Any:
        split = (
            batches
            | "Embeddings" >> beam.Values()
            | "Together" >> beam.combiners.ToList()
            | "Targets" >> beam.Map(_Split.of)
        )
        counted = batches | "Multiply" >> beam.ParDo(
            _Multiply(), split=beam.pvalue.AsSingleton(split)
        ).with_outputs(IMAGE_COUNTS, main="ranked")
        image_ranks = (
            counted[IMAGE_COUNTS]
            | "Sum" >> beam.CombineGlobally(_Sum())
            | "ImageRanks" >> beam.Map(_image_ranks, split=beam.pvalue.AsSingleton(split))
        )
        return counted["ranked"] | "Attach" >> beam.Map(
            lambda ranked, image_ranks: (ranked[0], image_ranks[ranked[1]], ranked[2]),
            image_ranks=beam.pvalue.AsSingleton(image_ranks),
        )


@dataclasses.dataclass(frozen=True)
class _Split:
    """What a batch must know of the whole split; `places` are the rows of each batch."""

    images: np.ndarray
    of_texts: Targets
    of_images: Targets
    places: dict[bytes, tuple[slice, slice]]  # of its records, of its texts

    @classmethod
    def of(cls, parts: list[Embedded]) -> "_Split | None":
        parts = sorted((part for part in parts if len(part.keys)), key=lambda part: part.keys[0])
        if not parts:
            return None
        embedded = Embedded.concatenate(parts)
        of_texts, of_images = find_targets(embedded)
        places, record, text = {}, 0, 0
        for part in parts:
            ends = record + len(part.keys), text + len(part.captions)
            places[_name(part)] = slice(record, ends[0]), slice(text, ends[1])
            record, text = ends
        return cls(embedded.images, of_texts, of_images, places)


class _Multiply(beam.DoFn):
    """A batch to (thing, rows of its records, text ranks), and to counts for all images."""

    def process(self, batch: tuple[Any, Embedded], split: _Split) -> Iterable[Any]:
        thing, embedded = batch
        if not len(embedded.keys):
            yield thing, slice(0, 0), NOTHING
            return
        records, texts = split.places[_name(embedded)]
        of_texts = split.of_texts[texts]
        text_counts, image_counts = count(embedded.texts, split.images, of_texts, split.of_images)
        yield thing, records, ranks_of(of_texts, text_counts)
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


def _image_ranks(counts: Counts | None, split: _Split | None) -> Ranks:
    return NOTHING if counts is None or split is None else ranks_of(split.of_images, counts)


def _name(embedded: Embedded) -> bytes:
    """Tells a batch from all others, by its words: two of the same name hold the same records."""
    words = "\0".join([*embedded.keys, "", *embedded.captions])
    return hashlib.blake2b(words.encode(), digest_size=16).digest()
