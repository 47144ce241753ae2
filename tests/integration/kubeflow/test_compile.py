"""The compiled packages by value: tasks, parameters and commands, and Kubeflow's own loader."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.utils.import_utils import import_class_by_path

from components.deferred_executor import DeferredBeamExecutor, DeferredExecutor
from components.nodes import NODES
from pipeline.code_digest import node_digest
from tests.support.compiled import compile_all, container


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compile")


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")
        return compile_all(folder)


@pytest.fixture(scope="module")
def documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


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


def test_the_report_has_the_types_that_the_page_of_a_run_shows(documents):
    spec, _ = documents
    outputs = spec["components"]["RunReport"]["outputDefinitions"]["artifacts"]
    titles = {
        key: yaml.safe_load(output["artifactType"]["instanceSchema"])["title"]
        for key, output in outputs.items()
    }
    assert titles == {"page": "system.HTML", "card": "system.Markdown", "metrics": "system.Metrics"}


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
        "RunReport": ["set_data_path", "set_epochs", "set_push_path", "set_registry_uri"],
        "Pusher": ["set_data_path", "set_epochs", "set_push_path", "set_registry_uri"],
    }
    given = spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["parameters"]["set_epochs"]
    assert given == {"componentInputParameter": "epochs"}
    assert spec["components"]["Trainer"]["inputDefinitions"]["parameters"]["set_epochs"] == {
        "parameterType": "NUMBER_INTEGER"
    }


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
    assert compile_all(folder) == text


def test_kfp_loads_it(text):
    from kfp.components import load_component_from_text

    loaded = load_component_from_text(text)
    assert loaded.name == "small"
    assert set(loaded.component_spec.inputs) == {
        "data_path", "span", "epochs", "push_path", "registry_uri",
    }  # fmt: skip
    assert loaded.platform_spec.platforms["kubernetes"]


def test_a_pod_can_import_every_executor(documents):
    """Executors that are named and not imported while the graph is built among them."""
    spec, _ = documents
    paths = {}
    for node, task in spec["root"]["dag"]["tasks"].items():
        label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
        holder = spec["deploymentSpec"]["executors"][label].get("container", {})
        words = [*holder.get("command", []), *holder.get("args", [])]
        if "--executor_class_path" in words:
            paths[node] = words[words.index("--executor_class_path") + 1]
    assert paths["Evaluator"] == "components.evaluator.component.Executor"
    assert paths["Transform"] == "components.transform.component.Executor"
    for path in paths.values():
        executor = import_class_by_path(path)
        assert issubclass(executor, BaseExecutor)
        if issubclass(executor, DeferredExecutor | DeferredBeamExecutor):
            uses_beam = issubclass(executor, BaseBeamExecutor)
            assert issubclass(executor().load(), BaseBeamExecutor if uses_beam else BaseExecutor)
