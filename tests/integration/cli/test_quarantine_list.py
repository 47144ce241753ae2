"""`diptych quarantine list`: what is shown of a run's quarantine, and of a run that has none."""

import dataclasses
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from typer.testing import CliRunner, Result

from components.example_gen.records import quarantine
from components.example_gen.records.examined import Refused
from components.example_gen.records.quarantine import Summary
from components.example_gen.rows import Place
from diptych.cli.main import app
from diptych.cli.quarantine import print_rows
from pipeline.console.summary import NODE, record
from pipeline.console.terminal import make_console
from tests.support.small_run import small_values

# Hidden behind the key is "clear the screen", behind the file a mark that turns the line around.
RECORDS = [
    Refused("train", Place("a.tar", 0), "damaged_pixels", "cut at row 3", "cat[1]", b"\xff"),
    Refused("train", Place("a.tar", 512), "empty_caption", "", None, b"  "),
    Refused("eval", Place("b\u202e.tar", 7), "damaged_pixels", "[bold]:cat:", "k\x1b[2J\n", b"\n"),
    Refused("eval", Place("b.tar", 9), "near_duplicate_of_train", "similarity 0.9", "ünï"),
]
SUMMARY = Summary(
    read=1000,
    examples={"train": 900, "eval": 90},
    merged=6,
    quarantined={"empty_caption": 1, "damaged_pixels": 2, "near_duplicate_of_train": 1},
)
FIRST, LAST = "2026-01-01T02-00-00", "2026-01-02T02-00-00"


@dataclasses.dataclass
class Project:
    """A config, and the runs that it had."""

    folder: Path

    def ran(self, run: str, records: list[Refused], summary: Summary) -> Path:
        """Leave what a run leaves; the records in two files, the later ones first."""
        kept = self.folder / run
        kept.mkdir()
        (kept / quarantine.SUMMARY).write_text(summary.model_dump_json())
        lines = [quarantine.line(each) + "\n" for each in records]
        for number, half in enumerate((lines[1::2], lines[::2])):
            name = quarantine.RECORDS.format(number, quarantine.FILES)
            (kept / name).write_text("".join(half))
        self.log(run, {NODE: {"quarantine": [SimpleNamespace(uri=str(kept))]}})
        return kept

    def log(self, run: str, outputs: dict) -> None:
        (self.folder / "runs" / "logs").mkdir(parents=True, exist_ok=True)
        told = record(None, "failed: at something", [], outputs)
        (self.folder / "runs" / "logs" / f"{run}.json").write_text(told)

    def list(self, *arguments: str) -> Result:
        file = self.folder / "config.yaml"
        file.write_text(yaml.safe_dump(small_values()))
        return CliRunner().invoke(app, ["quarantine", "list", *arguments, "-c", str(file)])


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    monkeypatch.setenv("COLUMNS", "100")
    return Project(tmp_path)


def lines(shown: Result) -> list[str]:
    assert shown.exit_code == 0, shown.output
    return [line.rstrip() for line in shown.stdout.splitlines()]


def test_the_sums_then_a_line_for_each_record_by_its_place_near_duplicates_last(project):
    project.ran(LAST, RECORDS, SUMMARY)
    assert lines(project.list()) == [
        f"run {LAST}",
        "3 of 1,000 records are quarantined; near duplicates of train that are left out: 1",
        "       2 damaged_pixels: the image's pixels are cut off or damaged",
        "       1 empty_caption: the caption is empty",
        "       1 near_duplicate_of_train: the image looks like one of the train split",
        " split  file         at   key         reason                   detail",
        " train  a.tar        0    cat[1]      damaged_pixels           cut at row 3",
        " train  a.tar        512              empty_caption",
        r" eval   b\u202e.tar  7    k\x1b[2J\n  damaged_pixels           [bold]:cat:",
        " eval   b.tar        9    ünï         near_duplicate_of_train  similarity 0.9",
    ]


def test_one_reason_and_its_records(project):
    project.ran(LAST, RECORDS, SUMMARY)
    assert lines(project.list("--reason", "empty_caption"))[2:] == [
        "       1 empty_caption: the caption is empty",
        " split  file   at   key  reason         detail",
        " train  a.tar  512       empty_caption",
    ]
    assert len(lines(project.list("--reason", "no_caption"))) == 2  # it occurs in no record


