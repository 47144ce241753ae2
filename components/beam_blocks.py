"""Blocks: many rows as one element of Beam's.

Between two stages Beam encodes, moves and decodes each element, which takes longer than most of
what ingest does with a row. So rows travel in blocks, and what belongs together meets in a bucket:
those rows whose keys have the same checksum, modulo the number of buckets.
"""

import dataclasses
import zlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import apache_beam as beam
from apache_beam.utils.windowed_value import WindowedValue

from components.beam_bundles import at_the_end

Item = TypeVar("Item")

ROWS_HELD = 1 << 14  # of a bundle, until their blocks go on; some 2 kB each
BYTES_OF_BUCKET = 1 << 20  # of files of the data; as manifest or table, 10,000 rows
FEWEST, MOST = 64, 4096  # buckets: work for all cores, and blocks that are not tiny


def bucket_count(data_bytes: int) -> int:
    """Return how many buckets files of so many bytes in all are cut into."""
    return min(max(data_bytes // BYTES_OF_BUCKET, FEWEST), MOST)


@dataclasses.dataclass(frozen=True, slots=True)
class Block(Generic[Item]):
    """Rows or what is made of them. Beam would encode the items of a list one by one."""

    items: list[Item]

    def __class_getitem__(cls, _item: Any) -> type["Block[Any]"]:
        return cls  # at run time: Beam would take blocks of rows and of any items for two types

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class ToBuckets(beam.DoFn):
    """Cut blocks into (bucket, block), one of each bucket for up to `ROWS_HELD` rows.

    Args:
        bucket_of: returns the bucket of an item; gets the side inputs, too.
    """

    def __init__(self, bucket_of: Callable[..., Hashable]):
        self._bucket_of = bucket_of

    def start_bundle(self) -> None:
        self._buckets: defaultdict[Hashable, list[Any]] = defaultdict(list)
        self._held = 0

    def process(self, block: Block[Any], *sides: Any) -> Iterator[Any]:
        for item in block:
            self._buckets[self._bucket_of(item, *sides)].append(item)
        self._held += len(block)
        if self._held >= ROWS_HELD:
            yield from self._release()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        yield from map(at_the_end, self._release())

    def _release(self) -> Iterator[tuple[Hashable, Block[Any]]]:
        for bucket, items in self._buckets.items():
            yield bucket, Block(items)
        self.start_bundle()


@dataclasses.dataclass(frozen=True)
class Bucket:
    """The bucket of an item by its key.

    Attributes:
        key_of: returns the key of an item.
        count: of buckets.
    """

    key_of: Callable[[Any], str | bytes]
    count: int

    def __call__(self, item: Any) -> int:
        return self.of(self.key_of(item))

    def of(self, key: str | bytes) -> int:
        """Return the bucket of a key."""
        raw = key.encode(errors="surrogatepass") if isinstance(key, str) else key
        return zlib.crc32(raw) % self.count


@beam.ptransform_fn
def together(blocks: beam.PCollection, bucket: Bucket) -> Any:
    """Bring items into blocks so that all of one key are in the same block."""
    return (
        blocks
        | "ToBuckets" >> beam.ParDo(ToBuckets(bucket))
        | "ByBucket" >> beam.GroupByKey()
        | "Joined" >> beam.MapTuple(lambda _, parts: joined(parts))
    )


def joined(blocks: Iterable[Block[Item]]) -> Block[Item]:
    """Return one block of the items of several."""
    return Block([item for block in blocks for item in block])


def by_key(items: Iterable[Item], key_of: Callable[[Item], str]) -> dict[str, list[Item]]:
    """Return the items of each key."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(key_of(item), []).append(item)
    return groups
