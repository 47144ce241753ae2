"""Which files and folders an address has below it, and the file system behind an address."""

import glob as local_glob
import os
import urllib.parse
from collections.abc import Iterator
from typing import Any

import fsspec

from components.example_gen import addresses
from components.example_gen.addresses import join, parent, shown
from components.example_gen.addresses import name as name_of
from components.example_gen.storage_errors import told
from schema.errors import InputError

NOT_DATA = ("lost+found",)  # root's own, on every disk with an ext file system


def store(address: str) -> tuple[Any, str]:
    """The fsspec file system of an address, and the address as that file system says it."""
    with told(address):
        try:
            urllib.parse.urlsplit(address if addresses.is_web(address) else "")
            found, path = fsspec.core.url_to_fs(address)
        except ValueError as error:
            known = addresses.scheme(address) in fsspec.available_protocols()
            said = "is no address" if known else "its scheme is none that can be read"
            raise InputError(f"{shown(address)}: {said}") from error
        # What was listed before may have changed since; keeping it would hide that from the cache.
        found.invalidate_cache()
        return found, path


def glob(base: str, pattern: str) -> list[str]:
    """The files and folders below `base` that match, sorted; none is no error.

    Args:
        base: a folder; its own `*`, `?` and `[` mean themselves.
        pattern: as in a shell; `**` stands for folders at any depth.
    """
    base = addresses.plain(base)
    if addresses.is_local(base):
        _check_readable(base, pattern)
        found = local_glob.glob(pattern, root_dir=base, recursive=True)
        return sorted({join(base, each) for each in found})
    while pattern.startswith("../"):
        base, pattern = parent(base), pattern.removeprefix("../")
    if pattern in ("", "."):
        return [base] if exists(base) else []
    fs, path = store(base)
    path = path.rstrip("/")
    with told(base):
        found = fs.glob(f"{local_glob.escape(path)}/{pattern.removeprefix('./').rstrip('/')}")
    return sorted({join(base, each[len(path) + 1 :]) for each in found})


def _check_readable(base: str, pattern: str) -> None:
    """Raise an InputError for a folder that a pattern looks into and that may not be listed.

    Python's glob passes over it, and a run would train on what is left without a word.
    """
    parts = pattern.split("/")
    magic = [number for number, part in enumerate(parts) if local_glob.has_magic(part)]
    for number in range(magic[0], len(parts)) if magic else ():
        above = "/".join(parts[:number])
        for each in local_glob.glob(above, root_dir=base) if above else [""]:
            folder = join(base, each) if each else base
            if os.path.isdir(folder) and name_of(folder) not in NOT_DATA:
                # `**` looks into all that is below, too.
                deep = parts[number] == "**"
                for _, below, _ in os.walk(folder, onerror=_refuse):
                    below[:] = [each for each in below if deep and each not in NOT_DATA]
        if parts[number] == "**":
            return


def _refuse(error: OSError) -> None:
    with told(str(error.filename)):
        raise error


def walk(folder: str) -> list[str]:
    """All files below a folder, at any depth, sorted."""
    folder = addresses.plain(folder)
    if addresses.is_local(folder):
        with told(folder):
            return sorted(_walk_local(folder, set()))
    return sorted(find(folder))


def is_folder(address: str) -> bool:
    """Whether there is a folder at an address."""
    address = addresses.plain(address)
    if addresses.is_local(address):
        return os.path.isdir(address)
    fs, path = store(address)
    with told(address):
        return bool(fs.isdir(path))


def exists(address: str) -> bool:
    """Whether there is a file or a folder at an address."""
    address = addresses.plain(address)
    if addresses.is_local(address):
        return os.path.exists(address)
    fs, path = store(address)
    with told(address):
        return bool(fs.exists(path))


def find(folder: str) -> dict[str, dict[str, Any]]:
    """The remote files below a folder, and what their store says of them."""
    fs, path = store(folder)
    path = path.rstrip("/")
    with told(folder):
        found = fs.find(path, detail=True)
    # Some stores keep an empty object `folder/` for a folder.
    return {
        join(folder, each[len(path) + 1 :]): info
        for each, info in found.items()
        if not each.endswith("/") and info["type"] == "file"
    }


def _walk_local(folder: str, seen: set[str]) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in seen:  # a link back to where we came from
        return
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _walk_local(entry.path, seen | {real})
        else:
            yield entry.path
