"""Does reading hold training back? A step on real data against a step on one batch in memory.

    .venv/bin/python -m benchmarks.input_pipeline

Both train the emoji model of the last demo run, from the records its Transform wrote. They take
turns in short rounds, so that what else the machine does falls on both, and the median ratio of
neighbouring rounds is what counts.
"""

import glob
import itertools
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
import tensorflow_text  # noqa: F401
import tensorflow_transform as tft

from benchmarks import machine
from pipeline.config.run_config import load
from trainer.training.data import input_pipeline
from trainer.training.optimization import optimizer
from trainer.training.performance.cpu import keep_freed_memory
from trainer.training.step import TrainableDualEncoder

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, STEPS = 25, 12


def newest(pattern: str) -> str:
    """The folder of the last run that matches."""
    found = glob.glob(pattern)
    if not found:
        sys.exit("there is no run to read from: `make demo` first")
    return max(found, key=lambda path: int(Path(path).name))


def main() -> None:
    """Print both times and their ratio."""
    keep_freed_memory()
    config = load(ROOT / "examples" / "emoji" / "config.yaml")
    artifacts = f"{config.workspace}/artifacts/Transform"
    graph = tft.TFTransformOutput(newest(f"{artifacts}/transform_graph/*"))
    files = sorted(glob.glob(newest(f"{artifacts}/transformed_examples/*") + "/Split-train/*"))
    trainer_config = config.for_trainer()
    spec, records = graph.transformed_feature_spec(), input_pipeline.count_records(files)
    batches = input_pipeline.training_batches(
        files, spec, trainer_config, records, trainer_config.training.batch_size
    )
    model = TrainableDualEncoder(trainer_config)
    model.compile(optimizer=optimizer.build(trainer_config.training, 10_000))
    step = tf.function(model.train_step)
    real = iter(batches)
    memory = itertools.repeat(next(real))

    def seconds(source: Iterator) -> float:
        started = time.perf_counter()
        for _ in range(STEPS):
            loss = step(next(source))["loss"]
        float(loss)  # waits until the last step is done
        return (time.perf_counter() - started) / STEPS

    for _ in range(2 + records // trainer_config.training.batch_size):
        step(next(real))  # compiles, and fills the cache with one whole pass
    seconds(memory)
    pairs = [(seconds(real), seconds(memory)) for _ in range(ROUNDS)]
    from_data, from_memory = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    batch = trainer_config.training.batch_size
    print(machine.describe())
    print(f"step on real data    {from_data * 1e3:6.1f} ms  ({batch / from_data:,.0f} pairs/s)")
    print(f"step from memory     {from_memory * 1e3:6.1f} ms  ({batch / from_memory:,.0f} pairs/s)")
    print(f"ratio                {ratio:6.3f}     (aim: at most 1.05)")


if __name__ == "__main__":
    main()
