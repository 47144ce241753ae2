"""Which reader a file is for, and every reader on an S3 server."""

import gzip
import io
import json
import tarfile
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.example_gen.config import Format
from components.example_gen.readers.registry import READERS, files_named, reader_for, recognise
from components.example_gen.storage import named_files, open_file
from components.example_gen.storage.allowed import Access, Allowed
from components.example_gen.storage.errors import OutsideError
from schema.errors import InputError
from tests.support.readers import options, picture, rows
from tests.support.s3 import serve

COCO = {
    "images": [{"id": 1, "file_name": "a.png"}],
    "annotations": [{"image_id": 1, "caption": "c"}],
}
LINE = {"image": "images/a.png", "caption": "c"}


def test_there_is_a_reader_for_every_format():
    assert {"auto", *READERS} == set(get_args(Format))


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.tar", "webdataset"),
        ("a.TAR.GZ", "webdataset"),
        ("a.tgz", "webdataset"),
        ("a.tar.zst", "webdataset"),
        ("https://h/a.tar?x=.csv", "webdataset"),
        ("a.tfrecord", "tfrecord"),
        ("a.tfrecords.gz", "tfrecord"),
        ("a.tfrecord-00001-of-00010", "tfrecord"),
        ("a-00001-of-00010.tfrecord", "tfrecord"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("a.csv", "csv"),
        ("a.tsv.gz", "csv"),
        ("a.parquet", "parquet"),
    ],
)
def test_by_name(name, format):
    assert recognise([name, name]) == format
    assert reader_for("auto", [name]) is READERS[format]
    assert reader_for("coco", [name]) is READERS["coco"]


@pytest.mark.parametrize(
    ("body", "format"),
    [
        (json.dumps(COCO), "coco"),
        ("\ufeff" + json.dumps(COCO, indent=1), "coco"),
        (json.dumps({"info": {"x": "y" * 2_000_000}} | COCO), "coco"),
        (json.dumps(LINE) + "\n" + json.dumps(LINE), "jsonl"),
        (json.dumps(LINE), "jsonl"),
        (json.dumps({"images": "a.png", "text": "c"}) + "\n", "jsonl"),
    ],
)
def test_json_by_its_beginning(tmp_path, body, format):
    (tmp_path / "a.json").write_text(body)
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(body.encode()))
    assert recognise([f"{tmp_path}/a.json", f"{tmp_path}/a.json.gz"]) == format


def test_a_folder(tmp_path):
    assert recognise([str(tmp_path)]) == "folder"


def test_what_is_not_recognised(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "b.json").write_bytes(gzip.compress(b"{" * 999)[:-9])
    for files, sentence in (
        (["a.tar", "b.csv"], "a.tar is a WebDataset .*, but b.csv is a table of text .*one format"),
        (["a.png"], "a.png is an image; name the folder it is in instead"),
        (["a.tar.bak"], "a.tar.bak: its name does not tell its format"),
        (["a.bin"], "a.bin: its name does not tell its format; set data.format to one of webdat"),
        ([f"{tmp_path}/a.json"], "neither COCO captions nor one JSON object a line"),
        ([f"{tmp_path}/b.json"], "is damaged or cut off"),
    ):
        with pytest.raises(InputError, match=sentence):
            recognise(files)


def test_files_that_rows_name(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [LINE, LINE | {"image": "/b.png"}, LINE, {"image": "no caption"}]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = list(files_named(str(path), READERS["jsonl"], options()))
    assert found == [f"{tmp_path}/images/a.png", "/b.png"]
    pq.write_table(pa.table({"image": ["a", "b"], "text": ["c", "d"]}), tmp_path / "p", 1)
    found = list(files_named(f"{tmp_path}/p", READERS["parquet"], options()))
    assert found == [f"{tmp_path}/a", f"{tmp_path}/b"]


def test_every_reader_reads_a_store():
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as made:
        for name, body in (("a.png", picture()), ("a.txt", b"c")):
            info = tarfile.TarInfo(name)
            info.size = len(body)
            made.addfile(info, io.BytesIO(body))
    table, inside = io.BytesIO(), io.BytesIO()
    pq.write_table(pa.table({"image": ["images/a.png"], "caption": ["c"]}), table)
    pq.write_table(pa.table({"image": [picture()] * 99, "caption": ["c"] * 99}), inside, 33)
    with serve() as s3:
        files = {
            "d/a.tar.gz": tar.getvalue(),
            "d/a.jsonl": json.dumps(LINE).encode(),
            "d/a.csv.gz": gzip.compress(b"image,caption\nimages/a.png,c\n"),
            "d/a.parquet": table.getvalue(),
            "d/b.parquet": inside.getvalue(),
            "d/coco_x.json": json.dumps(COCO).encode(),
            "d/images/a.png": picture(),
            "d/images/a.txt": b"c",
        }
        for key, body in files.items():
            s3.put(key, body)
        addresses = [*open_file.glob(f"{s3.url}/d", "?*.*"), f"{s3.url}/d/images"]
        formats = [recognise([each]) for each in addresses]
        assert formats == ["csv", "jsonl", "parquet", "webdataset", "parquet", "coco", "folder"]
        for address, format in zip(addresses, formats, strict=True):
            found = rows(READERS[format], address)
            assert len(found) == (99 if address.endswith("b.parquet") else 1)
            for row in found:
                image = row.image or open_file.read_bytes(row.image_path or "", 1 << 20)
                assert (image, row.captions) in ((picture(), ("c",)), (picture(), (b"c",)))
                if row.image_path:
                    assert row.image_path == f"{s3.url}/d/images/a.png"
        s3.put("d/evil.jsonl", b'{"image": "/etc/hostname", "caption": "c"}')
        [evil] = rows(READERS["jsonl"], f"{s3.url}/d/evil.jsonl")
        with pytest.raises(OutsideError, match=r"name /etc in data\.allow"):
            named_files.read(evil.image_path or "", 99, Access(Allowed((s3.url,))))


def test_a_file_of_which_nearly_nothing_is_a_record_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text('{"image": "a.png", "caption": "a"}\n' * 2 + "x\n" * 150_000)
    named = files_named(str(path), READERS["jsonl"], options())
    assert next(named).endswith("a.png")
    with pytest.raises(InputError, match="100,000 of its first 100,002 records cannot be used"):
        list(named)
