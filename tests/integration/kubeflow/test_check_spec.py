"""The obstacles that the pipeline and the compiled spec show: the node, the problem, the remedy."""

import copy
from typing import Any

import pytest
import yaml

from kubeflow.compiler.check_spec import LONGEST_ARGUMENT, check_spec
from kubeflow.compiler.platforms import COMMAND
from tests.support.kubeflow_config import cluster_config, sentences


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
    assert sentences(check_spec(spec, "kubeflow")) == [
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
    assert sentences(check_spec(spec, "kubeflow")) == [
        "Trainer: its retries have no backoffMaxDuration, so Argo gives up at the first failure; "
        "compile again with `diptych kubeflow compile`"
    ]
    assert check_spec(spec, "vertex") == []


def test_an_argument_that_linux_would_not_take(spec):
    given = spec["root"]["dag"]["tasks"]["Pusher"]["inputs"]["parameters"]["config"]
    given["runtimeValue"]["constant"] = "x" * (LONGEST_ARGUMENT - 9_000)
    assert check_spec(spec, "kubeflow") == []
    given["runtimeValue"]["constant"] = "x" * (LONGEST_ARGUMENT - 8_000)
    [sentence] = sentences(check_spec(spec, "kubeflow"))
    assert sentence.startswith("Pusher: an argument of its command would be 131,")
    assert sentence.endswith("bytes, and Linux takes 131,072; shorten the config")


def test_a_spec_that_kubernetes_may_not_store(spec):
    spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["comment"] = "x" * 1_000_000
    [sentence] = sentences(check_spec(spec, "kubeflow"), "warning")
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
    assert sorted(sentences(found)) == [
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
