"""TFX's file functions for the stores that TensorFlow does not open, S3 among them.

TFX chooses by an address's scheme. TensorFlow's own plugin claims `s3://`, which its wheels no
longer read, and everything unknown; `register` puts this one before it.
"""

import contextlib
import dataclasses
import datetime
import io
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import fsspec
from tfx.dsl.io import filesystem, filesystem_registry
from tfx.dsl.io.filesystem import PathType
from tfx.dsl.io.plugins.local import LocalFilesystem

from components.example_gen.storage import listing, urls
from components.example_gen.storage.errors import as_input_error
from components.example_gen.storage.fingerprints import TIMES

PRIORITY = 5  # lower is taken first; TensorFlow's is 10
# Paths of this machine, stores that TensorFlow reads, and fsspec's wrappers of other addresses.
_NOT_OURS = frozenset(
    (
        *("file", "local", "gs", "hdfs", "dir", "cached", "blockcache", "filecache"),
        *("simplecache", "reference", "zip", "tar", "libarchive", "asynclocal"),
        *("async_wrapper", "data", "generic"),
    )
)


@dataclasses.dataclass(frozen=True)
class Stat:
    """What TFX needs of a file. Where a store knows no time, it is 0."""

    length: int  # bytes
    mtime_nsec: int


class FsspecFilesystem(filesystem.Filesystem):
    """TFX's file functions on fsspec."""

    SUPPORTED_SCHEMES = tuple(
        f"{name}://" for name in fsspec.available_protocols() if name not in _NOT_OURS
    )

    @staticmethod
    def open(name: PathType, mode: str = "r") -> Any:
        with _at(name) as (fs, path):
            return fs.open(path, mode)

    @staticmethod
    def copy(src: PathType, dst: PathType, overwrite: bool = False) -> None:
        _refuse_if_there(dst, overwrite)
        with (
            FsspecFilesystem.open(src, "rb") as source,
            FsspecFilesystem.open(dst, "wb") as target,
        ):
            shutil.copyfileobj(source, target)

    @staticmethod
    def exists(path: PathType) -> bool:
        return listing.exists(_text(path))

    @staticmethod
    def glob(pattern: PathType) -> list[PathType]:
        text = _text(pattern)
        base = urls.parent(re.split(r"[*?[]", text, maxsplit=1)[0] + "-")
        return list(listing.glob(base, urls.below(base, text)))

    @staticmethod
    def isdir(path: PathType) -> bool:
        return listing.is_folder(_text(path))

    @staticmethod
    def listdir(path: PathType) -> list[PathType]:
        with _at(path) as (fs, there):
            paths = (path.rstrip("/") for path in fs.ls(there, detail=False))
            names = {path.rpartition("/")[2] for path in paths if path != there.rstrip("/")}
            return sorted(names)

    @staticmethod
    def makedirs(path: PathType) -> None:
        with _at(path) as (fs, there):
            fs.makedirs(there, exist_ok=True)

    @staticmethod
    def mkdir(path: PathType) -> None:
        with _at(path) as (fs, there):
            fs.mkdir(there, create_parents=False)

    @staticmethod
    def remove(path: PathType) -> None:
        with _at(path) as (fs, there):
            fs.info(there)  # some stores do not report a missing file
            fs.rm_file(there)

    @staticmethod
    def rename(src: PathType, dst: PathType, overwrite: bool = False) -> None:
        _refuse_if_there(dst, overwrite)
        with _at(src) as (fs, there), _at(dst) as (_, target):
            fs.mv(there, target, recursive=fs.isdir(there))

    @staticmethod
    def rmtree(path: PathType) -> None:
        with _at(path) as (fs, there):
            fs.rm(there, recursive=True)

    @staticmethod
    def stat(path: PathType) -> Stat:
        with _at(path) as (fs, there):
            info = fs.info(there)
        time = next((info[key] for key in TIMES if info.get(key)), 0)
        if isinstance(time, str):
            time = datetime.datetime.fromisoformat(time)
        seconds = time.timestamp() if isinstance(time, datetime.datetime) else time
        return Stat(info["size"] or 0, int(seconds * 1_000_000_000))

    @staticmethod
    def walk(
        top: PathType,
        topdown: bool = True,
        onerror: Callable[..., None] | None = None,  # noqa: ARG004  TFX's signature
    ) -> Iterator[tuple[PathType, list[PathType], list[PathType]]]:
        text = urls.plain(_text(top))
        with _at(top) as (fs, there):
            folders_below = list(fs.walk(there))
        for folder, folders, files in folders_below if topdown else reversed(folders_below):
            inside = folder.rstrip("/")[len(there.rstrip("/")) + 1 :]
            yield (
                urls.join(text, inside),
                sorted(folders),
                sorted(name for name in files if name),
            )


class LocalFiles(LocalFilesystem):
    """TFX's functions for local files, complete: its own lacks names that TensorFlow's has."""

    @staticmethod
    def open(name: PathType, mode: str = "r") -> Any:
        if mode in ("wb", "ab"):
            return _Encoding(io.FileIO(name, mode[0]))
        return LocalFilesystem.open(name, mode)

    @staticmethod
    def stat(path: PathType) -> Stat:
        found = LocalFilesystem.stat(path)
        return Stat(found.st_size, found.st_mtime_ns)


class _Encoding(io.BufferedWriter):
    """A binary file that takes text, too: TFX writes it to such files, as TensorFlow's take it."""

    def write(self, data: Any) -> int:
        return super().write(data.encode() if isinstance(data, str) else data)


def register() -> None:
    """Put this before TensorFlow's plugin for its schemes; calling it again changes nothing."""
    filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY.register(FsspecFilesystem, PRIORITY)


def _text(path: PathType) -> str:
    return path.decode() if isinstance(path, bytes) else path


def _refuse_if_there(path: PathType, overwrite: bool) -> None:
    if not overwrite and FsspecFilesystem.exists(path):
        raise OSError(f"{urls.shown(_text(path))} is there already")


@contextlib.contextmanager
def _at(path: PathType) -> Iterator[tuple[Any, str]]:
    """Yield the file system and its path; a missing file becomes TFX's NotFoundError."""
    text = _text(path)
    fs, there = listing.store(text)
    with as_input_error(text):
        try:
            yield fs, there
        except FileNotFoundError as error:
            missing = error
        else:
            return
    raise filesystem.NotFoundError(f"{urls.shown(text)}: is not there") from missing
