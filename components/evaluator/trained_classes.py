"""Read the classes that a model knows: the values of each attribute in its training data."""

import tensorflow as tf
import tensorflow_data_validation as tfdv

from schema import features

# Where StatisticsGen, and a release after it, has the statistics of the train split.
TRAINED_ON = "Split-train/FeatureStats.pb"


def attribute_values(statistics: str) -> dict[str, tuple[str, ...]]:
    """Return the values of each attribute in the train split, sorted; as many as statistics keep.

    Args:
        statistics: folder of an ExampleStatistics artifact, or of a release's copy.
    """
    path = f"{statistics}/{TRAINED_ON}"
    if not tf.io.gfile.exists(path):
        return {}
    values = {}
    for feature in tfdv.load_stats_binary(path).datasets[0].features:
        name = feature.name or feature.path.step[0]
        if features.is_attribute(name):
            buckets = feature.string_stats.rank_histogram.buckets
            values[features.attribute_name(name)] = tuple(sorted(each.label for each in buckets))
    return values
