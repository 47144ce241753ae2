"""Learning word pieces: our search against TensorFlow Text's own, in processor seconds.

The words are those of the installed packages' source, the most frequent ones:

    python -m benchmarks.vocabulary [WORDS [PIECES]]
"""

import re
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner

from benchmarks import machine
from trainer.preprocessing import learn_vocabulary

FILES = 9_000
RESERVED = ["[PAD]", "[UNK]"]


def words(count: int) -> dict[str, int]:
    """The most frequent words of the installed packages, with their counts."""
    found: Counter[str] = Counter()
    for file in sorted(Path(sysconfig.get_path("purelib")).glob("**/*.py"))[:FILES]:
        found.update(re.findall(r"[a-z]{2,18}", file.read_text(errors="ignore").lower()))
    return dict(found.most_common(count))


def seconds(learn: Callable[[], Sequence[str]]) -> tuple[float, int]:
    """Processor seconds, and the number of pieces."""
    started = time.process_time()
    pieces = learn()
    return time.process_time() - started, len(pieces)


def main(count: int = 20_000, size: int = 8_000) -> None:
    """Print both times and their ratio."""
    counts = words(count)
    theirs = seconds(lambda: learner.learn(sorted(counts.items()), size, RESERVED, lower_thresh=2))
    ours = seconds(lambda: learn_vocabulary.learn(counts, size))
    print(machine.describe())
    print(f"{len(counts):,} words, {size:,} pieces")
    print(f"TensorFlow Text's search  {theirs[0]:6.1f} s, {theirs[1]:,} pieces")
    print(f"ours                      {ours[0]:6.1f} s, {ours[1]:,} pieces")
    print(f"ours / theirs             {ours[0] / theirs[0]:6.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
