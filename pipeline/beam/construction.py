"""Build Beam pipelines in less time: a node with few records spends most of its time on that.

Beam checks each DoFn several times, and each check inspects the signatures of all of its methods.
To look up an option it makes a parser of command lines and parses them again, hundreds of times for
one pipeline. Here both are done once.
"""

import argparse
import contextlib
import copy
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary

Arguments = tuple[list[str], list[Any]]  # names, and values of the default arguments

_signatures: WeakKeyDictionary[FunctionType, Arguments] = WeakKeyDictionary()
_parsed: dict[tuple[type, tuple[str, ...]], dict[str, Any]] = {}  # by class and command line


@contextlib.contextmanager
def quick_construction() -> Iterator[None]:
    """Have Beam inspect each method once and parse each command line once, meanwhile."""
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.transforms import core

    inspect, view_as = core.get_function_args_defaults, PipelineOptions.view_as
    core.get_function_args_defaults = _remembered(inspect)
    PipelineOptions.view_as = _view_as(view_as)
    try:
        yield
    finally:
        core.get_function_args_defaults, PipelineOptions.view_as = inspect, view_as


def _remembered(inspect: Callable[[Any], Arguments]) -> Callable[[Any], Arguments]:
    def arguments_of(function: Any) -> Arguments:
        # Methods of one class have the same arguments, whatever object they are bound to.
        if not isinstance(function, MethodType) or not isinstance(function.__func__, FunctionType):
            return inspect(function)
        if function.__func__ not in _signatures:
            _signatures[function.__func__] = inspect(function)
        names, defaults = _signatures[function.__func__]
        return [*names], [*defaults]

    return arguments_of


def _view_as(view_as: Callable[..., Any]) -> Callable[..., Any]:
    def view(options: Any, cls: type) -> Any:
        if options._flags is None:  # Beam parses the command line of this process
            return view_as(options, cls)
        key = cls, tuple(options._flags)
        if key not in _parsed:
            _parsed[key] = vars(cls(options._flags)._visible_options)
        # Values may be lists, and those of one pipeline's options are not another's.
        parsed = copy.deepcopy(_parsed[key])
        for name, value in parsed.items():
            options._all_options.setdefault(name, value)
        found: Any = object.__new__(cls)
        found._flags, found._all_options = options._flags, options._all_options
        found._visible_options = argparse.Namespace(**parsed)
        return found

    return view
