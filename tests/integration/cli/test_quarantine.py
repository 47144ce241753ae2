"""`diptych quarantine`, on the quarantine that ingest itself has left."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from components.example_gen.records import quarantine
from components.example_gen.records.examined import Refused
from components.example_gen.rows import Place
from diptych.cli import quarantine as quarantine_command
from diptych.cli import quarantine_retry
from diptych.cli.main import app
from diptych.cli.quarantine_retry import GONE, JUDGED_TOGETHER, USABLE, _outcomes
from pipeline.config import run_config
from tests.support.ingest import ingested, picture
from tests.support.small_run import small_values

LINES: dict[str, list[Any]] = {
    "train": [
        {"image": "1.png", "caption": "a red cup", "id": 1},
        {"image": "1.png", "caption": "<p class='x'>a cup</p>", "id": 1},  # of a key that is good
        {"image": "2.png", "caption": "a blue cup", "id": 2},  # not there
        {"image": "3.png", "caption": "a green cup", "id": 3},
        "{no JSON",
        {"image": "1.png", "caption": "of another key's image", "id": 3},
    ],
    "eval": [
        {"image": "4.png", "caption": "a cup", "id": 4},
        {"image": "5.png", "caption": " ", "id": 3},  # a key that train has too
    ],
}
READ, BAD = 8, 5


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A config with the record of a run whose quarantine has something."""
    here = tmp_path_factory.mktemp("project")
    values = small_values()
    values["data"] = {"path": "data", "splits": {s: f"{s}.jsonl" for s in LINES}}
    values["evaluation"] = {"gates": values["evaluation"]["gates"]}
    (here / "config.yaml").write_text(yaml.safe_dump(values))
    (here / "data").mkdir()
    fill(here)
    loaded = run_config.load(here / "config.yaml")
    ingested(here / "out", loaded.data.for_ingest(loaded.image))
    logs = here / "runs" / "logs"
    logs.mkdir(parents=True)
    payload = {"quarantine": str(here / "out" / "quarantine")}
    (logs / "2026-01-02T03-04-05.json").write_text(json.dumps(payload))
    return here


@pytest.fixture
def folder(project) -> Path:
    """The project with its files as ingest has read them."""
    fill(project)
    return project


def fill(folder: Path) -> None:
    for n in (1, 3, 4, 5):
        (folder / "data" / f"{n}.png").write_bytes(picture(n))
    (folder / "data" / "2.png").unlink(missing_ok=True)
    for split in LINES:
        write(folder, split)


def write(folder: Path, split: str, **changes) -> None:
    """The lines of a split; `_4` is what line 4 is instead, and None takes it away."""
    lines = dict(enumerate(LINES[split], 1)) | {int(k[1:]): line for k, line in changes.items()}
    kept = [line for line in lines.values() if line is not None]
    texts = [line if isinstance(line, str) else json.dumps(line) for line in kept]
    (folder / "data" / f"{split}.jsonl").write_text("".join(text + "\n" for text in texts))


def told(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        app, ["quarantine", *arguments, "-c", str(folder / "config.yaml")], env={"COLUMNS": "80"}
    )


def test_a_damaged_record_of_a_run_is_named(folder):
    [record] = (folder / "runs" / "logs").glob("*.json")
    whole = record.read_text()
    for damaged in ("{", "[]", "[" * 5000):
        record.write_text(damaged)
        shown = told(folder, "list")
        record.write_text(whole)
        assert shown.exit_code == 1
        assert shown.stderr.startswith(f"diptych: {record}: is not the record of a run: ")


def test_list_has_a_record_a_line_and_short_names(folder):
    shown = told(folder, "list")
    assert shown.exit_code == 0
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines == [
        "run 2026-01-02T03-04-05",
        f"{BAD} of {READ} records are quarantined",
        "1 missing_image: the image file that is named is not there or cannot be read",
        "1 bad_metadata: its metadata cannot be read",
        "1 empty_caption: the caption is empty",
        "1 caption_is_html: the caption is HTML",
        "1 key_of_another_image: its key is that of a record with another image",
        f"files below {folder}/data/",
        "split file at key reason detail",
        "eval eval.jsonl 2 3 empty_caption",
        "train train.jsonl 2 1 caption_is_html",
        f"train train.jsonl 3 2 missing_image {folder}/data/2.png: is not there",
        "train train.jsonl 5 bad_metadata the line is not JSON",
        "train train.jsonl 6 3 key_of_another_image the first image of this key is at "
        f"{folder}/data/train.jsonl: 4, in the column 'id' too",
    ]


