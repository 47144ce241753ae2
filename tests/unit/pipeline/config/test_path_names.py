"""Folders and files of any name: worked with, or refused before the run in one sentence."""

import ast
import csv
import io
import os
from pathlib import Path

import pytest
import yaml
from rich.table import Table
from typer.testing import CliRunner

from diptych.cli.main import app
from pipeline.config.data import DataConfig
from pipeline.config.load_to_train import load_to_train
from pipeline.config.run_config import load
from pipeline.console import terminal
from schema.errors import ConfigError
from tests.support.ingest import ingested, picture
from tests.support.paths import ROOT
from tests.support.small_run import small_values
from trainer.config.transform import ImageConfig

ODD = ("C#", "x%20y", "what?", "[new]", "jürgen", "a[/b]c", "back\\slash", "st*r", "日本")
PATTERN = "Beam and TensorFlow read {} as a pattern; "


def config_in(folder: Path, **changes: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({**small_values(), **changes}))
    return file


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("what?", PATTERN.format("?")),
        ("[new]", PATTERN.format("[")),
        ("a[/b]c", PATTERN.format("[")),
        ("back\\slash", PATTERN.format("\\")),
        ("st*r?", PATTERN.format("* and ?")),
    ],
)
@pytest.mark.parametrize("command", ["check", "run", "kubeflow dry-run"])
def test_a_workspace_that_no_run_can_use_is_refused_before_it(tmp_path, command, name, reason):
    file = config_in(tmp_path / name)
    ended = CliRunner().invoke(app, [*command.split(), str(file)])
    assert ended.exit_code == 2
    assert ended.stderr.splitlines()[0] == (
        f"diptych: {file}: workspace = {tmp_path}/{name}/runs: {reason}"
        "set workspace to another folder; the data may stay"
    )
    assert [each.name for each in file.parent.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("name", ["jürgen", "日本", "Ἀθῆναι x"])
def test_a_name_in_any_script_is_accepted(tmp_path, name):
    push = {"path": f"{name}/serving"}
    assert load_to_train(config_in(tmp_path / name, push=push)).workspace == (
        f"{tmp_path}/{name}/runs"
    )


@pytest.mark.parametrize("key", ["workspace", "push.path", "data.path"])
def test_a_name_that_is_not_utf8_is_refused(tmp_path, key):
    """Metadata and TensorFlow keep names as UTF-8; Linux keeps any bytes."""
    folder = tmp_path / os.fsdecode(b"j\xfcrgen")
    there = {"workspace": "/w", "push": {"path": "/p"}}
    values = small_values() | there
    values["data"]["path"] = "/d"
    section, _, last = key.partition(".")
    if last:
        values[section] = {**values[section], last: "x"}
    else:
        values[section] = "x"
    ended = CliRunner().invoke(app, ["run", str(config_in(folder, **values))])
    assert ended.exit_code == 2
    assert f"{key} = {tmp_path}/j\\udcfcrgen/x: the name of a folder is not UTF-8; " in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_with_the_workspace_elsewhere_the_config_and_the_data_may_lie_anywhere(tmp_path):
    for name in ODD:
        push = {"path": str(tmp_path / "serving")}
        file = config_in(tmp_path / name, workspace=str(tmp_path / "runs"), push=push)
        assert load_to_train(file).data.path == str(tmp_path / name / "data")


def test_what_only_looks_at_releases_works_in_any_folder(tmp_path):
    for name in ODD:
        assert load(config_in(tmp_path / name)).workspace == str(tmp_path / name / "runs")


def test_other_paths_that_are_read_as_patterns(tmp_path, monkeypatch):
    pushed = config_in(tmp_path / "a", push={"path": "[x]"})
    with pytest.raises(ConfigError, match=r"push\.path = .*/a/\[x\]: .*set push.path to another"):
        load_to_train(pushed)
    tower = {"kind": "bag", "weights": "release:[r]/1"}
    (tmp_path / "c" / "[r]" / "1").mkdir(parents=True)
    model = {**small_values()["model"], "text_tower": tower}
    with pytest.raises(ConfigError, match=r"weights = .*\[ as a pattern; give the folder of "):
        load_to_train(config_in(tmp_path / "c", model=model))
    (tmp_path / "t?p").mkdir()
    monkeypatch.setenv("TMPDIR", f"{tmp_path}/t?p")
    monkeypatch.setattr("tempfile.tempdir", None)
    ended = CliRunner().invoke(app, ["evaluate", "1", "data", "-c", str(pushed)])
    assert ended.stderr.startswith(f"diptych: TMPDIR = {tmp_path}/t?p: ")
    with pytest.raises(ConfigError, match=r"TMPDIR = .*/t\?p: .*the variable TMPDIR to another"):
        load_to_train(config_in(tmp_path / "b"))


FILES = ("a[1]", "b#c", "d%20e", "ü", "f?g", "h*i", "j k", "日本", "l\\m", "n'o\"p", "q&r=s;t,u")


@pytest.mark.parametrize("layout", ["folder", "jsonl", "csv"])
def test_data_files_of_any_name_are_read(tmp_path, layout):
    data = tmp_path / "a[/b]c C# x%20y what? jürgen" / "data"
    images = data / "train"
    images.mkdir(parents=True)
    for number, name in enumerate(FILES):
        (images / f"{name}.png").write_bytes(picture(number))
        if layout == "folder":
            (images / f"{name}.txt").write_text(f"caption {number}")
    rows = [(f"train/{name}.png", f"caption {number}") for number, name in enumerate(FILES)]
    pattern = "train"
    if layout == "jsonl":
        pattern = "train.jsonl"
        lines = [
            yaml.safe_dump({"image": i, "caption": c}, default_flow_style=True) for i, c in rows
        ]
        import json

        lines = [json.dumps({"image": i, "caption": c}) + "\n" for i, c in rows]
        (data / pattern).write_text("".join(lines))
    if layout == "csv":
        pattern = "train.csv"
        with (data / pattern).open("w", newline="") as file:
            csv.writer(file).writerows([("image", "caption"), *rows])
    config = DataConfig(path=str(data), splits={"train": pattern}).for_ingest(ImageConfig())
    found = ingested(tmp_path / "out", config)
    assert found.refused == []
    assert found.summary.examples == {"train": len(FILES)}


FOREIGN = "/a[/b]c/[new]/[bold red]:smile: [link=x]"


def test_text_of_files_is_not_read_as_markup():
    printed = io.StringIO()
    console = terminal.make_console(printed, width=200)
    terminal.say(console, FOREIGN, "bold red")
    table = Table(box=None)
    table.add_column(FOREIGN)
    table.add_row(FOREIGN)
    console.print(table)
    assert printed.getvalue().count(FOREIGN) == 3


def test_nothing_else_makes_a_console():
    """Rich's own reads markup in all that it is given."""
    for file in [
        f for p in ("pipeline", "kubeflow", "components") for f in ROOT.glob(f"{p}/**/*.py")
    ]:
        if file == Path(terminal.__file__):
            continue
        calls = [n.func for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
        names = {getattr(each, "id", getattr(each, "attr", "")) for each in calls}
        assert not names & {"Console", "rprint", "from_markup"}, file


PATH = "/home/somebody/with-a-long-name/projects/pictures/and-captions/runs/logs/2026-11-25.log"


def test_a_sentence_breaks_at_words_and_a_path_stays_whole():
    text = f"  ✗ the log is in {PATH} and text-to-image recall@10 is 0.12, below the gate of 0.4"
    broken = list(terminal.lines(text, 80))
    assert broken == [
        "  ✗ the log is in",
        f"    {PATH}",
        "    and text-to-image recall@10 is 0.12, below the gate of 0.4",
    ]
    assert list(terminal.lines(text, None)) == [text]


def test_it_breaks_on_a_terminal_only():
    text = "word " * 30
    for live, expected in ((True, 2), (False, 1)):  # 16 words of 5 columns fit into 80
        printed = io.StringIO()
        terminal.say(terminal.make_console(printed, live, 80), text)
        assert len(printed.getvalue().splitlines()) == expected
