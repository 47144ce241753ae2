"""Sections `beam` that cannot work, and those that only look as if they could not."""

from pathlib import Path

import pytest

from pipeline.beam.arguments import check_paths
from pipeline.config.run_config import parse
from schema.errors import ConfigError, InputError
from tests.support.beam_sections import (
    DATAFLOW,
    FLINK,
    LOOPBACK,
    NO_MASTER,
    ONE_SERVER,
    SPARK,
    WITHOUT_MASTER,
    WITHOUT_VERSION,
    section,
)
from tests.support.small_run import small_values


@pytest.mark.parametrize(
    ("beam", "sentence"),
    [
        ({}, "beam.runner is missing"),
        (
            {"runner": "prism"},
            "beam.runner = 'prism' is none of 'local', 'flink', 'spark', 'dataflow'",
        ),
        ({"runner": "local", "workers": 0}, "beam.workers = 0: input should be greater than 0"),
        ({"runner": "local", "parallelism": 2}, "beam.parallelism is not a key of the config"),
        (
            {"runner": "local", "options": ["--direct_num_workers=2"]},
            "beam: options: '--direct_num_workers=2' is for the other keys of beam to say",
        ),
        (
            {**FLINK, "options": ["--flink_master=elsewhere:1"]},
            "beam: options: '--flink_master=elsewhere:1' is for the other keys of beam to say",
        ),
        (
            {**FLINK, "options": ["max_parallelism=2"]},
            "beam.options.0: 'max_parallelism=2' is not an option like --name=value",
        ),
        (WITHOUT_VERSION, ONE_SERVER),
        ({**FLINK, "job_endpoint": "jobs:8099"}, ONE_SERVER),
        ({**FLINK, "job_server_jar": "server.jar"}, ONE_SERVER),
        (WITHOUT_MASTER, NO_MASTER),
        ({**FLINK, "master": "flink"}, "beam.master: 'flink' is not an address like host:8081"),
        (
            {**FLINK, "version": "1.18"},
            "beam.version = '1.18': input should be '1.19', '1.20', '2.0', '2.1' or '2.2'",
        ),
        (
            {**FLINK, "environment": LOOPBACK},
            "beam: environment.kind = 'loopback' has the workers on this machine, and master = "
            "'flink:8081' is on another",
        ),
        (
            {**WITHOUT_VERSION, "master": "[local]", "job_endpoint": "jobs:1"}
            | {"environment": LOOPBACK},
            "beam: environment.kind = 'loopback' has the workers on this machine, and "
            "job_endpoint = 'jobs:1' is on another",
        ),
        (
            {**FLINK, "environment": {"kind": "external"}},
            "beam.environment.address is missing",
        ),
        (
            {**FLINK, "environment": {"kind": "thread"}},
            "beam.environment.kind = 'thread' is none of 'loopback', 'external', 'process', "
            "'docker'",
        ),
        (
            {**SPARK, "job_endpoint": "jobs:1", "job_server_jar": "server.jar"},
            "beam: job_server_jar is not started where job_endpoint names a server",
        ),
        ({"runner": "spark", "environment": LOOPBACK}, NO_MASTER),
        (
            {**SPARK, "environment": LOOPBACK},
            "beam: environment.kind = 'loopback' has the workers on this machine, and master = "
            "'spark://spark:7077' is on another",
        ),
        (
            {key: value for key, value in DATAFLOW.items() if key != "image"},
            "beam.image is missing",
        ),
        (
            {**DATAFLOW, "temp_location": "/tmp"},
            "beam.temp_location = '/tmp': string should match pattern '^gs://.+'",
        ),
    ],
)
def test_a_section_that_cannot_work_is_refused_in_one_sentence(beam, sentence):
    with pytest.raises(ConfigError) as error:
        section(beam)
    assert str(error.value) == f"/home/shop/run.yaml: {sentence}"


def test_loopback_is_fine_for_a_spark_on_this_machine():
    for master in ("local[2]", "spark://localhost:7077"):
        assert section({**SPARK, "master": master, "environment": LOOPBACK}).master == master


def test_dataflow_reads_no_files_of_this_machine():
    check_paths(section(DATAFLOW), {"artifacts": "gs://shop/artifacts"})
    check_paths(section(FLINK), {"artifacts": "/mnt/shared/artifacts"})
    with pytest.raises(InputError) as error:
        check_paths(section(DATAFLOW), {"artifacts": "gs://a", "data": "/home/shop/data"})
    assert str(error.value) == (
        "/home/shop/data: beam.runner = 'dataflow' needs data on gs://, its workers read nothing "
        "else"
    )


def test_data_on_a_cloud_is_not_taken_for_a_path():
    values = small_values()
    values["data"]["path"] = "gs://shop/shards"
    assert parse(values, Path("/home/shop/run.yaml")).data.path == "gs://shop/shards"
