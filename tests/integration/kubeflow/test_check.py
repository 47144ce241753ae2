"""The obstacles that the config shows: the node, the problem, the remedy."""

from typing import Any

import pytest

from kubeflow.compiler.check_config import check_config
from kubeflow.compiler.findings import Finding, ObstacleError, refuse
from tests.support.kubeflow_config import cluster_config, section, sentences, vertex_section

EVERYTHING = section()["every_node"]
ROOT = {"pipeline_root": "gs://bucket/root"}


def test_nothing_stands_in_the_way_of_a_complete_section(tmp_path):
    assert check_config(cluster_config(tmp_path), "kubeflow") == []


def test_a_config_without_the_section(tmp_path):
    config = cluster_config(tmp_path).model_copy(update={"kubeflow": None})
    assert sentences(check_config(config, "kubeflow")) == [
        "kubeflow: the config has no such section; add it with an `image`"
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"data_path": "nowhere://bucket/data"},
            "ImageTextExampleGen: no file system is known that opens nowhere://bucket/data; set "
            "kubeflow.data_path to s3://..., gs://... or to a folder on a volume",
        ),
        (
            {"data_path": "/elsewhere"},
            "ImageTextExampleGen: no volume of its pod holds /elsewhere; set kubeflow.data_path to "
            "s3://..., gs://... or to a folder below a path of kubeflow.every_node.volumes",
        ),
        (
            {"push_path": "gs://bucket/releases"},
            "Pusher: releases are locked and renamed, which gs://bucket/releases cannot do; set "
            "kubeflow.push_path to a folder on a volume",
        ),
        (
            {"push_path": "/diptychs"},  # not below /diptych
            "Baseline: no volume of its pod holds the releases in /diptychs; set "
            "kubeflow.push_path to a folder below a path of kubeflow.every_node.volumes",
        ),
        (
            {"registry_uri": "https://me:${MLFLOW_LOGIN}@mlflow.example"},
            "Pusher: its pod has no variable MLFLOW_LOGIN, to which registry.uri refers; add it "
            "to kubeflow.every_node.secrets",
        ),
        (
            {"data_path": "https://me:${FTP_PASSWORD}@host/data"},
            "ImageTextExampleGen: its pod has no variable FTP_PASSWORD, to which data.path refers; "
            "add it to kubeflow.every_node.secrets",
        ),
        (
            {"nodes": {"Baseline": {"cache": True}}},
            "Baseline: reads what is outside the pipeline, where Kubeflow's cache sees no "
            "change; leave out kubeflow.nodes.Baseline.cache",
        ),
        (
            {"nodes": {"Pusher": {"environment": {"AWS_SECRET_ACCESS_KEY": "x"}}}},
            "Pusher: the value of AWS_SECRET_ACCESS_KEY would be readable in the spec; take it "
            "from a Kubernetes secret, under `secrets`",
        ),
        (
            {"nodes": {"Trainer": {"gpus": 1, "gpu": "NVIDIA_TESLA_T4"}}},
            "Trainer: NVIDIA_TESLA_T4 is not the name of a GPU on kubeflow; write it like "
            "nvidia.com/gpu",
        ),
    ],
)
def test_obstacles_on_kubeflow(tmp_path, changes: dict[str, Any], sentence: str):
    config = cluster_config(tmp_path, section(**changes))
    assert sentence in sentences(check_config(config, "kubeflow"))


def test_warnings_on_kubeflow(tmp_path):
    given = section(image="registry.example/diptych", registry_uri=None)
    assert sentences(check_config(cluster_config(tmp_path, given), "kubeflow"), "warning") == [
        "kubeflow.image: registry.example/diptych may name another image later, which the cache "
        "would not notice; give it a tag of its own, or a digest",
        "registry.uri: the registry is a sqlite file beside the releases, and many network volumes "
        "lock files badly; name an MLflow server; see docs/kubeflow.md",
    ]


def test_a_cluster_of_beam_needs_a_store_that_its_workers_can_open(tmp_path):
    beam = {
        "runner": "flink",
        "master": "flink-jobmanager:8081",
        "version": "1.20",
        "parallelism": 4,
        "environment": {"kind": "external", "address": "localhost:50000"},
    }
    without = cluster_config(tmp_path, beam=beam)
    assert sentences(check_config(without, "kubeflow")) == [
        "beam.runner: the workers of flink cannot open artifacts in the default store of the "
        "server; set kubeflow.pipeline_root to gs://..., or run Beam in the pods with "
        "beam: {runner: local}"
    ]
    assert (
        sentences(check_config(cluster_config(tmp_path, section(**ROOT), beam=beam), "kubeflow"))
        == []
    )


def test_files_that_the_config_names_must_be_in_the_pods(tmp_path):
    config = cluster_config(
        tmp_path,
        text={"vocabulary": "vocab.txt", "max_captions": 3},
        model={"text_tower": {"kind": "bag", "weights": "release:/diptych/releases/3"}},
    )
    assert sentences(check_config(config, "kubeflow")) == []
    assert sentences(check_config(config, "kubeflow"), "warning") == [
        f"Transform: no volume of its pod holds {tmp_path}/vocab.txt, which text.vocabulary names; "
        "put it below a path of kubeflow.every_node.volumes, or into the image at that path"
    ]


def test_obstacles_on_vertex(tmp_path):
    found = sentences(check_config(cluster_config(tmp_path), "vertex"))
    assert (
        "kubeflow.pipeline_root: Vertex keeps artifacts in Cloud Storage, not in None; set it to "
        "gs://..." in found
    )
    volumes = [sentence for sentence in found if "Vertex has no" in sentence]
    assert volumes == [  # once, and not for each of twelve nodes
        "kubeflow.every_node: Vertex has no volumes; leave them out of the config that is "
        "compiled for Vertex"
    ]
    fine = cluster_config(tmp_path, vertex_section())
    assert sentences(check_config(fine, "vertex")) == []
    assert sentences(check_config(fine, "vertex"), "warning") == [
        f"{node}: Vertex mounts no volume, so releases in /diptych/releases are lost with the pod; "
        "release from open-source Kubeflow or from a machine with `diptych run`"
        for node in ("Baseline", "Pusher", "ServedStatistics")
    ]
    unnamed = {**vertex_section(), "nodes": {"Trainer": {"gpus": 1}}}
    assert sentences(check_config(cluster_config(tmp_path, unnamed), "vertex")) == [
        "Trainer: sets gpus without gpu; set gpu, like NVIDIA_TESLA_T4"
    ]


def test_obstacles_are_raised_together():
    first, second = Finding("obstacle", "A", "x", "do y"), Finding("obstacle", "B", "z", "do w")
    refuse([Finding("warning", "C", "w", "v")])
    with pytest.raises(ObstacleError, match="A: x; do y\nB: z; do w"):
        refuse([first, second])
