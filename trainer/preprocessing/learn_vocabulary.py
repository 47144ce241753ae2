"""Learn a word-piece vocabulary from the words of the train split and their counts.

The learner is TensorFlow Text's. Its own limits (1,000 characters, words of 50, thresholds between
the counts of whole words) are too small for scripts without spaces or with many characters, so this
module prepares the counts and calls the learner's search directly.

Reference: Schuster and Nakajima, "Japanese and Korean voice search" (2012).
"""

import itertools
import math
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence

import tensorflow as tf
from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner

from schema.errors import InputError
from trainer.preprocessing import vocabulary
from trainer.preprocessing.captions import split_words

ALPHABET = 0.75  # share of the vocabulary, without its reserved pieces, for single characters
PART = 20  # characters; longer words are cut, as the time grows with the square of the length
# The most frequent words are used, up to this sum of squared lengths for each piece of the
# vocabulary: about six words a piece.
EFFORT = 400
SEEN = 2  # times a piece must occur; the learner's default of 10 suits millions of captions
SLACK = 0.05  # share of the size by which there may be fewer pieces
INSIDE = "##"  # before a piece that does not begin a word


def learn(counts: Mapping[str, int], size: int) -> list[str]:
    """Learn at most `size` word pieces; the order of the counts does not matter.

    The most frequent characters come first, each as the beginning of a word and as the inside of
    one, unless it always is a word of its own. The rest of the vocabulary is for longer pieces.

    Args:
        counts: how often each word of `captions.split_words` occurs.
        size: of the vocabulary.

    Raises:
        InputError: there is no word.
    """
    if not counts:
        raise InputError("the captions of the train split hold no word to learn word pieces from")
    reserved = vocabulary.reserved_pieces(size)
    room = size - len(reserved)
    alone, joined = _alphabet(counts, int(ALPHABET * room))
    characters = [*sorted(alone), *sorted(joined), *(INSIDE + each for each in sorted(joined))]
    parts = _most_frequent(_parts(counts, joined), EFFORT * size)
    pieces = _search(parts, room - len(alone)) if parts else []
    known = set(characters)
    longer = [piece for piece in pieces if piece not in known]
    return [*reserved, *characters, *longer][:size]


def _alphabet(counts: Mapping[str, int], room: int) -> tuple[set[str], set[str]]:
    """Return the most frequent characters that fit: single ones, and those that form words."""
    seen: Counter[str] = Counter()
    for word, count in counts.items():
        for character in word:
            seen[character] += count
    ordered = sorted(seen, key=lambda each: (-seen[each], each))
    # By the rule of the graph: a character that is a word of its own makes three words here.
    words = split_words(tf.constant([f"a{each}a" for each in ordered])).row_lengths()
    alone, joined = set[str](), set[str]()
    for character, number in zip(ordered, words.numpy().tolist(), strict=True):
        room -= 1 if number == 3 else 2
        if room < 0:
            break
        (alone if number == 3 else joined).add(character)
    return alone, joined


def _parts(counts: Mapping[str, int], characters: set[str]) -> Counter[str]:
    """Cut words at characters outside the alphabet, and into parts of at most `PART`."""
    parts: Counter[str] = Counter()
    for word, count in counts.items():
        known = "".join(each if each in characters else " " for each in word)
        for run in known.split():
            for start in range(0, len(run), PART):
                parts[run[start : start + PART]] += count
    return parts


def _most_frequent(counts: Counter[str], effort: int) -> list[tuple[str, int]]:
    """Return as many words as the effort allows; a hash orders equally frequent ones."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], _hash(each[0]), each[0]))
    total = itertools.accumulate(len(word) ** 2 for word, _ in ordered)
    return [each for each, sum_ in zip(ordered, total, strict=True) if sum_ <= effort]


def _hash(word: str) -> int:
    return zlib.crc32(word.encode())


def _search(parts: list[tuple[str, int]], size: int) -> Sequence[str]:
    """Learn pieces at the threshold of their counts whose number of pieces is closest to `size`.

    The number of pieces falls with a power of the threshold, so the search halves ratios, which
    takes about eight tries. The learner's own search halves differences and takes over twenty.
    """
    seen: Counter[str] = Counter()
    for word, count in parts:
        for character in word:
            seen[character] += count
    low, high = SEEN, max(SEEN, *seen.values())
    params = learner.Params(
        upper_thresh=high,
        lower_thresh=low,
        num_iterations=4,
        max_input_tokens=len(parts),
        max_token_length=PART,
        max_unique_chars=len(seen),
        vocab_size=size,
        slack_ratio=SLACK,
        include_joiner_token=True,
        joiner=INSIDE,
        reserved_tokens=[],
    )
    tried: list[list[str]] = []
    while low <= high:
        threshold = math.isqrt(low * high)
        found: list[str] = learner.learn_with_thresh(parts, threshold, params)
        tried.append(found)
        if (1 - SLACK) * size <= len(found) <= size:
            break
        if len(found) > size:
            low = threshold + 1
        else:
            high = threshold - 1
    return min(tried, key=lambda found: abs(len(found) - size))
