"""CPU time of a text tower's step: all texts cut to the longest one, and in two groups by length.

    .venv/bin/python -m benchmarks.training.text_lengths [--seconds 20]

Forward and backward pass of `transformer` and of `minilm` (MiniLM-L6's sizes), on texts as long as
the emoji's names and keywords, and on texts as long as sentences that describe a picture: from a
log-normal distribution around 12.5 tokens, nine in ten from 8 to 19. Both ways take turns, and CPU
time counts; the median of the ratios is printed.
"""

import argparse
import json
import re
import statistics
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks import machine
from trainer.config.transform import TextConfig
from trainer.towers.assembly import build_text_tower
from trainer.towers.registry import TowerConfig
from trainer.towers.text.minilm import MiniLmConfig
from trainer.towers.text.transformer import TransformerConfig
from trainer.training import length_groups
from trainer.training.data.input_pipeline import without_padding
from trainer.training.performance.cpu import keep_freed_memory

SHARDS = Path(__file__).parent.parent.parent / "examples" / "emoji" / "shards"
DIM = 256
TEXT = TextConfig(vocabulary_size=4000, max_tokens=32)
TOWERS: tuple[tuple[TowerConfig, int], ...] = (  # and how many texts a step has
    (TransformerConfig(kind="transformer"), 128),
    (MiniLmConfig(kind="minilm"), 64),
)


def main() -> None:
    """Print CPU times and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20, help="of each of the four cases")
    options = parser.parse_args()
    keep_freed_memory()
    print(machine.describe())
    random = np.random.default_rng(0)
    sentences = random.lognormal(np.log(12.5), 0.25, 10_000)
    for name, lengths in (("emoji", _words_of_emoji()), ("sentences", sentences)):
        lengths = np.clip(np.round(lengths), 1, TEXT.max_tokens).astype(int)
        for config, count in TOWERS:
            one, two = _seconds(config, lengths, count, options.seconds)
            ratio = statistics.median(b / a for a, b in zip(one, two, strict=True))
            print(
                f"{config.kind:12} {name:10} {1e3 * statistics.median(one):6.0f} and "
                f"{1e3 * statistics.median(two):6.0f} ms of CPU time, {ratio:.2f} of it"
            )


def _words_of_emoji() -> np.ndarray:
    """Return the words and punctuation marks of each caption; few words are several pieces."""
    lengths = []
    for shard in SHARDS.glob("*.tar.gz"):
        with tarfile.open(shard) as tar:
            for member in tar:
                file = tar.extractfile(member)
                if member.name.endswith(".json") and file is not None:
                    captions = json.loads(file.read())["captions"]
                    lengths += [len(re.findall(r"\w+|[^\w\s]", each)) for each in captions]
    return np.array(lengths)


def _seconds(
    config: TowerConfig, lengths: np.ndarray, count: int, limit: float
) -> tuple[list[float], list[float]]:
    """Return the CPU time of steps in one group and in two, by turns."""
    random = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    tower = build_text_tower(config, TEXT, DIM)
    weights = [weight.value for weight in tower.trainable_variables]

    def step(embed: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
        @tf.function(input_signature=[tf.TensorSpec([count, TEXT.max_tokens], tf.int64)])
        def run(tokens: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                made = tf.reduce_sum(embed(tokens) ** 2)
            gradients = tape.gradient(made, weights)
            return made + tf.add_n([tf.reduce_sum(tf.convert_to_tensor(g)) for g in gradients])

        return run

    def embed(tokens: tf.Tensor) -> tf.Tensor:
        return tower(tokens, training=True)

    steps = step(lambda t: embed(without_padding(t))), step(lambda t: length_groups.embed(embed, t))
    taken: tuple[list[float], list[float]] = ([], [])
    until = time.monotonic() + limit
    while time.monotonic() < until or len(taken[0]) < 2:
        tokens = random.integers(2, TEXT.vocabulary_size, (count, TEXT.max_tokens))
        tokens *= np.arange(TEXT.max_tokens) < random.choice(lengths, count)[:, None]
        for seconds, run in zip(taken, steps, strict=True):
            started = time.process_time()
            run(tf.constant(tokens)).numpy()
            seconds.append(time.process_time() - started)
    return taken[0][1:], taken[1][1:]  # the first ones trace


if __name__ == "__main__":
    main()
