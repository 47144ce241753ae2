"""The names of the registered metrics, by what they are measured of."""

from components.evaluator.metrics.embedding_space import EmbeddingStatistics
from components.evaluator.metrics.pairs import PairStatistics
from components.evaluator.metrics.registry import METRICS
from components.evaluator.metrics.retrieval import image_to_text, text_to_image
from components.evaluator.metrics.zero_shot import zero_shot


def _measured_by(*statistics) -> tuple[str, ...]:
    return tuple(name for name, metric in METRICS.items() if metric.statistic in statistics)


RANK_METRICS = _measured_by(text_to_image, image_to_text)
PAIR_METRICS = _measured_by(PairStatistics)
EMBEDDING_METRICS = _measured_by(EmbeddingStatistics)
ZERO_SHOT_METRICS = _measured_by(zero_shot)
TOKEN_METRICS = _measured_by(None)
SCORED_METRICS = tuple(name for name in METRICS if name not in TOKEN_METRICS)
