"""The files and folders below an address, and the file system behind it."""

import glob as local_glob
import os
from collections.abc import Iterator
from typing import Any

import fsspec

from components.example_gen.storage import urls
from components.example_gen.storage.allowed import Access
from components.example_gen.storage.attempts import within
from components.example_gen.storage.errors import OutsideError, as_input_error
from components.example_gen.storage.urls import join, parent, shown
from components.example_gen.storage.urls import name as name_of
from components.example_gen.storage.web_client import WebClient
from schema.errors import InputError

NOT_DATA = ("lost+found",)  # of root, on every ext file system


def store(address: str, access: Access | None = None) -> tuple[Any, str]:
    """Return the fsspec file system of an address, and the address in its notation.

    Args:
        address: of a file or a folder.
        access: hosts that may be requested, and time limits; None: a person named the address.
    """
    urls.check_scheme(address)
    with as_input_error(address):
        try:
            access = access or Access.to(address)
            fs, path = fsspec.core.url_to_fs(address, **_options(address, access))
        except ValueError as error:
            raise InputError(f"{shown(address)}: is not an address") from error
        # A kept listing would hide changes from TFX's cache.
        fs.invalidate_cache()
        return fs, path


def _options(address: str, access: Access) -> dict[str, Any]:
    kind = urls.scheme(address)
    if urls.is_web(address):
        return {"get_client": WebClient(access.allowed.hosts, access.timeouts)}
    if kind in ("s3", "s3a"):
        limits = access.timeouts
        return {"config_kwargs": {"connect_timeout": limits.connect, "read_timeout": limits.read}}
    return {}


def glob(base: str, pattern: str) -> list[str]:
    """List the files and folders below `base` that match, sorted; none is no error.

    Args:
        base: a folder; its own `*`, `?` and `[` mean themselves.
        pattern: as in a shell; `**` stands for folders at any depth.
    """
    base = urls.plain(base)
    if urls.is_local(base):
        _check_readable(base, pattern)
        matches = local_glob.glob(pattern, root_dir=base, recursive=True)
        return sorted({join(base, path) for path in matches})
    while pattern.startswith("../"):
        base, pattern = parent(base), pattern.removeprefix("../")
    if pattern in ("", "."):
        return [base] if exists(base) else []
    fs, path = store(base)
    path = path.rstrip("/")
    with as_input_error(base):
        matches = fs.glob(f"{local_glob.escape(path)}/{pattern.removeprefix('./').rstrip('/')}")
    return sorted({join(base, match[len(path) + 1 :]) for match in matches})


def _check_readable(base: str, pattern: str) -> None:
    """Raise an InputError for a folder that a pattern looks into and that may not be listed.

    Python's glob passes over it, and a run would train on what is left without a word.
    """
    parts = pattern.split("/")
    magic = [number for number, part in enumerate(parts) if local_glob.has_magic(part)]
    for number in range(magic[0], len(parts)) if magic else ():
        above = "/".join(parts[:number])
        for path in local_glob.glob(above, root_dir=base) if above else [""]:
            folder = join(base, path) if path else base
            if os.path.isdir(folder) and name_of(folder) not in NOT_DATA:
                # `**` also covers all folders below.
                deep = parts[number] == "**"
                for _, below, _ in os.walk(folder, onerror=_refuse):
                    below[:] = [name for name in below if deep and name not in NOT_DATA]
        if parts[number] == "**":
            return


def _refuse(error: OSError) -> None:
    with as_input_error(str(error.filename)):
        raise error


def walk(folder: str, access: Access | None = None) -> list[str]:
    """List all files below a folder, at any depth, sorted.

    Args:
        folder: its address.
        access: a link to a folder elsewhere is not followed, and stands in the list; None: it is.
    """
    folder = urls.plain(folder)
    if urls.is_local(folder):
        with as_input_error(folder):
            return sorted(_walk_local(folder, set(), access))
    return sorted(find(folder))


def is_folder(address: str) -> bool:
    """Return whether there is a folder at an address."""
    address = urls.plain(address)
    if urls.is_local(address):
        return os.path.isdir(address)
    fs, path = store(address)
    with as_input_error(address):
        return bool(fs.isdir(path))


def exists(address: str, access: Access | None = None) -> bool:
    """Return whether there is a file or a folder at an address.

    Args:
        address: of a store, or a path of this machine.
        access: for an address that the data names, which hosts may be asked and for how long;
            None: it is one that a person named.
    """
    address = urls.plain(address)
    if urls.is_local(address):
        return os.path.exists(address)
    fs, path = store(address, access)
    with as_input_error(address):
        if access is None:
            return bool(fs.exists(path))
        ask = getattr(fs, "_exists", fs.exists)
        return bool(within(access.timeouts.record, fs, ask, path))


def find(folder: str) -> dict[str, dict[str, Any]]:
    """Return the remote files below a folder, and what their store says of them."""
    fs, path = store(folder)
    path = path.rstrip("/")
    with as_input_error(folder):
        infos = fs.find(path, detail=True)
    # Some stores keep an empty object `folder/` for a folder.
    return {
        join(folder, file[len(path) + 1 :]): info
        for file, info in infos.items()
        if not file.endswith("/") and info["type"] == "file"
    }


def _walk_local(folder: str, seen: set[str], access: Access | None) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in seen:  # a circle of links
        return
    for entry in os.scandir(folder):
        if entry.is_dir() and not leads_out(entry.path, access):
            yield from _walk_local(entry.path, seen | {real}, access)
        else:
            yield entry.path


def leads_out(path: str, access: Access | None) -> bool:
    """Return whether a path of this machine is a link to where nothing may be read."""
    if access is None or not os.path.islink(path):
        return False
    try:
        access.allowed.check(path)
    except OutsideError:
        return True
    return False
