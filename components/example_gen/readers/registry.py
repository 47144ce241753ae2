"""The registry of readers, what a reader is, and what it goes by.

A reader turns a part of a file into rows, in the order of the file. To add a format, add a file to
this package (or to a package that `plugins` names) that calls `READERS.add`. Such a file is
imported whenever a config is read, so it must import TensorFlow and the like in its functions.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Final

from components.example_gen.rows import Ignored, Rejected, Row
from components.example_gen.storage.allowed import Access
from schema.config.section import Frozen, MaybeOff
from schema.registry import Registry

AUTO: Final = "auto"  # instead of the name of a reader: recognised from the files
OFF: Final = "off"  # instead of the name of a column: none is read
_COMPRESSED = r"(\.(gz|bz2|xz|zst))?"
_SHARD = r"(-\d+-of-\d+)?"  # TensorFlow's names of shards: `train.tfrecord-00000-of-00010`


class ColumnsConfig(Frozen):
    """The names of the columns, features or fields in the files; None: the usual names."""

    image: str | None = None
    """Holds a path, encoded bytes, base64 text or an object {bytes, path}."""
    captions: str | tuple[str, ...] | None = None
    """One column or several, of texts or of lists of texts."""
    key: Annotated[str | None, MaybeOff] = None
    """None and no usual name, or off: the image's path, or else the digest of its bytes."""
    labels: str | None = None
    """Holds a 0 or 1 for each caption."""

    @property
    def named_key(self) -> str | None:
        """The column of the key, if one is named."""
        return None if self.key == OFF else self.key


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """What a reader goes by.

    Attributes:
        columns: names of the columns.
        attributes: names of the attributes to keep.
        max_bytes: of one encoded image.
        root: the folder of the data. Names of images start there; no file above it is read.
        access: which files may be read that the data names or links to.
    """

    columns: ColumnsConfig = dataclasses.field(default_factory=ColumnsConfig)
    attributes: tuple[str, ...] = ()
    max_bytes: int = 100_000_000
    root: str = ""
    access: Access = dataclasses.field(default_factory=Access)


@dataclasses.dataclass(frozen=True)
class Reader:
    """How to recognise and read one format.

    Attributes:
        description: what users call its files, with the article: 'a Parquet table (.parquet)'.
        read: `read(file, part, options)` yields the rows of one part of a file. It raises
            InputError only for a file that is damaged as a whole, whose lost records cannot be
            counted.
        parts: `parts(file, options)` is the number of parts that can be read independently.
        suffixes: of the files of this format, without the dot. Case, a shard number and, if
            `compressible`, the suffix of a compression may follow.
        compressible: whether files may be compressed as a whole.
        shared_suffixes: of files that may be of this format or of another one.
        begins: whether a file with a shared suffix is of this format, by its first MiB:
            decompressed, as UTF-8, without byte order mark and leading whitespace.
        is_folder: whether a folder, and not a file, is read.
        read_beside: `read_beside(file, options)` lists files that are read with a file and that
            none of its rows names.
    """

    description: str
    read: Callable[[str, int, ReadOptions], Iterator[Row | Rejected | Ignored]]
    parts: Callable[[str, ReadOptions], int] = lambda _file, _options: 1
    suffixes: tuple[str, ...] = ()
    compressible: bool = True
    shared_suffixes: tuple[str, ...] = ()
    begins: Callable[[bytes], bool] = lambda _beginning: False
    is_folder: bool = False
    read_beside: Callable[[str, ReadOptions], list[str]] = lambda _file, _options: []

    def has_suffix(self, name: str, suffixes: tuple[str, ...]) -> bool:
        """Return whether a file's name ends in one of some suffixes."""
        compressed = _COMPRESSED if self.compressible else ""
        ending = rf"\.({'|'.join(map(re.escape, suffixes))}){_SHARD}{compressed}$"
        return bool(suffixes) and re.search(ending, name, re.IGNORECASE) is not None


READERS: Registry[Reader] = Registry("reader", "components.example_gen.readers", entry=Reader)
