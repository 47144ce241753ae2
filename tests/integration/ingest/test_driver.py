"""Which span is taken, and which changes of the files the cache must notice."""

import json
import os
from pathlib import Path

import pytest
from tfx.components.example_gen import utils

from components.example_gen.component import ImageTextExampleGen
from components.example_gen.config import IngestConfig
from components.example_gen.driver import Driver, fingerprint, patterns
from schema.errors import InputError
from tests.support.ingest import picture, write_tar


def resolved(config: IngestConfig) -> dict:
    """The execution properties after the driver."""
    told = ImageTextExampleGen(config, max_captions=3).exec_properties
    driver = Driver(None)
    return driver.resolve_exec_properties(dict(told), None, None)


def config(folder: Path, **changes) -> IngestConfig:
    return IngestConfig.model_validate({"path": str(folder), **changes})


@pytest.fixture
def spans(tmp_path) -> Path:
    for span, version in ((1, 0), (2, 0), (2, 7), (10, 1)):
        folder = tmp_path / f"span-{span}" / f"v{version}"
        folder.mkdir(parents=True)
        write_tar(folder / "train-0.tar", [("a.png", picture(span)), ("a.txt", b"a")])
    return tmp_path


def test_the_newest_span_and_of_it_the_newest_version(spans):
    told = resolved(config(spans, splits={"train": "span-{SPAN}/v{VERSION}/train-*.tar"}))
    assert told[utils.SPAN_PROPERTY_NAME] == 10
    assert told[utils.VERSION_PROPERTY_NAME] == 1
    assert patterns(told) == {"train": "span-10/v1/train-*.tar"}


def test_a_later_span_changes_the_fingerprint_and_an_older_one_does_not(spans):
    asked = config(spans, splits={"train": "span-{SPAN}/v{VERSION}/train-*.tar"})
    before = resolved(asked)
    write_tar(spans / "span-2" / "v7" / "train-1.tar", [("b.png", picture(5)), ("b.txt", b"b")])
    again = resolved(asked)
    assert again == before
    late = spans / "span-11" / "v0"
    late.mkdir(parents=True)
    write_tar(late / "train-0.tar", [("a.png", picture(1)), ("a.txt", b"a")])
    newest = resolved(asked)
    assert patterns(newest) == {"train": "span-11/v0/train-*.tar"}
    name = utils.FINGERPRINT_PROPERTY_NAME
    assert newest[name] != before[name]


def test_no_span_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        resolved(config(tmp_path, splits={"train": "span-{SPAN}/*.tar"}))


def test_an_image_that_a_manifest_names_is_part_of_the_fingerprint(tmp_path):
    (tmp_path / "images").mkdir()
    for n in range(2):
        (tmp_path / "images" / f"{n}.png").write_bytes(picture(n))
    lines = [{"image": f"images/{n}.png", "caption": f"{n}"} for n in range(3)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    asked = config(tmp_path, splits={"train": "pairs.jsonl"})

    def now() -> str:
        return fingerprint(str(tmp_path), asked.patterns, asked)

    seen = [now()]
    assert now() == seen[0]
    image = tmp_path / "images" / "0.png"
    kept = image.stat()
    body = image.read_bytes()
    image.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))  # as long as before
    os.utime(image, ns=(kept.st_atime_ns, kept.st_mtime_ns + 1000))  # and in the same second
    seen.append(now())
    (tmp_path / "images" / "2.png").write_bytes(picture(2))  # named, and missing until now
    seen.append(now())
    (tmp_path / "images" / "3.png").write_bytes(picture(3))  # named by nobody
    assert now() == seen[-1]
    assert len(set(seen)) == 3


def test_the_stamp_of_a_shard_sees_a_change_within_a_second(tmp_path):
    path = tmp_path / "train.tar"
    write_tar(path, [("a.png", picture(1)), ("a.txt", b"a")])
    asked = config(tmp_path, splits={"train": "train.tar"})
    before = resolved(asked)
    kept = path.stat()
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns - kept.st_mtime_ns % 10**9 + 1))
    first = resolved(asked)
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns - kept.st_mtime_ns % 10**9 + 2))
    name = utils.FINGERPRINT_PROPERTY_NAME
    assert len({before[name], first[name], resolved(asked)[name]}) == 3


def test_a_pattern_without_a_file_is_one_sentence(tmp_path):
    with pytest.raises(InputError) as caught:
        resolved(config(tmp_path, splits={"train": "train-*.tar"}))
    assert str(caught.value) == f"{tmp_path}/train-*.tar matches no file"
    for n in range(7):
        (tmp_path / f"tr-{n}.tar").touch()
    with pytest.raises(InputError) as caught:
        resolved(config(tmp_path, splits={"train": "train-*.tar"}))
    there = "tr-0.tar, tr-1.tar, tr-2.tar, tr-3.tar, tr-4.tar and 2 more"
    assert str(caught.value) == f"{tmp_path}/train-*.tar matches no file; {tmp_path} holds {there}"
    with pytest.raises(InputError) as caught:
        resolved(config(tmp_path / "absent", splits={"train": "train-*.tar"}))
    assert str(caught.value) == f"{tmp_path}/absent: is not there"
