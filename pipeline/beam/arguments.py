"""Options of Apache Beam for each runner, made from the section `beam` of the config."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.config.beam import BeamConfig, DataflowBeam, FlinkBeam, LocalBeam, SparkBeam
from pipeline.config.beam_environment import (
    DockerConfig,
    Environment,
    ExternalConfig,
    LoopbackConfig,
    ProcessConfig,
)
from schema.errors import InputError
from schema.text.secrets import expand

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

# TFDV imports a module that tfx-bsl no longer has; `import tfx` puts a stand-in there. A graph
# with text operations loads only where tensorflow_text was imported.
WORKERS_IMPORT = ("tfx", "tensorflow_text")
# Beam's default local runner downloads a binary when it runs; this one never does.
LOCAL_RUNNER = "FnApiRunner"
# The workers have our environment. Without an image TFX would pack itself for each stage, 2 s, and
# the workers would install it.
NO_IMAGE = "none"
# Flink stops a worker after each stage of a job, and the next one imports for 15 s again, unless
# it is kept. After the job it stays that long too.
WORKER_KEPT_MS: int | None = 60_000


IMPORTS = "--beam_plugins="


def beam_arguments(beam: BeamConfig, plugins: Sequence[str] = ()) -> list[str]:
    """Return the arguments of a Beam pipeline: flags of the section, then its further options.

    Args:
        beam: the section.
        plugins: modules of the user's own, which each worker imports.
    """
    imports = [f"{IMPORTS}{module}" for module in (*WORKERS_IMPORT, *plugins)]
    return [*_arguments(beam), *imports, *beam.options]


def imported_by_workers(arguments: Sequence[str]) -> list[str]:
    """Return the modules that the arguments of a Beam pipeline have its workers import."""
    return [flag.removeprefix(IMPORTS) for flag in arguments if flag.startswith(IMPORTS)]


def expand_arguments(pipeline: "Pipeline") -> None:
    """Put the environment into the Beam arguments of a pipeline that runs in this process.

    Args:
        pipeline: changed in place; a compiled one keeps the references.

    Raises:
        InputError: a variable is not set.
    """
    from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

    for node in pipeline.components:
        spec = getattr(node, "executor_spec", None)
        if isinstance(spec, BeamExecutorSpec):
            spec.beam_pipeline_args = [expand(str(flag)) for flag in spec.beam_pipeline_args]


def check_paths(beam: BeamConfig, paths: Mapping[str, str]) -> None:
    """Check that the workers can open the folders of a run.

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
    match beam:
        case LocalBeam():
            return _local(beam)
        case FlinkBeam():
            return [*_flink(beam), *_workers(beam.environment)]
        case SparkBeam():
            return [*_spark(beam), *_workers(beam.environment)]
        case DataflowBeam():
            return _dataflow(beam)


def _local(beam: LocalBeam) -> list[str]:
    flags = _flags(runner=LOCAL_RUNNER, sdk_container_image=NO_IMAGE)
    if beam.workers > 1:
        flags += _flags(direct_running_mode="multi_processing", direct_num_workers=beam.workers)
    return flags


def _flink(beam: FlinkBeam) -> list[str]:
    return _flags(
        runner="FlinkRunner",
        flink_master=beam.master,
        flink_version=beam.version,
        flink_job_server_jar=beam.job_server_jar,
        job_endpoint=beam.job_endpoint,
        parallelism=beam.parallelism,
    )


def _spark(beam: SparkBeam) -> list[str]:
    return _flags(
        runner="SparkRunner",
        spark_master_url=beam.master,
        spark_job_server_jar=beam.job_server_jar,
        job_endpoint=beam.job_endpoint,
    )


def _dataflow(beam: DataflowBeam) -> list[str]:
    flags = _flags(
        runner="DataflowRunner",
        project=beam.project,
        region=beam.region,
        temp_location=beam.temp_location,
        sdk_container_image=beam.image,
        service_account_email=beam.service_account,
        network=beam.network,
        subnetwork=beam.subnetwork,
        machine_type=beam.machine_type,
        max_num_workers=beam.max_workers,
        disk_size_gb=beam.disk_gb,
    )
    return flags if beam.public_addresses else [*flags, "--no_use_public_ips"]


def _workers(environment: Environment) -> list[str]:
    config: str | None = None
    image, kept = NO_IMAGE, WORKER_KEPT_MS
    match environment:
        case LoopbackConfig():
            kept = None  # threads start at once; kept ones would hold up the end of this process
        case ExternalConfig():
            config = environment.address
        case ProcessConfig():
            config = json.dumps({"command": environment.command, "env": environment.variables})
        case DockerConfig():
            config = image = environment.image
    return _flags(
        environment_type=environment.kind.upper(),
        environment_config=config,
        environment_cache_millis=kept,
        sdk_container_image=image,
        # Beam would ask pip what is installed here for every stage; an environment made by uv has
        # no pip.
        experiments="disable_logging_submission_environment",
    )


def _flags(**values: str | int | None) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items() if value is not None]
