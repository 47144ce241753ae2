"""Sections `beam` of a config, and how one is validated."""

from pathlib import Path
from typing import Any

from pipeline.config.run_config import parse
from tests.support.small_run import small_values

PLUGINS = ["--beam_plugins=tfx", "--beam_plugins=tensorflow_text"]
NO_PIP = "--experiments=disable_logging_submission_environment"
FLINK = {
    "runner": "flink",
    "master": "flink:8081",
    "version": "1.19",
    "parallelism": 8,
    "environment": {"kind": "external", "address": "localhost:50000"},
}
SPARK = {
    "runner": "spark",
    "master": "spark://spark:7077",
    "environment": {"kind": "docker", "image": "registry/diptych:1"},
}
DATAFLOW = {
    "runner": "dataflow",
    "project": "shop",
    "region": "europe-west1",
    "temp_location": "gs://shop/tmp",
    "image": "registry/diptych:1",
}
LOOPBACK = {"kind": "loopback"}
WITHOUT_VERSION = {key: value for key, value in FLINK.items() if key != "version"}
WITHOUT_MASTER = {key: value for key, value in FLINK.items() if key != "master"}
ONE_SERVER = (
    "beam: exactly one of job_endpoint, job_server_jar and version must be set, and say which "
    "job server is used"
)
NO_MASTER = "beam: master is missing, and no job_endpoint names a server with its own"


def section(beam: dict[str, Any]) -> Any:
    return parse({**small_values(), "beam": beam}, Path("/home/shop/run.yaml")).beam
