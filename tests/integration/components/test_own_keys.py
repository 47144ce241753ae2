"""What an image is called: by a column, by its path, by its digest, and never as another one."""

import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.example_gen.config import IngestConfig
from components.example_gen.readers.jsonl import READER as JSONL
from components.example_gen.readers.parquet import READER as PARQUET
from components.example_gen.records import quarantine
from components.example_gen.records.merge import merge, own_names
from components.example_gen.records.quarantine import Summary
from components.example_gen.rows import Place
from pipeline.config.run_config import load
from schema import features
from tests.support.ingest import facts, found, ingested, picture, record, values, write_tar
from tests.support.readers import options, rows
from tests.support.small_run import small_values
from tests.unit.components.example_gen.records.test_merge import GLOBS


def hugging_face(path: Path, *cells: tuple[str | None, int, str], ids: bool = False) -> str:
    """A table with Hugging Face's images inside: path, which image, caption."""
    table: list[dict[str, Any]] = [
        {"image": {"bytes": picture(seed), "path": name}, "caption": text}
        for name, seed, text in cells
    ]
    if ids:
        table = [{"id": n, **row} for n, row in enumerate(table)]
    pq.write_table(pa.Table.from_pylist(table), path)
    return str(path)


def test_a_row_is_called_by_the_path_of_its_image(tmp_path):
    lines = [
        *("images/1.jpg", "../far/2.jpg", f"{tmp_path}/d/images/3.jpg", "/abs/4.jpg"),
        *("https://u:p@h/5.jpg?key=secret", {"bytes": None, "path": "6.jpg"}),
    ]
    path = tmp_path / "d" / "sub" / "a.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(json.dumps({"image": each, "text": "t"}) for each in lines))
    given = options(root=tmp_path / "d")
    assert [(row.key, row.name) for row in rows(JSONL, path, given)] == [
        (None, name)
        for name in (
            *("sub/images/1.jpg", "far/2.jpg", "images/3.jpg", "/abs/4.jpg", "https://h/5.jpg"),
            "sub/6.jpg",
        )
    ]
    inside = hugging_face(tmp_path / "a.parquet", ("x/7.jpg", 1, "t"), (None, 2, "t"))
    assert [row.name for row in rows(PARQUET, inside)] == ["x/7.jpg", None]


def test_another_image_of_a_file_name_is_a_record_of_its_own():
    same = [
        found(offset=1, content="a" * 64, key_column="", captions=("one",)),
        found(offset=2, content="b" * 64, key_column="", captions=("two",), split="eval"),
        found(offset=3, content="a" * 64, key_column="", captions=("three",)),
        found(offset=4, content="b" * 64, key_column="", captions=("four",), split="eval"),
        found(offset=5, content="a" * 64, key_column="", captions=("five",), split="eval"),
    ]
    for order in itertools.islice(itertools.permutations(same), 0, None, 7):
        records, refused = merge("k", order, GLOBS)
        assert [(r.key, r.split, r.captions, r.rows) for r in records] == [
            ("k", "train", ("one", "three"), 2),
            ("k-" + "b" * 16, "eval", ("two", "four"), 2),
        ]
        # The same image in two splits stays in train.
        assert [(each.place.offset, each.reason) for each in refused] == [(5, "key_in_two_splits")]


def test_another_image_of_a_columns_key_is_refused_in_every_split():
    for split in ("train", "eval"):
        stranger = found(offset=2, content="b", split=split)
        [kept], [refused] = merge("k", [found(offset=1), stranger], GLOBS)
        assert (kept.key, refused.reason) == ("k", "key_of_another_image")
        assert refused.detail == "the first image of this key is at f: 1, in the column 'id' too"


def test_names_are_made_unique_where_they_must_be():
    def named(key: str, offset: int, split: str = "train", name: str | None = "1.jpg"):
        place = Place("f", offset)
        return record(key, place=place, image=facts(key), split=split, name=name)

    a, b, c = named("a" * 32, 2), named("b" * 32, 1, "eval"), named("c" * 32, 3)
    for order in itertools.permutations((a, b, c)):
        keys = {each.place.offset: each.key for each in own_names(order, GLOBS)}
        assert keys == {2: "1.jpg", 1: "1.jpg-" + "b" * 16, 3: "1.jpg-" + "c" * 16}
    own = named("1.jpg", 9, "eval", name=None)
    keys = {each.place.offset: each.key for each in own_names((a, own), GLOBS)}
    assert keys == {9: "1.jpg", 2: "1.jpg-" + "a" * 16}


def keys_and_captions(done, split: str) -> dict[str, list[str]]:
    return {
        values(each, features.IMAGE_KEY)[0].decode(): [
            text.decode() for text in values(each, features.CAPTIONS)
        ]
        for each in done.examples[split]
    }


