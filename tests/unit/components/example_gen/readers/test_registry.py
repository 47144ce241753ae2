"""Which reader a file is for, and every reader on an S3 server."""

import gzip
import importlib
import io
import json
import subprocess
import sys
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from components.example_gen.config import IngestConfig, formats
from components.example_gen.files import files_named, find_parts
from components.example_gen.readers.recognition import file_patterns, reader_for, recognise
from components.example_gen.readers.registry import READERS
from components.example_gen.storage import listing, named_files
from components.example_gen.storage.allowed import Access, Allowed
from components.example_gen.storage.errors import OutsideError
from schema.config.messages import describe_errors
from schema.errors import InputError
from tests.support.readers import options, picture, read_bytes, rows
from tests.support.s3 import serve

COCO = {
    "images": [{"id": 1, "file_name": "a.png"}],
    "annotations": [{"image_id": 1, "caption": "c"}],
}
LINE = {"image": "images/a.png", "caption": "c"}


def test_every_format_has_a_reader():
    assert formats() == ["auto", *sorted(READERS)]
    assert IngestConfig.model_json_schema()["properties"]["format"]["examples"] == formats()
    assert set(READERS) == {
        *("coco", "csv", "folder", "jsonl", "parquet", "tfrecord", "webdataset"),
    }


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
        (
            ["a.bin"],
            "a.bin: its name does not tell its format; set data.format to one of coco, csv",
        ),
        (
            [f"{tmp_path}/a.json"],
            r"is neither COCO captions \(.json\) nor JSON Lines \(.*\), although its name allows",
        ),
        ([f"{tmp_path}/b.json"], "is damaged or cut off"),
    ):
        with pytest.raises(InputError, match=sentence):
            recognise(files)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A package of a user, with a reader in its one file, that is imported as `plugins` does."""
    package = tmp_path / "reader_plugin.py"
    package.write_text(
        "from pathlib import Path\n"
        "from components.example_gen.readers.registry import READERS, Reader\n"
        "from components.example_gen.rows import Place, Row\n"
        "def read(file, part, options):\n"
        "    for number, line in enumerate(Path(file).read_text().splitlines()):\n"
        "        caption, image = line.split('|')\n"
        "        yield Row(Place(file, number), (caption,), image_path=image)\n"
        "READERS.add('bars', Reader('a table with bars (.bars)', read, suffixes=('bars',),\n"
        "    shared_suffixes=('json',), begins=lambda beginning: beginning[:1] == b'|'))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("reader_plugin")
    yield
    READERS._entries.pop("bars")
    sys.modules.pop("reader_plugin")


@pytest.mark.usefixtures("plugin")
def test_a_reader_of_a_plugin(tmp_path):
    """One file: chosen by its name, by the name of a file, and by the first bytes of one."""
    (tmp_path / "a.bars.gz").touch()
    (tmp_path / "b.json").write_text("|")
    assert recognise([f"{tmp_path}/a.bars.gz", f"{tmp_path}/b.json"]) == "bars"
    (tmp_path / "c").write_text("a cup|/c.png\n")
    config = IngestConfig(format="bars", path=str(tmp_path), splits={"train": "c"})
    [part] = find_parts(config.path, config.patterns, config)
    assert part == ("train", "bars", f"{tmp_path}/c", 0)
    [row] = rows(READERS["bars"], part[2])
    assert (row.captions, row.image_path) == (("a cup",), "/c.png")
    assert "*.bars*" in file_patterns()


def test_a_format_that_no_reader_has():
    with pytest.raises(ValidationError) as error:
        IngestConfig(format="cvs", path="x", splits={"train": "c"})
    assert describe_errors(error.value, IngestConfig) == [
        "format = 'cvs': input should be 'auto', 'coco', 'csv', 'folder', 'jsonl', 'parquet', "
        "'tfrecord' or 'webdataset'"
    ]


def test_files_that_are_recognised_by_name():
    assert file_patterns() == [
        *("*.csv*", "*.jsonl*", "*.ndjson*", "*.parquet*", "*.pq*", "*.tar*", "*.tfrecord*"),
        *("*.tgz*", "*.tsv*"),
    ]


def test_a_config_is_read_without_heavy_libraries():
    """Only the names of the readers are needed; their libraries come with the first file."""
    code = (
        "import sys; from components.example_gen.config import IngestConfig as C;"
        "C(format='parquet', path='x', splits={'train': 'y'});"
        "print(sorted({'tensorflow', 'tfx', 'PIL', 'pyarrow', 'apache_beam'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


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
        addresses = [*listing.glob(f"{s3.url}/d", "?*.*"), f"{s3.url}/d/images"]
        formats = [recognise([each]) for each in addresses]
        assert formats == ["csv", "jsonl", "parquet", "webdataset", "parquet", "coco", "folder"]
        for address, format in zip(addresses, formats, strict=True):
            found = rows(READERS[format], address)
            assert len(found) == (99 if address.endswith("b.parquet") else 1)
            for row in found:
                image = row.image or read_bytes(row.image_path or "", 1 << 20)
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
