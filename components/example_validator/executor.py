"""Validate the data by the schema, the quarantine and the drift since the release that serves."""

from pathlib import Path
from typing import Any

from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils

from components import release_lookup
from components.deferred_executor import Artifacts
from components.example_gen.config import QUARANTINE
from components.example_gen.records import quarantine
from components.example_validator import report
from components.example_validator.config import (
    DRIFT,
    MAX_QUARANTINED,
    MAX_REMOVED,
    SERVED,
    DriftConfig,
)
from components.example_validator.drift.since_release import since
from components.example_validator.report import Report
from components.example_validator.rules import rank_faults, sentences, validate
from schema.errors import InputError
from schema.progress import LOGGER

ANOMALIES_FILE = "SchemaDiff.pb"  # TFX's own name for it


class Executor(base_executor.BaseExecutor):
    """Validate every split, write TFX's anomalies files and our report, then raise or warn."""

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Validate, and raise InputError with all that stops the run.

        Bad records and broken rules do; drift does if the config says so.
        """
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
        quarantined = artifact_utils.get_single_uri(input_dict[QUARANTINE])
        splits = artifact_utils.decode_split_names(statistics.split_names)
        if empty := quarantine.empty_splits(quarantined, splits):  # there is nothing to compare
            raise InputError(empty[0])
        broken = []
        for split in splits:
            anomalies = validate(
                stats_artifact_utils.load_statistics(statistics, split).proto(), schema
            )
            folder = Path(artifact_utils.get_split_uri([output], split))
            io_utils.write_bytes_file(str(folder / ANOMALIES_FILE), anomalies.SerializeToString())
            broken += [f"split {split}: {sentence}" for sentence in sentences(anomalies)]
        config = DriftConfig.model_validate_json(exec_properties[DRIFT])
        served = release_lookup.input_folder(input_dict, SERVED)
        compared = since(served, statistics, schema, config) if served else Report()
        report.write(Path(output.uri), compared)
        summary = quarantine.read_summary(quarantined)
        stops = quarantine.check(summary, exec_properties[MAX_QUARANTINED])
        stops += quarantine.check_removed(summary, exec_properties[MAX_REMOVED])
        stops += rank_faults(summary)
        stops += ["the data breaks the schema: " + "; ".join(broken)] if broken else []
        if config.action == "stop":
            stops += compared.warnings
        if stops:
            raise InputError("; ".join(stops))
        for sentence in compared.warnings:
            LOGGER.warning("ExampleValidator: %s", sentence)
        for sentence in compared.notes:
            LOGGER.info("ExampleValidator: %s", sentence)
