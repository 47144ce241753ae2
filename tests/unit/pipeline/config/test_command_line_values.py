"""`training.epochs=3` on a command line: what replaces what, and what is refused."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from diptych.cli.command import keys_to_set
from diptych.cli.main import app
from pipeline.config.command_line_values import merged
from pipeline.config.run_config import load
from schema.errors import ConfigError, InputError
from tests.support.paths import EMOJI


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a.b=3"], {"a": {"b": 3, "c": "x"}, "d": [1]}),
        (["a.b=1e-4", "a.c=off"], {"a": {"b": 0.0001, "c": False}, "d": [1]}),
        (["a={b: 2}"], {"a": {"b": 2}, "d": [1]}),
        (["a.n.deep=text=more"], {"a": {"b": 1, "c": "x", "n": {"deep": "text=more"}}, "d": [1]}),
        (["d=[2, 3]", "a.c="], {"a": {"b": 1, "c": None}, "d": [2, 3]}),
        (["e.f=null"], {"a": {"b": 1, "c": "x"}, "d": [1], "e": {"f": None}}),
    ],
)  # fmt: skip
def test_values_replace_those_of_the_file(given, expected):
    values = {"a": {"b": 1, "c": "x"}, "d": [1]}
    assert merged(values, given) == expected
    assert values == {"a": {"b": 1, "c": "x"}, "d": [1]}


def test_what_an_alias_shares_is_changed_in_one_place():
    values = yaml.safe_load("one: &a {x: 1}\ntwo: *a\n")
    assert merged(values, ["one.x=2"]) == {"one": {"x": 2}, "two": {"x": 1}}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["a.b"], "a.b: write it as name=value"),
        (["=3"], "=3: write it as name=value"),
        (["a..b=3"], "a..b=3: write it as name=value"),
        (["a.b=1", "a.b=2"], "a.b=2: a.b is set twice"),
        (["a.b=1", "a={}"], "a.b is set twice: a is set, too, which holds it"),
        (["a.b.c=1"], "a.b.c: a.b is 1, and not a section"),
        (["d.0=1"], "d.0: d is a list; set it whole, d=[...]"),
        (["a.b=[1"], "a.b: is not valid YAML: line 2, column 1: "),
        (["a.b=1\n---\n2"], "a.b=1\n---\n2: one value is expected"),
        (["a.b=" + "[" * 100], "a.b: "),
        (
            ["a.uri=postgresql://u:hunter2@h/m"],
            "a.uri: holds a password; write ${A_PASSWORD} in its place and set this variable",
        ),
    ],
)
def test_what_cannot_be_set_is_one_sentence(given, sentence):
    with pytest.raises(InputError) as caught:
        merged({"a": {"b": 1}, "d": [1]}, given)
    assert str(caught.value).startswith(sentence)


def test_an_unknown_key_is_named_with_its_path():
    with pytest.raises(ConfigError) as caught:
        load(EMOJI, given=["training.epoch=3"])
    assert str(caught.value) == (
        f"{EMOJI} with training.epoch: training.epoch is not a key of the config; the nearest is "
        "training.epochs"
    )


def test_the_printed_config_is_the_one_that_is_loaded(tmp_path: Path):
    given = ["training.epochs=3", "registry.uri=https://${USER}@host/m", "loss={name: hinge}"]
    given += ["training.captions=one"]
    shown = CliRunner().invoke(app, ["run", str(EMOJI), *given, "--print-config"])
    assert shown.exit_code == 0
    printed = yaml.safe_load(shown.output)
    assert printed["training"]["epochs"] == 3
    assert printed["registry"]["uri"] == "https://${USER}@host/m"  # a reference stays one
    assert printed["loss"]["name"] == "hinge"
    file = tmp_path / "printed.yaml"
    file.write_text(shown.output)
    assert load(file) == load(EMOJI, given=given)
    assert printed == json.loads(load(file).model_dump_json())
    again = CliRunner().invoke(app, ["check", str(file), "--print-config"])
    assert again.output == shown.output


def test_keys_are_completed_a_section_at_a_time():
    assert keys_to_set("trai") == ["training."]
    assert keys_to_set("training.ep") == ["training.epochs="]
    assert "name=" in keys_to_set("")
    assert keys_to_set("training.epochs=") == []


def test_a_shell_completes_commands_and_options():
    def completed(words: str, place: int) -> list[str]:
        environment = {
            "_DIPTYCH_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(place),
        }
        shown = CliRunner().invoke(app, [], prog_name="diptych", env=environment)
        return shown.output.split()

    assert {"run", "releases"} <= set(completed("diptych r", 1))
    assert completed("diptych run --print", 2) == ["--print-config"]
    assert completed("diptych run c.yaml training.ep", 3) == ["training.epochs="]
