"""Slice the queries by attributes of the data, and by two properties that every record has."""

from collections.abc import Sequence

from trainer.preprocessing.captions import words_of

ABSENT = "(none)"  # the value of records that lack what is sliced by
# The last length of each bucket, in words; above the last one everything is one bucket.
CAPTION_LENGTHS = (1, 3, 7, 15)
SQUARE = (0.8, 1.25)  # width / height of what still counts as square


def slice_feature(name: str) -> str:
    """Name the feature that TFMA slices by: 'vendor' -> 'slices/vendor'."""
    return f"slices/{name}"


def slice_name(feature: str) -> str:
    """Return the slice of a feature, the inverse of `slice_feature`."""
    return feature.removeprefix(slice_feature(""))


def caption_length(captions: Sequence[str]) -> str:
    """Return the bucket of the mean number of words of a record's captions.

    A record is one unit of every slice, so that its captions stay together when records are drawn
    anew; hence one length a record, and not one a caption.

    Args:
        captions: the matching captions of one record.

    Returns:
        '1', '2-3', '4-7', '8-15' or '16+', half a word rounded up; '(none)' without a caption.
    """
    if not captions:
        return ABSENT
    words = int(sum(len(words_of(caption)) for caption in captions) / len(captions) + 0.5)
    start = 1
    for end in CAPTION_LENGTHS:
        if words <= end:
            return str(start) if start == end else f"{start}-{end}"
        start = end + 1
    return f"{start}+"


def aspect_ratio(width: int, height: int) -> str:
    """Return 'portrait', 'square' or 'landscape' by width / height, pixels."""
    ratio = width / height
    if ratio < SQUARE[0]:
        return "portrait"
    return "landscape" if ratio > SQUARE[1] else "square"
