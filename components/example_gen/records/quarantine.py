"""The quarantine: a line for each record that is not used, and the sums."""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from components.example_gen.config import ALL
from components.example_gen.records.examined import Refused
from components.example_gen.records.splits import TRAIN
from components.example_gen.rows import HARMLESS, NEAR_DUPLICATE, REASONS, Place
from components.example_gen.storage import urls
from schema.config.section import Frozen
from schema.errors import InputError
from schema.text.messages import number_of, share
from schema.text.secrets import HIDDEN, without_secrets

SUMMARY = "summary.json"
RECORDS = "records-{:05d}-of-{:05d}.jsonl"
_CUT_URL = re.compile(r"(?<=://)[^\s\"/?#]*$")
FILES = 4  # of records: lines are short, and there are few


class Summary(Frozen):
    """Counts of an ingest. Every row read is an example, merged into one, or quarantined."""

    read: int = 0  # rows
    examples: dict[str, int] = Field(default_factory=dict)  # by split
    merged: int = 0  # rows that joined the record of an earlier one
    other_share: int = 0  # rows in files of retained data sets that the release did not evaluate
    quarantined: dict[str, int] = Field(default_factory=dict)  # rows by reason
    captions_dropped: dict[str, int] = Field(default_factory=dict)  # by reason
    captions: dict[str, int] = Field(default_factory=dict)  # records by how many captions they have
    images_changed: dict[str, int] = Field(default_factory=dict)  # records by what was done
    distinct_images: dict[str, int] = Field(default_factory=dict)  # by split, of bytes received
    distinct_captions: dict[str, int] = Field(default_factory=dict)  # by split, with their labels
    identical: int = 0  # records whose image another record has too, byte for byte
    near_duplicates: dict[str, int] = Field(default_factory=dict)  # by split, of train's images
    ignored: dict[str, int] = Field(default_factory=dict)  # files that are not read, by suffix
    key_columns: dict[str, int] = Field(default_factory=dict)  # rows by the column of their key

    @property
    def lost(self) -> int:
        """Rows nobody can account for: 0, or Beam has lost some."""
        known = sum(self.examples.values()) + self.merged + sum(self.quarantined.values())
        return self.read - known - self.other_share

    @property
    def unusable(self) -> int:
        """Quarantined rows that are bad data; near duplicates are good data in a bad place."""
        return sum(n for reason, n in self.quarantined.items() if reason not in HARMLESS)

    @property
    def sentence(self) -> str:
        """'3 of 1,000 records are quarantined: 2 damaged_pixels, 1 empty_caption'."""
        return f"{share(self.unusable, self.read, 'record')} quarantined: " + ", ".join(
            f"{count:,} {reason}"
            for reason, count in sorted(self.quarantined.items(), key=lambda item: -item[1])
            if reason not in HARMLESS
        )

    @property
    def advice(self) -> str:
        """What to do about keys that different images have, behind `sentence`; may be empty."""
        if not (self.key_columns and self.quarantined.get("key_of_another_image")):
            return ""
        names = " and ".join(map(repr, self.key_columns))
        return (
            f"; different images have the same key in the column {names}: name another one in "
            "data.columns.key, or set it to off, and an image's path or digest is its key"
        )

    @property
    def not_read(self) -> str:
        """'files that are not read: 12 .md, 3 hidden', or empty."""
        if not self.ignored:
            return ""
        largest = sorted(self.ignored.items(), key=lambda item: (-item[1], item[0]))
        counts = ", ".join(f"{count:,} {kind}" for kind, count in largest)
        return f"files that are not read: {counts}"


def summarize(counts: Mapping[tuple[str, str], int]) -> Summary:
    """Sum up the counts of the stages, by the field of the summary and its key."""
    fields: dict[str, Any] = {}
    for (field, what), count in sorted(counts.items()):
        if what:
            fields.setdefault(field, {})[what] = count
        else:
            fields[field] = count
    return Summary.model_validate(fields)


def check_removed(summary: Summary, max_removed: float) -> list[str]:
    """Return a sentence for each split of which too many near duplicates were removed."""
    if NEAR_DUPLICATE not in summary.quarantined:
        return []
    return [
        f"{near_duplicates(summary, split)} and {'was' if count == 1 else 'were'} removed; "
        f"data.near_duplicates.max_removed allows a share of {max_removed:g}. Look at the pairs "
        "that `diptych check` shows: if they are copies, split the data so that all copies of an "
        "image are in one split, or allow more; if they are not, raise "
        "data.near_duplicates.similarity or set its action to report"
        for split, count in summary.near_duplicates.items()
        if count > max_removed * (summary.examples.get(split, 0) + count)
    ]


def near_duplicates(summary: Summary, split: str) -> str:
    """Return '416 of 793 images of eval (52.5 %) look like ones of the train split'."""
    count = summary.near_duplicates[split]
    of = summary.examples.get(split, 0) + count * (NEAR_DUPLICATE in summary.quarantined)
    part = f"{count:,} of {number_of(of, 'image')} of {split} ({count / of:.1%})"
    alike = "looks like one" if count == 1 else "look like ones"
    return f"{part.replace('%', ' %')} {alike} of the train split"


