"""What the entrypoint makes of a launcher's executor input, without TFX."""

import json
import subprocess
import sys
from pathlib import PurePosixPath
from typing import Any

import pytest

from kubeflow.entrypoint.__main__ import main
from kubeflow.entrypoint.adapter import adapted, to_local, to_store, with_addresses
from kubeflow.entrypoint.arguments import parse
from schema.errors import InputError

MODEL = {"instanceSchema": "title: tfx.Model\ntype: object\n"}
SPEC = {"artifacts": {"model": {"artifactType": MODEL}, "baseline": {"artifactType": MODEL}}}
KEPT = {"span": 2.0, "display_name": "model", "store_session_info": '{"Provider":"minio"}'}
INPUT: dict[str, Any] = {
    "inputs": {
        "parameterValues": {"epochs": 3.0},
        "artifacts": {
            "model": {
                "artifacts": [
                    {
                        "name": "7",
                        "uri": "minio://bucket/run/Trainer/7f3e/model",
                        "type": {"instanceSchema": ""},
                        "metadata": KEPT,
                    }
                ]
            },
            "baseline": {},
        },
    },
    "outputs": {
        "artifacts": {
            "evaluation": {
                "artifacts": [{"name": "evaluation", "uri": "s3://b/evaluation", "type": MODEL}]
            },
            "executor-logs": {
                "artifacts": [
                    {
                        "name": "executor-logs",
                        "uri": "s3://b/executor-logs-1",
                        "type": {"schemaTitle": "system.Artifact"},
                    }
                ]
            },
        },
        "outputFile": "/tmp/kfp_outputs/output_metadata.json",
    },
}


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("minio://bucket/a/b", "/minio/bucket/a/b"),
        ("s3://bucket/a", "/s3/bucket/a"),
        ("gs://bucket/a", "/gcs/bucket/a"),
        ("/mnt/data", "/mnt/data"),
        ("hdfs://host/a", "hdfs://host/a"),
    ],
)
def test_addresses_and_the_copies_of_the_launcher(uri, path):
    assert to_local(uri, PurePosixPath("/")) == path
    assert to_store(path, PurePosixPath("/")) == uri


def test_an_executor_input_is_made_readable():
    made = adapted(INPUT, SPEC, local=True)
    assert made["inputs"] == {
        "parameterValues": {"epochs": 3.0},
        "artifacts": {
            "model": {
                "artifacts": [
                    {
                        "name": "7",
                        "uri": "/minio/bucket/run/Trainer/7f3e/model",
                        "type": MODEL,  # from the inputs spec
                        "metadata": KEPT,
                    }
                ]
            }
        },
    }
    assert made["outputs"] == {
        "artifacts": {
            "evaluation": {
                "artifacts": [{"name": "evaluation", "uri": "/s3/b/evaluation", "type": MODEL}]
            }
        },
        "outputFile": "/tmp/kfp_outputs/output_metadata.json",
    }


def test_what_is_empty_is_left_out():
    """As of a node whose inputs are parameters only."""
    given = {
        "inputs": {"parameterValues": {"epochs": 3.0}},
        "outputs": {"outputFile": "/tmp/out.json", "artifacts": INPUT["outputs"]["artifacts"]},
    }
    made = adapted(given, SPEC, local=True)
    assert made["inputs"] == {"parameterValues": {"epochs": 3.0}, "artifacts": {}}
    assert list(made["outputs"]["artifacts"]) == ["evaluation"]


def test_addresses_stay_for_workers_of_a_cluster_and_a_known_type_stays():
    given = json.loads(json.dumps(INPUT))
    given["inputs"]["artifacts"]["model"]["artifacts"][0]["type"] = {"schemaTitle": "tfx.Other"}
    [model] = adapted(given, SPEC, local=False)["inputs"]["artifacts"]["model"]["artifacts"]
    assert model["uri"] == "minio://bucket/run/Trainer/7f3e/model"
    assert model["type"] == {"schemaTitle": "tfx.Other"}


def test_an_executor_output_names_the_store_again():
    answered = {
        "artifacts": {"model": {"artifacts": [{"uri": "/minio/bucket/model", "name": "1"}]}}
    }
    assert with_addresses(answered, to_store) == {
        "artifacts": {"model": {"artifacts": [{"uri": "minio://bucket/model", "name": "1"}]}}
    }


def command(**changes: str) -> list[str]:
    given = {
        "platform": "kubeflow",
        "node": "Trainer",
        "code_version": "0",
        "executor_class_path": "a.B",
        "json_serialized_invocation_args": json.dumps(INPUT),
        "json_serialized_inputs_spec_args": json.dumps(SPEC),
    } | changes
    return [f"--{name}={value}" for name, value in given.items()]


def test_what_is_not_ours_goes_to_beam():
    told = parse([*command(), "--runner=FnApiRunner", "--beam_plugins=tfx"])
    assert told.beam == ("--runner=FnApiRunner", "--beam_plugins=tfx")
    assert (told.node, told.platform, told.driver_only) == ("Trainer", "kubeflow", False)
    assert told.executor_input == INPUT


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            command(platform="mars"),
            "the command of the pod was not written by Diptych: argument --platform: invalid "
            "choice: 'mars' "
            "(choose from 'kubeflow', 'vertex')",
        ),
        (
            command(json_serialized_invocation_args="{{$}}"),
            "the command of the pod was not written by Diptych: argument "
            "--json_serialized_invocation_args: "
            "the executor input was not filled in; is this KFP v2?",
        ),
        (
            ["--platform=kubeflow"],
            "the command of the pod was not written by Diptych: the following arguments are "
            "required: --node, "
            "--code_version, --json_serialized_invocation_args, --json_serialized_inputs_spec_args",
        ),
    ],
)
def test_a_command_that_is_not_ours(arguments, sentence, capsys):
    with pytest.raises(InputError) as error:
        parse(arguments)
    assert str(error.value) == sentence
    assert main(arguments) == 1
    assert capsys.readouterr().err == f"diptych: entrypoint: {sentence}\n"


def test_an_image_of_other_code_is_refused(capsys):
    assert main(command()) == 1
    told = capsys.readouterr().err
    assert told.startswith("diptych: Trainer: the image holds other code (")
    assert told.endswith(
        ") than the spec was compiled from (0); build the image and compile from the same commit\n"
    )


def test_it_tells_its_version_at_once(tmp_path):
    asked = [sys.executable, "-X", "importtime", "-m", "kubeflow.entrypoint", "--version"]
    ended = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert ended.stdout == "diptych 0.1.0 entrypoint\n"
    assert "tensorflow" not in ended.stderr


def test_what_the_driver_knows_is_kept():
    from kubeflow.entrypoint.node import keep_what_the_driver_knows

    executor_input = {
        "outputs": {"artifacts": {"examples": {"artifacts": [{"metadata": {"a": 1, "span": 0}}]}}}
    }
    answered = {"artifacts": {"examples": {"artifacts": [{"metadata": {"span": 4}}]}}}
    keep_what_the_driver_knows(executor_input, answered)
    [examples] = executor_input["outputs"]["artifacts"]["examples"]["artifacts"]
    assert examples["metadata"] == {"a": 1, "span": 4}
