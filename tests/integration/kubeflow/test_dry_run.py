"""The parts of a dry run: order, conditions, what a pod sees and what it leaves."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow.dry_run import pod
from kubeflow.dry_run.driver import inputs_of, meets_condition, outputs_of
from kubeflow.dry_run.tasks import run_parameters, run_tasks, sorter
from schema.errors import InputError

SCHEMA = {"artifactType": {"instanceSchema": "title: tfx.Model\n"}}
# Writes its executor input and the sum of its parameter and what came in.
PROGRAM = """
import json, os, pathlib, sys
told = json.loads(sys.argv[1])
root = pathlib.Path(os.environ["DIPTYCH_LAUNCHER_ROOT"])
local = lambda uri: root / uri.replace("://", "/")
total = told["inputs"]["parameterValues"]["number"]
for found in told["inputs"].get("artifacts", {}).values():
    total += int((local(found["artifacts"][0]["uri"]) / "total").read_text())
if total == 99:
    os._exit(0)
if total < 0:
    print("diptych: Node: the total is below zero")
    sys.exit(1)
[out] = told["outputs"]["artifacts"]["total"]["artifacts"]
local(out["uri"]).mkdir()
(local(out["uri"]) / "total").write_text(str(int(total)))
(local(out["uri"]) / "told").write_text(json.dumps(told))
answer = {"artifacts": {"total": {"artifacts": [{"metadata": {"total": total}}]}}}
pathlib.Path(told["outputs"]["outputFile"]).write_text(json.dumps(answer))
"""


def task(number: Any, *producers: str, condition: str = "") -> dict[str, Any]:
    given = {"componentInputParameter": number} if isinstance(number, str) else None
    return {
        "componentRef": {"name": "add"},
        "inputs": {
            "parameters": {"number": given or {"runtimeValue": {"constant": number}}},
            "artifacts": {
                f"from-{each}": {
                    "taskOutputArtifact": {"producerTask": each, "outputArtifactKey": "total"}
                }
                for each in producers
            },
        },
        **({"triggerPolicy": {"condition": condition}} if condition else {}),
    }


def package(**tasks: dict[str, Any]) -> str:
    parameters = {"start": {"parameterType": "NUMBER_INTEGER", "defaultValue": 40}}
    spec = {
        "pipelineInfo": {"name": "sums"},
        "root": {"dag": {"tasks": tasks}, "inputDefinitions": {"parameters": parameters}},
        "components": {
            "add": {
                "executorLabel": "add_executor",
                "outputDefinitions": {"artifacts": {"total": SCHEMA}},
            }
        },
        "deploymentSpec": {
            "executors": {
                "add_executor": {
                    "container": {"command": ["python", "-c"], "args": [PROGRAM, "{{$}}"]}
                }
            }
        },
    }
    return yaml.safe_dump(spec)


def test_a_killed_pod_is_a_failed_task(tmp_path):
    spec = yaml.safe_load(package(a=task("start")))
    container = spec["deploymentSpec"]["executors"]["add_executor"]["container"]
    container["args"][0] = "import os; print('diptych: all is well'); os.kill(os.getpid(), 9)"
    heard: list[tuple[str, str]] = []
    with pytest.raises(InputError, match=r"^a: its command was ended by signal SIGKILL; its log"):
        run_tasks(yaml.safe_dump(spec), tmp_path / "run", {}, lambda *event: heard.append(event))
    assert heard == [("a", "started"), ("a", "failed")]


def test_tasks_run_in_order_and_hand_their_artifacts_on(tmp_path):
    text = package(c=task(0, "a", "b"), b=task(3, "a"), a=task("start"))
    heard: list[tuple[str, str]] = []
    ended = run_tasks(text, tmp_path / "run", {}, lambda *event: heard.append(event))
    # a = 40; b = 3 + 40; c = 0 + 40 + 43
    assert (ended.folder("c", "total") / "total").read_text() == "83"
    assert ended.states == {"a": "ran", "b": "ran", "c": "ran"}
    assert heard == [(n, s) for n in "abc" for s in ("started", "ran")]
    content = json.loads((ended.folder("b", "total") / "told").read_text())
    [came] = content["inputs"]["artifacts"]["from-a"]["artifacts"]
    folder = "minio://mlpipeline/v2/artifacts/dry-run/run/a"
    assert re.fullmatch(rf"{folder}/[0-9a-f-]{{36}}/total", came["uri"])
    assert came["type"] == {"instanceSchema": ""}  # the quirk TFX dies of
    assert json.loads(came["metadata"].pop("store_session_info"))["Provider"] == "minio"
    assert came["metadata"] == {"total": 40.0, "display_name": "total"}
    assert set(content["outputs"]["artifacts"]) == {"total", "executor-logs"}
    assert list((tmp_path / "run" / "pods").iterdir()) == []  # nothing but artifacts is left


def test_a_parameter_of_the_run(tmp_path):
    ended = run_tasks(package(a=task("start")), tmp_path / "run", {"start": 2})
    assert (ended.folder("a", "total") / "total").read_text() == "2"


def test_a_condition_that_does_not_hold_skips_the_task_and_those_after_it(tmp_path):
    text = package(
        a=task(1),
        b=task(2, "a", condition="inputs.parameter_values['number'] > 2.0"),
        c=task(3, "b"),
        d=task(5, "a", condition="inputs.parameter_values['number'] > 2.0"),
    )
    ended = run_tasks(text, tmp_path / "run", {})
    assert ended.states == {"a": "ran", "b": "skipped", "c": "skipped", "d": "ran"}


def test_a_condition_about_artifacts_cannot_be_decided():
    with pytest.raises(InputError, match=r"the condition .* cannot be decided"):
        meets_condition({"triggerPolicy": {"condition": "inputs.artifacts['a'] == 1"}}, {})


def test_a_command_that_ends_before_its_work_is_done_has_failed(tmp_path):
    with pytest.raises(InputError, match="its command ended before its work was done; its log is"):
        run_tasks(package(Node=task(99)), tmp_path / "run", {})


def test_a_failure_ends_the_dry_run_in_the_sentence_of_the_node(tmp_path):
    heard: list[tuple[str, str]] = []
    text = package(Node=task(-1), later=task(1, "Node"))
    with pytest.raises(InputError) as error:
        run_tasks(text, tmp_path / "run", {}, lambda *event: heard.append(event))
    assert str(error.value) == "Node: the total is below zero"
    assert heard == [("Node", "started"), ("Node", "failed")]


def test_a_failure_without_a_sentence_names_the_log(tmp_path):
    container = {"command": ["python", "-c", "import sys; print('odd'); sys.exit(7)"]}
    here = pod.Pod(tmp_path / "pod", tmp_path / "log")
    empty: dict[str, Any] = {"inputs": {"artifacts": {}}, "outputs": {"artifacts": {}}}
    with pytest.raises(InputError) as error:
        pod.run(here, tmp_path / "store", container, empty)
    assert str(error.value) == f"its command ended with code 7; its log is {tmp_path / 'log'}"


def test_a_pod_has_no_more_of_our_environment_than_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")
    program = (
        "import json, os, sys; print(sorted(os.environ)); print(sys.executable); "
        "open(sys.argv[1], 'w').write('{}')"
    )
    here = pod.Pod(tmp_path / "pod", tmp_path / "log")
    container = {
        "command": ["python", "-c", program],
        "args": [here.output_file],
        "env": [{"name": "TZ", "value": "UTC"}],
    }
    outputs = {"artifacts": {}, "outputFile": here.output_file}
    pod.run(here, tmp_path / "store", container, {"inputs": {"artifacts": {}}, "outputs": outputs})
    environment, python = (tmp_path / "log").read_text().splitlines()
    assert "hunter2" not in environment
    assert "MLFLOW_TRACKING_PASSWORD" not in environment
    assert "TZ" in environment
    assert Path(python).parent == Path(sys.executable).parent


def test_tasks_that_wait_for_each_other():
    with pytest.raises(InputError, match="wait for each other"):
        sorter({"a": {"dependentTasks": ["b"]}, "b": {"dependentTasks": ["a"]}})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"epoch": 1}, "epoch is not a run parameter; choose from epochs, span"),
        ({}, "the run parameter span has no value"),
    ],
)
def test_run_parameters(values, sentence):
    spec = {
        "root": {"inputDefinitions": {"parameters": {"epochs": {"defaultValue": 1}, "span": {}}}}
    }
    with pytest.raises(InputError) as error:
        run_parameters(spec, values)
    assert str(error.value) == sentence
    assert run_parameters(spec, {"span": 4}) == {"epochs": 1, "span": 4}


def test_what_the_driver_hands_over():
    given = task(6)
    component = {
        "inputDefinitions": {"parameters": {"more": {"defaultValue": "x"}}},
        "outputDefinitions": {"artifacts": {"total": SCHEMA}},
    }
    assert inputs_of(given, {}, {}, component) == {"parameterValues": {"number": 6.0, "more": "x"}}
    log = {"name": "executor-logs", "uri": "s3://b/run/a/7f3e/executor-logs-0"}
    total = {"name": "total", "uri": "s3://b/run/a/7f3e/total", "type": SCHEMA["artifactType"]}
    assert outputs_of(component, "a", "s3://b/run", "/tmp/out.json", "7f3e") == {
        "artifacts": {
            "total": {"artifacts": [total]},
            "executor-logs": {"artifacts": [{**log, "type": {"schemaTitle": "system.Artifact"}}]},
        },
        "outputFile": "/tmp/out.json",
    }
    [first, second] = [
        outputs_of(component, "a", "s3://b/run", "/tmp/out.json")["artifacts"]["total"]["artifacts"]
        for _ in range(2)
    ]
    assert first != second  # as two executions of a task
