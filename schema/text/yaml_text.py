"""Read YAML from elsewhere: plain values only, of bounded size.

A YAML file is a program for its reader: aliases that multiply (a 'billion laughs' of half a
kilobyte), nesting without end, tags that make objects. So the events of the parser, which come one
by one and cost no memory, are checked before anything is built from them.
"""

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from schema.errors import InputError
from schema.text.messages import excerpt, excerpt_of

_STR = "tag:yaml.org,2002:str"  # the one tag that may be written: `!!str 5` is the text 5
_DROPPED = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")  # read as the text they are
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_BREAK = re.compile(r"[\t\n]")
LONGEST_NUMBER = 100  # characters
CHARACTERS = 64  # of a text, that count as one value


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of a document, in which an alias counts as all that it stands for."""

    nodes: int = 20_000  # keys, values, lists and mappings; a longer text as several
    depth: int = 64  # lists and mappings within each other


def load_all(text: str, source: str, limits: Limits | None = None) -> list[Any]:
    """Read the documents of a YAML text.

    Keys are text as it is written, and may stand only once in a mapping; so is a date. A number
    may be written as in YAML 1.2, such as 1e-4.

    Args:
        text: of a bounded size.
        source: what it is called in sentences, such as its path.
        limits: default: those of a file that a person writes.

    Raises:
        InputError: names the source, the line and what is wrong.
    """
    try:
        _check(yaml.parse(text, Loader=_Loader), limits or Limits())
        return list(yaml.load_all(text, Loader=_Loader))
    except _RefusedError as error:
        raise InputError(f"{source}: {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = " ".join(filter(None, (error.problem, error.context)))
        raise InputError(f"{source}: is not valid YAML: {where}{excerpt(what, 200)}") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        what = excerpt(" ".join(str(error).split()), 200)
        raise InputError(f"{source}: is not valid YAML: {what}") from error


class _RefusedError(Exception):
    """Valid YAML that is refused; the message begins with the line."""


@dataclasses.dataclass
class _Node:
    """A list or mapping whose end has not come yet, or the whole document."""

    anchor: str | None = None
    keys: set[str] | None = None  # of a mapping
    key_is_next: bool = False
    nodes: int = 1
    height: int = 0  # lists and mappings within each other, this one included


def _check(events: Iterable[Event], limits: Limits) -> None:
    """Check the events of a text without building any value.

    Raises:
        _RefusedError: the first fault.
    """
    open_nodes = [_Node()]
    anchored: dict[str, _Node] = {}
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, CollectionEndEvent):
            node = open_nodes.pop()
        elif isinstance(event, NodeEvent):
            is_key = _check_key(event, open_nodes[-1], line)
            node = _started(event, open_nodes, anchored, line)
            if not is_key and open_nodes[-1].keys is not None:
                open_nodes[-1].key_is_next = True
            if isinstance(event, CollectionStartEvent):
                open_nodes.append(node)
        else:
            anchored.clear()  # of the document before
            continue
        is_open = open_nodes[-1] is node
        if len(open_nodes) - 1 + (0 if is_open else node.height) > limits.depth:
            raise _RefusedError(f"line {line}: is nested deeper than {limits.depth}")
        if is_open:
            continue
        if node.anchor is not None:
            anchored[node.anchor] = node
        outer = open_nodes[-1]
        outer.nodes += node.nodes
        outer.height = max(outer.height, node.height + 1)
        if sum(node.nodes for node in open_nodes) > limits.nodes:
            raise _RefusedError(
                f"line {line}: holds more than {limits.nodes:,} values, aliases counted as what "
                "they stand for"
            )


def _check_key(event: NodeEvent, mapping: _Node, line: int) -> bool:
    """Whether an event is a key; refuse keys that no config can have."""
    if mapping.keys is None or not mapping.key_is_next:
        return False
    if not isinstance(event, ScalarEvent):
        what = "an alias" if isinstance(event, AliasEvent) else "a list or a mapping"
        raise _RefusedError(f"line {line}: a key is {what}, where text is expected")
    if _BREAK.search(event.value):
        raise _RefusedError(f"line {line}: the key {excerpt_of(event.value)} is not one line")
    if event.value in mapping.keys:
        raise _RefusedError(f"line {line}: the key {excerpt_of(event.value)} stands twice")
    mapping.keys.add(event.value)
    mapping.key_is_next = False
    return True


def _started(
    event: NodeEvent, open_nodes: list[_Node], anchored: dict[str, _Node], line: int
) -> _Node:
    """Return the node that begins, or is, at an event."""
    if isinstance(event, AliasEvent):
        if any(node.anchor == event.anchor for node in open_nodes):
            raise _RefusedError(f"line {line}: the alias {excerpt_of(event.anchor)} holds itself")
        known = anchored.get(event.anchor or "", _Node())  # an unknown one the composer refuses
        return _Node(nodes=known.nodes, height=known.height)
    assert isinstance(event, ScalarEvent | CollectionStartEvent)
    if event.tag not in (None, "!", _STR):
        raise _RefusedError(
            f"line {line}: the tag {excerpt_of(event.tag)} is not read; write the value without it"
        )
    if isinstance(event, ScalarEvent):
        strange = _CONTROL.search(event.value)
        if strange:
            raise _RefusedError(
                f"line {line}: a text holds the control character U+{ord(strange[0]):04X}"
            )
        return _Node(event.anchor, nodes=1 + len(event.value) // CHARACTERS)
    is_mapping = isinstance(event, MappingStartEvent)
    return _Node(event.anchor, set() if is_mapping else None, is_mapping, height=1)


class _Loader(yaml.CSafeLoader):
    """Plain values, with text for keys. It recurses, so `_check` comes first."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML's own attribute
        first: [each for each in known if each[0] not in _DROPPED]
        for first, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}

    def short_number(self, node: yaml.ScalarNode) -> Any:
        """Convert a number, and refuse one that would take Python minutes."""
        if len(node.value) > LONGEST_NUMBER:
            raise yaml.constructor.ConstructorError(
                None, None, f"a number of {len(node.value):,} characters", node.start_mark
            )
        is_int = node.tag == "tag:yaml.org,2002:int"
        return self.construct_yaml_int(node) if is_int else self.construct_yaml_float(node)


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.short_number)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    [*"-+0123456789"],
)
