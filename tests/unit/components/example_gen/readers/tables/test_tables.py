"""JSON Lines, CSV and Parquet: the same rows out of each, and what no row comes of."""

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from components.example_gen.readers.delimited import READER as CSV
from components.example_gen.readers.jsonl import READER as JSONL
from components.example_gen.readers.parquet import READER as PARQUET
from components.example_gen.rows import Rejected, Row
from schema.errors import InputError
from tests.support.readers import everything, options, reasons, rows

ROWS = [
    {"file_name": "a.png", "caption": "one\nline", "id": 7, "labels": 1, "site": "x", "n": 1.5},
    {"file_name": "s/b.png", "caption": 'say "b", Käfer', "id": 8, "labels": 0, "site": None},
    {"file_name": "../c.png", "caption": "c", "id": 9, "labels": 1, "site": "z", "n": 2.0},
]


def write_jsonl(path: Path) -> None:
    path.write_text("\ufeff" + "\n\n".join(json.dumps(each) for each in ROWS))


def write_jsonl_gz(path: Path) -> None:
    path.write_bytes(gzip.compress("\r\n".join(json.dumps(each) for each in ROWS).encode()))


def write_csv(path: Path, **form) -> None:
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        made = csv.DictWriter(file, list(ROWS[0]), **form)
        made.writeheader()
        made.writerows(ROWS)


def write_tsv(path: Path) -> None:
    write_csv(path, delimiter="\t")


def write_csv_gz(path: Path) -> None:
    write_csv(path.with_suffix(""), delimiter=";", lineterminator="\n")
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=2)


TABLES = {
    "a.jsonl": (JSONL, write_jsonl, [1, 3, 5]),
    "a.ndjson.gz": (JSONL, write_jsonl_gz, [1, 2, 3]),
    "a.csv": (CSV, write_csv, [2, 4, 5]),
    "a.tsv": (CSV, write_tsv, [2, 4, 5]),
    "a.csv.gz": (CSV, write_csv_gz, [2, 4, 5]),
    "a.parquet": (PARQUET, write_parquet, [0, 1, 2]),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_gives_the_same_rows(tmp_path, name):
    reader, write, offsets = TABLES[name]
    (tmp_path / "t").mkdir()
    write(tmp_path / "t" / name)
    found = rows(reader, tmp_path / "t" / name, options("site", "n"))
    assert [row.image_path for row in found] == [
        f"{tmp_path}/{each}" for each in ("t/a.png", "t/s/b.png", "c.png")
    ]
    assert [row.captions for row in found] == [("one\nline",), ('say "b", Käfer',), ("c",)]
    assert [row.key for row in found] == ["7", "8", "9"]
    assert [row.labels for row in found] == [(1,), (0,), (1,)]
    assert [row.attributes for row in found] == [
        {"site": "x", "n": "1.5"},
        {},
        {"site": "z", "n": "2.0"},
    ]
    assert [row.place.offset for row in found] == offsets
    assert {row.place.source for row in found} == {f"{tmp_path}/t/{name}"}


def test_the_parts_of_a_parquet_table_are_its_row_groups(tmp_path):
    path = str(tmp_path / "a.parquet")
    write_parquet(Path(path))
    assert PARQUET.parts(path, options()) == 2
    [row] = PARQUET.read(path, 1, options())
    assert isinstance(row, Row)
    assert row.key == "9"


def test_lines_that_are_no_rows(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"image": "a.png", "caption": "good"}\n'
        b"{ no json, but long enough that only its beginning is kept as an example\n"
        b"[1]\n\n"
        b'{"caption": "no image"}\n'
        b'{"image": "a.png"}\n'
        b'{"image": "a.png", "caption": "\xff", "labels": [1]}\n'
        b'{"image": "a.png", "caption": "c", "labels": "1"}\n'
        b'{"image": "a.png", "caption": "c", "id": [1]}\n'
        b'{"image": "a\xff.png", "caption": "c"}\n'
        b'{"image": "b.png", "caption": "' + b"x" * (1 << 25) + b'"}\n'
        b'{"image": "a.png", "caption": "last'  # cut off
    )
    found = everything(JSONL, path)
    assert reasons(found) == [
        *("row", "bad_metadata", "bad_metadata", "no_image", "no_caption", "row", "bad_labels"),
        *("bad_metadata", "bad_metadata", "bad_metadata", "bad_metadata"),
    ]
    assert [each.place.offset for each in found] == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12]
    assert (
        found[1].first_bytes == b"{ no json, but long enough that only its beginning is kept as an"
    )
    assert found[5].captions == (b"\xff",)
    assert found[9].detail == f"the line has more than {(1 << 20) * 4 // 3 + (1 << 24)} bytes"


