"""Which reader a file is for, by its name; what `.json` is, by its beginning."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from components.example_gen.readers import Reader, ReadOptions, coco, folder
from components.example_gen.readers.encoding import as_utf8
from components.example_gen.readers.kinds import READ_SUFFIXES
from components.example_gen.readers.rejections import check_rejected
from components.example_gen.readers.tables import delimited, jsonl, parquet, tfrecord
from components.example_gen.readers.tar import webdataset
from components.example_gen.records.row import Rejected, Row
from components.example_gen.storage import open_file
from components.example_gen.storage.decompress import DamagedError, open_plain
from components.example_gen.storage.urls import shown
from schema.errors import InputError

READERS: Final[dict[str, Reader]] = {
    "webdataset": webdataset.READER,
    "tfrecord": tfrecord.READER,
    "jsonl": jsonl.READER,
    "csv": delimited.READER,
    "parquet": parquet.READER,
    "coco": coco.READER,
    "folder": folder.READER,
}
_PACKED = r"(\.(gz|bz2|xz|zst))?$"
_NAMES = {
    "webdataset": re.compile(rf"\.(tar{_PACKED}|tgz$)", re.IGNORECASE),
    # Also `train.tfrecord-00000-of-00010`, as TensorFlow names the shards of a file.
    "tfrecord": re.compile(rf"\.tfrecords?(-\d+-of-\d+)?{_PACKED}", re.IGNORECASE),
    "jsonl": re.compile(rf"\.(jsonl|ndjson|jsonlines){_PACKED}", re.IGNORECASE),
    "csv": re.compile(rf"\.(csv|tsv){_PACKED}", re.IGNORECASE),
    "parquet": re.compile(r"\.(parquet|pq)$", re.IGNORECASE),
}
_JSON = re.compile(rf"\.json{_PACKED}", re.IGNORECASE)
_IMAGE = re.compile(rf"\.({'|'.join(sorted(READ_SUFFIXES))})$", re.IGNORECASE)
# What a COCO file may begin with; its order is free.
_COCO = re.compile(rb'\s*\{\s*"(info|images|annotations|licenses|categories|type)"\s*:')
_BEGINNING = 1 << 20  # bytes of a .json that are looked at


def reader_for(format: str, files: Sequence[str]) -> Reader:
    """The reader of a format; of `auto`, the one all files are for.

    Args:
        format: a key of `READERS`, or `auto`.
        files: addresses, at least one.

    Raises:
        InputError: a file is for none, or two are for different ones.
    """
    return READERS[recognise(files) if format == "auto" else format]


def recognise(files: Sequence[str]) -> str:
    """The one format of some files, a key of `READERS`.

    Raises:
        InputError: a file is of none, or two are of different ones.
    """
    first = _format_of(files[0])
    for other in files[1:]:
        found = _format_of(other)
        if found != first:
            raise InputError(
                f"{shown(files[0])} is {READERS[first].names}, but {shown(other)} is "
                f"{READERS[found].names}; all files of the data must be of one format"
            )
    return first


def files_named(file: str, reader: Reader, options: ReadOptions) -> Iterator[str]:
    """The addresses of other files that a file is read with, each once, in its order.

    These are the images that its rows name, and before them what describes it elsewhere.
    A file whose first row has its image in it is read no further: it is all in the file itself.

    Raises:
        InputError: nearly none of its rows can be used; see `rejections`.
    """
    yield from reader.beside(file, options)
    seen: set[str] = set()
    for part in range(reader.parts(file, options)):
        rejected = 0
        for read, row in enumerate(reader.read(file, part, options), 1):
            if isinstance(row, Rejected):
                rejected += 1
                check_rejected(file, rejected, read, row)
            if isinstance(row, Row) and row.image is not None and not seen:
                return
            if isinstance(row, Row) and row.image_path and row.image_path not in seen:
                seen.add(row.image_path)
                yield row.image_path


def _format_of(file: str) -> str:
    name = open_file.name(file)
    for format, pattern in _NAMES.items():
        if pattern.search(name):
            return format
    if _JSON.search(name):
        return _format_of_json(file)
    if _IMAGE.search(name):
        raise InputError(f"{shown(file)} is an image; name the folder it is in instead")
    if open_file.is_folder(file):
        return "folder"
    raise InputError(
        f"{shown(file)}: its name does not tell its format; set data.format to one of "
        f"{', '.join(READERS)}"
    )


def _format_of_json(file: str) -> str:
    try:
        with open_plain(file) as opened:
            text = as_utf8(opened, shown(file))
            beginning = text.read(_BEGINNING).removeprefix(b"\xef\xbb\xbf").lstrip()
    except DamagedError as error:
        raise InputError(f"{shown(file)}: is damaged or cut off") from error
    try:
        first = json.loads(beginning.split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        first = None
    if isinstance(first, dict):
        tables = (first.get("images"), first.get("annotations"))
        return "coco" if all(isinstance(each, list) for each in tables) else "jsonl"
    if _COCO.match(beginning):
        return "coco"
    raise InputError(
        f"{shown(file)}: is neither COCO captions nor one JSON object a line, which .json may be"
    )
