"""A strict ExampleValidator: anomalies stop the run and say which feature broke which rule."""

from pathlib import Path
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.components.example_validator import component as tfx_component
from tfx.components.example_validator import executor as tfx_executor
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import executor_spec
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import io_utils

from schema.errors import InputError

ENVIRONMENT = "STATISTICS"  # of schema.pbtxt: everything statistics are taken over
ANOMALIES_FILE = "SchemaDiff.pb"  # TFX's own name for it

Artifacts = dict[str, list[Artifact]]


class Executor(tfx_executor.Executor):
    """Validates every split, writes TFX's anomalies files, then raises if there are any."""

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Raise InputError that names every broken rule of every split."""
        self._log_startup(input_dict, output_dict, exec_properties)
        statistics = artifact_utils.get_single_instance(
            input_dict[standard_component_specs.STATISTICS_KEY]
        )
        schema = io_utils.SchemaReader().read(
            io_utils.get_only_uri_in_dir(
                artifact_utils.get_single_uri(input_dict[standard_component_specs.SCHEMA_KEY])
            )
        )
        output = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.ANOMALIES_KEY]
        )
        output.split_names = statistics.split_names
        output.span = statistics.span
        broken = []
        for split in artifact_utils.decode_split_names(statistics.split_names):
            found = validate(
                stats_artifact_utils.load_statistics(statistics, split).proto(), schema
            )
            folder = Path(artifact_utils.get_split_uri([output], split))
            io_utils.write_bytes_file(str(folder / ANOMALIES_FILE), found.SerializeToString())
            broken += [f"split {split}: {sentence}" for sentence in sentences(found)]
        if broken:
            raise InputError("the data breaks the schema: " + "; ".join(broken))


class ExampleValidator(tfx_component.ExampleValidator):
    """TFX's ExampleValidator with our executor."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def validate(statistics: Any, schema: schema_pb2.Schema) -> anomalies_pb2.Anomalies:
    """Compare the statistics of one split with the schema."""
    return tfdv.validate_statistics(statistics, schema, environment=ENVIRONMENT)


def sentences(anomalies: anomalies_pb2.Anomalies) -> list[str]:
    """'feature: what is wrong', one for each broken rule, in the order of the names."""
    found = [
        f"{feature}: {reason.description}"
        for feature, info in sorted(anomalies.anomaly_info.items())
        for reason in info.reason
    ]
    return found + [reason.description for reason in anomalies.dataset_anomaly_info.reason]
