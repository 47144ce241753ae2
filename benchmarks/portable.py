"""The portable towers of a release: sizes, and one text by onnxruntime against our SavedModel.

    .venv/bin/python -m benchmarks.portable runs/emoji/serving/releases/1

Both get a text and answer with its embedding: onnxruntime behind `tokenizer.py`, the SavedModel by
its signature embed_text. They take turns, and the median ratio of neighbouring rounds counts.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the served model

from benchmarks import machine
from components.tower_converter import report as portable_report
from components.tower_converter import runtimes
from components.tower_converter.texts import load_tokenizer
from schema import serving_names

TEXTS = ("a red cup", "grinning face with smiling eyes", "dog", "an old ship on the sea at night")
ROUNDS, CALLS = 15, 40


def milliseconds(embed: Callable[[str], object]) -> float:
    """Median time of one call."""
    taken = []
    for number in range(CALLS):
        started = time.perf_counter()
        embed(TEXTS[number % len(TEXTS)])
        taken.append(time.perf_counter() - started)
    return 1e3 * statistics.median(taken)


def main() -> None:
    """Print sizes, differences and latencies of all files, and the ratio to the SavedModel."""
    release = Path(sys.argv[1])
    folder = release / "portable"
    report = portable_report.read(folder)
    print(machine.describe())
    whole = {(f.tower, f.format): f.bytes for f in report.files if f.precision == "float32"}
    for one in report.files:
        share = one.bytes / whole[one.tower, one.format]
        print(
            f"{one.file:36} {one.bytes:12,} bytes, {share:.3f} of float32 (int8: aim 0.27), "
            f"p50 {one.p50_ms:.3f} ms, differs by {one.difference:.1e}, "
            f"recall loss {one.recall_loss:+.4f}"
        )
    [joint] = (release / serving_names.JOINT).iterdir()
    signature = tf.saved_model.load(str(joint)).signatures[serving_names.EMBED_TEXT]
    tokenizer = load_tokenizer(folder)

    def served(text: str) -> object:
        call = {serving_names.TEXT_INPUT: tf.constant([text])}
        return {name: value.numpy() for name, value in signature(**call).items()}

    for one in report.files:
        if one.tower != serving_names.TEXT_TOWER:
            continue
        embed = runtimes.load(folder / one.file)

        def portable(text: str, embed: Callable[..., object] = embed) -> object:
            return embed(np.array(tokenizer([text]), np.int64))

        portable("warm"), served("warm")
        rounds = [(milliseconds(portable), milliseconds(served)) for _ in range(ROUNDS)]
        mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = statistics.median(a / b for a, b in rounds)
        print(
            f"one text, {one.file:34} p50 {mine:.3f} ms, SavedModel {theirs:.3f} ms: "
            f"{ratio:.3f} of its time (aim 0.5)"
        )


if __name__ == "__main__":
    main()
