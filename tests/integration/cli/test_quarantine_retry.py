"""`diptych quarantine retry`: which records of a quarantine today's files make usable."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner, Result

from components.example_gen.records import quarantine
from components.example_gen.records.examined import Refused
from components.example_gen.records.quarantine import Summary
from components.example_gen.rows import Place
from diptych.cli.main import app
from pipeline.console.summary import NODE, record
from tests.support.ingest import picture, write_tar
from tests.support.small_run import small_values

USABLE = "usable: the next run reads them"
TOGETHER = "usable alone; the next run judges them with the others"
GONE = "not in the files any more"


@dataclasses.dataclass
class Project:
    """A run that left records in quarantine, and the data as it is today."""

    folder: Path

    @property
    def train(self) -> str:
        """The file of the train split."""
        return str(self.folder / "data" / "train.jsonl")

    def today(self, *rows: dict, split: str = "train") -> None:
        """Write a split's file anew, a line for each row; the images a and b lie beside it."""
        listed = [{"image": "a.png", "caption": "a cat"} | row for row in rows]
        (self.folder / "data" / f"{split}.jsonl").write_text("\n".join(map(json.dumps, listed)))

    def refused(self, *records: tuple[int, str, str | None]) -> None:
        """Leave in quarantine these lines of the train file: number, reason, key."""
        kept = self.folder / "quarantine"
        kept.mkdir()
        (kept / quarantine.SUMMARY).write_text(Summary(read=9).model_dump_json())
        lines = [
            quarantine.line(Refused("train", Place(self.train, line), reason, "", key)) + "\n"
            for line, reason, key in records
        ]
        (kept / quarantine.RECORDS.format(0, quarantine.FILES)).write_text("".join(lines))
        (self.folder / "runs" / "logs").mkdir(parents=True)
        told = record(None, "shipped", [], {NODE: {"quarantine": [SimpleNamespace(uri=str(kept))]}})
        (self.folder / "runs" / "logs" / "one.json").write_text(told)

    def retry(self, *arguments: str, **data) -> Result:
        values = small_values()
        values["data"] |= {"splits": {"train": "train.jsonl", "eval": "eval.jsonl"}, **data}
        values["data"].pop("attributes")
        values["evaluation"] = {"gates": [{"metric": "text_to_image_mrr", "at_least": 0.1}]}
        file = self.folder / "config.yaml"
        file.write_text(yaml.safe_dump(values))
        return CliRunner().invoke(app, ["quarantine", "retry", *arguments, "-c", str(file)])

    def outcomes(self, *arguments: str, **data) -> tuple[int, dict[str, int]]:
        """The exit code, and how many records have which outcome."""
        shown = self.retry(*arguments, **data)
        assert shown.stderr == ""
        lines = [line.split(None, 1) for line in shown.stdout.splitlines()]
        return shown.exit_code, {outcome: int(count.replace(",", "")) for count, outcome in lines}


@pytest.fixture
def project(tmp_path) -> Project:
    made = Project(tmp_path)
    (tmp_path / "data").mkdir()
    for n, name in enumerate("ab"):
        (tmp_path / "data" / f"{name}.png").write_bytes(picture(n))
    (tmp_path / "data" / "cut.png").write_bytes(picture(2)[:200])
    made.today({"key": "e"}, split="eval")
    return made


def test_each_record_has_its_outcome_today(project):
    project.refused(
        (1, "empty_caption", "k2"),  # as it was
        (2, "empty_caption", "k1"),  # mended
        (3, "empty_caption", "k3"),  # mended; now its image is cut off
        (4, "missing_image", "k4"),  # gone
        (5, "missing_image", "k5"),  # its image is there now
        (6, "key_of_another_image", "k6"),  # other records decide
        (7, "caption_is_html", "k7"),  # now its row has no image at all
    )
    project.today(
        {"key": "k7", "image": None},
        {"key": "k6"},
        {"key": "k5"},
        {"key": "k3", "image": "cut.png"},
        {"key": "k2", "caption": "  "},
        {"key": "k1"},
    )
    shown = project.retry()
    assert (shown.exit_code, shown.stderr) == (3, "")
    assert sorted(shown.stdout.splitlines()) == [
        f"       1 {GONE}",
        "       1 still damaged_pixels",
        "       1 still empty_caption",
        "       1 still no_image",
        f"       1 {TOGETHER}",
        f"       2 {USABLE}",
    ]
    assert shown.stdout.splitlines()[0] == f"       2 {USABLE}"  # the most frequent first
    assert project.outcomes("--reason", "missing_image") == (3, {USABLE: 1, GONE: 1})
    assert project.outcomes("one", "--reason", "empty_caption") == (
        3,
        {USABLE: 1, "still empty_caption": 1, "still damaged_pixels": 1},
    )


@pytest.mark.parametrize(
    "reason",
    [
        *("key_of_another_image", "key_in_two_splits", "near_duplicate_of_train"),
        *("too_many_captions", "bad_labels"),
    ],
)
def test_what_all_records_together_decide_is_left_to_the_next_run(project, reason):
    project.refused((1, reason, "k"))
    project.today({"key": "k"})
    assert project.outcomes() == (0, {TOGETHER: 1})


def test_usable_now_is_exit_code_0(project):
    project.refused((1, "empty_caption", "k"), (2, "empty_caption", "l"))
    project.today({"key": "l"}, {"key": "k"})
    assert project.outcomes() == (0, {USABLE: 2})


