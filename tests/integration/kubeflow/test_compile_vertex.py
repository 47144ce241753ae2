"""The package for Vertex AI."""

import json
from typing import Any

import pytest
import yaml

from components.nodes import NODES
from kubeflow.compiler.node_settings import task_settings
from pipeline.config.kubeflow import NodeConfig
from tests.support.kubeflow_config import TUNE, cluster_config, vertex_section


@pytest.fixture(scope="module")
def vertex(tmp_path_factory: pytest.TempPathFactory) -> str:
    from kubeflow.compiler.package_writer import compile_package

    config = cluster_config(tmp_path_factory.mktemp("vertex"), vertex_section(), tune=TUNE)
    return compile_package(config, "vertex").text


def container(spec: dict[str, Any], node: str) -> dict[str, Any]:
    return spec["deploymentSpec"]["executors"][f"{node}_executor"]["container"]


def test_on_vertex_the_longest_wait_is_left_to_it():
    policy = task_settings(NodeConfig(retries=2), "vertex", True)["retryPolicy"]
    assert policy == {"maxRetryCount": 2, "backoffDuration": "0s", "backoffFactor": 2.0}


def test_vertex_loads_its_own(vertex, tmp_path):
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    file = tmp_path / "vertex.yaml"
    file.write_text(vertex)
    job = aiplatform.PipelineJob(
        display_name="small",
        template_path=str(file),
        parameter_values={"epochs": 3},
        project="project",
        location="europe-west4",
        credentials=AnonymousCredentials(),
    )
    made = json.loads(type(job._gca_resource).to_json(job._gca_resource))
    assert made["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/root"
    assert made["runtimeConfig"]["parameterValues"] == {"epochs": 3.0}
    assert set(made["pipelineSpec"]["root"]["dag"]["tasks"]) == set(NODES) - {"TowerConverter"}


def test_what_is_vertex_only(vertex):
    [spec] = yaml.safe_load_all(vertex)
    example_gen = container(spec, "ImageTextExampleGen")
    hook = example_gen["lifecycle"]["preCacheCheck"]
    assert hook["command"] == example_gen["command"]
    assert hook["args"][:4] == [*example_gen["args"][:3], "--driver_only"]
    assert example_gen["args"][0] == "--platform=vertex"
    assert container(spec, "Trainer")["resources"]["accelerator"]["type"] == "NVIDIA_TESLA_T4"
    assert spec["defaultPipelineRoot"] == "gs://bucket/root"
