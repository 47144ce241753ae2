"""Read COCO captions: a JSON object with `images` and `annotations`; every image is a row.

Format: https://cocodataset.org/#format-data. The images are searched for beside the JSON, in
`images`, and in COCO's own folders: `../train2017` for `captions_train2017.json`, or the same below
`../images`. `columns.image` names another folder, relative to the JSON.
"""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from components.example_gen.readers.parsing.coco_tables import (
    Annotation,
    Tables,
    caption_fields,
    id_of,
    read_tables,
)
from components.example_gen.readers.parsing.json_stream import first_object
from components.example_gen.readers.parsing.limits import MAX_CAPTIONS
from components.example_gen.readers.parsing.metadata import (
    attributes_of,
    captions_of,
    key_of,
    labels_of,
)
from components.example_gen.readers.registry import READERS, Reader, ReadOptions
from components.example_gen.readers.tables.cells import image_of
from components.example_gen.rows import Place, Rejected, Row, UnusableError, as_unusable
from components.example_gen.storage import named_files, urls
from components.example_gen.storage.errors import OutsideError
from components.example_gen.storage.urls import folded, shown
from schema.errors import InputError, UnavailableError

LOOKED_FOR = 5  # images that are tried in each folder
# What a COCO file may begin with; its order is free.
_BEGINNING = re.compile(rb'\s*\{\s*"(info|images|annotations|licenses|categories|type)"\s*:')


def read(file: str, _part: int, options: ReadOptions) -> Iterator[Row | Rejected]:
    """Yield a row or a rejection for each image, then rejections of the annotations of none.

    Raises:
        InputError: the file is not a COCO file, has no captions, or its images are nowhere.
    """
    tables = read_tables(file, options)
    folder = _folder(file, tables.images, options)
    for number, image in enumerate(tables.images):
        yield _row(Place(shown(file), number), image, folder, tables, options)
    for number in tables.of_no_image():
        detail = f"annotation {number} is of no image that is listed"
        yield Rejected(Place(shown(file), number), "bad_metadata", detail)


def _row(
    place: Place, image: dict[str, Any] | None, folder: str, tables: Tables, options: ReadOptions
) -> Row | Rejected:
    key = None
    try:
        image_id = None if image is None else id_of(image, "id")
        if image is None or image_id is None:
            raise UnusableError("bad_metadata", "the image has no id")
        key = str(image_id)
        mine = tables.annotations.pop(image_id, [])
        name = image.get("file_name")
        if not isinstance(name, str):
            raise UnusableError("no_image", "the image has no file_name")
        key = stem = folded(posixpath.splitext(name)[0])
        column = options.columns.named_key
        if column:
            key = key_of(image.get(column))
        path = image_of(name, f"{folder}/-").address
        captions, labels = _captions(mine, options)
        attributes = attributes_of(image, options.attributes)
        key_column = column if column and key else ""
        return Row(place, captions, None, path, key, labels, attributes, key_column, stem)
    except Exception as error:
        fault = as_unusable(error)
        return Rejected(place, fault.reason, fault.detail, key)


def _captions(
    annotations: list[Annotation], options: ReadOptions
) -> tuple[tuple[str | bytes, ...], tuple[int, ...] | None]:
    """Return the captions of an image, and their labels if the config names a field for them."""
    if len(annotations) > MAX_CAPTIONS:
        detail = f"the image has more than {MAX_CAPTIONS:,} annotations"
        raise UnusableError("bad_metadata", detail)
    captions: list[str | bytes] = []
    labels: list[int] = []
    for _, label, *values in annotations:
        for name, value in zip(caption_fields(options), values, strict=True):
            captions += captions_of(value, name)
        if options.columns.labels is not None:
            labels += labels_of(label, "the label") or ()
    if not captions:
        raise UnusableError("no_caption")
    return tuple(captions), tuple(labels) if options.columns.labels is not None else None


def _folder(file: str, images: list[dict[str, Any] | None], options: ReadOptions) -> str:
    """Return the folder that the file names of the images start from."""
    here = urls.parent(file)
    if options.columns.image is not None:
        return urls.join(here, options.columns.image)
    split = urls.name(file).partition(".")[0].rpartition("_")[2]
    places = [".", "images", split, f"images/{split}", "..", "../images"]
    places += [f"../{split}", f"../images/{split}"]
    names = [(image or {}).get("file_name") for image in images]
    some = [name for name in names if isinstance(name, str)][:LOOKED_FOR]
    outside = ""
    for place in places:
        folder = urls.join(here, place)
        for name in some:
            try:
                if named_files.exists(urls.join(folder, name), options.access):
                    return folder
            except OutsideError:
                # Not looked up, so that the data cannot find out what is there.
                outside = ", or name those of them that are not below data.path in data.allow"
            except UnavailableError:
                raise
            except InputError:
                continue
    raise InputError(
        f"{shown(file)}: its images are in none of {', '.join(places)} beside it; name their "
        f"folder in data.columns.image{outside}"
    )


def _begins(beginning: bytes) -> bool:
    first = first_object(beginning)
    if first is None:
        return _BEGINNING.match(beginning) is not None
    return all(isinstance(first.get(name), list) for name in ("images", "annotations"))


READER = READERS.add(
    "coco", Reader("COCO captions (.json)", read, shared_suffixes=("json",), begins=_begins)
)
