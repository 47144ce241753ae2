"""Read quarantined records again, by today's files and config, without a run."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping

from components.example_gen import quarantine
from components.example_gen.config import IngestConfig
from components.example_gen.examine import Limits, examine
from components.example_gen.files import find
from components.example_gen.found import Refused
from components.example_gen.image_header import ImageLimits
from components.example_gen.readers import ReadOptions
from components.example_gen.readers.recognise import reader_for
from components.example_gen.row import Place, Rejected, Row
from pipeline.config import RunConfig

_SPEC = re.compile(r"\{[A-Z]+(:\d+)?\}")  # TFX's {SPAN}, {VERSION} and their kin
USABLE = "usable: the next run reads them"
GONE = "not in the files any more"
WITH_OTHERS = frozenset(  # only all records together decide these
    {
        *("key_of_another_image", "key_in_two_splits", "near_duplicate_of_train"),
        *("too_many_captions", "bad_labels"),
    }
)
JUDGED_TOGETHER = "usable alone; the next run judges them with the others"


def retry(config: RunConfig, folder: str, reason: str | None) -> Counter[str]:
    """How many of a quarantine's records would have which outcome today.

    A record is found by its key where it has one, since a mended file has other offsets. Of several
    rows with its key it is the one in its place; else one that is unusable, if there is any.

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
    refused: dict[Hashable, list[Refused]] = defaultdict(list)
    for each in quarantine.read_records(folder):
        if reason in (None, each.reason):
            refused[_mark(each)].append(each)
    today: dict[Hashable, dict[Place, str]] = defaultdict(dict)
    for row in _rows(data):
        if _mark(row) in refused:
            today[_mark(row)][row.place] = _wrong(row, limits)
    return Counter(each for mark in refused for each in _outcomes(refused[mark], today[mark]))


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


def _wrong(row: Row | Rejected, limits: Limits) -> str:
    """Why a row cannot be used by itself; nothing if it can."""
    if isinstance(row, Rejected):
        return row.reason
    [examined] = examine([[("", row)]], limits)
    return examined.refused[0].reason if examined.refused else ""


def _outcomes(refused: Iterable[Refused], today: Mapping[Place, str]) -> Iterator[str]:
    """Of each of the records with one mark; `today` says what is wrong with the rows that have it.

    A row that was never refused may stand beside one that is still unusable, hence those first.
    """
    old = list(refused)
    others = today.keys() - {each.place for each in old}
    moved = iter(sorted((today[place] for place in others), key=lambda wrong: not wrong))
    for each in old:
        wrong = today[each.place] if each.place in today else next(moved, None)
        if wrong is None:
            yield GONE
        elif wrong:
            yield f"still {wrong}"
        else:
            yield JUDGED_TOGETHER if each.reason in WITH_OTHERS else USABLE
