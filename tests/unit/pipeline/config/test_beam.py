"""What each runner is told, exactly, and which sections are refused in which words."""

from pathlib import Path

import pytest

from pipeline.beam.arguments import beam_arguments
from pipeline.config.run_config import parse
from tests.support.beam_sections import (
    DATAFLOW,
    FLINK,
    LOOPBACK,
    NO_PIP,
    PLUGINS,
    SPARK,
    section,
)
from tests.support.small_run import small_values


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
