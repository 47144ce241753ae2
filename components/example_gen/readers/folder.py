"""Read a folder of images, at any depth, with captions beside them.

Captions come from Hugging Face's `metadata.jsonl`, `.csv` or `.parquet` for the images below the
folder it is in (https://huggingface.co/docs/datasets/image_dataset), else from a sidecar of the
same name: `.txt`, whose lines that are not blank are captions, or `.json` (see `sidecar`). The key
is the image's path from the folder on, without suffix. As in that library, whatever has a dot or
two underscores before its name is passed over, and so are files that are none of these.
"""

import dataclasses
import itertools
import posixpath
from collections.abc import Iterator, Sequence

from components.example_gen import addresses, storage
from components.example_gen.addresses import normal, printable, shown
from components.example_gen.readers import Reader, ReadOptions, delimited, jsonl, parquet
from components.example_gen.readers.sidecar import IMAGE_SUFFIXES, MAX_TEXT_BYTES, fields_of
from components.example_gen.reasons import UnusableError
from components.example_gen.row import Place, Rejected, Row
from schema.errors import InputError

METADATA = {
    "metadata.csv": delimited.READER,
    "metadata.jsonl": jsonl.READER,
    "metadata.parquet": parquet.READER,
}


def parts(file: str, options: ReadOptions) -> int:
    """A folder is read in one go."""
    return 1


def read(file: str, part: int, options: ReadOptions) -> Iterator[Row | Rejected]:
    """Yield what the metadata files name, then a row or a rejection for each other image.

    Args:
        file: a folder.
        part: 0.
        options: names of the columns and attributes.

    Raises:
        InputError: there is no image, a folder has two metadata files, or one cannot be read.
    """
    found = [each for each in storage.walk(file) if _counts(addresses.below(file, each))]
    images = [each for each in found if _suffix(each) in IMAGE_SUFFIXES]
    metadata = [each for each in found if storage.name(each) in METADATA]
    if not images and not metadata:
        raise InputError(f"{shown(file)}: there is no image in it")
    for one, other in itertools.pairwise(metadata):
        if storage.parent(one) == storage.parent(other):
            raise InputError(f"{shown(one)} and {shown(other)}: one of them is too many")
    named: set[str] = set()
    for each in metadata:
        yield from _named(file, each, options, named)
    rest: dict[str, list[str]] = {}
    for each in found:
        if normal(each) not in named and _suffix(each) in IMAGE_SUFFIXES | {"txt", "json"}:
            rest.setdefault(posixpath.splitext(addresses.below(file, each))[0], []).append(each)
    described = {_stem(file, each) for each in named}
    for key, files in sorted(rest.items()):
        pictures = [each for each in files if _suffix(each) in IMAGE_SUFFIXES]
        if pictures or printable(key) not in described:  # else it is a sidecar of what was yielded
            yield _beside(key, pictures, files, options)


READER = Reader(read, parts, "a folder")


def _named(
    folder: str, metadata: str, options: ReadOptions, named: set[str]
) -> Iterator[Row | Rejected]:
    """The rows of a metadata file; puts the images they name into `named`."""
    reader = METADATA[storage.name(metadata)]
    for part in range(reader.parts(metadata, options)):
        for row in reader.read(metadata, part, options):
            if isinstance(row, Row) and row.image_path is not None:
                named.add(normal(row.image_path))
                if options.columns.key is None:
                    row = dataclasses.replace(row, key=_stem(folder, row.image_path))
            yield row


def _beside(
    key: str, images: list[str], files: Sequence[str], options: ReadOptions
) -> Row | Rejected:
    place = Place(shown((images or files)[0]), 0)
    try:
        if len(images) != 1:
            raise UnusableError("several_images" if images else "no_image")
        parts = {_suffix(each): _text(each) for each in files if each not in images}
        lines = tuple(line.strip() for line in parts.get("txt", b"").splitlines())
        fields = fields_of(parts, tuple(filter(None, lines)), options)
        return Row(place, image_path=images[0], key=printable(key), **fields)
    except UnusableError as error:
        return Rejected(place, error.reason, error.detail, printable(key))


def _text(address: str) -> bytes:
    body = storage.read_bytes(address, MAX_TEXT_BYTES)
    if len(body) > MAX_TEXT_BYTES:
        raise UnusableError("bad_metadata", f"{storage.name(address)} is too large")
    return body.removeprefix(b"\xef\xbb\xbf")


def _counts(relative: str) -> bool:
    return not any(part.startswith((".", "__")) for part in relative.split("/"))


def _suffix(address: str) -> str:
    return posixpath.splitext(address)[1].removeprefix(".").lower()


def _stem(folder: str, address: str) -> str:
    """The path from the folder on without suffix, or all of an address outside of it."""
    folder, address = normal(addresses.plain(folder)), normal(address)
    inside = address.startswith(f"{folder.rstrip('/')}/")
    return printable(posixpath.splitext(addresses.below(folder, address) if inside else address)[0])
