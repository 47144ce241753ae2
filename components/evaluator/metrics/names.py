"""Names of the metrics of ranks, a direction and a statistic each, and of a class in a text."""

PLACE = "{}"  # where a template of zero-shot classification takes the name of a class
DIRECTIONS = ("text_to_image", "image_to_text")
STATISTICS = (
    "recall_at_1",
    "recall_at_5",
    "recall_at_10",
    "mrr",
    "median_rank",
    "mean_rank",
    "map",
)


def metric_name(direction: str, statistic: str) -> str:
    """Join 'text_to_image' and 'recall_at_1' to 'text_to_image_recall_at_1'."""
    return f"{direction}_{statistic}"
