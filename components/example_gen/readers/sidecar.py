"""What stands beside an image: a `.txt` with a caption, or a `.json` with all there is to say."""

from collections.abc import Mapping
from typing import Any

from components.example_gen.readers import ReadOptions
from components.example_gen.readers.metadata import (
    attributes_of,
    captions_of,
    labels_of,
    parse_object,
)
from components.example_gen.records.reasons import UnusableError

CAPTION_KEYS = ("captions", "caption")


def fields_of(
    parts: Mapping[str, bytes], texts: tuple[bytes, ...], options: ReadOptions
) -> dict[str, Any]:
    """The fields of a Row that sidecars give: captions, labels and attributes.

    The captions are the JSON's `captions` or `caption` (or what `columns.captions` names); where
    it has none, or there is no JSON, they are `texts`. `labels` and the object `attributes` are
    the JSON's too; an attribute that is asked for may also stand beside them.

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
        raise UnusableError("bad_metadata", "attributes is no object")
    attributes = attributes_of(kept or {}, kept or ())
    beside = attributes_of(meta, [each for each in options.attributes if each not in attributes])
    return {
        "captions": captions,
        "labels": labels_of(meta.get(label_key), label_key),
        "attributes": attributes | beside,
    }


def _captions(meta: Mapping[str, Any], options: ReadOptions) -> tuple[str | bytes, ...]:
    named = options.columns.captions
    if named is not None:
        keys = (named,) if isinstance(named, str) else named
        return tuple(each for key in keys for each in captions_of(meta.get(key), key))
    key = next((each for each in CAPTION_KEYS if each in meta), None)
    return () if key is None else captions_of(meta[key], key)
