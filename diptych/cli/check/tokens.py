"""Measure for `diptych check` how the captions turn into tokens."""

import functools
import tempfile
from collections import Counter
from typing import TYPE_CHECKING

from components.evaluator.metrics import token_metrics
from diptych.cli.printing import print_warnings
from pipeline.config.run_config import RunConfig
from pipeline.console.rich_console import Console
from pipeline.console.summary import NODE
from pipeline.console.terminal import say
from pipeline.local.session import Outputs

if TYPE_CHECKING:
    import tensorflow as tf

    from components.evaluator.metrics.measurement import Measurements
    from trainer.config.transform import TextConfig

RECORDS = 20_000  # of a split, the first ones: enough for a share, and a matter of seconds
TRAIN = "train"


def measure_tokens(config: RunConfig, outputs: Outputs) -> "Measurements | None":
    """Measure the token shares of the evaluated split; None: there are no examples."""
    examples = outputs.get(NODE, {}).get("examples")
    if not examples:
        return None
    folder = f"{examples[0].uri}/Split-"
    return measure(folder + TRAIN, folder + config.evaluation.split, config.text)


def print_tokens(split: str, shares: "Measurements", console: Console) -> None:
    """Print a line for the evaluated split, and a warning for each share that is large."""
    say(console, f"{split}: {token_metrics.sentence(shares)}")
    print_warnings(token_metrics.warnings(shares), (), console)


def measure(train: str, evaluated: str, config: "TextConfig") -> "Measurements":
    """Measure the token shares of a split by the vocabulary that a run would use.

    A learned vocabulary is learned from the first `RECORDS` records of train; with more records
    than that, the vocabulary of the run differs a little.

    Args:
        train: folder of the examples of the train split.
        evaluated: of the split that is evaluated.
        config: how the captions are cut into pieces.
    """
    import tensorflow as tf

    from trainer.preprocessing import token_statistics, vocabulary_file
    from trainer.preprocessing.captions import normalise, split_words

    with tempfile.TemporaryDirectory() as scratch:
        counts: Counter[bytes] = Counter()
        if config.vocabulary is None:
            for captions in token_statistics.captions_of(train, RECORDS):
                counts.update(split_words(normalise(captions)).flat_values.numpy())
        file = f"{scratch}/vocabulary"
        vocabulary_file.write(file, config, counts)
        with tf.io.gfile.GFile(file) as pieces:
            unknown = token_statistics.unknown_ids(pieces.read().splitlines())
        batches = token_statistics.captions_of(evaluated, RECORDS).map(
            functools.partial(_tokens, file=file, config=config)
        )
        counted = token_statistics.count(batches.as_numpy_iterator(), unknown)
    return token_metrics.measurements(counted)


def _tokens(captions: "tf.Tensor", file: str, config: "TextConfig") -> tuple["tf.Tensor", ...]:
    from trainer.preprocessing.captions import caption_ids, normalise, split_words
    from trainer.preprocessing.tokenizer import create_tokenizer

    words = split_words(normalise(captions))
    return caption_ids(words), create_tokenizer(config).tokenize(captions, words, file)
