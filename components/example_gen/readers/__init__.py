"""One reader a layout. Each turns a part of a file into rows, in the order of the file.

A reader is a module with

    parts(file, options) -> int                    how many parts can be read apart, at least 1
    read(file, part, options) -> Iterator[Row | Rejected | Ignored]

Only a file that is damaged as a whole raises InputError: nobody could count what it has lost.
"""

import dataclasses
from collections.abc import Callable, Iterator

from components.example_gen.config import ColumnsConfig, IngestConfig
from components.example_gen.records.row import Ignored, Rejected, Row
from components.example_gen.storage.allowed import Access


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """What a reader goes by: names of the columns, of the attributes to keep, and limits.

    `root` is the folder of the data: names of images start there, and no file above it is read.
    `access` says which files may be read that others name or link to.
    """

    columns: ColumnsConfig = dataclasses.field(default_factory=ColumnsConfig)
    attributes: tuple[str, ...] = ()
    max_bytes: int = IngestConfig.model_fields["max_bytes"].default  # of an image
    root: str = ""
    access: Access = dataclasses.field(default_factory=Access)


@dataclasses.dataclass(frozen=True)
class Reader:
    """How to read one layout. `names` says in what words a person knows its files.

    `beside` gives the files that are read with a file and stand neither in it nor in its rows.
    """

    read: Callable[[str, int, ReadOptions], Iterator[Row | Rejected | Ignored]]
    parts: Callable[[str, ReadOptions], int]
    names: str
    beside: Callable[[str, ReadOptions], list[str]] = lambda file, options: []
