"""Say where weights come from: `package:NAME`, `release:FOLDER`, `cache:NAME`, a file or folder."""

import dataclasses
import enum
import re
from collections.abc import Callable
from typing import Self

from schema.text.messages import excerpt_of


class Kind(enum.Enum):
    """Where weights are; the value is the prefix in the config, without its colon."""

    PACKAGE = "package"  # an installed Python package
    RELEASE = "release"  # a tower of a release
    CACHE = "cache"  # a name in a library's cache
    PATH = ""  # a file or a folder


PREFIX = re.compile(r"([A-Za-z_]+):(?!//)")


@dataclasses.dataclass(frozen=True)
class Source:
    """What a key of the config names.

    Args:
        kind: where it is.
        name: the path, or the name of the package or of what is in the cache.
    """

    kind: Kind
    name: str

    @property
    def is_path(self) -> bool:
        """Whether the name is a path, which may be relative to the config."""
        return self.kind in (Kind.RELEASE, Kind.PATH)

    def located(self, locate: Callable[[str], str]) -> Self:
        """Return the source with `locate` applied to its path, if it has one."""
        return dataclasses.replace(self, name=locate(self.name)) if self.is_path else self

    def __str__(self) -> str:
        """Write it as the config does."""
        return f"{self.kind.value}:{self.name}" if self.kind.value else self.name


def parse(text: str) -> Source:
    """Read a source as a config writes it.

    Raises:
        ValueError: nothing stands behind the prefix, or the prefix is not a known one.
    """
    match = PREFIX.match(text)
    if match is None:
        return Source(Kind.PATH, text)
    kinds = {kind.value: kind for kind in Kind if kind.value}
    if match[1] not in kinds:
        raise ValueError(
            f"{excerpt_of(text)} begins with none of {', '.join(f'{name}:' for name in kinds)}; "
            f"write ./{text} if it is a file"
        )
    name = text[match.end() :]
    if not name:
        raise ValueError(f"{excerpt_of(text)} names nothing behind the colon")
    return Source(kinds[match[1]], name)


def path_or_cached(text: str) -> Source:
    """Read the value of a key where a path is written with a slash, and all else is in a cache."""
    return Source(Kind.PATH if "/" in text else Kind.CACHE, text)
