"""Fingerprints of files for the cache: short texts that change when the file does."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from components.example_gen.storage import urls
from components.example_gen.storage.allowed import Access
from components.example_gen.storage.attempts import in_any_spelling, within
from components.example_gen.storage.errors import as_input_error
from components.example_gen.storage.listing import find, is_folder, store, walk
from components.example_gen.storage.urls import join, parent
from schema.errors import InputError

CROWD = 50  # files of one folder from which on it is listed
# What tells versions of a remote file apart; the first that a store has is taken.
_VERSIONS = ("ETag", "etag", "e_tag", "md5Hash", "md5", "generation", "content_md5")
TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")


def fingerprint_of(address: str, access: Access | None = None) -> str:
    """Return a text that changes when the file does; of a folder, when any file in it does.

    Of a web page without an ETag only the size is known, and of a web folder only its list.

    Args:
        address: of the file or folder.
        access: what may be read besides, and how long it may take; None: a person named the
            address.
    """
    address = urls.plain(address)
    if urls.is_local(address):
        if is_folder(address):
            return _of_all(address, {file: _local(file) for file in walk(address, access)})
        return _local(address)
    access = access or Access.to(address)
    fs, path = store(address, access)
    with as_input_error(address):
        info = within(access.timeouts.record, fs, getattr(fs, "_info", fs.info), path)
    if info["type"] == "directory":
        return _of_all(address, {file: _fingerprint(info) for file, info in find(address).items()})
    return _fingerprint(info)


def fingerprints_of(files: Iterable[str], access: Access | None = None) -> Iterator[str]:
    """Yield the fingerprint of each file; a remote folder with many of them is listed once.

    A file that is not there or may not be read has one, too: that this changes must be noticed.
    """
    given = [urls.plain(file) for file in files]
    crowded = {folder for folder, count in Counter(map(parent, given)).items() if count >= CROWD}
    listed: dict[str, str] = {}
    for folder in sorted(crowded):
        # A web server lists nothing, and a bucket that is not allowed is not requested.
        if not urls.is_local(folder) and _may_be_listed(folder, access):
            fs, path = store(folder, access)
            with as_input_error(folder):
                for info in fs.ls(path, detail=True):
                    listed[join(folder, urls.name(info["name"]))] = _fingerprint(info)
    for file in given:
        try:
            yield listed.get(file) or in_any_spelling(
                file, access, lambda a: fingerprint_of(a, access)
            )
        except InputError as error:
            yield str(error)


def _may_be_listed(folder: str, access: Access | None) -> bool:
    if access is None:
        return True
    try:
        access.allowed.check(folder)
    except InputError:
        return False
    return not urls.is_web(folder)


def _local(path: str) -> str:
    """Return the fingerprint of a file, or of a link to a folder that is not followed."""
    with as_input_error(path):
        status = Path(path).stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def _fingerprint(info: dict[str, Any]) -> str:
    version = next((info[key] for key in (*_VERSIONS, *TIMES) if info.get(key)), "")
    return f"{info.get('size')}-{str(version).strip(chr(34))}"


def _of_all(folder: str, prints: dict[str, str]) -> str:
    lines = sorted(f"{urls.below(folder, file)}\n{s}\n" for file, s in prints.items())
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
