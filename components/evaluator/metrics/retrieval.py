"""Metrics of ranks in both directions: recall@k, MRR, median and mean rank, mAP."""

from components.evaluator.metrics import chance
from components.evaluator.metrics.names import DIRECTIONS, STATISTICS, metric_name
from components.evaluator.metrics.queries import Queries, QueryMeans, image_queries, text_queries
from components.evaluator.metrics.registry import METRICS, Metric
from components.evaluator.metrics.scores import Scores

TEXT_TO_IMAGE, IMAGE_TO_TEXT = DIRECTIONS


def text_to_image(scores: Scores) -> QueryMeans:
    """Measure the distinct texts as queries for images."""
    return _retrieval(TEXT_TO_IMAGE, text_queries(scores))


def image_to_text(scores: Scores) -> QueryMeans:
    """Measure the images as queries for distinct texts."""
    return _retrieval(IMAGE_TO_TEXT, image_queries(scores))


def _retrieval(direction: str, queries: Queries) -> QueryMeans:
    ranks = queries.ranks
    values = {
        "recall_at_1": ranks <= 1,
        "recall_at_5": ranks <= 5,
        "recall_at_10": ranks <= 10,
        "mrr": 1 / ranks,
        "median_rank": ranks,
        "mean_rank": ranks,
        "map": queries.average_precision,
    }
    chances = chance.of_ranks(queries.matches, queries.candidates) if len(ranks) else {}
    return QueryMeans(
        queries,
        {metric_name(direction, name): values[name] for name in STATISTICS},
        {metric_name(direction, name): level for name, level in chances.items()},
        median=metric_name(direction, "median_rank"),
    )


for _direction, _statistic in ((TEXT_TO_IMAGE, text_to_image), (IMAGE_TO_TEXT, image_to_text)):
    for _name in STATISTICS:
        _of_ranks = _name in ("median_rank", "mean_rank")
        METRICS.add(
            metric_name(_direction, _name),
            Metric(_statistic, lower_is_better=_of_ranks, is_share=not _of_ranks),
        )
