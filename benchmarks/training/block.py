"""CPU time of a transformer block and its gradient: all patches, half of them, and in bfloat16.

    .venv/bin/python -m benchmarks.training.block [--seconds 25]

A block of ViT-S (width 384, 6 heads) over 32 images of 64 patches. The three take turns, and
CPU time counts, so that other programs of the machine disturb little; the median of the ratios is
printed.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import tensorflow as tf

from benchmarks import machine
from trainer.config.training import Precision
from trainer.models.dual_encoder import precision_policy
from trainer.towers.transformer_layers import Block

IMAGES, PATCHES, WIDTH, HEADS, RATIO = 32, 64, 384, 6, 4


def main() -> None:
    """Print CPU times and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=25)
    options = parser.parse_args()
    print(machine.describe())
    steps = {
        "all patches": _step(PATCHES, "float32"),
        "half of the patches": _step(PATCHES // 2, "float32"),
        "bfloat16": _step(PATCHES, "bfloat16"),
    }
    for step in steps.values():
        step()
    taken: dict[str, list[float]] = {name: [] for name in steps}
    until = time.monotonic() + options.seconds
    while time.monotonic() < until:
        for name, step in steps.items():
            started = time.process_time()
            step()
            taken[name].append(time.process_time() - started)
    whole = taken["all patches"]
    for name, seconds in taken.items():
        ratio = statistics.median(a / b for a, b in zip(whole, seconds, strict=True))
        print(
            f"{name:20} {1e3 * statistics.median(seconds):6.0f} ms of CPU time, {ratio:.2f} times"
        )


def _step(patches: int, precision: Precision) -> Callable[[], None]:
    with precision_policy(precision):
        block = Block(WIDTH, HEADS, RATIO, 0.0)
        block.build((None, patches, WIDTH))
    x = tf.random.normal([IMAGES, patches, WIDTH])
    weights = [weight.value for weight in block.trainable_weights]

    @tf.function
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.cast(block(x), tf.float32) * x)
        gradients = tape.gradient(loss, [x, *weights])
        return [tf.reduce_sum(tf.cast(gradient, tf.float32)) for gradient in gradients]

    def step() -> None:
        for total in gradients():
            total.numpy()

    return step


if __name__ == "__main__":
    main()
