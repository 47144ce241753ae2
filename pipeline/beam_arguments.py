"""What Beam is told for each runner, as its command line has it."""

import json
from collections.abc import Mapping

from pipeline.beam_config import BeamConfig, DataflowBeam, FlinkBeam, LocalBeam, SparkBeam
from pipeline.beam_environment import (
    DockerConfig,
    Environment,
    ExternalConfig,
    LoopbackConfig,
    ProcessConfig,
)
from schema.errors import InputError

# TFDV imports a module that tfx-bsl no longer has; `import tfx` puts a stand-in there. A graph
# with text operations loads only where tensorflow_text was imported.
WORKERS_IMPORT = ("tfx", "tensorflow_text")
# The workers have our environment. Told of no image, TFX would pack itself for each stage, 2 s, and
# the workers would install it.
NO_IMAGE = "none"


def beam_arguments(beam: BeamConfig) -> list[str]:
    """The arguments of a Beam pipeline: flags of the section, then its further options."""
    return [*_arguments(beam), *beam.options]


def check_paths(beam: BeamConfig, paths: Mapping[str, str]) -> None:
    """Refuse what no worker could read.

    On Flink and Spark a path of this machine is fine where it is a mount that the workers share,
    which cannot be seen from here. Dataflow's machines share none.

    Args:
        beam: the section.
        paths: folders that the workers read or write, by what they hold.

    Raises:
        InputError: one sentence that names the path.
    """
    for what, path in paths.items():
        if isinstance(beam, DataflowBeam) and not path.startswith("gs://"):
            raise InputError(
                f"{path}: beam.runner = 'dataflow' needs {what} on gs://, its workers read "
                "nothing else"
            )


def _arguments(beam: BeamConfig) -> list[str]:
    plugins = [f"--beam_plugins={module}" for module in WORKERS_IMPORT]
    match beam:
        case LocalBeam():
            # Beam's default local runner downloads a binary when it runs; this one never does.
            runner = {"runner": "FnApiRunner", "sdk_container_image": NO_IMAGE}
            if beam.workers > 1:
                runner["direct_running_mode"] = "multi_processing"
                runner["direct_num_workers"] = str(beam.workers)
            return _flags(runner) + plugins
        case FlinkBeam():
            return (
                _flags(
                    {
                        "runner": "FlinkRunner",
                        "flink_master": beam.master,
                        "flink_version": beam.version,
                        "flink_job_server_jar": beam.job_server_jar,
                        "job_endpoint": beam.job_endpoint,
                        "parallelism": str(beam.parallelism),
                    }
                )
                + _environment(beam.environment)
                + plugins
            )
        case SparkBeam():
            return (
                _flags(
                    {
                        "runner": "SparkRunner",
                        "spark_master_url": beam.master,
                        "spark_job_server_jar": beam.job_server_jar,
                        "job_endpoint": beam.job_endpoint,
                    }
                )
                + _environment(beam.environment)
                + plugins
            )
        case DataflowBeam():
            private = [] if beam.public_addresses else ["--no_use_public_ips"]
            return (
                _flags(
                    {
                        "runner": "DataflowRunner",
                        "project": beam.project,
                        "region": beam.region,
                        "temp_location": beam.temp_location,
                        "sdk_container_image": beam.image,
                        "service_account_email": beam.service_account,
                        "network": beam.network,
                        "subnetwork": beam.subnetwork,
                        "machine_type": beam.machine_type,
                        "max_num_workers": _text(beam.max_workers),
                        "disk_size_gb": _text(beam.disk_gb),
                    }
                )
                + private
                + plugins
            )


def _environment(environment: Environment) -> list[str]:
    told: dict[str, str | None] = {
        "environment_type": environment.kind.upper(),
        "sdk_container_image": NO_IMAGE,
    }
    match environment:
        case ExternalConfig():
            told["environment_config"] = environment.address
        case ProcessConfig():
            config = {"command": environment.command, "env": environment.variables}
            told["environment_config"] = json.dumps(config)
        case DockerConfig():
            told["environment_config"] = told["sdk_container_image"] = environment.image
        case LoopbackConfig():
            pass
    return _flags(told)


def _flags(values: Mapping[str, str | None]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items() if value is not None]


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
