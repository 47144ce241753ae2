"""A strict ExampleValidator: bad data stops the run; drift stops it or warns."""

from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import Artifact, artifact_utils, channel, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.system_executions import Process
from tfx.utils import io_utils

from components import release_lookup
from components.example_gen.component import QUARANTINE, QuarantineArtifact
from components.example_gen.records import quarantine
from components.example_validator import rankable, report
from components.example_validator.config import DriftConfig
from components.example_validator.drift.since_release import since
from components.example_validator.report import Report
from components.example_validator.rules import sentences, validate
from schema.errors import InputError
from schema.progress import LOGGER

ANOMALIES_FILE = "SchemaDiff.pb"  # TFX's own name for it
SERVED, DRIFT = "served", "drift"
MAX_QUARANTINED, MAX_REMOVED = "max_quarantined", "max_removed"

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Validates every split, writes TFX's anomalies files and our report, then raises or warns."""

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Raise InputError with all that stops: bad records, broken rules, drift if told so."""
        self._log_startup(input_dict, output_dict, exec_properties)
        statistics = artifact_utils.get_single_instance(input_dict[specs.STATISTICS_KEY])
        schema = io_utils.SchemaReader().read(
            io_utils.get_only_uri_in_dir(
                artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY])
            )
        )
        output = artifact_utils.get_single_instance(output_dict[specs.ANOMALIES_KEY])
        output.split_names = statistics.split_names
        output.span = statistics.span
        kept = artifact_utils.get_single_uri(input_dict[QUARANTINE])
        stops = quarantine.empty_splits(
            kept, artifact_utils.decode_split_names(statistics.split_names)
        )
        if stops:  # there is nothing to compare
            raise InputError(stops[0])
        broken = []
        for split in artifact_utils.decode_split_names(statistics.split_names):
            found = validate(
                stats_artifact_utils.load_statistics(statistics, split).proto(), schema
            )
            folder = Path(artifact_utils.get_split_uri([output], split))
            io_utils.write_bytes_file(str(folder / ANOMALIES_FILE), found.SerializeToString())
            broken += [f"split {split}: {sentence}" for sentence in sentences(found)]
        config = DriftConfig.model_validate_json(exec_properties[DRIFT])
        served = release_lookup.input_folder(input_dict, SERVED)
        compared = since(served, statistics, schema, config) if served else Report()
        report.write(Path(output.uri), compared)
        summary = quarantine.read_summary(kept)
        stops = quarantine.check(summary, exec_properties[MAX_QUARANTINED])
        stops += quarantine.check_removed(summary, exec_properties[MAX_REMOVED])
        stops += rankable.faults(summary)
        stops += ["the data breaks the schema: " + "; ".join(broken)] if broken else []
        if config.action == "stop":
            stops += compared.warnings
        if stops:
            raise InputError("; ".join(stops))
        for sentence in compared.warnings:
            LOGGER.warning("ExampleValidator: %s", sentence)
        for sentence in compared.notes:
            LOGGER.info("ExampleValidator: %s", sentence)


class _Spec(ComponentSpec):
    PARAMETERS = {  # noqa: RUF012  TFX's way
        DRIFT: ExecutionParameter(type=str),
        MAX_QUARANTINED: ExecutionParameter(type=float),
        MAX_REMOVED: ExecutionParameter(type=float),
    }
    INPUTS = {  # noqa: RUF012
        specs.STATISTICS_KEY: ChannelParameter(type=standard_artifacts.ExampleStatistics),
        specs.SCHEMA_KEY: ChannelParameter(type=standard_artifacts.Schema),
        QUARANTINE: ChannelParameter(type=QuarantineArtifact),
        SERVED: ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        specs.ANOMALIES_KEY: ChannelParameter(type=standard_artifacts.ExampleAnomalies)
    }
    TYPE_ANNOTATION = Process


class ExampleValidator(base_component.BaseComponent):
    """What is wrong with the data, as TFX's anomalies and as `report.json`.

    Args:
        statistics: of StatisticsGen.
        schema: of ImportSchema.
        drift: canonical JSON of `data.drift`.
        quarantine: of ImageTextExampleGen.
        max_quarantined: the share of the records read above which the run stops.
        max_removed: the share of a split above which near duplicates that were removed stop it.
        served: of ServedStatistics; left out, there is nothing to compare with.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        statistics: channel.BaseChannel,
        schema: channel.BaseChannel,
        drift: str,
        quarantine: channel.BaseChannel,
        max_quarantined: float,
        max_removed: float,
        served: channel.BaseChannel | None = None,
    ):
        spec = _Spec(
            **{
                specs.STATISTICS_KEY: statistics,
                specs.SCHEMA_KEY: schema,
                SERVED: served,
                DRIFT: drift,
                QUARANTINE: quarantine,
                MAX_QUARANTINED: max_quarantined,
                MAX_REMOVED: max_removed,
                specs.ANOMALIES_KEY: types.Channel(type=standard_artifacts.ExampleAnomalies),
            }
        )
        super().__init__(spec=spec)
