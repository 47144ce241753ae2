"""Why something is not used: a code for each reason, and what it means in words."""

from typing import Final

NEAR_DUPLICATE: Final = "near_duplicate_of_train"
# Of a record: it goes to the quarantine with one of these.
REASONS: Final = {
    "empty_image": "the image has no bytes",
    "too_many_bytes": "the image has more bytes than data.max_bytes",
    "not_an_image": "the bytes do not begin like any image format that is read",
    "damaged_header": "the image's header is cut off or contradicts itself",
    "too_many_pixels": "the image has more pixels than data.max_pixels",
    "damaged_pixels": "the image's pixels are cut off or damaged",
    "no_image": "there is no image",
    "several_images": "there are several images where one is expected",
    "missing_image": "the image file that is named is not there or cannot be read",
    "outside": "it lies outside of data.path and of what data.allow names",
    "timed_out": "its file was not read within data.timeouts",
    "unreadable": "it made the reader fail",
    "unsafe_name": "the name is absolute or leads out of its folder",
    "not_a_file": "it is a link, a device or another thing that is no file",
    "repeated_name": "the name stands in its file twice",
    "bad_metadata": "its metadata cannot be read",
    "bad_labels": "the labels are not a 0 or 1 for each caption",
    "no_caption": "there is no caption",
    "empty_caption": "the caption is empty",
    "caption_not_utf8": "the caption is not UTF-8",
    "caption_too_long": "the caption is longer than data.max_caption_characters",
    "caption_is_html": "the caption is HTML",
    "too_many_captions": "there are more captions than text.max_captions, and all shall be kept",
    "key_of_another_image": "its key is that of a record with another image",
    "key_in_two_splits": "its key stands in the train split, or in another split before",
    NEAR_DUPLICATE: "the image looks like one of the train split",
}
# Of a caption: dropped and counted; the record goes to quarantine only if none is left.
DUPLICATE_CAPTION: Final = "duplicate_caption"
ABOVE_THE_LIMIT: Final = "above_max_captions"
# Of a record that is good but must not be evaluated on: it does not count as bad data.
HARMLESS: Final = frozenset({NEAR_DUPLICATE})


class UnusableError(Exception):
    """A record, image or caption cannot be used.

    Args:
        reason: a key of `REASONS`.
        detail: what exactly was found, a phrase; may be empty.
    """

    def __init__(self, reason: str, detail: str = ""):
        assert reason in REASONS, reason
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail
