"""Retained data sets: where their files are, and which rows belong to them."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from components.example_gen.config import IngestConfig, RetainedConfig
from components.example_gen.files import check_retained
from components.example_gen.records.merge import Grouping, merge_all
from components.example_gen.records.retained import Source, sources
from components.example_gen.records.splits import precedence, split_of
from components.release.files import manifest
from components.release.files.manifest import Manifest
from schema.errors import InputError
from tests.support.ingest import found

SHARES = {"train": 0.8, "eval": 0.2}


def config(**retain) -> IngestConfig:
    return IngestConfig(
        path="/new", splits={"train": "t", "eval": "e"}, attributes=("vendor",), retain=retain
    )


def release(folder: Path, span: str = "0", **data) -> RetainedConfig:
    """Write as much of a release as is read."""
    folder.mkdir()
    trained = {"data": {"path": "/old", **data}, "evaluation": {"split": "eval"}}
    (folder / "config.json").write_text(json.dumps(trained))
    content = Manifest(
        release=3, pipeline="p", run="r", created=1.0, model_digest="", baseline=None, gates=(),
        data={"span": span, "version": "None"}, config={}, metrics={}, curves={}, files={},
    )  # fmt: skip
    (folder / manifest.FILE).write_text(content.model_dump_json())
    return RetainedConfig(release=str(folder))


def test_a_path_and_a_glob_are_ingested_with_the_limits_of_the_run():
    source = sources(config(noto=RetainedConfig(path="/there", files="*.tar", format="webdataset")))
    alone = source["noto"].config
    assert (alone.path, alone.splits, alone.retain) == ("/there", {"noto": "*.tar"}, {})
    assert (alone.format, alone.attributes) == ("webdataset", ("vendor",))
    assert source["noto"].holds("any key")


@pytest.mark.parametrize(
    ("glob", "span", "expected"),
    [
        ("eval-*.tar", "0", "eval-*.tar"),
        ("span-{SPAN}/eval-*", "7", "span-7/eval-*"),
        ("span-{SPAN:3}/eval-*", "7", "span-007/eval-*"),
        ("{YYYY}-{MM}-{DD}/eval-*", "20000", "2024-10-04/eval-*"),
    ],
)
def test_a_release_says_what_it_was_evaluated_on(tmp_path, glob, span, expected):
    splits = {"train": "train-*", "eval": glob}
    retained = release(
        tmp_path / "3", span, splits=splits, format="webdataset", drift={}, max_quarantined=0.5,
        near_duplicates={"action": "off", "max_removed": 0.2},
    )  # fmt: skip
    source = sources(config(v3=retained))["v3"]
    assert (source.config.path, source.glob) == ("/old", expected)
    assert source.config.splits == {"v3": expected}
    assert source.config.attributes == ()  # the release kept none
    assert source.config.near_duplicates.action == "remove"  # what this run does


def test_of_files_that_shares_split_the_evaluated_images_alone_belong_to_it(tmp_path):
    retained = release(tmp_path / "3", files="*.tar", splits=SHARES)
    source = sources(config(v3=retained))["v3"]
    assert source.glob == "*.tar"
    for key in map(str, range(100)):
        assert source.holds(key) == (split_of(key, SHARES) == "eval")


def test_a_release_that_is_none_is_refused_by_its_key(tmp_path):
    for content in (None, "{", '{"data": {}}'):
        if content is not None:
            (tmp_path / "config.json").write_text(content)
        with pytest.raises(InputError, match=r"^data\.retain\.v3\.release: "):
            sources(config(v3=RetainedConfig(release=str(tmp_path))))


@pytest.mark.parametrize(
    ("section", "values", "sentence"),
    [
        ("evaluation", {"split": "test"}, "evaluation.split = 'test' is none of its splits"),
        ("evaluation", {"split": ["eval"]}, r"evaluation.split = \['eval'\] is none of its"),
        ("data", {"near_duplicates": None}, "data: near_duplicates"),
        ("data", {"near_duplicates": [1]}, "data: near_duplicates"),
    ],
)
def test_a_damaged_config_of_a_release_is_refused_by_its_key(tmp_path, section, values, sentence):
    retained = release(tmp_path / "3", splits={"train": "t", "eval": "e"})
    file = tmp_path / "3" / "config.json"
    trained = json.loads(file.read_text())
    file.write_text(json.dumps({**trained, section: {**trained[section], **values}}))
    with pytest.raises(InputError, match=rf"^data\.retain\.v3\.release: .*{sentence}"):
        sources(config(v3=retained))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "give either release, or path and files"),
        ({"path": "a"}, "path and files belong together"),
        ({"release": "a", "path": "b", "files": "c"}, "give either release, or path and files"),
        ({"release": "a", "format": "coco"}, "format and columns are those of the release"),
        ({"path": "a", "files": "span-{SPAN}/*"}, "name one span"),
    ],
)
def test_a_source_that_is_not_one_is_refused(values, sentence):
    with pytest.raises(ValidationError, match=sentence):
        RetainedConfig(**values)


def test_the_name_of_a_split_is_refused():
    with pytest.raises(ValidationError, match=r"retain\.eval: a split has this name"):
        config(eval=RetainedConfig(path="a", files="b"))


def test_files_that_are_not_there_are_refused_by_their_key(tmp_path):
    retained = release(tmp_path / "3", splits={"train": "train-*", "eval": "eval-*"})
    check_retained(config(far=RetainedConfig(path="gs://bucket/old", files="*.tar")))
    with pytest.raises(InputError, match=r"^data\.retain\.v3: /old: is not there$"):
        check_retained(config(v3=retained))
    (tmp_path / "noto").mkdir()
    (tmp_path / "noto" / "a.tar").write_bytes(b"")
    noto = RetainedConfig(path=str(tmp_path / "noto"), files="*.tar")
    check_retained(config(noto=noto))
    with pytest.raises(InputError) as caught:
        check_retained(config(noto=noto.model_copy(update={"files": "*.csv"})))
    assert str(caught.value) == (
        f"data.retain.noto: {tmp_path}/noto/*.csv matches no file; {tmp_path}/noto holds a.tar"
    )


def grouping(**shares) -> Grouping:
    apart = Source(config(), "*", shares, "eval")
    return Grouping(precedence(["train", "eval"]), {}, 3, retained={"old": apart})


def test_an_image_may_be_retained_and_evaluated_but_not_retained_and_trained_on():
    evaluated, retained = found(split="eval", offset=1), found(split="old", offset=2)
    records, refused, elsewhere = merge_all("k", [retained, evaluated], grouping())
    assert sorted(record.split for record in records) == ["eval", "old"]
    assert {record.key for record in records} == {"k"}
    assert (refused, elsewhere) == ([], 0)
    trained = found(split="train", offset=1)
    [record], [row], elsewhere = merge_all("k", [retained, trained], grouping())
    assert record.split == "train"
    assert (row.split, row.reason, elsewhere) == ("old", "key_in_two_splits", 0)
    assert row.detail.startswith("it is in train already (")


def test_rows_outside_the_evaluated_share_are_counted_and_not_used():
    rows = [found(split="old", offset=n) for n in range(3)]
    shares = {"train": 0.5, "eval": 0.5}
    by_split = {split_of(key, shares): key for key in map(str, range(20))}
    records, refused, elsewhere = merge_all(by_split["train"], rows, grouping(**shares))
    assert (records, refused, elsewhere) == ([], [], 3)
    [record], _, elsewhere = merge_all(by_split["eval"], rows, grouping(**shares))
    assert (record.split, record.rows, elsewhere) == ("old", 3, 0)
