"""Registries: named entries that files register when they are imported.

A package whose files register themselves, such as `trainer.losses`, is imported file by file by
`import_all`; users add their own entries from the modules that `plugins` names in the config.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from schema.errors import InputError

Entry = TypeVar("Entry")
_ALL: "list[Registry[Any]]" = []


class Registry(Mapping[str, Entry]):
    """A mapping from names to entries, in the order of registration.

    Args:
        kind: what an entry is, for error messages, such as 'loss'.
        package: whose files register the built-in entries, such as 'trainer.losses'; they are
            imported when the registry is first read.
        module: name of the one file in each subpackage that registers, such as 'node'. Default:
            all files of the package register, and its subpackages do not.
    """

    def __init__(self, kind: str, package: str, module: str | None = None):
        self.kind = kind
        self._package, self._module = package, module
        self._complete = False
        self._entries: dict[str, Entry] = {}
        _ALL.append(self)

    def add(self, name: str, entry: Entry) -> Entry:
        """Register an entry.

        Raises:
            InputError: another entry has the name, or the entry is not like the others.
        """
        if not isinstance(name, str) or not name:
            raise InputError(f"a {self.kind} is registered under {name!r}; its name must be a text")
        if self._entries.get(name, entry) is not entry:
            raise InputError(f"the {self.kind} {name!r} is registered twice: choose another name")
        kinds = {type(known) for known in self._entries.values()}
        if kinds and type(entry) not in kinds:
            raise InputError(
                f"the {self.kind} {name!r} is registered as {type(entry).__name__}; it must be "
                f"{' or '.join(sorted(kind.__name__ for kind in kinds))}"
            )
        section = getattr(entry, "config", None)
        if isinstance(section, type) and (name,) not in _single_values(section):
            raise InputError(
                f"the {self.kind} {name!r} has a section without a key of the type "
                f"Literal[{name!r}], by which a config chooses it"
            )
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> Entry:
        """Return the entry of a name.

        Raises:
            KeyError: there is none; lists those that there are.
        """
        entries = self._read()
        if name not in entries:
            raise KeyError(f"{name!r} is not a {self.kind}; choose one of: {', '.join(entries)}")
        return entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def _read(self) -> dict[str, Entry]:
        if not self._complete:
            self._complete = True  # first: the files that are imported may read the registry
            import_all(self._package, self._module)
        return self._entries


def complete_all() -> None:
    """Import the built-in entries of every registry, before others are added to them."""
    for registry in tuple(_ALL):
        len(registry)


def _single_values(section: Any) -> list[tuple[Any, ...]]:
    """Return the values of the fields of a section that are a Literal of one value."""
    annotations = (field.annotation for field in section.model_fields.values())
    values = [get_args(each) for each in annotations if get_origin(each) is Literal]
    return [one for one in values if len(one) == 1]


def import_all(package: str, module: str | None = None) -> None:
    """Import every module of a package, or one of that name in each subpackage that has it."""
    places = importlib.import_module(package).__path__
    for name in sorted(module_info.name for module_info in pkgutil.iter_modules(places)):
        if module is None:
            importlib.import_module(f"{package}.{name}")
        elif any(Path(place, name, f"{module}.py").is_file() for place in places):
            importlib.import_module(f"{package}.{name}.{module}")
