"""The compiled packages by value, and the platforms' own loaders on them."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.nodes import NODES
from pipeline.code_digest import node_digest
from tests.support.kfp.argo import attempts, retry_strategy
from tests.support.kubeflow_config import IMAGE, TUNE, cluster_config, section

VOLUME = {
    "constant": "diptych",
    "mountPath": "/diptych",
    "pvcNameParameter": {"runtimeValue": {"constant": "diptych"}},
}
PASSWORD = {"variable": "MLFLOW_TRACKING_PASSWORD", "secret": "mlflow", "key": "password"}
EVERY_NODE = {
    "cpu": "2",
    "memory": "4Gi",
    "memory_request": "500M",
    "retries": 2,
    "retry_after_seconds": 30,
    "environment": {"TZ": "UTC"},
    "volumes": [{"claim": "diptych", "path": "/diptych"}],
    "secrets": [PASSWORD],
}
TRAINER = {
    "image": "registry.example/diptych:0.1.0-gpu",
    "cpu": "500m",
    "gpus": 1,
    "retries": 0,
    "cache": False,
    "shared_memory": "2Gi",
    "node_selector": {"pool": "gpu"},
    "tolerations": [
        {"key": "gpu", "operator": "Exists", "effect": "NoExecute", "seconds": 60},
    ],
}
TUNER = {"retries": 4, "attempt_hours": 100}
# Of a KubernetesExecutorConfig, what Kubeflow's driver reads: backend/src/v2/driver/k8s.go.
READ_BY_THE_DRIVER = {
    "activeDeadlineSeconds", "configMapAsEnv", "configMapAsVolume", "emptyDirMounts",
    "fieldPathAsEnv", "genericEphemeralVolume", "imagePullPolicy", "imagePullSecret",
    "nodeAffinity", "nodeSelector", "pvcMount", "secretAsEnv", "secretAsVolume", "securityContext",
    "tolerations",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compile")


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    from kubeflow.compiler.package_writer import compile_package

    given = section(every_node=EVERY_NODE, nodes={"Trainer": TRAINER, "Tuner": TUNER})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")
        config = cluster_config(folder, given, tune=TUNE, portable={})
        return compile_package(config, "kubeflow").text


@pytest.fixture(scope="module")
def documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def container(spec: dict[str, Any], node: str) -> dict[str, Any]:
    return spec["deploymentSpec"]["executors"][f"{node}_executor"]["container"]


def test_every_node_is_a_task_that_waits_for_the_right_ones(documents):
    spec, _ = documents
    assert spec["schemaVersion"] == "2.1.0"
    tasks = spec["root"]["dag"]["tasks"]
    assert set(tasks) == set(NODES)
    assert tasks["Tuner"]["dependentTasks"] == ["Transform"]
    assert "Tuner" in tasks["Trainer"]["dependentTasks"]
    assert tasks["Baseline"]["dependentTasks"] == ["Trainer"]
    assert tasks["ServedStatistics"]["dependentTasks"] == ["StatisticsGen"]
    assert set(tasks["ExampleValidator"]["dependentTasks"]) == {
        "ImageTextExampleGen", "StatisticsGen", "ImportSchema", "ServedStatistics",
    }  # fmt: skip
    assert set(tasks["Evaluator"]["dependentTasks"]) == {
        "ImageTextExampleGen", "StatisticsGen", "Trainer", "ImportSchema", "Baseline",
    }  # fmt: skip


def test_a_run_may_set_five_values_and_need_set_none(documents):
    spec, _ = documents
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert {n: (p["parameterType"], p["defaultValue"]) for n, p in parameters.items()} == {
        "data_path": ("STRING", "/diptych/data"),
        "span": ("NUMBER_INTEGER", -1),
        "epochs": ("NUMBER_INTEGER", 10),
        "push_path": ("STRING", "/diptych/releases"),
        "registry_uri": ("STRING", "http://mlflow.kubeflow:5000"),
    }
    takes = {
        node: sorted(k for k in task["inputs"].get("parameters", {}) if k.startswith("set_"))
        for node, task in spec["root"]["dag"]["tasks"].items()
    }
    assert {node: names for node, names in takes.items() if names} == {
        "ImageTextExampleGen": ["set_data_path", "set_span"],
        "Tuner": ["set_epochs"],
        "Trainer": ["set_epochs"],
        "ServedStatistics": ["set_push_path", "set_registry_uri"],
        "Baseline": ["set_push_path", "set_registry_uri"],
        "Pusher": ["set_data_path", "set_epochs", "set_push_path", "set_registry_uri"],
    }
    given = spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["parameters"]["set_epochs"]
    assert given == {"componentInputParameter": "epochs"}
    assert spec["components"]["Trainer"]["inputDefinitions"]["parameters"]["set_epochs"] == {
        "parameterType": "NUMBER_INTEGER"
    }


def test_resources_are_numbers_and_quantities(documents):
    spec, _ = documents
    # 4 GiB = 4 x 1024^3 bytes = 4.294967296 units of 10^9; 500 MB = 0.5
    assert container(spec, "Transform")["resources"] == {
        "cpuLimit": 2.0,
        "resourceCpuLimit": "2",
        "memoryLimit": 4.294967296,
        "resourceMemoryLimit": "4Gi",
        "memoryRequest": 0.5,
        "resourceMemoryRequest": "500M",
    }
    trainer = container(spec, "Trainer")
    assert trainer["resources"]["cpuLimit"] == 0.5
    assert trainer["resources"]["accelerator"] == {
        "type": "nvidia.com/gpu",
        "resourceType": "nvidia.com/gpu",
        "count": "1",
        "resourceCount": "1",
    }
    assert trainer["image"] == "registry.example/diptych:0.1.0-gpu"
    assert container(spec, "Transform")["image"] == IMAGE
    assert container(spec, "Pusher")["env"] == [{"name": "TZ", "value": "UTC"}]


def test_retries_and_the_cache_are_set_for_each_task(documents):
    spec, _ = documents
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["Transform"]["retryPolicy"] == {
        "maxRetryCount": 2,
        "backoffDuration": "30s",
        "backoffFactor": 2.0,
        # 3 attempts of 24 h, and waits of 30 + 60 s: 259,200 + 90
        "backoffMaxDuration": "259290s",
    }
    # 5 attempts of 100 h, waits of 30 + 60 + 120 + 240 s: 1,800,000 + 450
    assert tasks["Tuner"]["retryPolicy"]["backoffMaxDuration"] == "1800450s"
    assert "retryPolicy" not in tasks["Trainer"]
    uncached = {n for n, task in tasks.items() if not task["cachingOptions"]["enableCache"]}
    assert uncached == {
        "ImageTextExampleGen", "ServedStatistics", "Baseline", "Pusher", "Trainer",
    }  # fmt: skip


def test_kubernetes_is_told_what_each_pod_needs(documents):
    _, platform = documents
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    secret = {
        "secretName": "mlflow",
        "keyToEnv": [{"secretKey": "password", "envVar": "MLFLOW_TRACKING_PASSWORD"}],
        "optional": False,
        "secretNameParameter": {"runtimeValue": {"constant": "mlflow"}},
    }
    assert executors["Pusher_executor"] == {"secretAsEnv": [secret], "pvcMount": [VOLUME]}
    assert executors["Trainer_executor"] == {
        "secretAsEnv": [secret],
        "pvcMount": [VOLUME],
        "nodeSelector": {"labels": {"pool": "gpu"}},
        "tolerations": [
            {
                "key": "gpu",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": "60",
            }
        ],
        "emptyDirMounts": [
            {
                "volumeName": "shared-memory",
                "mountPath": "/dev/shm",
                "medium": "Memory",
                "sizeLimit": "2Gi",
            }
        ],
    }
    assert set(executors) == {f"{node}_executor" for node in NODES}


def test_the_backend_reads_every_key_of_the_platform_document(documents):
    from google.protobuf import json_format
    from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes

    _, platform = documents
    for pod in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
        json_format.ParseDict(pod, kubernetes.KubernetesExecutorConfig())  # knows each of them
        assert set(pod) <= READ_BY_THE_DRIVER


def test_argo_makes_every_retry_even_of_attempts_of_a_day(documents):
    spec, _ = documents
    transform = retry_strategy(spec["root"]["dag"]["tasks"]["Transform"])
    assert transform == {"limit": 2, "duration": 30, "factor": 2, "maxDuration": 259290}
    day = 24 * 3600
    assert attempts(transform, seconds=10) == 3
    assert attempts(transform, seconds=day) == 3
    assert attempts(transform, seconds=day * 3) == 2  # 3 days and 30 s are within, 6 days are not


def test_argo_makes_no_retry_without_a_time_for_them(documents):
    spec, _ = documents
    task = copy.deepcopy(spec["root"]["dag"]["tasks"]["Transform"])
    del task["retryPolicy"]["backoffMaxDuration"]
    assert retry_strategy(task)["maxDuration"] == 0
    assert attempts(retry_strategy(task), seconds=10) == 1


def test_neither_a_secret_nor_a_path_of_this_machine_stands_in_it(text, folder):
    assert "hunter2" not in text
    assert str(folder) not in text


def test_the_command_names_platform_node_and_code(documents):
    spec, _ = documents
    for node in NODES:
        given = container(spec, node)
        assert given["command"][:2] == ["python", "-c"]
        assert given["args"][:3] == [
            "--platform=kubeflow",
            f"--node={node}",
            f"--code_version={node_digest(node)}",
        ]
        assert given["args"].count("{{$}}") == 1
        assert "lifecycle" not in given


def test_the_same_config_gives_the_same_text(text, folder):
    from kubeflow.compiler.package_writer import compile_package

    given = section(every_node=EVERY_NODE, nodes={"Trainer": TRAINER, "Tuner": TUNER})
    config = cluster_config(folder, given, tune=TUNE, portable={})
    assert compile_package(config, "kubeflow").text == text


def test_kfp_loads_it(text):
    from kfp.components import load_component_from_text

    loaded = load_component_from_text(text)
    assert loaded.name == "small"
    assert set(loaded.component_spec.inputs) == {
        "data_path", "span", "epochs", "push_path", "registry_uri",
    }  # fmt: skip
    assert loaded.platform_spec.platforms["kubernetes"]
