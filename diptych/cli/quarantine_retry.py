"""`diptych quarantine retry`: read the quarantined records again, without a run."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from diptych.cli.command import HERE, REFUSED, ConfigFile, one_sentence
from diptych.cli.quarantine import Reason, Run, quarantine_folder, quarantine_summary

if TYPE_CHECKING:
    from components.example_gen.config import IngestConfig
    from components.example_gen.ingest.examine import Limits
    from components.example_gen.records.examined import Refused
    from components.example_gen.rows import Place, Rejected, Row
    from pipeline.config.run_config import RunConfig

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


def retry_command(run: Run = None, config: ConfigFile = HERE, reason: Reason = None) -> None:
    """Try the quarantined records again.

    Reads them from the files as they are now, with the config as it is now.

    Exit codes: 0 the next run uses all of them, 1 they cannot be judged, 3 some are unusable.
    """
    with one_sentence():
        from pipeline.config.run_config import load
        from pipeline.console.terminal import make_console, say
        from pipeline.local.run_logs import logs_of
        from pipeline.process.redirect_output import output_to

        loaded = load(config)
        _, folder = quarantine_folder(loaded, run)
        quarantine_summary(folder)  # a missing folder would look like an empty quarantine
        # A reader may import TensorFlow, which prints a lot.
        with output_to(logs_of(loaded) / "quarantine-retry.log"):
            outcomes = retry(loaded, folder, reason)
        console = make_console()
        if not outcomes:
            say(console, "nothing is quarantined")
        for outcome, count in outcomes.most_common():
            say(console, f"  {count:>6,} {outcome}")
        raise typer.Exit(REFUSED if set(outcomes) - {USABLE, JUDGED_TOGETHER} else 0)


def retry(config: "RunConfig", folder: str, reason: str | None) -> Counter[str]:
    """Count the quarantined records by the outcome that each would have now.

    A record is identified by its split and key where it has one, because a corrected file has
    other offsets.

    Args:
        config: of the run, as it is now.
        folder: of the quarantine.
        reason: of the records to try; None for all.

    Raises:
        InputError: the quarantine or a file does not exist or cannot be read, or there is no such
            reason.
    """
    from components.example_gen.config import ALL
    from components.example_gen.ingest.examine import Limits
    from components.example_gen.records import quarantine
    from components.example_gen.rows import Row
    from schema.text.secrets import expand, without_secrets

    data = config.data.for_ingest(config.image)
    data = data.model_copy(update={"path": expand(data.path)})
    limits = Limits.of(data)
    waiting: dict[Hashable, list[Refused]] = defaultdict(list)
    for record in quarantine.read_records(folder, reason):
        split = ALL if data.shares else record.split  # with shares, a row has no split yet
        waiting[split, record.place if record.key is None else record.key].append(record)
    today: dict[Hashable, dict[Place, str]] = defaultdict(dict)
    for split, row in _rows(data):
        known_as = row.known_as if isinstance(row, Row) else row.key
        known_as = (
            None if known_as is None else without_secrets(known_as)
        )  # as the quarantine has it
        # A line that could not be read had no key, and may have one now.
        marks = [mark for mark in ((split, row.place), (split, known_as)) if mark in waiting]
        if marks:
            today[marks[0]][row.place] = _fault(split, row, limits)
    outcomes: Counter[str] = Counter()
    for mark, refused in waiting.items():
        outcomes.update(_outcomes(refused, today[mark]))
    return outcomes


def _rows(data: "IngestConfig") -> "Iterator[tuple[str, Row | Rejected]]":
    """Yield every row of the files that the config names, of all spans."""
    from components.example_gen.files import find, read_options
    from components.example_gen.readers.recognition import reader_for
    from components.example_gen.rows import Ignored

    options = read_options(data)
    for split, pattern in data.patterns.items():
        files = find(data.path, _SPEC.sub("*", pattern), options.access)
        reader = reader_for(data.format, files)
        for file in files:
            for part in range(reader.parts(file, options)):
                for row in reader.read(file, part, options):
                    if not isinstance(row, Ignored):
                        yield split, row


def _fault(split: str, row: "Row | Rejected", limits: "Limits") -> str:
    """Return the reason why a row cannot be used now, or an empty string."""
    from components.example_gen.ingest.examine import examine
    from components.example_gen.rows import Rejected

    if isinstance(row, Rejected):
        return row.reason
    [examined] = examine([[(split, row)]], limits)
    return examined.refused[0].reason if examined.refused else ""


def _outcomes(refused: "Sequence[Refused]", today: "Mapping[Place, str]") -> Iterator[str]:
    """Yield the outcome of each refused row of one key, given the faults of its rows now.

    A row at the same place is the same row. The others are matched
    with the faulty rows first: none counts as usable while one of them is still faulty.
    """
    moved = [record for record in refused if record.place not in today]
    places = {record.place for record in refused}
    faults = sorted((fault for place, fault in today.items() if place not in places), reverse=True)
    now = {record.place: today[record.place] for record in refused if record.place in today}
    now |= {record.place: fault for record, fault in zip(moved, faults, strict=False)}
    for record in refused:
        fault = now.get(record.place)
        if fault is None:
            yield GONE
        elif fault:
            yield f"still {fault}"
        else:
            yield JUDGED_TOGETHER if record.reason in WITH_OTHERS else USABLE