def test_cells_that_are_no_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(
        b"image,text,alt,labels\r\n"
        b'a.png,"[""x"", ""y""]",z,"[1,0,1]"\r\n'
        b"a.png\r\n"
        b"a.png,c,,,\r\n"
        b"\r\n"
        b"a.png,,,\r\n"
        b",c,,\r\n"
        b'a.png,"odd " quote",,\r\n'
        b"a.png,\xff,,\r\n"
        b"a.png,c,,yes\r\n"
        b"a.png,\"['x' 'y']\",,\r\n"
        b"a.png,[laughs] c,,\r\n"
        b'"{""path"": ""b.png""}",c,,\r\n'
        b"{'path': 'b.png'},c,,\r\n"
    )
    found = everything(CSV, path, options(captions=("text", "alt")))
    assert reasons(found) == [
        *("row", "bad_metadata", "bad_metadata", "no_caption", "no_image", "bad_metadata", "row"),
        *("bad_labels", "bad_metadata", "row", "row", "bad_metadata"),
    ]
    assert [each.place.offset for each in found] == [2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    assert (found[0].captions, found[0].labels) == (("x", "y", "z"), (1, 0, 1))
    assert (found[1].detail, found[1].first_bytes) == ("1 cells for 4 columns", b"a.png")
    assert [found[6].captions, found[9].captions] == [(b"\xff",), ("[laughs] c",)]
    assert found[10].image_path == f"{tmp_path}/b.png"


def test_a_long_cell_is_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"image,text\na.png,{'x' * 200_000}\n")
    assert rows(CSV, path)[0].captions == ("x" * 200_000,)


def refused(reader, path: Path, **named) -> str:
    with pytest.raises(InputError) as caught:
        everything(reader, path, options(**named))
    return str(caught.value).removeprefix(f"{path.parent}/")


def test_columns_that_are_not_known(tmp_path):
    for name, (reader, write, _) in TABLES.items():
        path = tmp_path / name
        write(path)
        assert refused(reader, path, captions=("caption", "alt")) == (
            f"{name}: has no column 'alt', which data.columns.captions names; its columns are "
            "'file_name', 'caption', 'id', 'labels', 'site', 'n'"
        )
        for field in ("image", "key", "labels"):
            assert f"which data.columns.{field} names" in refused(reader, path, **{field: "x"})
    path = tmp_path / "b.jsonl"
    for field, said in (("image", '{"text": "c"}'), ("captions", '{"image": "a.png"}')):
        path.write_text(said)
        [column] = json.loads(said)
        assert refused(JSONL, path) == (
            f"b.jsonl: none of its columns ('{column}') has a usual name of the {field}; name it "
            f"in data.columns.{field}"
        )


def test_files_that_are_damaged_as_a_whole(tmp_path):
    for name, body, sentence in (
        ("a.csv", b"", "has no header line"),
        ("a.csv", b"image,text\n", "holds no record"),
        ("a.csv", b"image,text,text\na,b,c\n", "has two columns 'text'"),
        ("a.csv", b'image,text\na,"b\nc,d\n', "a quote in the row that begins in line 2 is not"),
        ("a.csv", b"\x1f\x8b\x08 gzip?", "its compressed bytes are damaged or cut off"),
        ("a.jsonl", b"\n \n", "holds no record"),
        ("a.jsonl", gzip.compress(b'{"image": 1}' * 99)[:-9], "its compressed bytes are damaged"),
        (
            "a.jsonl",
            zstandard.compress(b'{"image": 1}' * 99)[:-9],
            "its compressed bytes are damaged",
        ),
        ("a.parquet", b"", "the Parquet file is damaged or cut off"),
        ("a.parquet", b"PAR1" + b"x" * 99, "the Parquet file is damaged or cut off"),
    ):
        path = tmp_path / name
        path.write_bytes(body)
        assert refused(TABLES[name][0], path).startswith(f"{name}: {sentence}")


def test_a_rejection_keeps_the_key(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"image": "a.png", "caption": null, "key": "k"}')
    [found] = everything(JSONL, path)
    assert isinstance(found, Rejected)
    assert (found.key, found.first_bytes) == ("k", b"a.png")