def test_an_unusable_row_is_not_hidden_by_another_of_its_key(project):
    project.refused((2, "empty_caption", "k"))
    good, bad = {"key": "k"}, {"key": "k", "caption": ""}
    project.today(good, bad)
    assert project.outcomes() == (3, {"still empty_caption": 1})
    project.today(bad, good)  # in its old place is a good row: it was mended, and another is bad
    assert project.outcomes() == (0, {USABLE: 1})
    project.today(good, {"key": "l"}, good, bad, good)  # its place is another's
    assert project.outcomes() == (3, {"still empty_caption": 1})
    project.today(good, good, good)
    assert project.outcomes() == (0, {USABLE: 1})


def test_several_records_of_a_key(project):
    project.refused(*((n, "empty_caption", "k") for n in (1, 5, 6, 7)))
    bad = {"key": "k", "caption": ""}
    project.today({"key": "k"}, bad, {"key": "k"})
    # Line 1 is where it was; of the three others two are found, the unusable one first.
    assert project.outcomes() == (3, {USABLE: 2, "still empty_caption": 1, GONE: 1})


def test_a_record_without_a_key_is_found_by_its_place(project):
    project.refused((2, "empty_caption", None), (3, "no_image", None))
    project.today({"caption": " "}, {"image": "b.png"})
    assert project.outcomes() == (3, {USABLE: 1, GONE: 1})


def test_todays_config_decides(project):
    project.refused((1, "caption_too_long", "k"), (2, "too_many_pixels", "l"))
    project.today({"key": "k", "caption": "four words in all"}, {"key": "l"})
    assert project.outcomes(max_caption_characters=5) == (
        3,
        {"still caption_too_long": 1, USABLE: 1},
    )
    # Pictures are 32 x 24.
    assert project.outcomes(max_pixels=767) == (3, {"still too_many_pixels": 2})
    assert project.outcomes(max_pixels=768) == (0, {USABLE: 2})
    assert project.outcomes(max_bytes=100) == (3, {"still too_many_bytes": 2})


def test_files_are_read_as_the_config_says(project):
    row = {"image": "cut.png", "photo": "a.png", "caption": "", "said": "a cat", "id": "k"}
    (project.folder / "data" / "train.txt").write_text(json.dumps(row))
    project.refused((1, "empty_caption", "k"))
    splits = {"train": "train.txt", "eval": "eval.jsonl"}
    columns = {"image": "photo", "captions": "said"}
    (project.folder / "data" / "eval.jsonl").write_text(json.dumps(row | {"id": "e"}))
    payload = {"splits": splits, "format": "jsonl", "columns": columns}
    assert project.outcomes(**payload) == (0, {USABLE: 1})


def test_every_part_of_a_file_is_read(project):
    table = pa.table({"key": [f"k{n}" for n in range(7)], "caption": ["a cat"] * 7})
    table = table.append_column("image", [[picture(n) for n in range(7)]])
    pq.write_table(table, project.folder / "data" / "x.parquet", row_group_size=2)
    project.refused(*((n, "empty_caption", f"k{n}") for n in range(7)))
    splits = {"train": 0.5, "eval": 0.5}
    assert project.outcomes(splits=splits, files="x.parquet") == (0, {USABLE: 7})


def test_files_that_shares_split_and_files_of_every_span(project):
    for span, caption in ((1, "a cat"), (2, "a dog"), (30, "a cow")):
        folder = project.folder / "data" / f"span-{span:02d}"
        folder.mkdir()
        write_tar(
            folder / "x.tar", [(f"k{span}.png", picture(span)), (f"k{span}.txt", caption.encode())]
        )
    project.refused(*((n, "empty_caption", f"k{n}") for n in (1, 2, 30)))
    splits = {"train": 0.5, "eval": 0.5}
    for files in ("span-{SPAN}/x.tar", "span-{SPAN:2}/*.tar", "span-*/{VERSION}.tar"):
        assert project.outcomes(splits=splits, files=files) == (0, {USABLE: 3})
    assert project.outcomes(splits=splits, files="span-0*/x.tar") == (3, {USABLE: 2, GONE: 1})


def test_what_cannot_be_told_is_exit_code_1(project):
    project.refused((1, "empty_caption", "k"))
    shown = project.retry()
    folder = project.folder
    assert (shown.exit_code, shown.stdout) == (1, "")
    message = f"diptych: {folder}/data/train.jsonl matches no file; {folder}/data holds a.png, "
    assert shown.stderr == f"{message}b.png, cut.png, eval.jsonl\n"
    shown = project.retry("two")
    assert shown.exit_code == 1
    assert shown.stderr.startswith(f"diptych: {folder}/runs/logs: there is no record of run two")
    project.today({"key": "k"})
    shown = project.retry("--reason", "emtpy")
    assert shown.exit_code == 1
    assert shown.stderr.startswith("diptych: 'emtpy' is not a reason; ")
    (folder / "quarantine" / quarantine.SUMMARY).unlink()
    shown = project.retry()
    assert (shown.exit_code, shown.stdout) == (1, "")
    gone = f"{folder}/quarantine: the quarantine is not there any more"
    assert shown.stderr == f"diptych: {gone}\n"


def test_a_bad_config_is_exit_code_2(project):
    project.refused()
    shown = project.retry(formt="auto")
    assert shown.exit_code == 2
    assert "data.formt is not a key of the config" in shown.stderr
