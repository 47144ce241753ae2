"""Each obstacle between a pipeline and a platform: the node, what is wrong, the remedy."""

import copy
from typing import Any

import pytest
import yaml

from kubeflow.compiler.check_config import check_config
from kubeflow.compiler.check_spec import LONGEST_ARGUMENT, check_spec
from kubeflow.compiler.findings import Finding, ObstacleError, refuse
from kubeflow.compiler.platforms import COMMAND
from tests.integration.kubeflow.test_compile import vertex_section
from tests.support.kubeflow_config import cluster_config, section

EVERYTHING = section()["every_node"]
ROOT = {"pipeline_root": "gs://bucket/root"}


def told(findings: list[Finding], level: str = "obstacle") -> list[str]:
    return [each.sentence() for each in findings if each.level == level]


def test_nothing_stands_in_the_way_of_a_complete_section(tmp_path):
    assert check_config(cluster_config(tmp_path), "kubeflow") == []


def test_a_config_without_the_section(tmp_path):
    config = cluster_config(tmp_path).model_copy(update={"kubeflow": None})
    assert told(check_config(config, "kubeflow")) == [
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
    assert sentence in told(check_config(config, "kubeflow"))


def test_warnings_on_kubeflow(tmp_path):
    given = section(image="registry.example/diptych", registry_uri=None)
    assert told(check_config(cluster_config(tmp_path, given), "kubeflow"), "warning") == [
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
    assert told(check_config(without, "kubeflow")) == [
        "beam.runner: the workers of flink cannot open artifacts in the default store of the "
        "server; set kubeflow.pipeline_root to gs://..., or run Beam in the pods with "
        "beam: {runner: local}"
    ]
    assert (
        told(check_config(cluster_config(tmp_path, section(**ROOT), beam=beam), "kubeflow")) == []
    )


def test_files_that_the_config_names_must_be_in_the_pods(tmp_path):
    config = cluster_config(
        tmp_path,
        text={"vocabulary": "vocab.txt", "max_captions": 3},
        model={"text_tower": {"kind": "bag", "start_from": "/diptych/releases/3"}},
    )
    assert told(check_config(config, "kubeflow")) == []
    assert told(check_config(config, "kubeflow"), "warning") == [
        f"Transform: no volume of its pod holds {tmp_path}/vocab.txt, which text.vocabulary names; "
        "put it below a path of kubeflow.every_node.volumes, or into the image at that path"
    ]


def test_obstacles_on_vertex(tmp_path):
    found = told(check_config(cluster_config(tmp_path), "vertex"))
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
    assert told(check_config(fine, "vertex")) == []
    assert told(check_config(fine, "vertex"), "warning") == [
        f"{node}: Vertex mounts no volume, so releases in /diptych/releases are lost with the pod; "
        "release from open-source Kubeflow or from a machine with `diptych run`"
        for node in ("Baseline", "Pusher", "ServedStatistics")
    ]
    unnamed = {**vertex_section(), "nodes": {"Trainer": {"gpus": 1}}}
    assert told(check_config(cluster_config(tmp_path, unnamed), "vertex")) == [
        "Trainer: sets gpus without gpu; set gpu, like NVIDIA_TESLA_T4"
    ]


def test_obstacles_are_raised_together():
    first, second = Finding("obstacle", "A", "x", "do y"), Finding("obstacle", "B", "z", "do w")
    refuse([Finding("warning", "C", "w", "v")])
    with pytest.raises(ObstacleError, match="A: x; do y\nB: z; do w"):
        refuse([first, second])


@pytest.fixture
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from kubeflow.compiler.package_writer import compile_package

    text = compile_package(cluster_config(tmp_path_factory.mktemp("check")), "kubeflow").text
    return copy.deepcopy(next(iter(yaml.safe_load_all(text))))


def test_the_spec_we_compile_is_clean(spec):
    assert check_spec(spec, "kubeflow") == []


def test_obstacles_in_a_spec(spec):
    tasks, executors = spec["root"]["dag"]["tasks"], spec["deploymentSpec"]["executors"]
    tasks["Pusher"]["triggerPolicy"] = {
        "condition": "inputs.artifacts['blessing'].artifacts[0].metadata['blessed'] == 1.0"
    }
    executors["Baseline_executor"] = {"resolver": {}}
    executors["Trainer_executor"]["container"]["command"] = ["python", "-m", "tfx"]
    del spec["root"]["inputDefinitions"]["parameters"]["epochs"]["defaultValue"]
    given = tasks["Evaluator"]["inputs"]["parameters"]["config"]["runtimeValue"]
    given["constant"] = '{"templates": ["a {{photo}}"]}'
    assert told(check_spec(spec, "kubeflow")) == [
        "Baseline: open-source Kubeflow runs no Resolver; use Baseline, which looks up the "
        "release that serves",
        "Evaluator: its config holds '{{', which the workflow engine takes for a placeholder; "
        "write it with a space between the braces",
        "Pusher: runs on a condition about artifacts, and open-source Kubeflow knows only "
        "parameters; decide inside the node",
        "Trainer: its command is not Diptych's entrypoint, and TFX cannot read what the launcher "
        "passes; compile with `diptych kubeflow compile`",
        "pipeline: the run parameter epochs has no default; set one: a schedule cannot ask for it",
    ]


def test_retries_that_would_never_come(spec):
    spec["root"]["dag"]["tasks"]["Trainer"]["retryPolicy"] = {"maxRetryCount": 1}
    assert told(check_spec(spec, "kubeflow")) == [
        "Trainer: its retries have no backoffMaxDuration, so Argo gives up at the first failure; "
        "compile again with `diptych kubeflow compile`"
    ]
    assert check_spec(spec, "vertex") == []


def test_an_argument_that_linux_would_not_take(spec):
    given = spec["root"]["dag"]["tasks"]["Pusher"]["inputs"]["parameters"]["config"]
    given["runtimeValue"]["constant"] = "x" * (LONGEST_ARGUMENT - 9_000)
    assert check_spec(spec, "kubeflow") == []
    given["runtimeValue"]["constant"] = "x" * (LONGEST_ARGUMENT - 8_000)
    [sentence] = told(check_spec(spec, "kubeflow"))
    assert sentence.startswith("Pusher: an argument of its command would be 131,")
    assert sentence.endswith("bytes, and Linux takes 131,072; shorten the config")


def test_a_spec_that_kubernetes_may_not_store(spec):
    spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["comment"] = "x" * 1_000_000
    [sentence] = told(check_spec(spec, "kubeflow"), "warning")
    assert sentence.startswith("pipeline: the spec is 1,0")


def test_obstacles_in_a_pipeline():
    from tfx.components import CsvExampleGen, InfraValidator, StatisticsGen
    from tfx.dsl.components.common.importer import Importer
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
        LatestBlessedModelStrategy,
    )
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import infra_validator_pb2
    from tfx.types import Channel
    from tfx.types.artifact import Artifact
    from tfx.types.standard_artifacts import Model, ModelBlessing

    from kubeflow.compiler.check_pipeline import check_pipeline

    class Odd(Artifact):
        TYPE_NAME = "Odd"

    examples = CsvExampleGen(input_base=RuntimeParameter(name="folder", ptype=str))
    statistics = StatisticsGen(examples=examples.outputs["examples"]).with_id("statistics_gen")
    latest = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("latest")
    odd = Importer(source_uri="/tmp", artifact_type=Odd).with_id("odd")
    validator = InfraValidator(
        model=latest.outputs["model"],
        serving_spec=infra_validator_pb2.ServingSpec(
            tensorflow_serving=infra_validator_pb2.TensorFlowServing(tags=["1"]),
            local_docker=infra_validator_pb2.LocalDockerConfig(),
        ),
    )
    nodes = [examples, statistics, latest, odd, validator]
    found = check_pipeline(Pipeline("Emoji_1", "root", components=nodes))
    assert sorted(told(found)) == [
        "CsvExampleGen: its run parameter folder has no default; set one where input_base is set: "
        "a schedule cannot ask for it",
        "InfraValidator: TFX's compiler for Kubeflow refuses an InfraValidator; use ServingCheck, "
        "which writes the same blessing",
        "latest: open-source Kubeflow runs no Resolver; use Baseline, which looks up the release "
        "that serves",
        "odd: result is of the artifact type Odd; name the type like `package.Type`",
        "pipeline: Emoji_1 is not a valid name on Kubernetes; use at most 63 of a-z, 0-9 and -",
        "statistics_gen: the workflow engine does not accept this name; use at most 63 letters, "
        "digits "
        "and -",
    ]


def test_the_command_says_when_the_image_is_not_ours(tmp_path):
    import subprocess
    import sys

    # Without site-packages Python is an image that holds none of our code.
    ended = subprocess.run(
        [sys.executable, "-I", "-S", *COMMAND[1:], "--platform=kubeflow"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        "diptych: this image has no Diptych entrypoint; build it from kubeflow/Dockerfile\n"
    )
