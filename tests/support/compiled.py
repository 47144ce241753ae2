"""The small run's config compiled for Kubeflow, with settings of every kind."""

from pathlib import Path
from typing import Any

from kubeflow.compiler.package_writer import compile_package
from tests.support.kubeflow_config import TUNE, cluster_config, section

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


def compile_all(folder: Path) -> str:
    """Compile a config with all settings, which is written to a folder."""
    given = section(every_node=EVERY_NODE, nodes={"Trainer": TRAINER, "Tuner": TUNER})
    return compile_package(cluster_config(folder, given, tune=TUNE, portable={}), "kubeflow").text


def container(spec: dict[str, Any], node: str) -> dict[str, Any]:
    """Return the container of a node in the first document."""
    return spec["deploymentSpec"]["executors"][f"{node}_executor"]["container"]
