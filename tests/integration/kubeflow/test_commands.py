"""`diptych kubeflow compile`, `check` and `dry-run` as a person calls them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from diptych.cli.main import app
from tests.support.kubeflow_config import section, vertex_section
from tests.support.small_run import small_values


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return written(tmp_path / "config.yaml", section())


def written(file: Path, kubeflow: dict[str, Any] | None) -> Path:
    values = small_values() | ({"kubeflow": kubeflow} if kubeflow else {})
    file.write_text(yaml.safe_dump(values))
    return file


def diptych(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["kubeflow", *map(str, arguments)])


def test_compile_writes_a_file_and_says_what_took_how_long(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = diptych("compile", config)
    assert ended.exit_code == 0, ended.output
    assert re.fullmatch(
        r"small-kubeflow\.yaml: for kubeflow, in \d+ s, of which compiling took \d\.\d s\n",
        ended.stdout,
    )
    spec, _ = yaml.safe_load_all((tmp_path / "small-kubeflow.yaml").read_text())
    assert spec["pipelineInfo"]["name"] == "small"


def test_compile_for_vertex_tells_its_warnings(tmp_path):
    config = written(tmp_path / "config.yaml", vertex_section())
    ended = diptych("compile", config, "--platform", "vertex", "-o", tmp_path / "v.yaml")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.startswith("  warning: Baseline: Vertex mounts no volume, ")
    [spec] = yaml.safe_load_all((tmp_path / "v.yaml").read_text())
    assert spec["defaultPipelineRoot"] == "gs://bucket/root"


def test_an_obstacle_leaves_no_file(tmp_path):
    config = written(tmp_path / "config.yaml", section(data_path="nowhere://bucket/data"))
    ended = diptych("compile", config, "-o", tmp_path / "x.yaml")
    assert ended.exit_code == 1
    assert ended.stderr == (
        "diptych: ImageTextExampleGen: no file system is known that opens nowhere://bucket/data; "
        "set kubeflow.data_path to s3://..., gs://... or to a folder on a volume\n"
    )
    assert not (tmp_path / "x.yaml").exists()


def test_check_lists_every_obstacle(tmp_path):
    given = section(image="diptych", data_path="/elsewhere", push_path="/elsewhere")
    ended = diptych("check", written(tmp_path / "config.yaml", given))
    assert ended.exit_code == 1
    assert [line.split(":")[1].strip() for line in ended.stdout.splitlines()] == [
        "ImageTextExampleGen",
        "Baseline",
        "Pusher",
        "ServedStatistics",
        "kubeflow.image",  # the warning comes last
    ]
    assert ended.stdout.count("  obstacle: ") == 4


def test_check_of_a_config_that_can_run(config):
    ended = diptych("check", config)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == f"{config}: can run on kubeflow\n"


def test_a_config_without_the_section(tmp_path):
    ended = diptych("compile", written(tmp_path / "config.yaml", None))
    assert ended.exit_code == 1
    assert ended.stderr == (
        "diptych: kubeflow: the config has no such section; add it with an `image`\n"
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"nodes": {"Trianer": {"gpus": 1}}},
            "kubeflow.nodes.Trianer.[key]: 'Trianer' is not a node of the pipeline; choose one "
            "of Baseline, CatalogueIndexer, Evaluator, ExampleValidator, ImageTextExampleGen, "
            "ImportSchema, Pusher, RunReport, ServedStatistics, ServingCheck, StatisticsGen, "
            "TowerConverter, Trainer, Transform, Tuner",
        ),
        (
            {"every_node": {"memory": "4 GB"}},
            "kubeflow.every_node.memory = '4 GB': string should match pattern "
            r"'^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$'",
        ),
        (
            {"every_node": {"cpus": 1}},
            "kubeflow.every_node.cpus is not a key of the config; the nearest is "
            "kubeflow.every_node.cpu",
        ),
    ],
)
def test_a_section_that_cannot_be_read(tmp_path, changes, sentence):
    config = written(tmp_path / "config.yaml", section(**changes))
    ended = diptych("compile", config)
    assert ended.exit_code == 2
    assert ended.stderr == f"diptych: {config}: {sentence}\n"


def test_a_package_for_another_platform_is_not_run(tmp_path):
    config = written(tmp_path / "config.yaml", vertex_section())
    package = tmp_path / "vertex.yaml"
    assert diptych("compile", config, "--platform", "vertex", "-o", package).exit_code == 0
    ended = diptych("dry-run", config, "--package", package)
    assert ended.exit_code == 1
    assert ended.stderr == (
        f"diptych: {package}: was compiled for Vertex AI, and Kubeflow cannot run it; compile it "
        "with: diptych kubeflow compile\n"
    )


def test_a_run_parameter_that_the_package_lacks(config, tmp_path):
    package = tmp_path / "small.yaml"
    assert diptych("compile", config, "-o", package).exit_code == 0
    ended = diptych("dry-run", config, "--package", package, "--set", "epoch=1")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("diptych: --set epoch=1: the pipeline small has ")
    assert not (tmp_path / "runs" / "dry-run" / "last").exists()


def test_a_file_that_cannot_be_written(config, tmp_path):
    ended = diptych("compile", config, "-o", tmp_path / "missing" / "x.yaml")
    assert ended.exit_code == 1
    assert ended.stderr == (
        f"diptych: {tmp_path}/missing/x.yaml: cannot be used: the folder {tmp_path}/missing is "
        "not there\n"
    )


def test_values_that_are_given_are_part_of_the_package(config, tmp_path):
    given, plain, changed = (tmp_path / name for name in ("given.yaml", "plain.yaml", "both.yaml"))
    values = ("loss.margin=0.3", "kubeflow.image=registry:5000/diptych:2", "training.epochs=7")
    assert diptych("compile", config, "loss={name: hinge}", "-o", plain).exit_code == 0
    ended = diptych("compile", config, "loss.name=hinge", *values, "-o", given)
    assert ended.exit_code == 0, ended.output
    loaded = yaml.safe_load(config.read_text())
    loaded["loss"] = {"name": "hinge", "margin": 0.3}
    loaded["kubeflow"]["image"] = "registry:5000/diptych:2"
    loaded["training"]["epochs"] = 7
    config.write_text(yaml.safe_dump(loaded))
    assert diptych("compile", config, "-o", changed).exit_code == 0
    assert given.read_text() == changed.read_text() != plain.read_text()
    [spec, _] = yaml.safe_load_all(given.read_text())
    assert spec["root"]["inputDefinitions"]["parameters"]["epochs"]["defaultValue"] == 7


def test_check_looks_at_values_that_are_given(config):
    ended = diptych("check", config, "kubeflow.image=diptych", "kubeflow.data_path=/elsewhere")
    assert ended.exit_code == 1
    assert "kubeflow.image" in ended.stdout
    for command in ("check", "compile", "dry-run"):
        ended = diptych(command, config, "training.epoch=1")
        assert ended.exit_code == 2
        assert ended.stderr == (
            f"diptych: {config} with training.epoch: training.epoch is not a key of the config; "
            "the nearest is training.epochs\n"
        )


def test_the_values_of_a_compiled_package_do_not_change(config, tmp_path):
    package = tmp_path / "small.yaml"
    assert diptych("compile", config, "-o", package).exit_code == 0
    ended = diptych("dry-run", config, "training.epochs=1", "--package", package)
    assert ended.exit_code == 1
    assert ended.stderr == (
        "diptych: training.epochs cannot be changed in --package, which is compiled; leave "
        "--package out, or set a run parameter with --set\n"
    )
