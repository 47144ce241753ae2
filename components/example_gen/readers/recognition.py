"""Which reader a file is for: by its name, or by its first bytes where several share the name."""

import re
from collections.abc import Sequence

from components.example_gen.readers.parsing.encoding import as_utf8
from components.example_gen.readers.parsing.file_kinds import READ_SUFFIXES
from components.example_gen.readers.registry import AUTO, READERS, Reader
from components.example_gen.storage import listing, urls
from components.example_gen.storage.decompress import DamagedError, open_plain
from components.example_gen.storage.urls import shown
from schema.errors import InputError

_IMAGE = re.compile(rf"\.({'|'.join(sorted(READ_SUFFIXES))})$", re.IGNORECASE)
_BEGINNING = 1 << 20  # bytes


def reader_for(name: str, files: Sequence[str]) -> Reader:
    """Return the reader of a format.

    Args:
        name: of a reader, or `AUTO` for the one that all files are for.
        files: addresses, at least one.

    Raises:
        InputError: a file is for none, or two are for different ones.
    """
    return READERS[recognise(files) if name == AUTO else name]


def recognise(files: Sequence[str]) -> str:
    """Return the name of the one reader that some files are for.

    Raises:
        InputError: a file is for none, or two are for different ones.
    """
    first = _reader_of(files[0])
    for other in files[1:]:
        another = _reader_of(other)
        if another != first:
            raise InputError(
                f"{shown(files[0])} is {READERS[first].description}, but {shown(other)} is "
                f"{READERS[another].description}; all files of the data must be of one format"
            )
    return first


def file_patterns() -> list[str]:
    """Return globs, one for each suffix, of the files that readers recognise by name alone."""
    suffixes = sorted(suffix for reader in READERS.values() for suffix in reader.suffixes)
    longer = {
        suffix
        for suffix in suffixes
        for start in suffixes
        if suffix != start and suffix.startswith(start)
    }
    return [f"*.{suffix}*" for suffix in suffixes if suffix not in longer]


def _reader_of(file: str) -> str:
    name = urls.name(file)
    for format_name, reader in READERS.items():
        if reader.has_suffix(name, reader.suffixes):
            return format_name
    shared = {
        format_name: reader
        for format_name, reader in sorted(READERS.items())
        if reader.has_suffix(name, reader.shared_suffixes)
    }
    if shared:
        return _by_beginning(file, shared)
    if _IMAGE.search(name):
        raise InputError(f"{shown(file)} is an image; name the folder it is in instead")
    folders = [format_name for format_name, reader in READERS.items() if reader.is_folder]
    if folders and listing.is_folder(file):
        return folders[0]
    raise InputError(
        f"{shown(file)}: its name does not tell its format; set data.format to one of "
        f"{', '.join(sorted(READERS))}"
    )


def _by_beginning(file: str, readers: dict[str, Reader]) -> str:
    try:
        with open_plain(file) as opened:
            text = as_utf8(opened, shown(file))
            beginning = text.read(_BEGINNING).removeprefix(b"\xef\xbb\xbf").lstrip()
    except DamagedError as error:
        raise InputError(f"{shown(file)}: is damaged or cut off") from error
    # A format without a suffix of its own is a special case of the others.
    for format_name in sorted(readers, key=lambda name: bool(readers[name].suffixes)):
        if readers[format_name].begins(beginning):
            return format_name
    candidates = " nor ".join(reader.description for reader in readers.values())
    raise InputError(f"{shown(file)}: is neither {candidates}, although its name allows that")