def check(summary: Summary, max_quarantined: float) -> list[str]:
    """Return a sentence that stops a run with too many unusable records, or none."""
    if summary.unusable <= max_quarantined * summary.read:
        return []
    return [
        f"{summary.sentence}; data.max_quarantined allows a share of {max_quarantined:g} "
        f"(`diptych quarantine list` shows each){summary.advice}"
    ]


def empty_splits(folder: str, splits: Iterable[str]) -> list[str]:
    """Return a sentence for each split without a record.

    Args:
        folder: of the quarantine.
        splits: that should have records.
    """
    summary = read_summary(folder)
    stops = []
    for split in sorted(splits, key=lambda name: name != TRAIN):
        if not summary.examples.get(split):
            refused = (row for row in read_records(folder) if row.split in (split, ALL))
            first = next((f"; the first is {describe(row)}" for row in refused), "")
            why = f" ({summary.sentence}{first}{summary.advice})" if summary.unusable else ""
            if split in summary.near_duplicates:
                why += f": {near_duplicates(summary, split)} and were removed"
            stops.append(f"the split {split} has no usable record{why}")
    return stops


def remarks(summary: Summary) -> list[str]:
    """Return sentences about an ingest that succeeded."""
    sentences = [summary.sentence + summary.advice] if summary.unusable else []
    removed = NEAR_DUPLICATE in summary.quarantined  # all that were found, or none
    for split, count in summary.near_duplicates.items():
        was = f"; {'it was' if count == 1 else 'they were'} removed" if removed else ""
        sentences.append(f"{near_duplicates(summary, split)}{was}")
    return sentences


def line(refused: Refused) -> str:
    """Write one record of the quarantine as JSON."""
    payload = dataclasses.asdict(refused)
    place = payload.pop("place")
    hidden = {
        "key": None if refused.key is None else without_secrets(refused.key),
        "detail": without_secrets(refused.detail),
        "first_bytes": _without_secrets(refused.first_bytes).hex(),
    }
    return json.dumps({**payload, **place, **hidden}, sort_keys=True)


def _without_secrets(beginning: bytes) -> bytes:
    """Return first bytes without secrets; of a URL that is cut off before its path, the scheme."""
    text = without_secrets(beginning.decode("utf-8", "surrogateescape"))
    return _CUT_URL.sub(HIDDEN, text).encode("utf-8", "surrogateescape")


def parse(text: str) -> Refused:
    """Read one line of the quarantine."""
    payload = json.loads(text)
    place = Place(payload.pop("source"), payload.pop("offset"))
    return Refused(
        **{**payload, "place": place, "first_bytes": bytes.fromhex(payload["first_bytes"])}
    )


def read_summary(folder: str) -> Summary:
    """Read the sums of a quarantine artifact."""
    return Summary.model_validate_json(_text(f"{folder}/{SUMMARY}"))


def read_records(folder: str, reason: str | None = None) -> Iterator[Refused]:
    """Yield the records of a quarantine artifact, in the order of their files.

    Args:
        folder: of the artifact.
        reason: of the records, None for all.

    Raises:
        InputError: there is no such reason.
    """
    if reason is not None and reason not in REASONS:
        raise InputError(f"{reason!r} is not a reason; the reasons are {', '.join(REASONS)}")
    lines: list[str] = []
    for name in _files(folder):
        lines += [text for text in _text(name).splitlines() if text]
    chosen = [row for row in map(parse, lines) if reason in (None, row.reason)]
    yield from sorted(chosen, key=lambda row: (row.place, row.reason))


def describe(refused: Refused) -> str:
    """Return 'a/x.tar: 512 (key cat): there is no caption'."""
    key = "" if refused.key is None else f" (key {refused.key})"
    detail = f", {refused.detail}" if refused.detail else ""
    return f"{refused.place}{key}: {REASONS[refused.reason]}{detail}"


def explain(reasons: Iterable[str]) -> list[tuple[str, str]]:
    """Return the reasons that occur with their meanings, in the order of `REASONS`."""
    there = set(reasons)
    return [(reason, meaning) for reason, meaning in REASONS.items() if reason in there]


def _files(folder: str) -> list[str]:
    pattern = f"{RECORDS.split('-', maxsplit=1)[0]}-*"
    if urls.is_local(folder):
        return [str(path) for path in Path(urls.plain(folder)).glob(pattern)]
    from tfx.dsl.io import fileio

    return list(fileio.glob(f"{folder}/{pattern}"))


def _text(path: str) -> str:
    if urls.is_local(path):
        # Without TFX, which takes seconds to import: `diptych quarantine list` answers at once.
        return Path(urls.plain(path)).read_text(encoding="utf-8")
    from tfx.utils import io_utils

    return str(io_utils.read_string_file(path))
