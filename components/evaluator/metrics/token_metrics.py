"""Metrics of the tokens of a split: what the tokenizer of the candidate loses."""

from typing import TYPE_CHECKING

from components.evaluator.metrics.measurement import Background, Estimate, Measurement, Measurements
from components.evaluator.metrics.registry import METRICS, Metric

if TYPE_CHECKING:
    from trainer.preprocessing.token_statistics import TokenStatistics

# Of the distinct captions of the whole split.
UNKNOWN_TOKENS, EQUAL_CAPTIONS = NAMES = ("unknown_token_share", "equal_caption_share")
WARNED = 0.01  # a larger share is a warning


def measure(examples: str, model: str) -> Measurements:
    """Tokenize the captions of a split with the graph of a model.

    Args:
        examples: folder of the split.
        model: folder of the joint SavedModel.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the ops of the model

    from schema import features
    from trainer.preprocessing import token_statistics

    tokenize = tf.saved_model.load(model).text_tower.tokens
    [vocabulary] = tf.io.gfile.glob(f"{model}/assets/vocabulary*")
    with tf.io.gfile.GFile(vocabulary) as file:
        unknown = token_statistics.unknown_ids(file.read().splitlines())
    batches = map(tokenize, token_statistics.captions_of(examples))
    names = (features.CAPTION_IDS, features.TOKENS)
    return measurements(
        token_statistics.count(
            (tuple(batch[name].numpy() for name in names) for batch in batches), unknown
        )
    )


def measurements(statistics: "TokenStatistics") -> Measurements:
    """Return the shares by metric; they are counted, so their intervals are points."""

    def share(count: int, value: float) -> Measurement:
        return Measurement(Background(count), Estimate(value, value, value))

    return {
        UNKNOWN_TOKENS: share(statistics.tokens, statistics.unknown_share),
        EQUAL_CAPTIONS: share(statistics.captions, statistics.equal_share),
    }


def sentence(measured: Measurements) -> str:
    """Say 'tokens: 0.2 % of 1,000 stand for unknown characters; of 90 different captions ...'."""
    unknown, equal = measured[UNKNOWN_TOKENS], measured[EQUAL_CAPTIONS]
    return (
        f"tokens: {_percent(unknown)} of {unknown.count:,} stand for unknown characters; "
        f"{_percent(equal)} of {equal.count:,} different captions have the tokens of another one"
    )


def warnings(measured: Measurements) -> list[str]:
    """Warn of each share that is large, and say what to do."""
    unknown, equal = measured[UNKNOWN_TOKENS], measured[EQUAL_CAPTIONS]
    sentences = []
    if unknown.candidate.value > WARNED:
        sentences.append(
            f"{_percent(unknown)} of the tokens stand for characters that the vocabulary does not "
            "know: put captions that have them into train, raise text.vocabulary_size, or take a "
            "text.vocabulary of this script"
        )
    if equal.candidate.value > WARNED:
        sentences.append(
            f"{_percent(equal)} of the different captions have the tokens of another one, and no "
            "network can tell them apart: raise text.max_tokens or text.vocabulary_size"
        )
    return sentences


def _percent(measured: Measurement) -> str:
    return f"{100 * measured.candidate.value:.3g} %"


for _name in NAMES:
    METRICS.add(_name, Metric(statistic=None, lower_is_better=True))
