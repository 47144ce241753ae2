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
from collections.abc import Sequence
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
        self._longest = settings["longest_piece"]
        self._unknown = self._ids[settings["unknown_token"]]
        self._spelling = _spelling(self._ids, settings["byte_tokens"], settings["half_byte_tokens"])
        self._before, self._after = (
            [self._ids[token]] if token is not None else []
            for token in (settings["start_token"], settings["end_token"])
        )
        self.max_tokens = settings["max_tokens"]
        self._words = re.compile(settings["words"])
        # Characters that the tower's own Unicode changes otherwise than Python's does.
        self._special = settings["special_characters"]
        found = "".join(map(re.escape, self._special))
        self._split = re.compile(f"([{found}])" if found else r"(?!)")

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
        parts = self._split.split(text)
        if len(parts) > 1:
            text = "".join(self._special.get(part) or _normalised(part) for part in parts)
        else:
            text = _normalised(text)
        return self._words.findall(text)

    def _pieces(self, word: str) -> list[int]:
        """Return the ids of the longest pieces, from the left; what is unknown is spelled."""
        ids: list[int] = []
        start = 0
        while start < len(word):
            prefix = CONTINUED if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                number = self._ids.get(prefix + word[start:end])
                if number is not None:
                    ids.append(number)
                    start = end
                    break
            else:
                ids += self._spelled(word[start])
                start += 1
        return ids

    def _spelled(self, character: str) -> list[int]:
        if self._spelling is None:
            return [self._unknown]
        return [number for byte in character.encode("utf-8") for number in self._spelling[byte]]


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def _spelling(
    ids: dict[str, int], whole: Sequence[str], halves: Sequence[str]
) -> list[list[int]] | None:
    """Return the ids that spell each byte; None if the vocabulary has no pieces for that."""
    if all(token in ids for token in whole):
        return [[ids[token]] for token in whole]
    if all(token in ids for token in halves):
        return [[ids[halves[byte >> 4]], ids[halves[byte & 15]]] for byte in range(256)]
    return None
