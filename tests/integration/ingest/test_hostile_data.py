"""A small one of each kind of data set that `tests.e2e.hostile_data` ingests."""

import gzip
import io
import json
import tarfile

import pytest

from components.example_gen.images import foreign
from components.example_gen.readers.coco import READER as COCO
from components.example_gen.readers.jsonl import READER as JSONL
from components.example_gen.readers.parquet import READER as PARQUET
from components.example_gen.readers.parsing.json_stream import UNUSABLE, JsonStream
from components.example_gen.readers.parsing.limits import beginning
from components.example_gen.readers.recognition import recognise
from components.example_gen.readers.tables.protobuf_size import has_many_values
from components.example_gen.readers.webdataset import READER as WEBDATASET
from components.example_gen.rows import UnusableError
from components.example_gen.storage.decompress import open_plain
from schema.errors import InputError
from tests.support.hostile import bombs
from tests.support.hostile.files import coco_nested, images, jsonl, nested
from tests.support.readers import everything, reasons


@pytest.mark.parametrize("case", nested(), ids=lambda case: case.name)
def test_a_row_that_is_nested_deeply_is_its_own_rejection(tmp_path, case):
    images(tmp_path)
    case.write(tmp_path)
    [file] = tmp_path.glob("train*")
    found = sorted(reasons(everything(JSONL, file)))
    assert found in [[reason, "row", "row"] for reason in case.reasons]
    if file.suffix == ".json":
        with pytest.raises(InputError, match="is neither COCO captions"):
            recognise([str(file)])


@pytest.mark.parametrize("depth", [9, 2_000, 100_000])
def test_an_annotation_that_is_nested_deeply(tmp_path, depth):
    images(tmp_path)
    (tmp_path / "train.json").write_bytes(coco_nested(depth))
    found = everything(COCO, tmp_path / "train.json")
    # One that can still be read is of the image a, whose captions it spoils.
    expected = ["bad_metadata", "row"] if depth == 9 else ["row", "row", "bad_metadata"]
    assert reasons(found) == expected


def test_a_stream_of_json():
    body = {"a": 1, "images": [{"é": [1, -2.5, None, '\\"x']}, {}], "n": "x" * 3_000_000, "l": []}
    stream = JsonStream(io.BytesIO(json.dumps(body, indent=1).encode() + b" \n"))
    found = {
        key: list(stream.entries()) if stream.is_list() else stream.value()
        for key in stream.fields()
    }
    assert found == body
    deep = (
        b"[1, " + b"[" * 50_000 + b'"\\"]"' + b"]" * 50_000 + b', {"b": 2}, ' + b"9" * 5_000 + b"]"
    )
    one, unusable, last, number = JsonStream(io.BytesIO(deep)).entries()
    assert (one, unusable, last, number) == (1, UNUSABLE, {"b": 2}, "9" * 5_000)
    for bad in (
        b"",
        b"{",
        b'{"a"',
        b'{"a":',
        b'{"a":1',
        b'{"a":1,}',
        b"{1:2}",
        b'{"a":1} x',
        b"[]",
    ):
        with pytest.raises(ValueError):  # noqa: PT011  the library's words differ
            _skip_all(JsonStream(io.BytesIO(bad)))


def _skip_all(stream: JsonStream) -> None:
    for _ in stream.fields():
        stream.skip()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tar-5,000-long-names", "the tar is damaged or cut off after the start"),
        ("tfrecord-length-field", "record 0 is damaged or cut off"),
        ("csv-header-of-50-MiB", "line 1 has more than "),
        ("jsonl.bz2-endless-line", "bytes unpack to more than"),
    ],
)
def test_a_bomb_is_refused_by_name(tmp_path, name, sentence):
    from components.example_gen.readers.registry import READERS

    bombs.WRITERS[name](tmp_path)
    [file] = tmp_path.glob("train*")
    with pytest.raises(InputError) as caught:
        everything(READERS[recognise([str(file)])], file)
    assert str(caught.value).startswith(f"{file}: ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE]
)
def test_a_tar_with_a_header_that_is_too_large(tmp_path, kind):
    file = tmp_path / "train.tar"
    file.write_bytes(bombs.header("x", kind, 1 << 30))
    with pytest.raises(InputError, match=r"after the start the tar has a .*, which is not read"):
        everything(WEBDATASET, file)


def test_cells_of_parquet_that_share_their_bytes(tmp_path):
    bombs.shared_cell("caption", 70 << 20)(tmp_path)
    with pytest.raises(InputError, match=r"column caption unpacks [\d,]+ bytes to 73,4"):
        everything(PARQUET, tmp_path / "train.parquet")
    bombs.shared_cell("caption", 20 << 20)(tmp_path)
    found = everything(PARQUET, tmp_path / "train.parquet")
    assert len(found) == 50


def test_what_is_packed_well_but_is_no_bomb(tmp_path):
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(b"x" * (60 << 20)))
    with open_plain(str(file)) as opened:
        assert len(opened.read()) == 60 << 20


def test_a_record_of_many_numbers():
    number = b"\x1a" + bombs.varint((3 << 20) + 4) + b"\x0a" + bombs.varint(3 << 20)
    feature = number + b"\1" * (3 << 20)
    entry = b"\x0a\x01x\x12" + bombs.varint(len(feature)) + feature
    features = b"\x0a" + bombs.varint(len(entry)) + entry
    record = b"\x0a" + bombs.varint(len(features)) + features
    assert has_many_values(record)
    assert not has_many_values(record.replace(b"\x1a", b"\x0a", 1))  # bytes instead of numbers


def test_tags_of_a_tiff_that_lie_upon_each_other():
    with pytest.raises(UnusableError, match="tags hold more than the file has"):
        foreign.parse(bombs.overlapping_tiff(3), "tiff")
    assert foreign.parse(bombs.saved("tiff", 40, 30)(), "tiff").width == 40


def test_rows_that_are_looked_at_first_are_few_where_they_are_large():
    first, rest = beginning((10 << 20, number) for number in range(9))
    assert (first, list(rest)) == ([0, 1], [2, 3, 4, 5, 6, 7, 8])


def test_captions_without_end(tmp_path):
    jsonl({"image": "a.png", "caption": ["c"] * 20_000})(tmp_path)
    found = everything(JSONL, tmp_path / "train.jsonl")
    assert found[-1].detail == "caption has more than 10,000 captions"
