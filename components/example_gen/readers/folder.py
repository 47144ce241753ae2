"""Read a folder of images, at any depth, with captions beside them.

Captions come from Hugging Face's `metadata.jsonl`, `.csv` or `.parquet` in the image's folder or
one above it (https://huggingface.co/docs/datasets/image_dataset); or else from a sidecar of the
same name: `.txt` or `.caption`, each of whose lines is a caption, or `.json` (see
`parsing.metadata.fields_of`). `parsing.file_kinds` decides what is an image. The key is the path
below the folder, without suffix. All other files are only counted, and so are those whose name
begins with a dot or two underscores, which Hugging Face's library skips as well.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from components.example_gen.readers.parsing.encoding import bytes_as_utf8
from components.example_gen.readers.parsing.file_kinds import (
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
from components.example_gen.readers.parsing.folder_metadata import METADATA, Described, files_above
from components.example_gen.readers.parsing.limits import MAX_TEXT_BYTES
from components.example_gen.readers.parsing.metadata import fields_of
from components.example_gen.readers.registry import READERS, Reader, ReadOptions
from components.example_gen.rows import Ignored, Place, Rejected, Row, UnusableError, as_unusable
from components.example_gen.storage import listing, named_files, open_file, urls
from components.example_gen.storage.errors import NotAFileError, OutsideError
from components.example_gen.storage.urls import folded, printable, shown
from schema.errors import InputError, UnavailableError

HIDDEN = "hidden"


def read(file: str, _part: int, options: ReadOptions) -> Iterator[Row | Rejected | Ignored]:
    """Yield what the metadata files name, then a row or a rejection for each other image.

    Args:
        file: a folder.
        options: names of the columns and attributes.

    Raises:
        InputError: there is no image, a folder has two metadata files, or one cannot be read.
    """
    addresses = listing.walk(file, options.access)
    names, outside = _without_links_out(file, addresses, options)
    yield from outside
    ignored = [HIDDEN for name in names if is_hidden(name)]
    names = [name for name in names if not is_hidden(name)]
    sniffer = Sniffer(lambda name: _beginning(urls.join(file, name), options))
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
    groups = _together([name for name in images if name not in described.images], texts)
    stems = {folded(stem_of(name)) for name in described.images}
    for key, (pictures, beside) in sorted(groups.items()):
        if not pictures and folded(key) in stems:
            continue  # of an image whose row was yielded
        if not pictures and all(_is_notice(name) for name in beside):
            ignored += map(counted_as, beside)
            continue
        row, left = _beside(file, key, pictures, beside, options)
        ignored += map(counted_as, left)
        yield row
    for counted in (*ignored, *described.ignored):
        yield Ignored(counted)


def _together(
    images: Sequence[str], texts: Sequence[str]
) -> Mapping[str, tuple[list[str], list[str]]]:
    """Group images and the files beside them by their common name without suffix."""
    groups: dict[str, tuple[list[str], list[str]]] = {}
    by_name = {name: name for name in images}
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
        if len(pictures) > 1 and all(picture in owned for picture in pictures):
            for picture in pictures:
                groups[picture] = ([picture], owned[picture])
        else:
            mine = [name for picture in pictures for name in owned.get(picture, [])]
            groups[stem] = (pictures, mine + rest.pop(stem, []))
    for stem, names in rest.items():
        groups[stem] = ([], names)
    return groups


def _beside(
    folder: str, key: str, images: Sequence[str], texts: Sequence[str], options: ReadOptions
) -> tuple[Row | Rejected, list[str]]:
    """Return a record, and the files beside it that are not part of it."""
    place = Place(shown(urls.join(folder, (*images, *texts)[0])), 0)
    known_as = printable(folded(key))
    try:
        image = the_image(images)
        if image is None:
            raise UnusableError("no_image")
        by_suffix = {suffix_of(name): name for name in texts}
        chosen = [*caption_files(by_suffix), *(["json"] if "json" in by_suffix else [])]
        parts = {suffix: _text(urls.join(folder, by_suffix[suffix]), options) for suffix in chosen}
        captions = [parts[suffix] for suffix in caption_files(parts)]
        lines = tuple(line.strip() for text in captions for line in text.splitlines())
        fields = fields_of(parts, tuple(filter(None, lines)), options)
    except Exception as error:
        fault = as_unusable(error)
        return Rejected(place, fault.reason, fault.detail, known_as), []
    used = {image, *(by_suffix[suffix] for suffix in chosen)}
    row = Row(place, image_path=urls.join(folder, image), key=known_as, **fields)
    return row, [name for name in (*images, *texts) if name not in used]


def _without_links_out(
    folder: str, addresses: Sequence[str], options: ReadOptions
) -> tuple[list[str], list[Rejected]]:
    """Return the names below the folder, and rejections of links to other folders."""
    names: list[str] = []
    outside: list[Rejected] = []
    for address in addresses:
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
        raise UnusableError("bad_metadata", f"{urls.name(address)} is too large")
    return bytes_as_utf8(body)


def _beginning(address: str, options: ReadOptions) -> bytes:
    try:
        return named_files.read(address, SNIFFED, options.access)[:SNIFFED]
    except (InputError, OSError):
        return b""  # a link to nowhere, or a file that this user may not read


def _is_notice(name: str) -> bool:
    return posixpath.splitext(posixpath.basename(name))[0].lower() in NOTICES


READER = READERS.add("folder", Reader("a folder", read, is_folder=True, read_beside=files_above))
