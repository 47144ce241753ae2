"""Convert texts to the token ids that the text tower reads, in plain Python.

    from tokenizer import Tokenizer
    ids = Tokenizer()(["a red cup"])  # a list of max_tokens ids for each text, 0 = padding

It needs `tokenizer.json` and `vocabulary.txt` in its folder, and nothing but Python 3.8 or later.
Letters that only a newer Unicode than that of Python knows are kept as they are.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

CONTINUED = "##"  # what a piece begins with that is not the first one of its word


class Tokenizer:
    """Word pieces of a vocabulary.

    Args:
        folder: of the settings and the vocabulary; default: that of this file.
    """

    def __init__(self, folder: str | Path | None = None):
        folder = Path(folder) if folder else Path(__file__).resolve().parent
        settings = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        content = (folder / "vocabulary.txt").read_bytes().decode("utf-8").replace("\r", "")
        pieces = content[:-1] if content.endswith("\n") else content
        self._ids = {piece: number for number, piece in enumerate(pieces.split("\n"))}
        self._unknown = self._ids[settings["unknown_token"]]
        self._before, self._after = (
            [self._ids[token]] if token is not None else []
            for token in (settings["start_token"], settings["end_token"])
        )
        self.max_tokens = settings["max_tokens"]
        self._longest_piece = settings["longest_piece"]
        self._longest_word = settings["longest_word"]  # None: a word has any length
        # What is unknown: a character, which may be spelled in bytes, or the whole word.
        self._cuts_words = settings["cuts_words"]
        self._spelling = _spelling(self._ids, settings["byte_tokens"], settings["half_byte_tokens"])
        self._form = settings["normal_form"]
        self._words = re.compile(settings["words"])
        self._removed = [re.compile(pattern) for pattern in settings["removed"]]
        # Characters that the tower's own Unicode changes otherwise than Python's does.
        self._special = settings["special_characters"]
        self._split = _pattern_of(self._special)
        # What a text may name as a word, whatever is in front of it or behind it.
        self._whole = _pattern_of(settings["whole_tokens"])

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of texts: a list of `max_tokens` ids for each."""
        return [self.ids(text) for text in texts]

    def ids(self, text: str) -> list[int]:
        """Return the `max_tokens` ids of a text; all are 0 if it has no word."""
        room = self.max_tokens - len(self._before) - len(self._after)
        ids: list[int] = []
        for word in self.words(text):
            ids += self._pieces(word)
            if len(ids) >= room:
                break
        if ids:
            ids = self._before + ids[:room] + self._after
        return ids + [0] * (self.max_tokens - len(ids))

    def words(self, text: str) -> list[str]:
        """Return the words of a text: lower case, and each punctuation mark is a word."""
        words: list[str] = []
        for number, part in enumerate(self._whole.split(text)):
            words += [part] if number % 2 else self._words.findall(self._cleaned(part))
        return words

    def _cleaned(self, text: str) -> str:
        """Remove what is no part of a word, and lower-case the rest in its normal form."""
        before, after = self._removed
        parts = self._split.split(before.sub("", text))
        for number, part in enumerate(parts):
            parts[number] = self._special[part] if number % 2 else self._normalised(part)
        return after.sub("", "".join(parts))

    def _normalised(self, text: str) -> str:
        # Lower-casing can leave what has another normal form.
        lowered = unicodedata.normalize(self._form, text).lower()
        return unicodedata.normalize(self._form, lowered)

    def _pieces(self, word: str) -> list[int]:
        """Return the ids of the longest pieces, from the left."""
        if self._longest_word is not None and len(word) > self._longest_word:
            return [self._unknown]
        ids: list[int] = []
        start = 0
        while start < len(word):
            prefix = CONTINUED if start else ""
            for end in range(min(len(word), start + self._longest_piece), start, -1):
                number = self._ids.get(prefix + word[start:end])
                if number is not None:
                    ids.append(number)
                    start = end
                    break
            else:
                if not self._cuts_words:
                    return [self._unknown]
                ids += self._spelled(word[start])
                start += 1
        return ids

    def _spelled(self, character: str) -> list[int]:
        if self._spelling is None:
            return [self._unknown]
        return [number for byte in character.encode("utf-8") for number in self._spelling[byte]]


def _pattern_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern with a group, which finds any of some texts."""
    alternatives = "|".join(map(re.escape, texts))
    return re.compile(f"({alternatives})" if alternatives else "((?!))")


def _spelling(
    ids: dict[str, int], whole: Sequence[str] | None, halves: Sequence[str] | None
) -> list[list[int]] | None:
    """Return the ids that spell each byte; None if the vocabulary has no pieces for that."""
    if whole is not None and all(token in ids for token in whole):
        return [[ids[token]] for token in whole]
    if halves is not None and all(token in ids for token in halves):
        return [[ids[halves[byte >> 4]], ids[halves[byte & 15]]] for byte in range(256)]
    return None