@pytest.mark.parametrize(("count", "rest"), [(20, None), (21, 1), (1021, 1001)])
def test_beyond_20_only_when_asked(project, count, rest):
    records = [Refused("train", Place("a", n), "no_image") for n in range(count)]
    project.ran(LAST, records, Summary(read=count, quarantined={"no_image": count}))
    short = lines(project.list())
    assert [line.split() for line in short[4:24]] == [
        ["train", "a", str(n), "no_image"] for n in range(20)
    ]
    assert short[24:] == ([f"and {rest:,} more: --all"] if rest else [])
    assert short[1] == f"{count:,} of {count:,} records are quarantined"
    assert short[2] == f"  {count:>6,} no_image: there is no image"
    every = lines(project.list("--all"))
    assert [line.split()[2] for line in every[4:]] == [str(n) for n in range(count)]


def test_all_records_as_json_lines(project, tmp_path):
    many = [Refused("train", Place("c", n), "no_image", "\u2028\ud800") for n in range(30)]
    project.ran(LAST, RECORDS + many, SUMMARY)
    file = tmp_path / "out.jsonl"
    project.list("--output", str(file))
    written = [quarantine.parse(line) for line in file.read_text().splitlines()]
    in_order = sorted(RECORDS + many, key=lambda each: each.place)
    in_order.append(in_order.pop(in_order.index(RECORDS[3])))  # the near duplicate
    assert written == in_order
    project.list("--output", str(file), "--reason", "damaged_pixels")
    written = [quarantine.parse(line) for line in file.read_text().splitlines()]
    assert written == [RECORDS[0], RECORDS[2]]


def test_a_run_by_its_name_or_the_last_that_got_through_ingest(project):
    project.ran(FIRST, RECORDS[:1], Summary(read=11, quarantined={"damaged_pixels": 1}))
    project.ran(LAST, RECORDS[1:2], Summary(read=12, quarantined={"empty_caption": 1}))
    project.log("2026-01-03T02-00-00", {})  # it failed before
    assert lines(project.list(FIRST))[1].startswith("1 of 11 records")
    assert lines(project.list(LAST))[1].startswith("1 of 12 records")
    assert lines(project.list())[1].startswith("1 of 12 records")


@pytest.mark.parametrize(
    ("arguments", "which"),
    [([], "any run"), (["2026-01-03T02-00-00"], "run 2026-01-03T02-00-00"), (["x"], "run x")],
)
def test_no_record_of_a_run_that_got_through_ingest(project, arguments, which):
    for log in (lambda: None, lambda: project.log("2026-01-03T02-00-00", {})):
        log()
        shown = project.list(*arguments)
        assert shown.exit_code == 1
        assert shown.stderr == (
            f"diptych: {project.folder}/runs/logs: there is no record of {which} "
            "that got through ingest\n"
        )


def test_a_quarantine_that_is_gone(project):
    kept = project.ran(LAST, RECORDS, SUMMARY)
    (kept / quarantine.SUMMARY).unlink()
    shown = project.list()
    assert (shown.exit_code, shown.stdout) == (1, f"run {LAST}\n")
    assert shown.stderr == f"diptych: {kept}: the quarantine is not there any more\n"


def test_a_run_of_which_everything_is_usable(project):
    project.ran(LAST, [], Summary(read=12_345))
    assert lines(project.list()) == [f"run {LAST}", "0 of 12,345 records are quarantined"]


def test_rows_that_a_terminal_is_too_narrow_for_are_sentences():
    refused = Refused(
        "train",
        Place("/data/captions_train2014.json", 2),
        "missing_image",
        "is not there",
        "x" * 30,
    )
    out = io.StringIO()
    print_rows([refused], "/data/", make_console(file=out, live=True, width=80))
    assert "".join(out.getvalue().splitlines()[1:]) == (
        f" train captions_train2014.json: 2 (key {'x' * 30}):   missing_image: is not there"
    )
    wide = io.StringIO()
    print_rows([refused], "/data/", make_console(file=wide, width=120))
    assert wide.getvalue().splitlines()[-1].split() == [
        *("train", "captions_train2014.json", "2", "x" * 30, "missing_image", "is", "not", "there")
    ]
