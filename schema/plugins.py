"""Plugins: modules of the user's own that register losses, towers, readers and other entries."""

import contextlib
import importlib
import json
import re
import sys
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from schema.config.section import Frozen
from schema.errors import InputError
from schema.registry import complete_all, restored_on_failure
from schema.text.messages import excerpt

KEY = "plugins"  # of the config
LONGEST_CAUSE = 300  # characters of another module's error message in a sentence
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def _dotted(name: str) -> str:
    if not _MODULE.fullmatch(name):
        raise ValueError(f"{name!r} is not the dotted name of a module, such as my_package")
    return name


ModuleName = Annotated[str, Field(max_length=255), AfterValidator(_dotted)]


def _loaded(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"names {name} twice")
    load(names)
    return names


class Extensible(Frozen):
    """A section that is validated after its plugins were imported: they define parts of it.

    A PluginError ends the validation, as no other mistake matters then.
    """

    # The first field of every subclass: pydantic validates fields in their order.
    plugins: Annotated[tuple[ModuleName, ...], Field(max_length=20), AfterValidator(_loaded)] = ()
    """Modules, by dotted name, that register losses, towers, tokenizers, readers, metrics or nodes.

    They lie beside the config file or are installed. Reading the config imports them.
    """


class PluginError(InputError):
    """A plugin cannot be imported, or registers a name that is taken."""


def named_in(values: Any) -> tuple[str, ...]:
    """Return the plugins that unchecked values of a config name; none if any name is malformed."""
    names = values.get(KEY, ()) if isinstance(values, dict) else ()
    if not isinstance(names, list | tuple):
        return ()
    well_formed = all(isinstance(name, str) and _MODULE.fullmatch(name) for name in names)
    return tuple(names) if well_formed else ()


def load(names: Iterable[str]) -> None:
    """Import modules, which register their entries.

    Args:
        names: dotted names; a module that was imported before is not imported again.

    Raises:
        PluginError: a module cannot be imported, whatever it raises, or it registers a name that
            is taken; names the plugin and the cause.
    """
    for name in names:
        complete_all()  # so that a name that is taken is the plugin's fault
        try:
            # Its output goes to stderr, since a command may print JSON for a program.
            with restored_on_failure(), contextlib.redirect_stdout(sys.stderr):
                importlib.import_module(name)
                complete_all()
        except KeyboardInterrupt:
            raise
        except InputError as error:
            raise PluginError(f"{KEY}: {name} cannot be used: {error}") from error
        except BaseException as error:  # whatever the module does, an exit included
            raise PluginError(f"{KEY}: {name} cannot be imported: {_cause(error)}") from error


def load_digested(payload: str) -> None:
    """Import the plugins that a TFX node is given, before it reads its part of the config.

    Args:
        payload: a JSON object of digests by plugin, which TFX's cache compares.

    Raises:
        PluginError: as `load`.
    """
    load(json.loads(payload))


def _cause(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[-1] if lines else ""
    return excerpt(f"{type(error).__name__}: {message}", LONGEST_CAUSE)
