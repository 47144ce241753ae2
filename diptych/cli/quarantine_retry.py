"""Read quarantined records again, by today's files and config, without a run."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence

from components.example_gen.config import ALL, IngestConfig
from components.example_gen.files import find, read_options
from components.example_gen.ingest.examine import Limits, examine
from components.example_gen.readers.recognition import reader_for
from components.example_gen.records import quarantine
from components.example_gen.records.examined import Refused
from components.example_gen.rows import Ignored, Place, Rejected, Row
from pipeline.config.run_config import RunConfig
from schema.text.secrets import expand, without_secrets

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

    A record is found by its split and key where it has one, since a mended file has other offsets.

    Args:
        config: of the run, as it is today.
        folder: of the quarantine.
        reason: of the records to try, None for all.

    Raises:
        InputError: the quarantine or a file is not there, or cannot be read at all; or there is no
            such reason.
    """
    data = config.data.for_ingest()
    data = data.model_copy(update={"path": expand(data.path)})
    limits = Limits.of(data)
    waiting: dict[Hashable, list[Refused]] = defaultdict(list)
    for each in quarantine.read_records(folder, reason):
        split = ALL if data.shares else each.split  # then a row has no split of its own yet
        waiting[split, each.place if each.key is None else each.key].append(each)
    today: dict[Hashable, dict[Place, str]] = defaultdict(dict)
    for split, row in _rows(data):
        known_as = row.known_as if isinstance(row, Row) else row.key
        known_as = None if known_as is None else without_secrets(known_as)  # as it is kept
        # A line that could not even be read had no key, and may have one now.
        marks = [each for each in ((split, row.place), (split, known_as)) if each in waiting]
        if marks:
            today[marks[0]][row.place] = _fault(split, row, limits)
    outcomes: Counter[str] = Counter()
    for mark, refused in waiting.items():
        outcomes.update(_outcomes(refused, today[mark]))
    return outcomes


def _rows(data: IngestConfig) -> Iterator[tuple[str, Row | Rejected]]:
    """Every row of the files that the config names; of all spans, the old ones too."""
    options = read_options(data)
    for split, pattern in data.patterns.items():
        files = find(data.path, _SPEC.sub("*", pattern), options.access)
        reader = reader_for(data.format, files)
        for file in files:
            for part in range(reader.parts(file, options)):
                for row in reader.read(file, part, options):
                    if not isinstance(row, Ignored):
                        yield split, row


def _fault(split: str, row: Row | Rejected, limits: Limits) -> str:
    """Why a row cannot be used today; empty if it can."""
    if isinstance(row, Rejected):
        return row.reason
    [examined] = examine([[(split, row)]], limits)
    return examined.refused[0].reason if examined.refused else ""


def _outcomes(refused: Sequence[Refused], today: Mapping[Place, str]) -> Iterator[str]:
    """What became of the refused rows of one key, among all rows that have it today.

    A row that stands where it stood is the same. Of the others nobody knows which is which, so
    those with a fault are taken first: none is called usable while one is still bad.
    """
    moved = [each for each in refused if each.place not in today]
    stood = {each.place for each in refused}
    faults = sorted((fault for place, fault in today.items() if place not in stood), reverse=True)
    now = {each.place: today[each.place] for each in refused if each.place in today}
    now |= {each.place: fault for each, fault in zip(moved, faults, strict=False)}
    for each in refused:
        fault = now.get(each.place)
        if fault is None:
            yield GONE
        elif fault:
            yield f"still {fault}"
        else:
            yield JUDGED_TOGETHER if each.reason in WITH_OTHERS else USABLE
