"""Choose the columns of images and captions, and those that the pairs can be sliced by."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.evaluator.config import BUILT_IN_SLICES
from components.example_gen.images.formats import is_image
from components.example_gen.readers.parsing.file_kinds import by_suffix
from components.example_gen.readers.parsing.metadata import CAPTION_KEYS
from components.example_gen.readers.registry import ReadOptions
from components.example_gen.readers.tables.columns import USUAL, find_columns
from schema.errors import InputError

ENOUGH = 20  # records from which on the number of different values says something
MOST_VALUES = 30  # of a column to slice by
MOST_ATTRIBUTES = 5
WORDS = 1.3  # of a caption at least, on average; values of other columns have one
LONGEST_VALUE = 60  # characters of what pairs are sliced by
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_OF_IMAGES = ("image", "file_name", "width", "height", "url")

Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Chosen:
    """The columns that a config names.

    Attributes:
        image: None: it has a usual name.
        captions: empty: they have a usual name.
        attributes: to slice by.
    """

    image: str | None = None
    captions: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


def choose(file: str, records: Sequence[Record], is_table: bool) -> Chosen:
    """Choose among the columns of some records.

    Args:
        file: its address, for the sentence.
        records: the first ones; none where the format has no columns.
        is_table: whether images are in a column; else captions are in sidecars.

    Raises:
        InputError: no column holds images, or none holds captions.
    """
    columns = list(dict.fromkeys(name for record in records for name in record))
    image: str | None = None
    captions: tuple[str, ...] = ()
    if is_table and columns and not _has_usual(file, columns):
        image = next((name for name in columns if _holds_images(_values(records, name))), None)
        texts = [name for name in columns if name != image]
        worded = [name for name in texts if _holds_captions(_values(records, name))]
        # "Food & Drink" has words as a caption has, but is the category of many records.
        describing = [name for name in worded if not _is_repeated(_values(records, name))]
        captions = tuple(describing or worded)
        if image is None or not captions:
            what = "images" if image is None else "captions"
            raise InputError(
                f"{file}: none of its columns ({', '.join(map(repr, columns[:20]))}) looks like "
                f"one of {what}; name it in data.columns"
            )
    taken = {image, *captions, *CAPTION_KEYS, *_OF_IMAGES}
    taken |= {name for names in USUAL.values() for name in names}
    return Chosen(image, captions, tuple(_attributes(records, columns, taken))[:MOST_ATTRIBUTES])


def _has_usual(file: str, columns: Sequence[str]) -> bool:
    with contextlib.suppress(InputError):
        return bool(find_columns(file, columns, ReadOptions()))
    return False


def _values(records: Sequence[Record], name: str) -> list[Any]:
    return [record[name] for record in records if record.get(name) not in (None, "")]


def _holds_images(values: Sequence[Any]) -> bool:
    return bool(values) and all(map(_is_image, values[:ENOUGH]))


def _is_image(value: Any) -> bool:
    if isinstance(value, Mapping):
        return _is_image(value.get("bytes")) or _is_image(value.get("path"))
    if isinstance(value, bytes):
        return is_image(value)
    return isinstance(value, str) and by_suffix(value.partition("?")[0]) == "image"


def _holds_captions(values: Sequence[Any]) -> bool:
    texts = [text for value in values for text in (value if isinstance(value, list) else [value])]
    if not texts or not all(isinstance(text, str) for text in texts):
        return False
    if any("://" in text or _is_image(text) for text in texts):
        return False
    return sum(len(text.split()) for text in texts) / len(texts) >= WORDS


def _attributes(
    records: Sequence[Record], columns: Sequence[str], taken: set[str | None]
) -> Iterator[str]:
    """Yield columns of few short values, each of which several records have."""
    for name in columns:
        values = _values(records, name)
        if (
            name in taken
            or name in BUILT_IN_SLICES
            or not _ATTRIBUTE.fullmatch(name)
            or not all(isinstance(value, str | int | bool) for value in values)
            or len(set(map(str, values))) < 2
        ):
            continue
        if _is_repeated(values) and max(len(str(value)) for value in values) <= LONGEST_VALUE:
            yield name


def _is_repeated(values: Sequence[Any]) -> bool:
    """Return whether there are few different values, so that several records share each."""
    if len(values) < ENOUGH:
        return False
    return len(set(map(str, values))) <= min(MOST_VALUES, len(values) // 4)
