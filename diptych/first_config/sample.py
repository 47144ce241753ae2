"""Read some of the pairs: how many there are, what their captions and pictures are like."""

import contextlib
import dataclasses
import hashlib
import random
import time
from collections import Counter
from collections.abc import Mapping

from components.example_gen.config import IngestConfig
from components.example_gen.files import find_parts, read_options
from components.example_gen.readers.registry import READERS, ReadOptions
from components.example_gen.records.captions import clean
from components.example_gen.records.splits import position
from components.example_gen.rows import Rejected, Row, UnusableError
from components.example_gen.storage import named_files, urls
from diptych.first_config import extent
from diptych.first_config.pictures import Pictures, examine
from schema.errors import InputError

ROWS, SECONDS, BYTES = 20_000, 8.0, 256 << 20  # of all splits together, read at most
PICTURES = 48  # that are decoded
HASHED = 500  # images in files of their own, at most, whose bytes are read for their hash
KEY_CHARACTERS = 32  # of a digest in place of a key, as ingest has it


@dataclasses.dataclass
class Captions:
    """What the captions that were read are like.

    Attributes:
        per_image: how many images have so many captions.
        words: how many captions have so many words.
        different: of a split, how many captions there are that differ.
        letters: how many characters are letters.
        latin: how many of these are ASCII.
    """

    per_image: Counter[int] = dataclasses.field(default_factory=Counter)
    words: Counter[int] = dataclasses.field(default_factory=Counter)
    different: dict[str, int] = dataclasses.field(default_factory=dict)
    letters: int = 0
    latin: int = 0


@dataclasses.dataclass(frozen=True)
class Sample:
    """What is known of the pairs of a folder.

    Attributes:
        pairs: images of each split, or under `ALL` of all together.
        is_exact: whether all were counted; else these are estimates.
        positions: where its hash puts each image that was read, in [0, 1), sorted; none where
            that would need the bytes of many files.
        captions: of those that were read.
        pictures: of those that were decoded.
        rejected: how many cannot be used, by reason.
        read: rows and pictures that were read.
    """

    pairs: Mapping[str, int]
    is_exact: bool
    positions: tuple[float, ...]
    captions: Captions
    pictures: Pictures
    rejected: Mapping[str, int]
    read: int

    @property
    def unusable(self) -> float:
        """The share of what was read that cannot be used, of rows or of pictures."""
        broken = len(self.pictures.faults)
        decoded = broken + len(self.pictures.sizes)
        of_rows = sum(self.rejected.values()) / max(self.read, 1)
        return of_rows + broken / max(decoded, 1)


def take_sample(config: IngestConfig) -> Sample:
    """Read a bounded number of the pairs that a config names.

    Raises:
        InputError: a file cannot be read, or nothing that was read can be used.
    """
    options = read_options(config)
    parts: dict[str, list[tuple[str, str, int]]] = {}
    for split, format_name, file, part in find_parts(config.path, config.patterns, config):
        parts.setdefault(split, []).append((format_name, file, part))
    reading = _Reading(options, config.max_caption_characters)
    pairs, is_exact = {}, True
    for split, of_split in parts.items():
        pairs[split], whole = reading.split(split, of_split, 1 / len(parts))
        is_exact = is_exact and whole
    pictures = examine(reading.chosen, options)
    if not pictures.sizes:
        faults = [*reading.faults.items(), *pictures.faults] or [("", "there is no record")]
        reason, detail = faults[0]
        raise InputError(
            f"{urls.shown(config.path)}: nothing that was read of it can be used; the first "
            f"fault is {reason}: {detail}"
        )
    return Sample(
        pairs,
        is_exact,
        reading.positions(),
        reading.summary(),
        pictures,
        reading.rejected,
        reading.read,
    )


class _Reading:
    """Reads the files of splits until a budget is used up.

    Args:
        options: of the readers.
        longest: characters of a caption.
    """

    def __init__(self, options: ReadOptions, longest: int):
        self._options, self._longest = options, longest
        self._random = random.Random(0)  # noqa: S311  the same pictures each time
        self._bytes, self._usable = 0, 0
        self.read = 0
        self.rejected: Counter[str] = Counter()
        self.faults: dict[str, str] = {}  # a detail by reason
        self._captions: dict[str, list[str]] = {}  # by image
        self._files: dict[str, str] = {}  # of images without a key, whose bytes were not read
        self._texts: dict[str, set[str]] = {}  # by split
        self.chosen: list[Row] = []

    def split(self, name: str, parts: list[tuple[str, str, int]], share: float) -> tuple[int, bool]:
        """Read the parts of a split in a share of the budget.

        Returns:
            The number of its images, and whether that is exact.
        """
        end = time.monotonic() + SECONDS * share
        most_rows, most_bytes = self.read + ROWS * share, self._bytes + BYTES * share
        texts = self._texts.setdefault(name, set())
        keys: set[str] = set()
        for done, (format_name, file, part) in enumerate(parts):
            before = self._usable, self._bytes
            for row in READERS[format_name].read(file, part, self._options):
                over = self.read >= most_rows or self._bytes >= most_bytes
                if over or time.monotonic() > end:
                    rows, size = self._usable - before[0], self._bytes - before[1]
                    seen = done + extent.share_of(format_name, file, part, rows, size)
                    return round(len(keys) * len(parts) / seen), False
                if isinstance(row, Rejected):
                    self.read += 1
                    self._reject(row.reason, row.detail)
                elif isinstance(row, Row):
                    self.read += 1
                    self._take(row, keys, texts)
        return len(keys), True

    def positions(self) -> tuple[float, ...]:
        """Return where their hashes put the images; see `Sample.positions`."""
        if len(self._files) > HASHED:
            return ()
        keys = self._captions.keys() - self._files.keys()
        for path in self._files.values():
            with contextlib.suppress(InputError, OSError):
                body = named_files.read(path, self._options.max_bytes, self._options.access)
                keys.add(_digest(body))
        return tuple(sorted(map(position, keys)))

    def summary(self) -> Captions:
        """Sum up the captions that were read."""
        found = Captions(different={split: len(texts) for split, texts in self._texts.items()})
        for captions in self._captions.values():
            found.per_image[len(set(captions))] += 1
            for caption in captions:
                found.words[len(caption.split())] += 1
                letters = [c for c in caption if c.isalpha()]
                found.letters += len(letters)
                found.latin += sum(c.isascii() for c in letters)
        return found

    def _take(self, row: Row, keys: set[str], texts: set[str]) -> None:
        try:
            captions = clean(row.captions, None, self._longest).captions
        except UnusableError as error:
            self._reject(error.reason, error.detail)
            return
        self._bytes += len(row.image or b"")
        key = row.key or row.image_path or _digest(row.image or b"")
        if not row.key and row.image_path:
            self._files[key] = row.image_path
        keys.add(key)
        texts.update(captions)
        self._captions.setdefault(key, []).extend(captions)
        self._usable += 1
        if len(self.chosen) < PICTURES:
            self.chosen.append(row)
        elif (place := self._random.randrange(self._usable)) < PICTURES:
            self.chosen[place] = row

    def _reject(self, reason: str, detail: str) -> None:
        self.rejected[reason] += 1
        self.faults.setdefault(reason, detail)


def _digest(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()[:KEY_CHARACTERS]
