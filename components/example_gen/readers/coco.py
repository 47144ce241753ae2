"""Read COCO captions: a JSON object with `images` and `annotations`, an image a row.

Format: https://cocodataset.org/#format-data. The images are looked for beside the JSON, in
`images`, and where the data set has them: `../train2017` for `captions_train2017.json`, or the
same below `../images`. `columns.image` names another folder, from the JSON's on.
"""

import json
import posixpath
from collections.abc import Iterator
from typing import Any

from components.example_gen import storage
from components.example_gen.addresses import shown
from components.example_gen.decompress import DamagedError, open_plain
from components.example_gen.readers import Reader, ReadOptions
from components.example_gen.readers.encoding import as_utf8
from components.example_gen.readers.metadata import (
    attributes_of,
    captions_of,
    key_of,
    labels_of,
)
from components.example_gen.readers.picture import image_of
from components.example_gen.reasons import UnusableError
from components.example_gen.row import Place, Rejected, Row
from components.example_gen.spellings import folded
from schema.errors import InputError

LOOKED_FOR = 5  # images that are tried in each folder


def parts(file: str, options: ReadOptions) -> int:
    """Images and captions stand apart, so the file is read as a whole."""
    return 1


def read(file: str, part: int, options: ReadOptions) -> Iterator[Row | Rejected]:
    """Yield a row or a rejection for each image, then rejections of the annotations of none.

    Raises:
        InputError: the file is no COCO file, has no captions, or its images are nowhere.
    """
    source = shown(file)
    images, annotations = _tables(file)
    caption_fields = options.columns.captions or "caption"
    names = (caption_fields,) if isinstance(caption_fields, str) else caption_fields
    if not any(name in each for each in annotations for name in names):
        raise InputError(f"{source}: its annotations have no {' or '.join(names)}")
    folder = _folder(file, images, options)
    of_image: dict[int | str | None, list[int]] = {}
    for number, annotation in enumerate(annotations):
        of_image.setdefault(_id(annotation, "image_id"), []).append(number)
    column = options.columns.named_key
    for number, image in enumerate(images):
        place, found = Place(source, number), _id(image, "id")
        key = None if found is None else str(found)
        try:
            if found is None:
                raise UnusableError("bad_metadata", "the image has no id")
            mine = [annotations[each] for each in of_image.pop(found, [])]
            name = image.get("file_name")
            if not isinstance(name, str):
                raise UnusableError("no_image", "the image has no file_name")
            key = stem = folded(posixpath.splitext(name)[0])
            if column:
                key = key_of(image.get(column))
            path = image_of(name, f"{folder}/-").address
            captions, labels = _captions(mine, names, options)
            attributes = attributes_of(image, options.attributes)
            key_column = column if column and key else ""
            yield Row(place, captions, None, path, key, labels, attributes, key_column, stem)
        except UnusableError as error:
            yield Rejected(place, error.reason, error.detail, key)
    for number in sorted(each for some in of_image.values() for each in some):
        detail = f"annotation {number} is of no image that is listed"
        yield Rejected(Place(source, number), "bad_metadata", detail)


READER = Reader(read, parts, "COCO captions (.json)")


def _tables(file: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    try:
        with open_plain(file) as opened:
            text = as_utf8(opened, shown(file)).read()
        found = json.loads(text.decode("utf-8-sig", "surrogateescape"))
    except (ValueError, RecursionError, DamagedError) as error:
        raise InputError(f"{shown(file)}: its JSON is damaged or cut off") from error
    for name in ("images", "annotations"):
        entries = found.get(name) if isinstance(found, dict) else None
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise InputError(f"{shown(file)}: has no list of objects {name!r}, as COCO has")
    if not found["images"]:
        raise InputError(f"{shown(file)}: holds no record")
    return found["images"], found["annotations"]


def _id(entry: dict[str, Any], name: str) -> int | str | None:
    value = entry.get(name)
    return value if isinstance(value, int | str) else None


def _captions(
    annotations: list[dict[str, Any]], names: tuple[str, ...], options: ReadOptions
) -> tuple[tuple[str | bytes, ...], tuple[int, ...] | None]:
    """The captions of an image, and a label for each where the config says that there are some."""
    captions: list[str | bytes] = []
    labels: list[int] = []
    for annotation in annotations:
        found = [each for name in names for each in captions_of(annotation.get(name), name)]
        captions += found
        if options.columns.labels is not None:
            labels += labels_of(annotation.get(options.columns.labels), "the label") or ()
    if not captions:
        raise UnusableError("no_caption")
    return tuple(captions), tuple(labels) if options.columns.labels is not None else None


def _folder(file: str, images: list[dict[str, Any]], options: ReadOptions) -> str:
    """The folder the file names of the images start from."""
    here = storage.parent(file)
    if options.columns.image is not None:
        return storage.join(here, options.columns.image)
    split = storage.name(file).partition(".")[0].rpartition("_")[2]
    places = [".", "images", split, f"images/{split}", "..", "../images"]
    places += [f"../{split}", f"../images/{split}"]
    some = [each["file_name"] for each in images if isinstance(each.get("file_name"), str)]
    for place in places:
        folder = storage.join(here, place)
        if any(
            storage.exists_in_any_spelling(storage.join(folder, name)) for name in some[:LOOKED_FOR]
        ):
            return folder
    raise InputError(
        f"{shown(file)}: its images are in none of {', '.join(places)} beside it; name their "
        "folder in data.columns.image"
    )