def test_near_duplicates_are_no_bad_data(tmp_path, capsys):
    counts = {("read", ""): 9, ("quarantined", "near_duplicate_of_train"): 2}
    summary = quarantine.summarize(counts).model_dump_json()
    (tmp_path / "summary.json").write_text(summary)
    quarantine_command.show(str(tmp_path), "data", None, False, None)
    shown = "0 of 9 records are quarantined; near duplicates of train that are left out: 2\n"
    assert capsys.readouterr().out == shown


def test_list_of_one_reason_into_a_file(folder):
    output = folder / "out.jsonl"
    later = folder / "runs" / "logs" / "2026-01-02T03-04-06.json"
    later.write_text(json.dumps({"quarantine": None}))  # a run that ended in ingest
    shown = told(folder, "list", "--reason", "missing_image", "--output", str(output))
    assert shown.stdout.startswith("run 2026-01-02T03-04-05\n")
    assert shown.stdout.splitlines()[-1] == f"1 written to {output}"
    [line] = output.read_text().splitlines()
    assert quarantine.parse(line).key == "2"
    assert "bad_metadata" not in shown.stdout


@pytest.mark.parametrize("command", ["list", "retry"])
def test_a_reason_that_there_is_not(folder, command):
    shown = told(folder, command, "--reason", "damaged")
    assert shown.exit_code == 1
    assert shown.stderr.startswith("diptych: 'damaged' is not a reason; the reasons are empty_")
    assert "quarantined" not in shown.stdout


def test_a_file_that_cannot_be_written(folder):
    shown = told(folder, "list", "--output", str(folder / "absent" / "x"))
    assert shown.exit_code == 1
    expected = f"{folder}/absent/x: cannot be used: the folder {folder}/absent is not there"
    assert shown.stderr == f"diptych: {expected}\n"


def outcomes(folder: Path, reason: str | None = None) -> dict[str, int]:
    loaded = run_config.load(folder / "config.yaml")
    return dict(quarantine_retry.retry(loaded, str(folder / "out" / "quarantine"), reason))


def test_retry_calls_nothing_usable_as_long_as_nothing_is_mended(folder):
    assert outcomes(folder) == {
        "still caption_is_html": 1,  # line 1, of the same key, is good
        "still missing_image": 1,
        "still bad_metadata": 1,
        "still empty_caption": 1,  # the key stands in train too, and there it is good
        JUDGED_TOGETHER: 1,
    }
    shown = told(folder, "retry")
    assert shown.exit_code == 3
    assert "       1 still caption_is_html\n" in shown.stdout


def test_retry_after_files_were_mended_or_removed(folder):
    (folder / "data" / "2.png").write_bytes(picture(2))
    mended = {"image": "1.png", "caption": "a cup", "id": 1}
    write(folder, "train", _2=mended, _5={"image": "5.png", "caption": "new", "id": 9}, _6=None)
    assert outcomes(folder) == {USABLE: 3, "still empty_caption": 1, JUDGED_TOGETHER: 1}
    write(folder, "eval", _2=None)
    assert outcomes(folder, "empty_caption") == {GONE: 1}
    assert told(folder, "retry").exit_code == 3
    write(folder, "eval", _2={"image": "5.png", "caption": "mine", "id": 3})
    assert told(folder, "retry").exit_code == 0


def test_retry_where_rows_have_moved(folder):
    write(folder, "train", _3=None, _4=None, _5=None)  # what was line 2 and 6 is 2 and 3
    found = outcomes(folder)
    assert found.pop(GONE) == 2  # missing_image and bad_metadata
    assert found == {"still caption_is_html": 1, "still empty_caption": 1, JUDGED_TOGETHER: 1}
    write(folder, "train", _1="", _2="", _7=LINES["train"][0], _8=LINES["train"][1])
    assert outcomes(folder, "caption_is_html") == {"still caption_is_html": 1}


def test_a_row_that_stands_where_it_stood_answers_for_no_other():
    stays, moved = (Refused("train", Place("f", at), "no_caption", "", "k") for at in (2, 3))
    today = {Place("f", 2): "no_caption", Place("f", 9): ""}
    assert list(_outcomes([stays, moved], today)) == ["still no_caption", USABLE]


def test_retry_of_nothing(folder):
    assert told(folder, "retry", "--reason", "no_image").stdout == "nothing is quarantined\n"
