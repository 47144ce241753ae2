"""Names of the retrieval metrics, for the config, TFMA and the summary alike."""

DIRECTIONS = ("text_to_image", "image_to_text")
STATISTICS = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "median_rank")


def metric_name(direction: str, statistic: str) -> str:
    """'text_to_image' and 'recall_at_1' to 'text_to_image_recall_at_1'."""
    return f"{direction}_{statistic}"


METRICS = tuple(metric_name(d, s) for d in DIRECTIONS for s in STATISTICS)
