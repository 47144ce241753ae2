"""Ingest's driver under our entrypoint, as Vertex calls it: which span a run gets."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow.dry_run.driver import inputs_of, outputs_of
from kubeflow.dry_run.tasks import run_parameters
from kubeflow.entrypoint.__main__ import main
from tests.support.kubeflow_config import cluster_config, vertex_section
from tests.support.small_run import small_values

NODE = "ImageTextExampleGen"
SPLITS = {"train": "span-{SPAN}/train-*.tar", "eval": "span-{SPAN}/eval-*.tar"}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from kubeflow.compiler.package_writer import compile_package

    data = {**small_values()["data"], "splits": SPLITS}
    config = cluster_config(tmp_path_factory.mktemp("driver"), vertex_section(), data=data)
    return next(iter(yaml.safe_load_all(compile_package(config, "vertex").text)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for span in (1, 2):
        (tmp_path / f"span-{span}").mkdir()
        for name in ("train-0.tar", "eval-0.tar"):
            (tmp_path / f"span-{span}" / name).write_text(f"{span} {name}")
    return tmp_path


def driven(spec: dict[str, Any], folder: Path, values: dict[str, Any]) -> tuple[int, Path]:
    task, component = spec["root"]["dag"]["tasks"][NODE], spec["components"][NODE]
    parameters = run_parameters(spec, {"data_path": str(folder), **values})
    output = folder / "out" / "output.json"
    executor_input = {
        "inputs": inputs_of(task, parameters, {}, component),
        "outputs": outputs_of(component, NODE, "gs://bucket/run", str(output), "7f3e"),
    }
    container = spec["deploymentSpec"]["executors"][f"{NODE}_executor"]["container"]
    given = container["lifecycle"]["preCacheCheck"]["args"]
    return main([each.replace("{{$}}", json.dumps(executor_input)) for each in given]), output


@pytest.mark.parametrize(("values", "span"), [({}, 2), ({"span": 1}, 1), ({"span": 2}, 2)])
def test_the_span_of_a_run(spec, folder, values, span, monkeypatch):
    monkeypatch.setenv("DIPTYCH_LAUNCHER_ROOT", str(folder / "pod"))
    code, output = driven(spec, folder, values)
    assert code == 0
    content = json.loads(output.read_text())
    assert content["parameterValues"]["span"] == span
    config = json.loads(content["parameterValues"]["input_config"])
    assert {each["name"]: each["pattern"] for each in config["splits"]} == {
        "train": f"span-{span}/train-*.tar",
        "eval": f"span-{span}/eval-*.tar",
    }
    [examples] = content["artifacts"]["examples"]["artifacts"]
    assert examples["uri"] == "gs://bucket/run/ImageTextExampleGen/7f3e/examples"
    assert examples["metadata"]["custom:span"] == span  # TFX's own form; it reads it so too
    # 'N train-0.tar' is 13 bytes, 'N eval-0.tar' 12: the fingerprint names the files it saw
    assert "split:train,num_files:1,total_bytes:13" in examples["metadata"]["input_fingerprint"]


def test_a_span_that_is_not_there(spec, folder, capsys, monkeypatch):
    monkeypatch.setenv("DIPTYCH_LAUNCHER_ROOT", str(folder / "pod"))
    code, output = driven(spec, folder, {"span": 7})
    assert code == 1
    assert not output.exists()
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert told.strip().splitlines()[-1] == (
        f"diptych: {NODE}: {folder}: Cannot find matching for split eval based on "
        "span-{SPAN}/eval-*.tar"
    )
