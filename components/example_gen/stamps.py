"""A short text for each file that changes when the file does, for the cache's fingerprint."""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from components.example_gen import addresses
from components.example_gen.addresses import join, parent
from components.example_gen.listing import find, is_folder, store, walk
from components.example_gen.spellings import other_spellings
from components.example_gen.storage_errors import NotThereError, told
from schema.errors import InputError

CROWD = 50  # files of one folder that are worth a list of all that is in it
# What says that a remote file is another one; the first a store has is taken.
_VERSIONS = ("ETag", "etag", "e_tag", "md5Hash", "md5", "generation", "content_md5")
TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")


def stamp(address: str) -> str:
    """A text that changes when the file does; of a folder, when any file in it does.

    Of a web page without an ETag only the size is known, and of a web folder only its list.
    """
    address = addresses.plain(address)
    if addresses.is_local(address):
        if is_folder(address):
            return _of_all(address, {each: stamp(each) for each in walk(address)})
        with told(address):
            found = Path(address).stat()
        return f"{found.st_size}-{found.st_mtime_ns}"
    fs, path = store(address)
    with told(address):
        info = fs.info(path)
    if info["type"] == "directory":
        return _of_all(address, {each: _stamp(info) for each, info in find(address).items()})
    return _stamp(info)


def stamps(files: Iterable[str]) -> Iterator[str]:
    """The stamp of each file, in their order; where many are of one remote folder, it is listed.

    A file that is not there has one, too: that it comes later must be noticed.
    """
    given = [addresses.plain(each) for each in files]
    crowded = {folder for folder, count in Counter(map(parent, given)).items() if count >= CROWD}
    listed: dict[str, str] = {}
    for folder in sorted(crowded):
        if not addresses.is_local(folder):
            fs, path = store(folder)
            with told(folder):
                for info in fs.ls(path, detail=True):
                    listed[join(folder, addresses.name(info["name"]))] = _stamp(info)
    for each in given:
        try:
            yield listed.get(each) or _stamp_of_any_spelling(each)
        except InputError as error:
            yield str(error)


def _stamp_of_any_spelling(address: str) -> str:
    try:
        return stamp(address)
    except NotThereError:
        for spelled in other_spellings(address):
            with contextlib.suppress(NotThereError):
                return stamp(spelled)
        raise


def _stamp(info: dict[str, Any]) -> str:
    version = next((info[each] for each in (*_VERSIONS, *TIMES) if info.get(each)), "")
    return f"{info.get('size')}-{str(version).strip(chr(34))}"


def _of_all(folder: str, stamps: dict[str, str]) -> str:
    lines = sorted(f"{addresses.below(folder, each)}\n{s}\n" for each, s in stamps.items())
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
