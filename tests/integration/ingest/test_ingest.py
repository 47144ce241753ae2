"""Ingest as a whole, in Beam: every record is accounted for, whoever does the work."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from components.example_gen.config import IngestConfig
from components.example_gen.near_duplicates import pairs
from schema import features
from tests.support.ingest import Ingested, ingested, picture, values, write_tar

RECORDS = 3_007
DAMAGED, WORDLESS, REPEATED = 31, 13, 57  # of them; REPEATED join the record of another
EXAMPLES = RECORDS - DAMAGED - WORDLESS - REPEATED


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> IngestConfig:
    """3,007 records in seven tars, some of them bad, some of one image."""
    folder = tmp_path_factory.mktemp("many")
    tars: list[list[tuple[str, bytes]]] = [[] for _ in range(7)]
    for n in range(RECORDS):
        key, image, caption = f"{n:05d}", picture(n), f"caption {n}"
        if n < DAMAGED:
            image = image[: len(image) // 2]
        elif n < DAMAGED + WORDLESS:
            caption = "  "
        elif n >= RECORDS - REPEATED:  # in another tar than the record it joins
            key = f"{n - 1000:05d}"
            image = picture(n - 1000)
        tars[n % 7] += [(f"{key}.png", image), (f"{key}.txt", caption.encode())]
    for n, members in enumerate(tars):
        write_tar(folder / f"{n}.tar", members)
    return IngestConfig.model_validate(
        {"path": str(folder), "files": "*.tar", "splits": {"train": 0.9, "eval": 0.1}}
    )


@pytest.fixture(scope="module")
def alone(many, tmp_path_factory) -> Ingested:
    """Ingested in this process."""
    return ingested(tmp_path_factory.mktemp("alone") / "out", many)


def shards(done: Ingested) -> dict[str, bytes]:
    files = (path for path in done.folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(done.folder)): path.read_bytes()
        for path in files
        if "image_store" not in path.parts and not path.name.startswith("beam-worker")
    }


def test_every_record_is_an_example_quarantined_or_merged(alone):
    summary = alone.summary
    assert summary.read == RECORDS
    assert sum(summary.examples.values()) == EXAMPLES
    assert summary.quarantined == {"damaged_pixels": DAMAGED, "empty_caption": WORDLESS}
    assert summary.merged == REPEATED
    assert summary.lost == 0
    assert summary.captions == {"1": EXAMPLES - REPEATED, "2": REPEATED}
    # What was written is what was counted.
    written = alone.keys("train") + alone.keys("eval")
    assert len(written) == len(set(written)) == EXAMPLES
    assert {split: len(found) for split, found in alone.examples.items()} == summary.examples
    assert Counter(each.reason for each in alone.refused) == summary.quarantined
    assert {each.key for each in alone.refused} == {f"{n:05d}" for n in range(DAMAGED + WORDLESS)}


def test_a_merged_record_has_the_captions_of_both_rows(alone):
    last = RECORDS - 1
    [merged] = [
        example
        for example in alone.examples["train"] + alone.examples["eval"]
        if values(example, features.IMAGE_KEY) == [f"{last - 1000:05d}".encode()]
    ]
    captions = {caption.decode() for caption in values(merged, features.CAPTIONS)}
    assert captions == {f"caption {last - 1000}", f"caption {last}"}
    assert values(merged, features.IMAGE_ENCODED) == [picture(last - 1000)]
    assert values(merged, features.CAPTION_WORDS) == [2, 2]


def test_a_refused_record_says_where_it_was_and_how_it_began(alone):
    [first] = [each for each in alone.refused if each.key == "00000"]
    assert Path(first.place.source).name == "0.tar"
    assert first.place.offset == 0
    assert first.first_bytes == picture(0)[:64]
    [wordless] = [each for each in alone.refused if each.key == f"{DAMAGED:05d}"]
    assert (wordless.reason, wordless.first_bytes) == ("empty_caption", b"  ")


@pytest.mark.parametrize(
    ("mode", "workers"),
    [
        ("in_memory", 2),
        ("in_memory", 4),
        ("multi_processing", 1),
        ("multi_processing", 2),
        ("multi_processing", 4),
    ],
)
def test_workers_write_the_same_bytes(many, alone, tmp_path, mode, workers):
    options = [f"--direct_running_mode={mode}", f"--direct_num_workers={workers}"]
    there = ingested(tmp_path / "out", many, options)
    assert there.summary == alone.summary
    assert shards(there) == shards(alone)


def test_a_split_by_shares_depends_on_nothing_but_the_key(many, alone, tmp_path):
    part = many.model_copy(update={"files": "[0-2].tar"})
    done = ingested(tmp_path / "out", part)
    for split in ("train", "eval"):
        assert set(done.keys(split)) <= set(alone.keys(split))


def test_near_duplicates_of_train_leave_the_other_splits(tmp_path):
    write_tar(tmp_path / "train.tar", [("t.jpg", picture(1, "jpeg", (96, 64))), ("t.txt", b"t")])
    held_out = [
        ("same.png", picture(1, "png", (120, 80))), ("same.txt", b"the same, otherwise saved"),
        ("other.png", picture(2, "png", (96, 64))), ("other.txt", b"another"),
    ]  # fmt: skip
    write_tar(tmp_path / "eval.tar", held_out)
    found = {}
    for action in ("remove", "report", "off"):
        payload = {
            "path": str(tmp_path),
            "splits": {"train": "train.tar", "eval": "eval.tar"},
            "near_duplicates": {"action": action},
        }
        done = ingested(tmp_path / action, IngestConfig.model_validate(payload))
        assert done.summary.lost == 0
        found[action] = (sorted(done.keys("eval")), done.summary.near_duplicates, done.refused)
    assert found["report"] == (["other", "same"], {"eval": 1}, [])
    assert found["off"] == (["other", "same"], {}, [])
    keys, counts, [refused] = found["remove"]
    assert (keys, counts) == (["other"], {"eval": 1})
    assert (refused.key, refused.reason) == ("same", "near_duplicate_of_train")
    assert re.fullmatch(r"similarity (0\.9\d\d|1\.000) to the key t", refused.detail)
    [pair] = pairs.read(str(tmp_path / "remove" / "quarantine"))
    assert (pair.split, pair.key, pair.train_key) == ("eval", "same", "t")


def test_the_same_file_named_twice_is_read_once_and_grouped(tmp_path):
    (tmp_path / "a.png").write_bytes(picture(1))
    lines = [
        {"image": "a.png", "caption": "a"},
        {"image": "a.png", "caption": "b"},
        {"image": "absent.png", "caption": "c"},
        {"image": "absent.png", "caption": "d"},
    ]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    payload = {"path": str(tmp_path), "splits": {"train": "pairs.jsonl"}}
    done = ingested(tmp_path / "out", IngestConfig.model_validate(payload))
    [example] = done.examples["train"]
    assert values(example, features.CAPTIONS) == [b"a", b"b"]
    assert done.summary.merged == 1
    assert [(e.place.offset, e.reason) for e in done.refused] == [
        (3, "missing_image"),
        (4, "missing_image"),
    ]
