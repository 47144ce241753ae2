"""The stateful stage of ingest: it examines images and writes them to disk."""

import collections
import dataclasses
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import apache_beam as beam

from components.beam_blocks import Block
from components.beam_bundles import at_the_end
from components.example_gen.images.originals import Lowest
from components.example_gen.ingest.examine import Examined, Limits, Rows, examine
from components.example_gen.ingest.image_store import ImageStore
from components.example_gen.records.examined import ExaminedRow

# Names of outputs.
USABLE, KEPT, REFUSED, COUNTS, ORIGINALS = "usable", "kept", "refused", "counts", "originals"
AHEAD = 4  # elements for each thread that are read ahead
AHEAD_BYTES = 1 << 25  # the most bytes of images in them


class Examine(beam.DoFn):
    """Turn the rows of some images into a block of usable rows whose images are on disk.

    Decoding leaves Python's lock alone, so a thread for each core keeps all of them busy where
    Beam itself gives a stage one process.

    Args:
        limits: of what is usable.
        folder: of the image store.
    """

    def __init__(self, limits: Limits, folder: str):
        self._limits, self._folder = limits, folder

    def setup(self) -> None:
        self._cores = len(os.sched_getaffinity(0))
        self._threads = ThreadPoolExecutor(self._cores)

    def start_bundle(self) -> None:
        self._image_store: ImageStore | None = None
        self._originals = Lowest()
        self._waiting: collections.deque[tuple[int, Future[list[Examined]]]] = collections.deque()
        self._waiting_bytes = 0

    def process(self, images: Sequence[Rows]) -> Iterator[Any]:
        size = sum(len(row.image or b"") for rows in images for _, row in rows)
        self._waiting.append((size, self._threads.submit(examine, images, self._limits)))
        self._waiting_bytes += size
        while (
            len(self._waiting) > AHEAD * self._cores
            or self._waiting_bytes > AHEAD_BYTES
            or (self._waiting and self._waiting[0][1].done())
        ):
            yield from self._settle(self._next())

    def finish_bundle(self) -> Iterator[Any]:
        while self._waiting:
            outputs = list(self._settle(self._next()))
            if not self._waiting:
                outputs += [
                    beam.pvalue.TaggedOutput(ORIGINALS, original)
                    for original in self._originals.images()
                ]
            for output in outputs:
                tag = output.tag if isinstance(output, beam.pvalue.TaggedOutput) else None
                value = output.value if tag else output
                windowed = at_the_end(value)
                yield beam.pvalue.TaggedOutput(tag, windowed) if tag else windowed
        if self._image_store is not None:
            self._image_store.close()

    def teardown(self) -> None:
        self._threads.shutdown()

    def _next(self) -> list[Examined]:
        size, work = self._waiting.popleft()
        self._waiting_bytes -= size
        return work.result()

    def _settle(self, images: list[Examined]) -> Iterator[Any]:
        usable: list[ExaminedRow] = []
        for examined in images:
            if examined.image is not None:
                self._image_store = self._image_store or ImageStore(self._folder)
                stored = self._image_store.add(examined.image)
                usable += [dataclasses.replace(row, stored=stored) for row in examined.rows]
            if examined.original is not None:
                self._originals.add(examined.original)
            for refused in examined.refused:
                yield beam.pvalue.TaggedOutput(REFUSED, refused)
        yield Block(usable)
