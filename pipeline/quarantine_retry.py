"""Read quarantined records again, by today's files and config, without a run."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator

from components.example_gen import quarantine
from components.example_gen.config import IngestConfig
from components.example_gen.examine import Limits, examine
from components.example_gen.files import find
from components.example_gen.found import Refused
from components.example_gen.image_header import ImageLimits
from components.example_gen.readers import ReadOptions
from components.example_gen.readers.recognise import reader_for
from components.example_gen.row import Rejected, Row
from pipeline.config import RunConfig

_SPEC = re.compile(r"\{[A-Z]+(:\d+)?\}")  # TFX's {SPAN}, {VERSION} and their kin
USABLE = "usable: the next run reads them"
GONE = "not in the files any more"
WITH_OTHERS = frozenset(  # only all records together decide these
    {"key_of_another_image", "key_in_two_splits", "near_duplicate_of_train", "too_many_captions"}
)
JUDGED_TOGETHER = "usable alone; the next run judges them with the others"


def retry(config: RunConfig, folder: str, reason: str | None) -> Counter[str]:
    """How many of a quarantine's records would have which outcome today.

    A record is found by its key where it has one, since a mended file has other offsets.

    Args:
        config: of the run, as it is today.
        folder: of the quarantine.
        reason: of the records to try, None for all.

    Raises:
        InputError: the quarantine or a file is not there, or cannot be read at all.
    """
    data = config.data.for_ingest()
    limits = Limits(
        ImageLimits(data.max_pixels, data.max_bytes, data.max_side), data.max_caption_characters
    )
    waiting: dict[Hashable, list[Refused]] = defaultdict(list)
    for each in quarantine.read_records(folder):
        if reason in (None, each.reason):
            waiting[_mark(each)].append(each)
    outcomes: Counter[str] = Counter()
    for row in _rows(data):
        if waiting.get(_mark(row)):
            outcomes[_judge(row, waiting[_mark(row)].pop(0), limits)] += 1
    outcomes[GONE] = sum(map(len, waiting.values()))
    return +outcomes


def _rows(data: IngestConfig) -> Iterator[Row | Rejected]:
    """Every row of the files that the config names; of all spans, the old ones too."""
    options = ReadOptions(data.columns, data.attributes, data.max_bytes)
    for pattern in data.patterns.values():
        files = find(data.path, _SPEC.sub("*", pattern))
        reader = reader_for(data.format, files)
        for file in files:
            for part in range(reader.parts(file, options)):
                yield from reader.read(file, part, options)


def _mark(each: Row | Rejected | Refused) -> Hashable:
    return each.place if each.key is None else each.key


def _judge(row: Row | Rejected, old: Refused, limits: Limits) -> str:
    if isinstance(row, Rejected):
        return f"still {row.reason}"
    [examined] = examine([[(old.split, row)]], limits)
    if examined.refused:
        return f"still {examined.refused[0].reason}"
    return JUDGED_TOGETHER if old.reason in WITH_OTHERS else USABLE
