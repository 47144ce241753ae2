"""`--set name=value`: the types, and what is refused."""

import pytest
import yaml

from kubeflow.client.run_arguments import settings
from kubeflow.compiler.package import parse
from schema.errors import InputError
from tests.support.kfp.desk import documents


def test_values_are_typed(desk):
    given = ["rate=2", "fresh=true", 'splits=["a"]', 'tags={"a": 1}', "data_path=3"]
    desk.submit(*(word for each in given for word in ("--set", each)))
    [run] = desk.server.asked("POST", "/runs")
    assert run.body["runtime_config"]["parameters"] == {
        "rate": 2,
        "fresh": True,
        "splits": ["a"],
        "tags": {"a": 1},
        "data_path": "3",
    }


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("epochs", "write it as name=value"),
        ("epochs=3.5", "epochs must be a whole number"),
        ("epochs=true", "epochs must be a whole number"),
        ("epochs=", "epochs must be a whole number"),
        ("rate=NaN", "rate must be a number"),
        ("fresh=1", "fresh must be true or false"),
        ("splits={}", "splits must be a list in JSON"),
        ("tags=[]", "tags must be an object in JSON"),
        (
            "epoch=3",
            "the pipeline small has data_path (text), epochs (a whole number), fresh (true or "
            "false), rate (a number), splits (a list in JSON), tags (an object in JSON)",
        ),
    ],
)
def test_a_setting_that_does_not_fit_starts_nothing(desk, given, sentence):
    shown = desk.submit("--set", given)
    assert shown.stderr == f"diptych: --set {given}: {sentence}\n"
    assert shown.exit_code == 1
    assert not desk.server.asked("POST")


@pytest.mark.parametrize("value", ["[" * 50_000, "[" * 70 + "]" * 70, "[NaN]", "9" * 5000])
def test_a_setting_that_is_no_sane_json_is_one_short_sentence(desk, value):
    shown = desk.submit("--set", f"splits={value}")
    assert shown.stderr.startswith("diptych: --set splits=")
    assert shown.stderr.endswith(": splits must be a list in JSON\n")
    assert len(shown.stderr) < 200
    assert shown.exit_code == 1


def test_a_password_is_refused_and_not_shown(desk):
    shown = desk.submit("--set", "data_path=ftp://u:hunter2@host/data")
    assert shown.stderr == (
        "diptych: --set data_path: holds a password; write ${DATA_PATH_PASSWORD} in its place and "
        "set this variable\n"
    )
    assert shown.exit_code == 1
    assert not desk.server.asked("POST")


def package_with(root):
    """A compiled package whose whole pipeline is `root`."""
    return parse(yaml.safe_dump({**documents()[0], "root": root}), "small.yaml")


def test_a_parameter_that_must_be_set():
    parameters = {"span": {"parameterType": "NUMBER_INTEGER"}}
    package = package_with({"inputDefinitions": {"parameters": parameters}})
    assert settings(package, ["span=7"]) == {"span": 7}
    with pytest.raises(InputError, match="span has no default; give --set span="):
        settings(package, [])
    with pytest.raises(InputError, match="--set span=8: span is set twice"):
        settings(package, ["span=7", "span=8"])


def test_a_pipeline_without_parameters():
    with pytest.raises(InputError, match="--set a=1: the pipeline small has no parameters"):
        settings(package_with({}), ["a=1"])
