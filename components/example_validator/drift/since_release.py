"""Compare the statistics of this run with those of the release that serves."""

from pathlib import Path

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.types import Artifact

import tensorflow_data_validation as tfdv  # isort: skip  needs tfx to be imported first

from components import release_lookup
from components.example_validator.config import DriftConfig
from components.example_validator.drift.measure import Drift, compare
from components.example_validator.report import Report
from components.served_statistics import component
from schema import features

STATISTICS_FILE = "FeatureStats.pb"  # TFX's own name for it


def since(
    served: Path, statistics: Artifact, schema: schema_pb2.Schema, config: DriftConfig
) -> Report:
    """Compare with the release that serves, if there is one and the config asks for it.

    Args:
        served: folder of a ServedStatistics' artifact.
        statistics: of this run.
        schema: says which attributes there are.
        config: limits.
    """
    release = release_lookup.read_release(served / component.FILE)
    if release is None or config.action == "off":
        return Report()
    before = served / f"{component.SPLIT}{config.split}" / STATISTICS_FILE
    if before.is_file():
        now = stats_artifact_utils.load_statistics(statistics, config.split).proto()
        names = [each.name for each in schema.feature if features.is_attribute(each.name)]
        attributes = [features.attribute_name(name) for name in names]
        drift = compare(now, tfdv.load_stats_binary(str(before)), config, attributes)
    else:
        lacks = f"that release has no statistics of the split {config.split}"
        drift = Drift(notes=(f"nothing was compared: {lacks}",))
    about = f"drift since release {release}: "
    return Report(
        compared_with=release,
        warnings=tuple(about + each.sentence for each in drift.compared if each.drifted),
        notes=tuple(about + note for note in drift.notes),
        measured={each.feature: each.value for each in drift.compared},
    )
