"""The images and annotations of a COCO file, read piece by piece."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from components.example_gen.readers.parsing.encoding import as_utf8
from components.example_gen.readers.parsing.json_stream import UNUSABLE, JsonStream
from components.example_gen.readers.parsing.limits import MAX_CAPTIONS, MAX_REJECTED
from components.example_gen.readers.registry import ReadOptions
from components.example_gen.storage.decompress import DamagedError, open_plain
from components.example_gen.storage.urls import shown
from schema.errors import InputError

Id = int | str
Annotation = tuple[Any, ...]  # its number, its label, and a value for each field of captions


@dataclasses.dataclass
class Tables:
    """What a file holds.

    Attributes:
        images: their fields that are needed, in order; None for one that cannot be read.
        annotations: by the id of their image; of one with far too many, not all.
        loose: numbers of those that name no image.
    """

    images: list[dict[str, Any] | None]
    annotations: dict[Id, list[Annotation]]
    loose: list[int]

    def of_no_image(self) -> list[int]:
        """Return the numbers of the annotations that no image has taken."""
        left = (annotation[0] for some in self.annotations.values() for annotation in some)
        return sorted(itertools.chain(self.loose, left))


def caption_fields(options: ReadOptions) -> Sequence[str]:
    """Return the fields of an annotation that hold captions."""
    named = options.columns.captions or "caption"
    return (named,) if isinstance(named, str) else named


def id_of(entry: dict[str, Any], name: str) -> Id | None:
    """Return the id that a field holds, if it is one."""
    value = entry.get(name)
    return value if isinstance(value, Id) else None


def read_tables(file: str, options: ReadOptions) -> Tables:
    """Read a COCO file.

    Raises:
        InputError: it is none, is damaged, or has no record or no captions.
    """
    lists: dict[str, Any] = {}
    names = caption_fields(options)
    try:
        with open_plain(file) as opened:
            stream = JsonStream(as_utf8(opened, shown(file)))
            if stream.is_list():
                raise _no_list(file, "images")
            for key in stream.fields():
                if key not in ("images", "annotations"):
                    stream.skip()
                elif not stream.is_list():
                    raise _no_list(file, key)
                elif key == "images":
                    lists[key] = list(_images(file, stream, options))
                else:
                    lists[key] = _annotations(file, stream, names, options)
    except (ValueError, DamagedError) as error:
        raise InputError(f"{shown(file)}: its JSON is damaged or cut off") from error
    for key in ("images", "annotations"):
        if key not in lists:
            raise _no_list(file, key)
    if not lists["images"]:
        raise InputError(f"{shown(file)}: holds no record")
    annotations, loose, there = lists["annotations"]
    if not there:
        raise InputError(f"{shown(file)}: its annotations have no {' or '.join(names)}")
    return Tables(lists["images"], annotations, loose)


def _images(file: str, stream: JsonStream, options: ReadOptions) -> Iterator[dict[str, Any] | None]:
    needed = {"id", "file_name", options.columns.named_key, *options.attributes}
    unusable = 0
    for entry in _objects(file, stream, "images"):
        if entry is None or id_of(entry, "id") is None:
            unusable += 1
            _check_number(file, unusable, "images have no id")
            yield None
        else:
            yield {name: value for name, value in entry.items() if name in needed}


def _annotations(
    file: str, stream: JsonStream, names: Sequence[str], options: ReadOptions
) -> tuple[dict[Id, list[Annotation]], list[int], bool]:
    of_image: dict[Id, list[Annotation]] = {}
    loose: list[int] = []
    there = False
    for number, entry in enumerate(_objects(file, stream, "annotations")):
        image = None if entry is None else id_of(entry, "image_id")
        there = there or (entry is not None and any(name in entry for name in names))
        if entry is None or image is None:
            loose.append(number)
            _check_number(file, len(loose), "annotations name no image")
            continue
        mine = of_image.setdefault(image, [])
        if len(mine) <= MAX_CAPTIONS:
            label = entry.get(options.columns.labels) if options.columns.labels else None
            mine.append((number, label, *map(entry.get, names)))
    return of_image, loose, there


def _objects(file: str, stream: JsonStream, key: str) -> Iterator[dict[str, Any] | None]:
    for entry in stream.entries():
        if entry is UNUSABLE:
            yield None
        elif isinstance(entry, dict):
            yield entry
        else:
            raise _no_list(file, key)


def _check_number(file: str, number: int, what: str) -> None:
    if number > MAX_REJECTED:
        raise InputError(f"{shown(file)}: more than {MAX_REJECTED:,} of its {what}")


def _no_list(file: str, key: str) -> InputError:
    return InputError(f"{shown(file)}: has no list of objects {key!r}, as COCO has")
