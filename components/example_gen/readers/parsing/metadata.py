"""Captions, labels and attributes from the fields that describe an image."""

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from components.example_gen.readers.parsing.limits import MAX_CAPTIONS, MAX_VALUES
from components.example_gen.readers.registry import ReadOptions
from components.example_gen.rows import UnusableError

CAPTION_KEYS = ("captions", "caption")  # of a sidecar
MAX_DEPTH = 8  # of lists and objects around a caption
CAPTION_FIELDS = ("text", "raw", "caption")  # of an object that is a caption: first one there


def captions_of(value: Any, where: str, depth: int = 0) -> tuple[str | bytes, ...]:
    """Return the captions that a field holds.

    Args:
        value: a text, bytes that are a text, an object {text | raw | caption}, a list of such, or
            None, which is not a caption.
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
        field = next((name for name in CAPTION_FIELDS if name in value), None)
        if field is not None:
            return captions_of(value[field], where, depth + 1)
    if isinstance(value, list | tuple):
        texts = (caption for entry in value for caption in captions_of(entry, where, depth + 1))
        captions = tuple(itertools.islice(texts, MAX_CAPTIONS + 1))
        if len(captions) > MAX_CAPTIONS:
            raise UnusableError("bad_metadata", f"{where} has more than {MAX_CAPTIONS:,} captions")
        return captions
    raise UnusableError("bad_metadata", f"{where} is neither a text nor a list of texts")


def labels_of(value: Any, where: str) -> tuple[int, ...] | None:
    """Return the labels that a field holds: an integer or a list of them; None where it is empty.

    Raises:
        UnusableError: it is something else.
    """
    if value is None:
        return None
    values = value if isinstance(value, list | tuple) else [value]
    if not all(type(label) is int for label in values):
        raise UnusableError("bad_labels", f"{where} holds something that is not an integer")
    return tuple(values)


def attributes_of(fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Return the named fields as text; null and missing ones are left out.

    Raises:
        UnusableError: one is not UTF-8.
    """
    return {name: _text(name, fields[name]) for name in names if fields.get(name) is not None}


def key_of(value: Any) -> str | None:
    """Return the key that a field holds: a text or an integer; None where it is empty.

    Raises:
        UnusableError: it is something else.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str | bytes | int) or isinstance(value, bool):
        raise UnusableError("bad_metadata", "the key is neither a text nor an integer")
    return _text("the key", value)


def parse_object(body: bytes, where: str) -> dict[str, Any]:
    """Parse the JSON object in `body`.

    Raises:
        UnusableError: there is none.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise UnusableError("bad_metadata", f"{where} has more than {MAX_VALUES:,} values")
    try:
        # What is not UTF-8 becomes surrogates, so that only the texts that hold them are rejected.
        value = json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise UnusableError("bad_metadata", f"{where} is not JSON") from error
    if not isinstance(value, dict):
        raise UnusableError("bad_metadata", f"{where} is not a JSON object")
    return value


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
    """Return the text, or its original bytes if they were not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # half of a pair, written as JSON's \ud83d
            return text.encode("utf-8", "surrogatepass")
    return text


def fields_of(
    parts: Mapping[str, bytes], texts: tuple[bytes, ...], options: ReadOptions
) -> dict[str, Any]:
    """Return the fields of a Row that sidecars give: captions, labels and attributes.

    The captions are the JSON's `captions` or `caption` (or what `columns.captions` names); where
    it has none, or there is no JSON, they are `texts`. `labels` and the object `attributes` are
    the JSON's too; an attribute that the config names may also stand beside them.

    Args:
        parts: what stands beside the image, by suffix.
        texts: the captions of the `.txt`, not decoded.
        options: names of the columns and attributes.

    Raises:
        UnusableError: the JSON cannot be used, or there is no caption.
    """
    meta = parse_object(parts["json"], "the .json") if "json" in parts else {}
    captions = _captions(meta, options) or texts
    if not captions:
        raise UnusableError("no_caption")
    label_key = options.columns.labels or "labels"
    kept = meta.get("attributes")
    if kept is not None and not isinstance(kept, dict):
        raise UnusableError("bad_metadata", "attributes is not an object")
    attributes = attributes_of(kept or {}, kept or ())
    beside = attributes_of(meta, [name for name in options.attributes if name not in attributes])
    return {
        "captions": captions,
        "labels": labels_of(meta.get(label_key), label_key),
        "attributes": attributes | beside,
    }


def _captions(meta: Mapping[str, Any], options: ReadOptions) -> tuple[str | bytes, ...]:
    named = options.columns.captions
    if named is not None:
        keys = (named,) if isinstance(named, str) else named
        return tuple(caption for key in keys for caption in captions_of(meta.get(key), key))
    key = next((name for name in CAPTION_KEYS if name in meta), None)
    return () if key is None else captions_of(meta[key], key)
