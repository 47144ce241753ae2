"""What `diptych check` prints and keeps of the data it looked at, by value."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tfx  # noqa: F401  TensorFlow Data Validation needs it to be there first
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.example_gen.near_duplicates import pairs as near_duplicate_pairs
from components.example_gen.near_duplicates.pairs import Pair
from components.example_gen.records import quarantine
from components.example_gen.records.quarantine import Summary
from components.example_validator import report
from components.example_validator.report import Report
from diptych.cli.check import data_table, near_duplicates
from pipeline.console.summary import NODE
from pipeline.console.terminal import make_console
from schema import features

SUMMARY = Summary(
    read=12_345,
    examples={"eval": 90, "train": 12_000},
    merged=1_200,
    quarantined={"near_duplicate_of_train": 12, "empty_caption": 1, "damaged_pixels": 1_047},
    captions={"10": 30, "2": 1_060, "1": 11_000},
    captions_dropped={"duplicate_caption": 1_500, "empty_caption": 2},
    images_changed={"from_bmp": 1_001, "shrunk": 3},
    identical=1_024,
    near_duplicates={"eval": 12},
)
NEAR = [
    "images outside train that look like one of train's: 12, removed 12",
    "  12 of 102 images of eval (11.8 %) look like ones of the train split",
    "    similarity  split  key  key of train",
    *(f"    1.000       eval   e{n:02d}  t" for n in range(10)),
    "  and 2 more: all pairs are in FOLDER/near_duplicates.jsonl",
]
PAIRS = [Pair("eval", f"e{n:02d}", "t", "bytes", 1.0, {"shape": "star"}) for n in range(12)]
LINES = [
    "read 12,345 records; 1,200 joined the image of an earlier one",
    "captions per image: 11,000 with 1, 1,060 with 2, 30 with 10",
    "captions left out: 1,500 duplicate_caption, 2 empty_caption",
    "images re-encoded: 1,001 from_bmp, 3 shrunk",
    "images that another record has too, byte for byte: 1,024",
    *NEAR,
    "quarantined: 1,048",
    "   1,047 damaged_pixels: the image's pixels are cut off or damaged",
    "       1 empty_caption: the caption is empty",
]
COUNTS = ["           train  eval", " records  12,000    90"]


def artifact(folder: Path) -> list[SimpleNamespace]:
    """What an output holds: artifacts, of which only the address is looked at."""
    folder.mkdir(parents=True, exist_ok=True)
    return [SimpleNamespace(uri=str(folder))]


def ingest(folder: Path, summary: Summary = SUMMARY) -> dict[str, Any]:
    [kept] = artifact(folder / "quarantine")
    Path(kept.uri, quarantine.SUMMARY).write_text(summary.model_dump_json())
    Path(kept.uri, near_duplicate_pairs.FILE).write_text(near_duplicate_pairs.written(PAIRS))
    return {NODE: {"quarantine": [kept]}}


def number(name: str, low: float, high: float, median: float) -> Any:
    made = statistics_pb2.FeatureNameStatistics(type=statistics_pb2.FeatureNameStatistics.INT)
    made.path.step.append(name)
    made.num_stats.min, made.num_stats.max, made.num_stats.median = low, high, median
    return made


def text(name: str, *ranked: str) -> Any:
    made = statistics_pb2.FeatureNameStatistics(type=statistics_pb2.FeatureNameStatistics.STRING)
    made.path.step.append(name)
    for label in ranked:
        made.string_stats.rank_histogram.buckets.add(label=label, sample_count=1)
    return made


def statistics(folder: Path, **splits: list[Any]) -> dict[str, Any]:
    """A StatisticsGen's output with these statistics of each split."""
    [kept] = artifact(folder / "statistics")
    for split, found in splits.items():
        made = statistics_pb2.DatasetFeatureStatisticsList()
        made.datasets.add().features.extend(found)
        file = Path(kept.uri, f"Split-{split}", "FeatureStats.pb")
        file.parent.mkdir()
        file.write_bytes(made.SerializeToString())
    return {"StatisticsGen": {"statistics": [kept]}}


TRAIN = [
    number(features.CAPTION_WORDS, 1, 40, 7),
    number(features.IMAGE_WIDTH, 16, 4096, 640.4),
    number(features.IMAGE_HEIGHT, 8, 2048, 480),
    number(features.IMAGE_BYTES, 1_075, 12_345_678, 45_678),
    text(features.IMAGE_FORMAT, "png", "jpeg"),
]
EVAL = [  # without the number of words
    text(features.IMAGE_FORMAT, "webp"),
    number(features.IMAGE_HEIGHT, 4, 5, 4),
    number(features.IMAGE_WIDTH, 2, 3, 2.6),
    number(features.IMAGE_BYTES, 0, 1000, 999),
]


def printed(outputs: dict[str, Any], width: int = 80) -> list[str]:
    out = io.StringIO()
    data_table.print_table(outputs, make_console(out, width=width))
    return plain(out.getvalue(), outputs)


def plain(text: str, outputs: dict[str, Any]) -> list[str]:
    """Lines, with FOLDER for the quarantine's."""
    if NODE in outputs:
        text = text.replace(outputs[NODE]["quarantine"][0].uri, "FOLDER")
    return [line.rstrip() for line in text.splitlines()]


def test_what_concerns_all_splits():
    assert list(data_table.lines(SUMMARY, NEAR)) == LINES


