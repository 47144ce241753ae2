"""The section `beam` of the config: where the stages that pass over all records run.

`pipeline.beam.arguments` makes the options of Beam from it. Importing this file imports no Beam.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.config.beam_environment import Address, Environment, LoopbackConfig, is_address
from schema.config.section import Frozen, PositiveInt

LOCAL_FLINK = "[local]"  # a Flink inside the job server; Beam's name
THIS_MACHINE = ("localhost", "127.0.0.1", LOCAL_FLINK, "local")
COMMON = {
    *("runner", "beam_plugin", "beam_plugins"),
    *("sdk_container_image", "worker_harness_container_image"),
}
PORTABLE = {
    *("job_endpoint", "environment_type", "environment_config"),
    *("environment_option", "environment_options"),
}


def _is_flink_master(master: str) -> str:
    return master if master == LOCAL_FLINK else is_address(master)


def _is_option(option: str) -> str:
    if not option.startswith("--") or not _name(option).isidentifier():
        raise ValueError(f"{option!r} is not an option like --name=value")
    return option


def _name(option: str) -> str:
    return option.removeprefix("--").partition("=")[0]


FlinkMaster = Annotated[str, AfterValidator(_is_flink_master)]
SparkMaster = Annotated[str, Field(pattern=r"^(local(\[.+\])?|spark://.+)$")]
CloudFolder = Annotated[str, Field(pattern=r"^gs://.+")]
Option = Annotated[str, AfterValidator(_is_option)]


class BeamSection(Frozen):
    """Keys of all runners."""

    SET_HERE: ClassVar[set[str]]  # options of Beam that the other keys of the section decide
    options: tuple[Option, ...] = ()
    """Further options of Beam, such as --job_server_timeout=60."""

    @model_validator(mode="after")
    def _options_are_further_ones(self) -> Self:
        for option in self.options:
            if _name(option) in self.SET_HERE:
                raise ValueError(f"options: {option!r} is for the other keys of beam to say")
        return self

    def beside(self, folder: Path) -> Self:  # noqa: ARG002  used by those that have paths
        """Return the section with its relative paths taken from a folder."""
        return self


class LocalBeam(BeamSection):
    """Beam on this machine."""

    SET_HERE = COMMON | {"direct_num_workers", "direct_running_mode"}
    runner: Literal["local"] = "local"
    """Beam runs on this machine."""
    workers: Annotated[int, Field(gt=0, le=1024)] = 1
    """Worker processes. 1: the pipeline's own process; more start slowly."""


class PortableBeam(BeamSection):
    """Keys of Flink and Spark, where a job server submits jobs to the cluster."""

    job_endpoint: Address | None = None
    """host:port of a job server that runs already."""
    job_server_jar: str | None = None
    """Path or URL of a job server that is started; relative to the config file."""
    environment: Environment
    """Where the Python workers come from."""

    def beside(self, folder: Path) -> Self:
        if self.job_server_jar is None or "://" in self.job_server_jar:
            return self
        jar = str((folder / self.job_server_jar).resolve())
        return self.model_copy(update={"job_server_jar": jar})

    def _check_loopback(self, master: str | None) -> None:
        # Such workers listen on localhost only.
        if not isinstance(self.environment, LoopbackConfig):
            return
        for key, place in (("master", master), ("job_endpoint", self.job_endpoint)):
            host = (place or LOCAL_FLINK).removeprefix("spark://")
            if host not in THIS_MACHINE and host.split(":")[0].split("[")[0] not in THIS_MACHINE:
                raise ValueError(
                    f"environment.kind = 'loopback' has the workers on this machine, and "
                    f"{key} = {place!r} is on another"
                )


class FlinkBeam(PortableBeam):
    """Beam on Flink."""

    SET_HERE = (
        COMMON | PORTABLE | {"flink_master", "flink_version", "flink_job_server_jar", "parallelism"}
    )
    runner: Literal["flink"]
    """Beam runs on Flink."""
    master: FlinkMaster | None = None
    """host:port of the cluster, or [local] for a Flink inside the job server. Default: that of the
    job server at job_endpoint."""
    version: Literal["1.19", "1.20", "2.0", "2.1", "2.2"] | None = None
    """Version of the cluster: Beam downloads the job server that fits. These are the versions that
    Beam 2.77 knows."""
    parallelism: PositiveInt
    """Tasks of a stage that run at a time."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        servers = (self.job_endpoint, self.job_server_jar, self.version)
        if sum(server is not None for server in servers) != 1:
            raise ValueError(
                "exactly one of job_endpoint, job_server_jar and version must be set, and say "
                "which job server is used"
            )
        if self.master is None and self.job_endpoint is None:
            raise ValueError("master is missing, and no job_endpoint names a server with its own")
        self._check_loopback(self.master)
        return self


class SparkBeam(PortableBeam):
    """Beam on Spark 3."""

    SET_HERE = COMMON | PORTABLE | {"spark_master_url", "spark_job_server_jar", "spark_version"}
    runner: Literal["spark"]
    """Beam runs on Spark 3."""
    master: SparkMaster | None = None
    """spark://host:7077 or local[cores]. Default: that of the job server at job_endpoint."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.job_endpoint is not None and self.job_server_jar is not None:
            raise ValueError("job_server_jar is not started where job_endpoint names a server")
        if self.master is None and self.job_endpoint is None:
            raise ValueError("master is missing, and no job_endpoint names a server with its own")
        self._check_loopback(self.master)
        return self


class DataflowBeam(BeamSection):
    """Beam on Google Cloud Dataflow."""

    SET_HERE = COMMON | {
        *("project", "region", "temp_location", "service_account_email", "network", "subnetwork"),
        *("use_public_ips", "no_use_public_ips", "machine_type", "worker_machine_type"),
        *("max_num_workers", "disk_size_gb"),
    }
    runner: Literal["dataflow"]
    """Beam runs on Google Cloud Dataflow."""
    project: str
    """Project of Google Cloud."""
    region: str
    """Region, such as europe-west1."""
    temp_location: CloudFolder
    """Folder for temporary files."""
    image: str
    """Image of the workers, with this project's code: Beam's own has neither TFX nor that."""
    service_account: str | None = None
    """E-mail address of the workers' account. Default: the project's."""
    network: str | None = None
    """Network of the workers. Default: the project's."""
    subnetwork: str | None = None
    """regions/REGION/subnetworks/NAME, or its full URL."""
    public_addresses: bool = True
    """Whether workers have public addresses; without, the subnetwork needs Private Google Access.
"""
    machine_type: str | None = None
    """Type of the workers, such as n2-standard-4. Default: Dataflow chooses."""
    max_workers: PositiveInt | None = None
    """Most workers at a time. Default: Dataflow's limit."""
    disk_gb: PositiveInt | None = None
    """Disk of a worker, GB."""


BeamConfig = Annotated[
    LocalBeam | FlinkBeam | SparkBeam | DataflowBeam, Field(discriminator="runner")
]
