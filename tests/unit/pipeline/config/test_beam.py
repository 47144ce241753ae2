"""What each runner is told, exactly, and which sections are refused in which words."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.beam.arguments import beam_arguments, check_paths
from pipeline.config.run_config import ConfigError, parse
from schema.errors import InputError
from tests.conftest import small_values

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


def section(beam: dict[str, Any]) -> Any:
    return parse({**small_values(), "beam": beam}, Path("/home/shop/run.yaml")).beam


def test_the_local_runner_is_told_to_stay_in_memory_and_to_download_nothing():
    expected = ["--runner=FnApiRunner", "--sdk_container_image=none", *PLUGINS]
    assert beam_arguments(parse(small_values(), Path("run.yaml")).beam) == expected
    assert beam_arguments(section({"runner": "local"})) == expected


def test_the_local_runner_with_worker_processes():
    assert beam_arguments(section({"runner": "local", "workers": 3})) == [
        "--runner=FnApiRunner",
        "--sdk_container_image=none",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=3",
        *PLUGINS,
    ]


def test_flink_with_a_worker_pool_beside_each_task_manager():
    further = ["--max_parallelism=128", "--fasterCopy"]
    assert beam_arguments(section({**FLINK, "options": further})) == [
        "--runner=FlinkRunner",
        "--flink_master=flink:8081",
        "--flink_version=1.19",
        "--parallelism=8",
        "--environment_type=EXTERNAL",
        "--environment_config=localhost:50000",
        "--environment_cache_millis=60000",
        "--sdk_container_image=none",
        NO_PIP,
        *PLUGINS,
        *further,
    ]


def test_a_flink_inside_a_job_server_beside_the_config():
    beam = {**FLINK, "master": "[local]", "job_server_jar": "flink/server.jar"}
    del beam["version"]
    assert beam_arguments(section({**beam, "environment": LOOPBACK})) == [
        "--runner=FlinkRunner",
        "--flink_master=[local]",
        "--flink_job_server_jar=/home/shop/flink/server.jar",
        "--parallelism=8",
        "--environment_type=LOOPBACK",
        "--sdk_container_image=none",
        NO_PIP,
        *PLUGINS,
    ]


def test_a_running_job_server_with_worker_processes():
    environment = {"kind": "process", "command": "/app/worker", "variables": {"A": "b"}}
    beam = {"runner": "flink", "job_endpoint": "jobs:8099", "parallelism": 2}
    assert beam_arguments(section({**beam, "environment": environment})) == [
        "--runner=FlinkRunner",
        "--job_endpoint=jobs:8099",
        "--parallelism=2",
        "--environment_type=PROCESS",
        '--environment_config={"command": "/app/worker", "env": {"A": "b"}}',
        "--environment_cache_millis=60000",
        "--sdk_container_image=none",
        NO_PIP,
        *PLUGINS,
    ]


def test_spark_with_containers():
    assert beam_arguments(section({**SPARK, "job_server_jar": "https://host/spark.jar"})) == [
        "--runner=SparkRunner",
        "--spark_master_url=spark://spark:7077",
        "--spark_job_server_jar=https://host/spark.jar",
        "--environment_type=DOCKER",
        "--environment_config=registry/diptych:1",
        "--environment_cache_millis=60000",
        "--sdk_container_image=registry/diptych:1",
        NO_PIP,
        *PLUGINS,
    ]


def test_dataflow_as_bare_as_it_gets():
    assert beam_arguments(section(DATAFLOW)) == [
        "--runner=DataflowRunner",
        "--project=shop",
        "--region=europe-west1",
        "--temp_location=gs://shop/tmp",
        "--sdk_container_image=registry/diptych:1",
        *PLUGINS,
    ]


def test_dataflow_with_everything():
    more = {
        "service_account": "beam@shop.iam",
        "network": "net",
        "subnetwork": "regions/europe-west1/subnetworks/sub",
        "public_addresses": False,
        "machine_type": "n2-standard-4",
        "max_workers": 20,
        "disk_gb": 50,
    }
    assert beam_arguments(section({**DATAFLOW, **more}))[5:] == [
        "--service_account_email=beam@shop.iam",
        "--network=net",
        "--subnetwork=regions/europe-west1/subnetworks/sub",
        "--machine_type=n2-standard-4",
        "--max_num_workers=20",
        "--disk_size_gb=50",
        "--no_use_public_ips",
        *PLUGINS,
    ]


@pytest.mark.parametrize("beam", [FLINK, SPARK, DATAFLOW, {"runner": "local", "workers": 2}])
def test_beam_knows_every_option_by_that_name(beam):
    from apache_beam.options.pipeline_options import PipelineOptions

    given = beam_arguments(section(beam))
    known = PipelineOptions(given).get_all_options(drop_default=True, retain_unknown_options=False)
    assert known["beam_plugins"] == ["tfx", "tensorflow_text"]
    names = {each.removeprefix("--").split("=")[0] for each in given}
    # parallelism is 8 and the rest are set, so none is a default that was dropped
    assert names == known.keys()


WITHOUT_VERSION = {key: value for key, value in FLINK.items() if key != "version"}
WITHOUT_MASTER = {key: value for key, value in FLINK.items() if key != "master"}
ONE_SERVER = (
    "beam: exactly one of job_endpoint, job_server_jar and version must be set, and say which "
    "job server is used"
)
NO_MASTER = "beam: master is missing, and no job_endpoint names a server with its own"


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
