"""The commands of releases where the section `kubeflow` says the releases are."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from diptych.cli.main import app
from pipeline.config.run_config import load
from schema.errors import ConfigError
from tests.support.kubeflow_config import section
from tests.support.releases import decided, store_in, writer
from tests.support.small_run import small_values


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases below kubeflow.push_path, of which the second was refused."""
    folder = tmp_path_factory.mktemp("cluster")
    there = folder / "mounted"
    releases = store_in(there)
    first = releases.publish(writer("a"))
    releases.promote(first, decided(None), by="a test")
    releases.publish(writer("b", first, ("too bad",)))
    file = folder / "config.yaml"
    moved = section(push_path=str(there), registry_uri=None)
    file.write_text(yaml.safe_dump({**small_values(), "name": "emoji", "kubeflow": moved}))
    return file


def told(*arguments: str) -> str:
    found = CliRunner().invoke(app, list(arguments))
    assert found.exit_code == 0, found.output
    return found.stdout


def test_releases_are_looked_for_where_the_cluster_has_them(config):
    assert "no releases in" in told("releases", "-c", str(config))
    table = told("releases", "--on-cluster", "-c", str(config))
    assert re.search(r"^ *1 .*passed .*serves", table, re.MULTILINE)
    assert re.search(r"^ *2 .*refused", table, re.MULTILINE)


def test_why_without_a_number_is_about_the_newest(config):
    shown = told("why", "--on-cluster", "-c", str(config))
    assert shown.startswith("release 2, made ")
    assert "✗ too bad" in shown
    assert told("why", "1", "--on-cluster", "-c", str(config)).startswith("release 1, made ")


def test_what_moves_and_what_stays(config):
    here, there = load(config), load(config, on_cluster=True)
    assert there.data.path == "/diptych/data"
    assert there.push.path == str(config.parent / "mounted")
    assert there.registry == here.registry
    assert there.for_trainer() == here.for_trainer()


def test_a_config_without_the_section(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(small_values()))
    with pytest.raises(ConfigError) as error:
        load(file, on_cluster=True)
    assert str(error.value) == f"{file}: has no section kubeflow, which says what is where"
