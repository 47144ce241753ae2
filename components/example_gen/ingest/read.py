"""The first stage of ingest: files in, images with their rows out, some at once for a thread."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam

from components.beam_blocks import Block, by_key
from components.example_gen.files import Part
from components.example_gen.ingest.examine import Rows
from components.example_gen.ingest.stages import COUNTS, REFUSED
from components.example_gen.readers.parsing.limits import check_rejected
from components.example_gen.readers.registry import READERS, ReadOptions
from components.example_gen.records.examined import Refused
from components.example_gen.rows import Ignored, Rejected, Row

ELSEWHERE = "elsewhere"  # output of the rows whose image is in a file of its own
AT_ONCE = 32  # images for a thread at once; enough that it rarely takes Python's lock
AT_ONCE_BYTES = 1 << 23  # the most bytes of images, but for a larger one alone
ROWS_AT_ONCE = 1024  # rows without their image in a block

SplitRow = tuple[str, Row]


class Read(beam.DoFn):
    """Read the rows of a part: those with their image at once, the others by its address.

    Args:
        options: by the name of a retained data set; those of all splits under ''.
    """

    def __init__(self, options: Mapping[str, ReadOptions]):
        self._options = dict(options)

    def process(self, part: Part) -> Iterator[Any]:
        split, reader, file, number = part
        options = self._options.get(split, self._options[""])
        counts: Counter[tuple[str, str]] = Counter()
        rows = self._rows(READERS[reader].read(file, number, options), part, counts)
        elsewhere: list[SplitRow] = []
        images: list[Rows] = []
        held = 0
        for row in rows:
            if isinstance(row, Refused):
                yield beam.pvalue.TaggedOutput(REFUSED, row)
            elif row.image is None and row.image_path is not None:
                elsewhere.append((split, row))
                if len(elsewhere) == ROWS_AT_ONCE:
                    yield beam.pvalue.TaggedOutput(ELSEWHERE, Block(elsewhere))
                    elsewhere = []
            else:
                images.append([(split, row)])
                held += len(row.image or b"")
                if len(images) == AT_ONCE or held >= AT_ONCE_BYTES:
                    yield images
                    images, held = [], 0
        if images:
            yield images
        if elsewhere:
            yield beam.pvalue.TaggedOutput(ELSEWHERE, Block(elsewhere))
        for count in counts.items():
            yield beam.pvalue.TaggedOutput(COUNTS, count)

    def _rows(
        self,
        read: Iterable[Row | Rejected | Ignored],
        part: Part,
        counts: Counter[tuple[str, str]],
    ) -> Iterator[Row | Refused]:
        """Yield what is a row or should be one; count everything."""
        split, _, file, _ = part
        rejected = 0
        for row in read:
            if isinstance(row, Ignored):
                counts["ignored", row.kind] += 1
                continue
            counts["read", ""] += 1
            if isinstance(row, Rejected):
                rejected += 1
                check_rejected(file, rejected, counts["read", ""], row)
                yield Refused(split, row.place, row.reason, row.detail, row.key, row.first_bytes)
                continue
            if row.key_column:
                counts["key_columns", row.key_column] += 1
            yield row


def path_of(item: SplitRow) -> str:
    """Return the address of the image of a row that does not hold it."""
    path = item[1].image_path
    assert path is not None
    return path


def by_address(rows: Block[SplitRow]) -> Iterator[list[Rows]]:
    """Yield the rows of each address, those of several images together."""
    images: list[Rows] = list(by_key(rows, path_of).values())
    for first in range(0, len(images), AT_ONCE):
        yield images[first : first + AT_ONCE]
