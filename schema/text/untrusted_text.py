"""Make text from elsewhere, such as names and captions, safe to print."""

import re
import unicodedata

from schema.text.secrets import without_secrets

# Control characters, separators of lines, what steers the direction of text, what cannot be seen,
# halves of surrogate pairs, tags. Of Unicode's format characters these are all but visible signs.
_SUSPECT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
)
_NON_JOINER, _JOINER = "\u200c", "\u200d"
_FLAG = re.compile("(?<=\U0001f3f4)[\U000e0030-\U000e007a]{1,8}\U000e007f")  # England's, and so on
_EMOJI_MODIFIERS = "\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_VIRAMA = 9  # the combining class of signs after which an Indic script joins


def for_people(text: str) -> str:
    """Return a text as one line, without secrets and with visible control characters."""
    return escaped(without_secrets(text))


def escaped(text: str) -> str:
    r"""Return a text as one line with visible control characters: `\n`, `\x1b`, `\u202e`.

    Letters of all scripts, combining marks, emoji with their joiners and flags stay as they are; of
    a name that is not UTF-8 a byte ff is shown as `\xff`.
    """
    if text.isascii() and text.isprintable():
        return text
    flags = {place for flag in _FLAG.finditer(text) for place in range(*flag.span())}
    return _SUSPECT.sub(lambda found: _shown(text, found.start(), flags), text)


def _shown(text: str, place: int, flags: set[int]) -> str:
    character = text[place]
    if place in flags or (character in (_NON_JOINER, _JOINER) and _joins(text, place)):
        return character
    if "\udc80" <= character <= "\udcff":  # how Python reads a byte of a name that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def _joins(text: str, place: int) -> bool:
    """Whether a joiner stands where a script or an emoji has one."""
    before, after = text[max(0, place - 3) : place], text[place + 1 : place + 2]
    if before and unicodedata.combining(before[-1]) == _VIRAMA:
        return True
    letter = next((c for c in reversed(before) if unicodedata.category(c) != "Mn"), " ")
    if unicodedata.bidirectional(letter) == "AL":
        return unicodedata.bidirectional(after or " ") in ("AL", "NSM")
    sign = next((c for c in reversed(before) if c not in _EMOJI_MODIFIERS), " ")
    both = unicodedata.category(sign) == unicodedata.category(after or " ") == "So"
    return text[place] == _JOINER and both
