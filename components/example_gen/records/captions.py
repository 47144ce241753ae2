"""Captions as they are stored: normalised, without invisible characters or duplicates."""

import dataclasses
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from components.example_gen.rows import DUPLICATE_CAPTION, UnusableError

# Tags that do not occur in sentences: 'a < b', 'I <3 you' and '<person>' are not HTML.
_ELEMENTS = "a|b|body|br|div|em|font|h[1-6]|head|html|i|iframe|li|ol|p|script|span|strong|style|"
_ELEMENTS += "sub|sup|table|tbody|td|th|title|tr|u|ul"
_OPENED = "body|br|div|head|hr|html|iframe|li|ol|script|span|style|table|tbody|td|tr|ul"
_HTML: Final = re.compile(
    rf"<!doctype\s|<!--|</(?:{_ELEMENTS})\s*>|<(?:{_OPENED})(?:\s[^<>]*)?/?>|"
    r"<(?:a|img|font|link|meta|p)\s[^<>]*=|<script",
    re.IGNORECASE,
)
# Without whitespace, which is handled separately.
_CONTROL: Final = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
# Invisible, and without effect on other letters: the soft hyphen, spaces without width, marks of
# direction, annotations, invisible operators.
_INVISIBLE: Final = (
    r"\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U0001d173-\U0001d17a\U000e0001"
)
_REMOVED: Final = re.compile(f"[{_CONTROL}{_INVISIBLE}]+")
# Joiners (in emoji, Arabic and Indic letters) and tags (in flags) have an effect only behind a
# character that is not ASCII.
_IDLE_JOINERS: Final = re.compile("(?<![^\x00-\x7f])[\u200c\u200d\U000e0020-\U000e007f]+")
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters that are blank
_SEEN: Final = frozenset("LNPSC")  # first letters of the Unicode categories of visible characters
_NOT_SEEN: Final = frozenset({"Cc", "Cf"})


@dataclasses.dataclass(frozen=True, slots=True)
class Cleaned:
    """The captions of one image, as they are stored; at least one.

    Attributes:
        captions: cleaned, each once, in their order.
        labels: 0 or 1 for each, or None where there were none.
        dropped: why each of the others is not used: `DUPLICATE_CAPTION` or a key of `REASONS`.
    """

    captions: tuple[str, ...]
    labels: tuple[int, ...] | None
    dropped: tuple[str, ...] = ()


def clean(
    captions: Sequence[str | bytes], labels: Sequence[int] | None, max_characters: int
) -> Cleaned:
    """Clean the captions of one image and drop those that cannot be used.

    Raises:
        UnusableError: none is left, with the reason of the first; or the labels are not a 0 or 1
            for each, or contradict each other on one text.
    """
    _check_labels(captions, labels)
    kept: dict[str, int | None] = {}
    dropped = []
    for i, caption in enumerate(captions):
        label = None if labels is None else int(labels[i])
        try:
            text = clean_one(caption, max_characters)
        except UnusableError as error:
            dropped.append(error.reason)
            continue
        if text not in kept:
            kept[text] = label
        elif kept[text] == label:
            dropped.append(DUPLICATE_CAPTION)
        else:
            raise UnusableError("bad_labels", f"{text[:40]!r} has the labels 0 and 1")
    if not kept:
        raise UnusableError(dropped[0] if dropped else "no_caption")
    numbers = tuple(label for label in kept.values() if label is not None)
    return Cleaned(tuple(kept), None if labels is None else numbers, tuple(dropped))


def clean_one(caption: str | bytes, max_characters: int) -> str:
    """Decode one caption, normalise it to NFKC, and remove what cannot be seen.

    Raises:
        UnusableError: it cannot be used.
    """
    try:
        text = caption.decode("utf-8") if isinstance(caption, bytes) else caption
        if not text.isascii():
            text.encode("utf-8")  # half of a surrogate pair cannot be written
    except UnicodeError as error:
        raise UnusableError("caption_not_utf8") from error
    # Before slow operations: NFKC can make 18 characters of one.
    text = text.strip()
    if len(text) > max_characters:
        raise UnusableError("caption_too_long", f"{len(text):,} characters")
    if "<" in text and _HTML.search(text):
        raise UnusableError("caption_is_html")
    text = _one_form(text)
    if not any(_shows(character) for character in text):
        raise UnusableError("empty_caption")
    if len(text) > max_characters:
        raise UnusableError("caption_too_long", f"{len(text):,} characters after NFKC")
    return text


def _one_form(text: str) -> str:
    """Normalise to NFKC without invisible characters and runs of spaces, until nothing changes.

    Without what stood between them, a letter and its accent become one.
    """
    while True:
        before = text
        text = _REMOVED.sub("", text)
        if not text.isascii():
            text = unicodedata.normalize("NFKC", _IDLE_JOINERS.sub("", text))
        text = " ".join(text.split())
        if text.isascii() or text == before:
            return text


def _check_labels(captions: Sequence[str | bytes], labels: Sequence[int] | None) -> None:
    if labels is None:
        return
    if len(labels) != len(captions):
        raise UnusableError("bad_labels", f"{len(labels)} labels for {len(captions)} captions")
    if not all(isinstance(label, int) and label in (0, 1) for label in labels):
        raise UnusableError("bad_labels", f"they are {list(labels)[:5]}")


def _shows(character: str) -> bool:
    category = unicodedata.category(character)
    if category[0] not in _SEEN or category in _NOT_SEEN:
        return False
    return character not in _BLANK_LETTERS
