"""Registries: named entries that files register when they are imported.

A package whose files register themselves, such as `trainer.losses`, is imported file by file by
`import_all`; users add their own entries from the modules that `plugins` names in the config.
"""

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

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
        entry: class of all entries.
        section: base class of the sections that entries hold as `config`; None: they hold none.
        key: the field of a section that names its entry, such as 'kind'.
    """

    def __init__(
        self,
        kind: str,
        package: str,
        module: str | None = None,
        *,
        entry: type[Any] = object,
        section: type[BaseModel] | None = None,
        key: str = "name",
    ):
        self.kind, self.key = kind, key
        self._entry, self._section = entry, section
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
        if not isinstance(entry, self._entry):
            raise InputError(
                f"the {self.kind} {name!r} is registered as {type(entry).__name__}; it must be of "
                f"the type {self._entry.__name__}"
            )
        if self._section is not None:
            self._check_section(name, getattr(entry, "config", None))
        self._entries[name] = entry
        return entry

    def _check_section(self, name: str, section: Any) -> None:
        base = self._section
        assert base is not None
        if not (isinstance(section, type) and issubclass(section, base)):
            raise InputError(
                f"the {self.kind} {name!r} must have a section of the config, a subclass of "
                f"{base.__name__}"
            )
        if get_args(section.model_fields[self.key].annotation) != (name,):
            raise InputError(
                f"the section of the {self.kind} {name!r} must have the field "
                f"{self.key}: Literal[{name!r}], by which a config chooses it"
            )

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
            try:
                import_all(self._package, self._module)
            except BaseException:
                self._complete = False
                raise
        return self._entries


def complete_all() -> None:
    """Import the built-in entries of every registry, before others are added to them."""
    for registry in tuple(_ALL):
        len(registry)


@contextlib.contextmanager
def restored_on_failure() -> Iterator[None]:
    """Take back what was added to any registry if the body fails."""
    before = [(known, dict(known._entries), known._complete) for known in _ALL]
    try:
        yield
    except BaseException:
        for registry, entries, complete in before:
            registry._entries, registry._complete = entries, complete
        raise


def import_all(package: str, module: str | None = None) -> None:
    """Import every module of a package, or one of that name in each subpackage that has it."""
    places = importlib.import_module(package).__path__
    for name in sorted(module_info.name for module_info in pkgutil.iter_modules(places)):
        if module is None:
            importlib.import_module(f"{package}.{name}")
        elif any(Path(place, name, f"{module}.py").is_file() for place in places):
            importlib.import_module(f"{package}.{name}.{module}")
