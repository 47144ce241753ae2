"""Read classes of characters off a graph, as regular expressions of Python.

Graph and Python may know different versions of Unicode, so names of classes are no common language.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

# From 1 on: graphs take the character 0 for the end.
POINTS = np.r_[1:0xD800, 0xE000:0x110000]


def characters() -> list[str]:
    """Return all characters but 0, by code point."""
    return list(POINTS.astype("<u4").tobytes().decode("utf-32-le"))


def changed(
    graph: Callable[[tf.Tensor], tf.Tensor], python: Callable[[str], str]
) -> dict[str, str]:
    """Return what a graph makes of the characters of which Python makes something else.

    Args:
        graph: changes strings [n].
        python: changes one string, as the graph should.
    """
    all_of_them = characters()
    theirs = graph(tf.constant(all_of_them)).numpy()
    pairs = zip(all_of_them, map(bytes.decode, theirs), strict=True)
    return {one: result for one, result in pairs if result != python(one)}


def removed(graph: Callable[[tf.Tensor], tf.Tensor]) -> str:
    """Return a pattern of the characters that a graph removes from strings [n]."""
    gone = np.zeros(0x110000, bool)
    gone[np.r_[0, POINTS]] = graph(tf.constant(["\0", *characters()])).numpy() == b""
    return "|".join(_classes(gone))


def words(split: Callable[[tf.Tensor], tf.RaggedTensor]) -> re.Pattern[str]:
    """Return a pattern that finds the words into which a graph splits strings [n]."""
    # A character between two letters forms one word with them, stands alone, or vanishes.
    table = np.full((len(POINTS), 3), ord("a"), "<u4")
    table[:, 2] = POINTS
    pieces = split(tf.constant([table.tobytes().decode("utf-32-le")])).flat_values.numpy()
    lengths = [len(word) for word in b"\n".join(pieces).decode().split("\n")]
    length = np.zeros(0x110000, np.int64)  # by character, of the word that it is in
    seen = np.frombuffer(b"".join(pieces).decode().encode("utf-32-le"), "<u4")
    length[seen] = np.repeat(lengths, lengths)
    alone, inside = [*_classes(length == 1)], [*_classes(length > 1)]
    return re.compile(f"{alone[0]}|(?:{inside[0]}+|{inside[1]}+)+|{alone[1]}")


def _classes(chosen: np.ndarray) -> Iterator[str]:
    """Write the chosen characters as two classes: Python searches in what is above 2^16."""
    for first, last in ((0, 2**16), (2**16, len(chosen))):
        steps = np.diff(chosen[first:last].astype(np.int8), prepend=0, append=0)
        starts, ends = np.flatnonzero(steps == 1) + first, np.flatnonzero(steps == -1) + first - 1
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        yield "[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in pairs) + "]"
