"""Names of the metrics and of the built-in slices, for the config, TFMA and people alike."""

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
    """'text_to_image' and 'recall_at_1' to 'text_to_image_recall_at_1'."""
    return f"{direction}_{statistic}"


RANK_METRICS = tuple(metric_name(d, s) for d in DIRECTIONS for s in STATISTICS)
# Measured where the split holds captions of label 1 and of label 0.
PAIR_AUC, PAIR_BEST_ACCURACY = PAIR_METRICS = ("pair_auc", "pair_best_accuracy")
EMBEDDING_METRICS = (
    "modality_gap",
    "image_embedding_variance",
    "text_embedding_variance",
    "image_uniformity",
    "text_uniformity",
)
# Measured where the config has a section `zero_shot`.
ZERO_SHOT_METRICS = ("zero_shot_top_1", "zero_shot_top_5")
METRICS = (*RANK_METRICS, *PAIR_METRICS, *EMBEDDING_METRICS, *ZERO_SHOT_METRICS)
# Of the distinct captions of the whole split, by the candidate's tokenizer: `text_metrics`.
UNKNOWN_TOKENS, EQUAL_CAPTIONS = TEXT_METRICS = ("unknown_token_share", "equal_caption_share")

# Means of values from 0 to 1.
SHARES = frozenset(
    {
        *(n for n in RANK_METRICS if not n.endswith(("median_rank", "mean_rank"))),
        *ZERO_SHOT_METRICS,
    }
)
LOWER_IS_BETTER = frozenset(
    {
        *(metric_name(d, s) for d in DIRECTIONS for s in ("median_rank", "mean_rank")),
        "modality_gap",
        "image_uniformity",  # a logarithm; the more even the spread, the further below 0
        "text_uniformity",
    }
)

CAPTION_LENGTH, ASPECT_RATIO = BUILT_IN_SLICES = ("caption_length", "aspect_ratio")
ABSENT = "(none)"  # slice of the records that lack what is sliced by
