"""Captions, labels and attributes out of what a file says of an image, in the usual forms."""

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from components.example_gen.readers.limits import MAX_CAPTIONS, MAX_VALUES
from components.example_gen.records.reasons import UnusableError

MAX_DEPTH = 8  # of lists and objects around a caption
CAPTION_FIELDS = ("text", "raw", "caption")  # of an object that is a caption: first one there


def captions_of(value: Any, where: str, depth: int = 0) -> tuple[str | bytes, ...]:
    """The captions a field holds.

    Args:
        value: a text, bytes that are a text, an object {text | raw | caption}, a list of such, or
            None, which is no caption.
        where: what the field is called.
        depth: in how many lists and objects the value stands.

    Raises:
        UnusableError: it is something else, or there are far too many.
    """
    if value is None:
        return ()
    if depth > MAX_DEPTH:
        raise UnusableError("bad_metadata", f"{where} is nested in more than {MAX_DEPTH} lists")
    if isinstance(value, str):
        return (_undecoded(value),)
    if isinstance(value, bytes):
        return (value,)
    if isinstance(value, Mapping):
        field = next((each for each in CAPTION_FIELDS if each in value), None)
        if field is not None:
            return captions_of(value[field], where, depth + 1)
    if isinstance(value, list | tuple):
        found = (caption for each in value for caption in captions_of(each, where, depth + 1))
        captions = tuple(itertools.islice(found, MAX_CAPTIONS + 1))
        if len(captions) > MAX_CAPTIONS:
            raise UnusableError("bad_metadata", f"{where} has more than {MAX_CAPTIONS:,} captions")
        return captions
    raise UnusableError("bad_metadata", f"{where} is neither a text nor a list of texts")


def labels_of(value: Any, where: str) -> tuple[int, ...] | None:
    """The labels a field holds: an integer or a list of integers; None where it is empty.

    Raises:
        UnusableError: it is something else.
    """
    if value is None:
        return None
    values = value if isinstance(value, list | tuple) else [value]
    if not all(type(each) is int for each in values):
        raise UnusableError("bad_labels", f"{where} holds something that is no integer")
    return tuple(values)


def attributes_of(fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """The named fields as text; what is null or not there is left out.

    Raises:
        UnusableError: one is no UTF-8.
    """
    return {name: _text(name, fields[name]) for name in names if fields.get(name) is not None}


def key_of(value: Any) -> str | None:
    """The key a field holds: a text or an integer; None where it is empty.

    Raises:
        UnusableError: it is something else.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str | bytes | int) or isinstance(value, bool):
        raise UnusableError("bad_metadata", "the key is neither a text nor an integer")
    return _text("the key", value)


def parse_object(body: bytes, where: str) -> dict[str, Any]:
    """The JSON object in `body`.

    Raises:
        UnusableError: there is none.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise UnusableError("bad_metadata", f"{where} has more than {MAX_VALUES:,} values")
    try:
        # What is not UTF-8 stays in the texts as surrogates, so that each text is judged alone.
        found = json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise UnusableError("bad_metadata", f"{where} is not JSON") from error
    if not isinstance(found, dict):
        raise UnusableError("bad_metadata", f"{where} is no JSON object")
    return found


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool | dict | list):
        value = json.dumps(value, ensure_ascii=False, default=str)
    try:
        text = value.decode() if isinstance(value, bytes) else str(value)
        text.encode()
    except UnicodeError as error:
        raise UnusableError("bad_metadata", f"{name} is not UTF-8") from error
    return text


def _undecoded(text: str) -> str | bytes:
    """The text, or where it is none the bytes it was."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # half of a pair, written as JSON's \ud83d
            return text.encode("utf-8", "surrogatepass")
    return text
