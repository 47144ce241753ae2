"""Plugins beside a config reach every node that reads a part of the config."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from typer.testing import CliRunner

from diptych.cli.main import app
from kubeflow.compiler.check_config import check_config
from kubeflow.compiler.node_settings import cacheable
from pipeline.beam.arguments import beam_arguments, imported_by_workers
from pipeline.beam.local_workers import local_workers
from pipeline.config import user_modules
from pipeline.config.beam import LocalBeam
from pipeline.config.run_config import RunConfig, load, of_release
from pipeline.create_pipeline import create_pipeline
from schema.errors import ConfigError, InputError
from tests.support.changed_config import load_changed

PLUGIN = "beside_the_config"
NODES = {
    *("ImageTextExampleGen", "Transform", "Tuner", "Trainer", "Evaluator", "CatalogueIndexer"),
    *("TowerConverter", "RunReport"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(user_modules, "FOLDERS", user_modules.FOLDERS)
    before = list(user_modules.FOLDERS)
    (tmp_path / f"{PLUGIN}.py").write_text("WORD = 'one'\n")
    yield tmp_path
    user_modules.FOLDERS[:] = before
    sys.modules.pop(PLUGIN, None)


def config_in(folder: Path, **changes: Any) -> RunConfig:
    tune = {"space": {"training.learning_rate": {"values": [0.1, 0.2]}}}
    return load_changed(folder, plugins=[PLUGIN], tune=tune, index={"split": "eval"}, **changes)


def parameters_of(folder: Path) -> dict[str, str]:
    """What each node is given, by its id."""
    nodes = create_pipeline(config_in(folder), str(folder / "root")).components
    return {node.id: json.dumps(node.exec_properties, default=str) for node in nodes}


def test_each_node_that_reads_config_is_given_them_with_the_digest_of_their_source(folder):
    first = parameters_of(folder)
    assert {node for node, given in first.items() if PLUGIN in given} >= NODES
    (folder / f"{PLUGIN}.py").write_text("WORD = 'two'\n")
    second = parameters_of(folder)
    assert {node for node in first if first[node] != second[node]} == NODES


def test_every_worker_of_beam_is_told_to_import_them(folder):
    pipeline = create_pipeline(config_in(folder), str(folder / "root"))
    assert imported_by_workers(pipeline.beam_pipeline_args) == ["tfx", "tensorflow_text", PLUGIN]


def word_of_the_plugin(_: int) -> str:
    return sys.modules[PLUGIN].WORD


def test_worker_processes_find_them_beside_the_config(folder):
    config_in(folder)
    sys.modules.pop(PLUGIN)
    words = []
    options = PipelineOptions(beam_arguments(LocalBeam(workers=2)))
    output = str(folder / "words")
    with local_workers(folder, imports=[PLUGIN]), beam.Pipeline(options=options) as pipeline:
        _ = (
            pipeline
            | beam.Create(range(4))
            | beam.Reshuffle()
            | beam.Map(word_of_the_plugin)
            | beam.io.WriteToText(output)
        )
    for file in folder.glob("words*"):
        words += file.read_text().split()
    assert words == ["one"] * 4


def test_on_kubeflow_they_come_with_the_image_and_hide_from_the_cache(folder):
    section = {"image": "registry/diptych:1", "pipeline_root": "s3://bucket"}
    config = config_in(folder, kubeflow=section)
    found = [each for each in check_config(config, "kubeflow") if each.node == "plugins"]
    assert [each.level for each in found] == ["warning"]
    assert PLUGIN in found[0].problem
    ids = {"StatisticsGen", "ServingCheck", *NODES} - {"ImageTextExampleGen"}
    assert {node for node in ids if cacheable(node, config)} == {"StatisticsGen", "ServingCheck"}


def test_a_plugin_that_fails_is_a_failure_of_the_config(folder):
    file = folder / "config.yaml"
    config_in(folder)
    sys.modules.pop(PLUGIN)
    (folder / f"{PLUGIN}.py").write_text("import sys; sys.exit(0)\n")
    ended = CliRunner().invoke(app, ["check", str(file)])
    assert ended.exit_code == 2
    assert ended.stderr == (
        f"diptych: {file}: plugins: {PLUGIN} cannot be imported: SystemExit: 0\n"
    )


def test_a_release_whose_plugin_is_not_here_is_named(folder):
    file = folder / "config.json"
    text = config_in(folder).model_dump_json()
    file.write_text(text.replace(f'"{PLUGIN}"', '"plugin_of_elsewhere"'))
    with pytest.raises(InputError) as caught:
        of_release(file)
    assert str(caught.value) == (
        f"{file}: plugins: plugin_of_elsewhere cannot be imported: ModuleNotFoundError: No module "
        "named 'plugin_of_elsewhere'"
    )


def test_a_plugin_that_another_module_hides_is_refused(folder):
    (folder / "json.py").write_text("")
    with pytest.raises(ConfigError) as caught:
        load_changed(folder, plugins=["json"])
    assert str(caught.value) == (
        f"{folder / 'config.yaml'}: plugins = 'json': the module json beside the config is hidden "
        f"by {json.__file__}; give it another name"
    )


def test_without_the_key_nothing_beside_the_config_is_imported(folder):
    load_changed(folder)
    load(folder / "config.yaml")
    assert PLUGIN not in sys.modules
    assert str(folder) not in sys.path
