"""Merge the rows of one image key into one record with all their captions."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence

from components.example_gen.config import Keep
from components.example_gen.records.examined import ExaminedRow, ImageFacts, Refused, Stored
from components.example_gen.records.retained import Source
from components.example_gen.records.splits import TRAIN, split_of
from components.example_gen.rows import ABOVE_THE_LIMIT, DUPLICATE_CAPTION, Place

DIGEST_CHARACTERS = 16  # of the digest that is appended to a name that two images have


@dataclasses.dataclass(frozen=True)
class Record:
    """One image with its captions, merged from `rows` rows.

    `name` is what the image is called where its key is only the digest of its bytes.
    """

    split: str
    key: str
    place: Place  # of its first row
    image: ImageFacts
    stored: Stored
    captions: tuple[str, ...]
    labels: tuple[int, ...] | None
    attributes: Mapping[str, str]
    rows: int
    dropped: tuple[str, ...]
    name: str | None = None


@dataclasses.dataclass(frozen=True)
class Grouping:
    """How rows are merged.

    `precedence` ranks the splits that globs name; `shares` splits by the key where they do not;
    `keep` says which captions of a record remain where it has more than `max_captions`. `retained`
    holds the retained data sets by their names, which are splits of files of their own.
    """

    precedence: Mapping[str, int]
    shares: Mapping[str, float]
    max_captions: int
    keep: Keep = "first"
    retained: Mapping[str, Source] = dataclasses.field(default_factory=dict)


def merge_all(
    key: str, rows: Iterable[ExaminedRow], grouping: Grouping
) -> tuple[list[Record], list[Refused], int]:
    """Merge the rows of one key of all splits and retained data sets.

    Retained data sets are merged by themselves: they may hold the images of any split but train.

    Returns:
        The records, none if nothing is left; the rows that are not part of them; and the number of
        rows of a retained data set's files that do not belong to it.
    """
    by_set: dict[str, list[ExaminedRow]] = {}
    for row in rows:
        by_set.setdefault(row.split if row.split in grouping.retained else "", []).append(row)
    own = by_set.pop("", [])
    records, refused = merge(key, own, grouping) if own else ([], [])
    trained = [record for record in records if record.split == TRAIN]
    elsewhere = 0
    for name, its_rows in sorted(by_set.items()):
        if not grouping.retained[name].holds(key):
            elsewhere += len(its_rows)
            continue
        free = [row for row in its_rows if not _is_one_of(row, trained)]
        for row in its_rows:
            if row not in free:
                detail = f"it is in {TRAIN} already ({trained[0].place})"
                refused.append(_refused(row, "key_in_two_splits", detail))
        if free:
            apart = dataclasses.replace(grouping, shares={})
            more, strangers = merge(key, free, apart)
            records += more
            refused += strangers
    return records, refused, elsewhere


def _is_one_of(row: ExaminedRow, records: Iterable[Record]) -> bool:
    """Return whether a row has the image of one of the records of its key."""
    return any(row.key_column or row.image.content == each.image.content for each in records)


def merge(
    key: str, rows: Iterable[ExaminedRow], grouping: Grouping
) -> tuple[list[Record], list[Refused]]:
    """Merge the rows of one key; the result does not depend on their order.

    The first row, by split and then by its place in the files, decides which image it is and which
    split. A row of another split is refused, and one of another image whose key is a column's.
    Where the key is only the name of a file, another image of that name is another record.

    Returns:
        The records, none if nothing is left; and the rows that are not part of them.
    """
    ordered = sorted(rows, key=lambda row: (grouping.precedence.get(row.split, 0), row.place))
    first = ordered[0]
    by_image: dict[str, list[ExaminedRow]] = {}
    for row in ordered:
        content = first.image.content if row.key_column else row.image.content
        by_image.setdefault(content, []).append(row)
    records: list[Record] = []
    refused: list[Refused] = []
    for content, together in by_image.items():
        its_key = key if content == first.image.content else with_digest(key, content)
        record, strangers = _merge(its_key, together, grouping)
        records += [record] if record is not None else []
        refused += strangers
    return records, refused


def with_digest(name: str, content: str) -> str:
    """Return a key for an image whose name another image has."""
    return f"{name}-{content[:DIGEST_CHARACTERS]}"


def own_names(records: Iterable[Record], grouping: Grouping) -> Iterable[Record]:
    """Yield the images of one name, all that there are, with different keys.

    A record whose key is its own keeps it. Of the others the first, by split and place, is called
    by the name alone.

    Args:
        records: can be gone through twice.
        grouping: ranks the splits.
    """

    def order(record: Record) -> tuple[bool, int, Place, str]:
        rank = grouping.precedence.get(record.split, 0)
        return record.name is not None, rank, record.place, record.key

    first = min(map(order, records))
    for record in records:
        if record.name is None:
            yield record
        else:
            key = record.name
            if order(record) != first:
                key = with_digest(record.name, record.image.content)
            yield dataclasses.replace(record, key=key, name=None)


def _merge(
    key: str, ordered: Sequence[ExaminedRow], grouping: Grouping
) -> tuple[Record | None, list[Refused]]:
    first = ordered[0]
    kept: list[ExaminedRow] = []
    refused: list[Refused] = []
    texts: dict[str, int | None] = {}
    dropped: list[str] = []
    for row in ordered:
        reason, detail = _stranger(row, first, texts)
        if reason:
            refused.append(_refused(row, reason, detail))
            continue
        kept.append(row)
        dropped += row.dropped
        for caption, label in zip(row.captions, _labels(row), strict=True):
            if caption in texts:
                dropped.append(DUPLICATE_CAPTION)
            texts[caption] = label if texts.get(caption) is None else texts[caption]
    above = len(texts) - grouping.max_captions
    if above > 0 and grouping.keep == "all":
        detail = f"{len(texts)} captions, and text.max_captions is {grouping.max_captions}"
        return None, refused + [_refused(row, "too_many_captions", detail) for row in kept]
    if above > 0:
        texts = _within(texts, key, grouping)
        dropped += [ABOVE_THE_LIMIT] * above
    record = Record(
        split=split_of(key, grouping.shares) if grouping.shares else first.split,
        key=key,
        place=first.place,
        image=first.image,
        stored=first.stored,
        captions=tuple(texts),
        labels=_together(tuple(texts.values())),
        attributes=_attributes(kept),
        rows=len(kept),
        dropped=tuple(dropped),
        name=first.name,
    )
    return record, refused


def _within(texts: dict[str, int | None], key: str, grouping: Grouping) -> dict[str, int | None]:
    """Return as many captions as are allowed, with their labels and in their order.

    Those that match the image go before those that do not, or a record could lose all its matches.
    """

    def rank(numbered: tuple[int, str]) -> tuple[bool, bytes | int]:
        number, caption = numbered
        drawn = hashlib.blake2b(f"{key}\0{caption}".encode(), digest_size=8).digest()
        return not _matches(texts[caption]), drawn if grouping.keep == "random" else number

    ranked = sorted(enumerate(texts), key=rank)[: grouping.max_captions]
    return {caption: texts[caption] for _, caption in sorted(ranked)}


def _stranger(
    row: ExaminedRow, first: ExaminedRow, texts: Mapping[str, int | None]
) -> tuple[str, str]:
    if row.image.content != first.image.content:
        column = f", in the column {row.key_column!r} too" if row.key_column else ""
        return "key_of_another_image", f"the first image of this key is at {first.place}{column}"
    if row.split != first.split:
        return "key_in_two_splits", f"it is in {first.split} already ({first.place})"
    for caption, label in zip(row.captions, _labels(row), strict=True):
        before = texts.get(caption)
        if caption in texts and (1 if before is None else before) != (
            1 if label is None else label
        ):
            return "bad_labels", f"{caption[:60]!r} is labelled 0 and 1"
    return "", ""


def _labels(row: ExaminedRow) -> Sequence[int | None]:
    return row.labels if row.labels is not None else [None] * len(row.captions)


def _matches(label: int | None) -> bool:
    """Return whether a caption matches: one without a label does, as where none has a label."""
    return label != 0


def _together(labels: tuple[int | None, ...]) -> tuple[int, ...] | None:
    if all(label is None for label in labels):
        return None
    return tuple(int(_matches(label)) for label in labels)


def _attributes(rows: Sequence[ExaminedRow]) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for row in rows:
        attributes = {**row.attributes, **attributes}
    return attributes


def _refused(row: ExaminedRow, reason: str, detail: str) -> Refused:
    return Refused(row.split, row.place, reason, detail, row.known_as)