def test_records_in_are_records_out_whatever_they_are_called(tmp_path):
    """Each kind of layout and each kind of key in one sum."""
    data = tmp_path / "data"
    data.mkdir()
    one = (
        ("img.jpg", 1, "one"),
        ("img.jpg", 2, "two"),
        ("b.jpg", 1, "one again"),
        (None, 3, "three"),
    )
    hugging_face(data / "train-0.parquet", *one)
    hugging_face(data / "train-1.parquet", ("img.jpg", 4, "four"), ("c.jpg", 5, ""))
    hugging_face(data / "eval-0.parquet", ("img.jpg", 6, "six"), ("x.jpg", 2, "train has it"))
    payload = {"path": str(data), "splits": {"train": "train-*", "eval": "eval-*"}}
    done = ingested(tmp_path / "hf", IngestConfig.model_validate(payload))
    train, held_out = (keys_and_captions(done, split) for split in ("train", "eval"))
    by_caption = {texts[0]: key for key, texts in train.items()}
    assert train[by_caption["one"]] == ["one", "one again"]  # the same bytes, one image
    assert by_caption["one"] == "img.jpg"
    assert by_caption["two"].startswith("img.jpg-")
    assert by_caption["four"].startswith("img.jpg-")
    assert len(by_caption["three"]) == 32
    [(key, texts)] = held_out.items()
    assert (key[:8], texts) == ("img.jpg-", ["six"])
    summary = done.summary
    assert summary.quarantined == {"empty_caption": 1, "key_in_two_splits": 1}
    assert (summary.read, summary.examples, summary.merged) == (8, {"train": 4, "eval": 1}, 1)
    assert summary.lost == 0 == 8 - 5 - 1 - 2
    assert {each.key for each in done.refused} == {"c.jpg", "x.jpg"}


def test_numbers_that_restart_are_refused_with_the_column_and_the_way_out(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for n in range(2):
        cells = [(f"{i}.jpg", 10 * n + i, f"caption {n} {i}") for i in range(3)]
        hugging_face(data / f"train-{n}.parquet", *cells, ids=True)
    payload = {"path": str(data), "splits": {"train": "train-*"}}
    done = ingested(tmp_path / "out", IngestConfig.model_validate(payload))
    assert (done.summary.key_columns, done.summary.lost) == ({"id": 6}, 0)
    [sentence] = quarantine.check(done.summary, 0.01)
    assert sentence == (
        "3 of 6 records are quarantined: 3 key_of_another_image; data.max_quarantined allows a "
        "share of 0.01 (`diptych quarantine list` shows each); different images have the same key "
        "in the column 'id': name another one in data.columns.key, or set it to off, and an "
        "image's path or digest is its key"
    )
    off = IngestConfig.model_validate({**payload, "columns": {"key": "off"}})
    again = ingested(tmp_path / "off", off)
    assert again.summary.examples == {"train": 6}
    assert {key[:5] for key in keys_and_captions(again, "train")} == {"0.jpg", "1.jpg", "2.jpg"}


def test_the_same_names_in_two_splits_are_other_images(tmp_path):
    """As in two data sets of img2dataset, whose names are numbers."""
    for number, split in enumerate(("train", "eval")):
        members = [
            (f"00000.{suffix}", body)
            for suffix, body in (("png", picture(number)), ("txt", b"x"), ("cls", b"1"))
        ]
        write_tar(tmp_path / f"{split}.tar", members)
    payload = {"path": str(tmp_path), "splits": {"train": "train.tar", "eval": "eval.tar"}}
    done = ingested(tmp_path / "out", IngestConfig.model_validate(payload))
    assert done.summary == Summary(
        read=2,
        examples={"train": 1, "eval": 1},
        captions={"1": 2},
        ignored={".cls": 2},
        distinct_images={"train": 1, "eval": 1},
        distinct_captions={"train": 1, "eval": 1},
    )
    assert done.keys("train") == ["00000"]
    assert done.keys("eval")[0].startswith("00000-")
    assert done.summary.not_read == "files that are not read: 2 .cls"


def test_off_is_a_word_in_a_config(tmp_path):
    path = tmp_path / "config.yaml"
    data = {"columns": "{key: off}", "near_duplicates": "{action: off}", "drift": "{action: off}"}
    text = json.dumps(small_values())
    for name, value in data.items():
        text = text.replace('"data": {', f'"data": {{"{name}": {value}, ', 1)
    path.write_text(text.replace("{key: off}", '{"key": off}').replace("{action", '{"action"'))
    read = load(path).data
    assert (read.columns.key, read.columns.named_key) == ("off", None)
    assert (read.near_duplicates.action, read.drift.action) == ("off", "off")
