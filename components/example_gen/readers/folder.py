"""Read a folder of images, at any depth, with captions beside them.

Captions come from Hugging Face's `metadata.jsonl`, `.csv` or `.parquet` for the images below the
folder it is in (https://huggingface.co/docs/datasets/image_dataset), which may be one above this
folder; else from a sidecar of the same name: `.txt` or `.caption`, whose lines that are not blank
are captions, or `.json` (see `sidecar`). What is an image, `kinds` says. The key is the image's
path from the folder on, without suffix. Every other file is counted and not read, as in that
library whatever has a dot or two underscores before its name.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from components.example_gen.readers import Reader, ReadOptions
from components.example_gen.readers.encoding import bytes_as_utf8
from components.example_gen.readers.folder_metadata import METADATA, Described, files_above
from components.example_gen.readers.kinds import (
    NOTICES,
    SNIFFED,
    Sniffer,
    caption_files,
    counted_as,
    is_hidden,
    stem_of,
    suffix_of,
    the_image,
)
from components.example_gen.readers.limits import MAX_TEXT_BYTES
from components.example_gen.readers.sidecar import fields_of
from components.example_gen.records.faults import as_unusable
from components.example_gen.records.reasons import UnusableError
from components.example_gen.records.row import Ignored, Place, Rejected, Row
from components.example_gen.storage import named_files, open_file, urls
from components.example_gen.storage.errors import NotAFileError, OutsideError
from components.example_gen.storage.spellings import folded
from components.example_gen.storage.urls import printable, shown
from schema.errors import InputError, UnavailableError

HIDDEN = "hidden"


def parts(file: str, options: ReadOptions) -> int:
    """A folder is read in one go."""
    return 1


def read(file: str, part: int, options: ReadOptions) -> Iterator[Row | Rejected | Ignored]:
    """Yield what the metadata files name, then a row or a rejection for each other image.

    Args:
        file: a folder.
        part: 0.
        options: names of the columns and attributes.

    Raises:
        InputError: there is no image, a folder has two metadata files, or one cannot be read.
    """
    found = open_file.walk(file, options.access)
    names, outside = _without_links_out(file, found, options)
    yield from outside
    ignored = [HIDDEN for each in names if is_hidden(each)]
    names = [each for each in names if not is_hidden(each)]
    sniffer = Sniffer(lambda name: _beginning(open_file.join(file, name), options))
    images: list[str] = []
    texts: list[str] = []
    metadata: list[str] = []
    for name in names:
        if posixpath.basename(name) in METADATA:
            metadata.append(name)
            continue
        kind = sniffer.kind(name)
        if kind == "other":
            ignored.append(counted_as(name))
        else:
            (images if kind == "image" else texts).append(name)
    above = files_above(file, options)
    if not images and not metadata and not outside:
        raise InputError(f"{shown(file)}: there is no image in it")
    described = Described(file, images, metadata, above, options)
    yield from described.rows()
    groups = _together([each for each in images if each not in described.images], texts)
    stems = {folded(stem_of(each)) for each in described.images}
    for key, (pictures, beside) in sorted(groups.items()):
        if not pictures and folded(key) in stems:
            continue  # of an image whose row was yielded
        if not pictures and all(_is_notice(each) for each in beside):
            ignored += map(counted_as, beside)
            continue
        row, left = _beside(file, key, pictures, beside, options)
        ignored += map(counted_as, left)
        yield row
    for counted in (*ignored, *described.ignored):
        yield Ignored(counted)


READER = Reader(read, parts, "a folder", files_above)


def _together(
    images: Sequence[str], texts: Sequence[str]
) -> Mapping[str, tuple[list[str], list[str]]]:
    """Images and what stands beside them, by their common name without suffix."""
    groups: dict[str, tuple[list[str], list[str]]] = {}
    by_name = {each: each for each in images}
    by_stem: dict[str, list[str]] = {}
    for name in images:
        by_stem.setdefault(stem_of(name), []).append(name)
    stems = {folded(stem): stem for stem in reversed(by_stem)}
    owned: dict[str, list[str]] = {}  # by the whole name of their image: `1.jpg.txt`
    rest: dict[str, list[str]] = {}
    for name in texts:
        whole = posixpath.splitext(name)[0]
        if whole in by_name:
            owned.setdefault(whole, []).append(name)
            continue
        stem = stem_of(name)
        rest.setdefault(stem if stem in by_stem else stems.get(folded(stem), stem), []).append(name)
    for stem, pictures in by_stem.items():
        if len(pictures) > 1 and all(each in owned for each in pictures):
            for each in pictures:
                groups[each] = ([each], owned[each])
        else:
            mine = [name for each in pictures for name in owned.get(each, [])]
            groups[stem] = (pictures, mine + rest.pop(stem, []))
    for stem, names in rest.items():
        groups[stem] = ([], names)
    return groups


def _beside(
    folder: str, key: str, images: Sequence[str], texts: Sequence[str], options: ReadOptions
) -> tuple[Row | Rejected, list[str]]:
    """A record, and the files beside it that are none of it."""
    place = Place(shown(open_file.join(folder, (*images, *texts)[0])), 0)
    known_as = printable(folded(key))
    try:
        image = the_image(images)
        if image is None:
            raise UnusableError("no_image")
        by_suffix = {suffix_of(each): each for each in texts}
        chosen = [*caption_files(by_suffix), *(["json"] if "json" in by_suffix else [])]
        parts = {each: _text(open_file.join(folder, by_suffix[each]), options) for each in chosen}
        captions = [parts[each] for each in caption_files(parts)]
        lines = tuple(line.strip() for text in captions for line in text.splitlines())
        fields = fields_of(parts, tuple(filter(None, lines)), options)
    except Exception as error:
        fault = as_unusable(error)
        return Rejected(place, fault.reason, fault.detail, known_as), []
    used = {image, *(by_suffix[each] for each in chosen)}
    row = Row(place, image_path=open_file.join(folder, image), key=known_as, **fields)
    return row, [each for each in (*images, *texts) if each not in used]


def _without_links_out(
    folder: str, found: Sequence[str], options: ReadOptions
) -> tuple[list[str], list[Rejected]]:
    """Names below the folder, and the links to folders that may not be read, which are no file."""
    names: list[str] = []
    outside: list[Rejected] = []
    for address in found:
        name = urls.below(folder, address)
        if not is_hidden(name) and open_file.is_link_to_folder(address):
            try:
                options.access.allowed.check(address)
            except OutsideError as error:
                place = Place(shown(address), 0)
                outside.append(Rejected(place, "outside", str(error), printable(folded(name))))
        else:
            names.append(name)
    return sorted(names), outside


def _text(address: str, options: ReadOptions) -> bytes:
    try:
        body = named_files.read(address, MAX_TEXT_BYTES, options.access)
    except (OutsideError, UnavailableError, NotAFileError):
        raise
    except InputError as error:
        raise UnusableError("bad_metadata", str(error)) from error
    if len(body) > MAX_TEXT_BYTES:
        raise UnusableError("bad_metadata", f"{open_file.name(address)} is too large")
    return bytes_as_utf8(body)


def _beginning(address: str, options: ReadOptions) -> bytes:
    try:
        return named_files.read(address, SNIFFED, options.access)[:SNIFFED]
    except (InputError, OSError):
        return b""  # a link to nowhere, or a file that this user may not read


def _is_notice(name: str) -> bool:
    return posixpath.splitext(posixpath.basename(name))[0].lower() in NOTICES
