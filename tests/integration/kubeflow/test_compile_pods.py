"""What the compiled packages say of each pod, by value: resources, retries, Kubernetes."""

import copy
from typing import Any

import pytest
import yaml

from components.nodes import NODES
from tests.support.compiled import compile_all, container
from tests.support.kfp.argo import attempts, retry_strategy
from tests.support.kubeflow_config import IMAGE

VOLUME = {
    "constant": "diptych",
    "mountPath": "/diptych",
    "pvcNameParameter": {"runtimeValue": {"constant": "diptych"}},
}
# Of a KubernetesExecutorConfig, what Kubeflow's driver reads: backend/src/v2/driver/k8s.go.
READ_BY_THE_DRIVER = {
    "activeDeadlineSeconds", "configMapAsEnv", "configMapAsVolume", "emptyDirMounts",
    "fieldPathAsEnv", "genericEphemeralVolume", "imagePullPolicy", "imagePullSecret",
    "nodeAffinity", "nodeSelector", "pvcMount", "secretAsEnv", "secretAsVolume", "securityContext",
    "tolerations",
}  # fmt: skip


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(compile_all(tmp_path_factory.mktemp("compile"))))


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
