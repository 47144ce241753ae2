"""Pairs of an image outside train and the train image it is a copy of."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from PIL import Image

from components.example_gen.near_duplicates import pixels
from components.example_gen.near_duplicates.candidates import (
    SAME_BYTES,
    SAME_SMALL,
    SMALLEST,
    Candidate,
)
from components.example_gen.records.examined import Stored
from components.example_gen.records.merge import Record
from components.example_gen.storage import urls

FILE = "near_duplicates.jsonl"  # beside the quarantine
WORTH_SAYING = 0.01  # change of a value's share in its split

Sameness = Literal["bytes", "pixels", "alike"]


@dataclasses.dataclass(frozen=True)
class Pair:
    """An image outside train and what it looks like. `similarity` is 1 for the same pixels."""

    split: str
    key: str
    train_key: str
    sameness: Sameness
    similarity: float
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def detail(self) -> str:
        """'similarity 0.934 to the key cat' or 'the same bytes as the key cat'."""
        if self.sameness == "alike":
            return f"similarity {self.similarity:.3f} to the key {self.train_key}"
        return f"the same {self.sameness} as the key {self.train_key}"


def confirm(
    record: Record,
    closest: Sequence[Candidate],
    read_image: Callable[[Stored], bytes],
    similarity: float,
    attributes: Sequence[str],
) -> Pair | None:
    """Compare a record's image with its candidates, pixel by pixel, until one is a copy.

    Images are decoded one at a time and forgotten: most records have no candidate, and no thumbnail
    of any other image is ever kept. Of a flat image, or one with a side below 64 pixels, only the
    same bytes or pixels show the same.

    Args:
        record: outside train.
        closest: candidates of train, the likeliest first.
        read_image: gives the bytes of an image.
        similarity: from which on two images show the same.
        attributes: of the record, that are kept.
    """

    def pair(of: Candidate, same: Sameness, value: float = 1.0) -> Pair:
        kept = {name: record.attributes[name] for name in attributes if name in record.attributes}
        return Pair(record.split, record.key, of.key, same, value, kept)

    opened: dict[bool, Image.Image] = {}
    for candidate in closest:
        if candidate.far == -SAME_BYTES:
            return pair(candidate, "bytes")
        whole = candidate.far == -SAME_SMALL
        if whole not in opened:
            opened[whole] = pixels.opened(read_image(record.stored), whole)
        other = pixels.opened(read_image(candidate.stored), whole)
        if whole and _pixels(opened[whole]) == _pixels(other):
            return pair(candidate, "pixels")
        if min(*opened[whole].size, *other.size) < SMALLEST:
            continue
        small = [pixels.shrunk(image) for image in (opened[whole], other)]
        if any(map(pixels.is_flat, small)):
            continue
        value = pixels.similarity(*small)
        if value >= similarity:
            return pair(candidate, "alike", round(value, 3))
    return None


def _pixels(image: Image.Image) -> tuple[tuple[int, int], bytes]:
    return image.size, image.tobytes()


def written(pairs: Sequence[Pair]) -> str:
    """Write a line of JSON for each, the most similar first."""
    ordered = sorted(pairs, key=lambda pair: (-pair.similarity, pair.split, pair.key))
    return "".join(json.dumps(dataclasses.asdict(pair), sort_keys=True) + "\n" for pair in ordered)


def read(folder: str) -> list[Pair]:
    """Read the pairs of a quarantine artifact; none where nothing was compared."""
    path = f"{folder}/{FILE}"
    if urls.is_local(path):
        file = Path(urls.plain(path))
        text = file.read_text(encoding="utf-8") if file.exists() else ""
    else:
        from tfx.dsl.io import fileio
        from tfx.utils import io_utils

        text = str(io_utils.read_string_file(path)) if fileio.exists(path) else ""
    return [Pair(**json.loads(line)) for line in text.splitlines()]


def balance(
    pairs: Sequence[Pair], attribute: str, counts: Mapping[str, int], total: int, removed: bool
) -> list[tuple[str, float, float]]:
    """Return the values of an attribute whose share of a split its near duplicates change.

    Args:
        pairs: of the split.
        attribute: its name.
        counts: records of each value in the split as it is written.
        total: records of the split as it is written.
        removed: whether the near duplicates are gone from `counts` and `total`.

    Returns:
        (value, share with them, share without them), the largest change first; those that change
        by `WORTH_SAYING` or more.
    """
    gone = Counter(pair.attributes[attribute] for pair in pairs if attribute in pair.attributes)
    more, less = (len(pairs), 0) if removed else (0, len(pairs))
    changes = []
    for value in {*gone, *counts}:
        count = counts.get(value, 0)
        before = (count + gone[value] * removed) / max(1, total + more)
        after = (count - gone[value] * (not removed)) / max(1, total - less)
        if abs(after - before) >= WORTH_SAYING:
            changes.append((value, before, after))
    return sorted(changes, key=lambda change: (-round(abs(change[2] - change[1]), 6), change[0]))