def test_what_did_not_occur_is_left_out_where_that_is_clear():
    few = Summary(read=2, examples={"train": 2}, captions={"1": 2})
    near = near_duplicates.lines("nowhere", few, None)
    assert list(data_table.lines(few, near)) == [
        "read 2 records; 0 joined the image of an earlier one",
        "captions per image: 2 with 1",
        "images that another record has too, byte for byte: 0",
        "images outside train that look like one of train's: 0, removed 0",
        "quarantined: 0",
    ]


def test_files_that_are_not_read_and_a_split_without_records(tmp_path):
    summary = Summary(
        read=3,
        examples={"train": 2, "eval": 0},
        captions={"1": 2},
        quarantined={"no_caption": 1},
        ignored={".md": 2, "hidden": 1_200, ".heic": 2},
    )
    assert list(data_table.lines(summary, []))[3:5] == [
        "files that are not read: 1,200 hidden, 2 .heic, 2 .md",
        "quarantined: 1",
    ]
    shown = printed(ingest(tmp_path, summary) | statistics(tmp_path, eval=[], train=TRAIN))
    assert [line.split() for line in shown[1:3]] == [["train", "eval"], ["records", "2", "0"]]
    assert shown[7].split() == ["formats", "png,", "jpeg"]


def test_a_column_for_each_split_train_first(tmp_path):
    outputs = ingest(tmp_path) | statistics(tmp_path, eval=EVAL, train=TRAIN)
    assert printed(outputs) == [
        "",
        "                                       train                eval",
        " records                              12,000                  90",
        " words per caption         1 to 40, median 7",
        " width               16 to 4,096, median 640  2 to 3, median 2.6",
        " height               8 to 2,048, median 480    4 to 5, median 4",
        " kB per image       1.1 to 12,346, median 46  0 to 1, median 1.0",
        " formats                           png, jpeg                webp",
        *LINES,
    ]


def test_a_narrow_terminal_folds_cells_and_loses_no_number(tmp_path):
    outputs = ingest(tmp_path) | statistics(tmp_path, eval=EVAL, train=TRAIN)
    shown = printed(outputs, width=50)
    assert shown[-len(LINES) :] == LINES  # sentences are the terminal's to fold
    table = " ".join(" ".join(shown[: -len(LINES)]).split())
    assert "…" not in table
    for value in ("12,346,", "4,096,", "2.6", "jpeg", "webp"):
        assert value in table.split()


def test_without_ingest_there_is_nothing_to_print(tmp_path):
    assert printed({}) == []
    assert printed(statistics(tmp_path, train=TRAIN)) == []


def test_without_statistics_there_are_the_counts(tmp_path):
    assert printed(ingest(tmp_path)) == ["", *COUNTS, *LINES]


def test_the_balance_of_attributes_without_near_duplicates(tmp_path):
    shapes = text(features.attribute("shape"))
    for label, count in (("star", 8), ("[leaf]", 82)):
        shapes.string_stats.rank_histogram.buckets.add(label=label, sample_count=count)
    outputs = ingest(tmp_path) | statistics(tmp_path, train=TRAIN, eval=[*EVAL, shapes])
    shown = printed(outputs, 200)
    at = shown.index(NEAR[-1])
    # With the 12 stars there were 20 of 102, and 82.
    assert shown[at + 1 : at + 4] == [
        "  without them the share of shape [leaf] in eval goes from 80.4 % to 91.1 %",
        "  without them the share of shape star in eval goes from 19.6 % to 8.9 %",
        "quarantined: 1,048",
    ]


def test_a_key_cannot_steer_the_terminal(tmp_path):
    pairs = [Pair("eval", "a\x1b[2J", "b", "alike", 0.934)]
    (tmp_path / near_duplicate_pairs.FILE).write_text(near_duplicate_pairs.written(pairs))
    found = Summary(examples={"eval": 4}, near_duplicates={"eval": 1})
    assert list(near_duplicates.lines(str(tmp_path), found, None)) == [
        "images outside train that look like one of train's: 1, removed 0",
        "  1 of 4 images of eval (25.0 %) looks like one of the train split",
        "    similarity  split  key       key of train",
        "    0.934       eval   a\\x1b[2J  b",
        f"  all pairs are in {tmp_path}/near_duplicates.jsonl",
    ]


def test_what_the_validator_said(tmp_path):
    outputs = ingest(tmp_path) | {"ExampleValidator": {"anomalies": artifact(tmp_path / "a")}}
    report.write(tmp_path / "a", Report(warnings=("[w] is odd", "so is x"), notes=("no release",)))
    assert printed(outputs) == [
        *("", *COUNTS, *LINES),
        *("  ! [w] is odd", "  ! so is x", "  - no release", "anomalies: none"),
    ]


@pytest.mark.parametrize(
    ("low", "high", "median", "one", "shown"),
    [
        (1, 6, 3, 1, "1 to 6, median 3"),
        (3, 6, 4.5, 1, "3 to 6, median 4.5"),
        (160, 160, 160, 1, "160"),
        (640, 4032, 1024, 1, "640 to 4,032, median 1,024"),
        (1508, 3630, 1578, 1000, "1.5 to 3.6, median 1.6"),
        (9949, 12345678, 1234567.5, 1000, "9.9 to 12,346, median 1,235"),
    ],
)
def test_a_range_is_short(low, high, median, one, shown):
    numbers = statistics_pb2.NumericStatistics(min=low, max=high, median=median)
    assert data_table._range(numbers, one) == shown
