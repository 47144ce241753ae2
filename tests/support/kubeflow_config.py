"""The small run's config with a `kubeflow` section, as a file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from kubeflow.compiler.findings import Finding
from pipeline.config.run_config import RunConfig, load
from tests.support.small_run import small_values

TUNE = {"trials": 2, "epochs": 1, "space": {"training.learning_rate": {"values": [0.005, 0.01]}}}
IMAGE = "registry.example/diptych:0.1.0"


def section(**changes: Any) -> dict[str, Any]:
    """A `kubeflow` section that compiles."""
    return {
        "image": IMAGE,
        "data_path": "/diptych/data",
        "push_path": "/diptych/releases",
        "registry_uri": "http://mlflow.kubeflow:5000",
        "every_node": {"volumes": [{"claim": "diptych", "path": "/diptych"}]},
        **changes,
    }


def cluster_config(
    folder: Path, kubeflow: dict[str, Any] | None = None, **others: Any
) -> RunConfig:
    """Write and load the small config with a `kubeflow` section."""
    file = folder / "kubeflow.yaml"
    given = section() if kubeflow is None else kubeflow
    file.write_text(yaml.safe_dump({**small_values(), "kubeflow": given, **others}))
    return load(file)


def vertex_section() -> dict[str, Any]:
    """A `kubeflow` section that compiles for Vertex AI."""
    return section(
        every_node={"cpu": "4"},
        nodes={"Trainer": {"gpus": 1, "gpu": "NVIDIA_TESLA_T4"}},
        pipeline_root="gs://bucket/root",
        data_path="gs://bucket/data",
    )


def sentences(findings: Iterable[Finding], level: str = "obstacle") -> list[str]:
    """Return the sentences of the findings of a level."""
    return [finding.sentence() for finding in findings if finding.level == level]
