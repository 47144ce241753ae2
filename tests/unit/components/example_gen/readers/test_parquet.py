"""Parquet tables, and the tables that Hugging Face's library writes."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.example_gen.readers.delimited import READER as CSV
from components.example_gen.readers.jsonl import READER as JSONL
from components.example_gen.readers.parquet import READER as PARQUET
from schema.errors import InputError
from tests.support.readers import everything, options, picture, rows


def test_a_text_in_parquet_that_is_not_utf8(tmp_path):
    path = tmp_path / "a.parquet"
    bad = pa.array([b"ok", b"\xff"]).view(pa.binary()).cast(pa.binary())
    texts = pa.Array.from_buffers(pa.string(), 2, bad.buffers())
    lists = pa.ListArray.from_arrays([0, 1, 2], texts)
    table = pa.table({"image": ["a.png", "b.png"], "text": texts, "more": lists})
    pq.write_table(table, path)
    found = rows(PARQUET, path, options(captions=("text", "more")))
    assert [row.captions for row in found] == [("ok", "ok"), (b"\xff", b"\xff")]


def refused(reader, path: Path, **named) -> str:
    with pytest.raises(InputError) as caught:
        everything(reader, path, options(**named))
    return str(caught.value).removeprefix(f"{path.parent}/")


def test_a_parquet_file_damaged_within(tmp_path):
    path = tmp_path / "a.parquet"
    text = [f"caption {n}" for n in range(999)]
    table = pa.table({"image": text, "text": text})
    pq.write_table(table, path, compression="none", use_dictionary=False, write_page_checksum=True)
    body = bytearray(path.read_bytes())
    body[body.rindex(b"caption 500")] ^= 1  # another letter: only the checksum tells
    path.write_bytes(body)
    assert refused(PARQUET, path) == "a.parquet: the Parquet file is damaged or cut off"
    pq.write_table(table.slice(0, 0), path)
    assert refused(PARQUET, path) == "a.parquet: holds no record"


HUGGING_FACE = """
import sys
from datasets import Dataset, Features, Image, List, Value, disable_progress_bars

disable_progress_bars()
folder = sys.argv[1]
image = open(f"{folder}/b.png", "rb").read()
two = Dataset.from_dict(
    {"image": [{"bytes": image, "path": None}, f"{folder}/b.png"], "text": [["a", "b"], ["c"]]},
    features=Features({"image": Image(), "text": [Value("string")]}),
)
two.to_parquet(f"{folder}/a.parquet")
flat = Dataset.from_dict({"file_name": ["b.png", "b.png"], "text": ["a", "c, 'd'\\n"]})
flat.to_csv(f"{folder}/a.csv")
flat.to_json(f"{folder}/a.jsonl")
"""


def test_tables_written_by_hugging_face(tmp_path):
    (tmp_path / "b.png").write_bytes(picture())
    subprocess.run(
        [sys.executable, "-c", HUGGING_FACE.replace("List, ", ""), str(tmp_path)],
        check=True,
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
    )
    inline, named = rows(PARQUET, tmp_path / "a.parquet")
    assert (inline.image, inline.captions) == (picture(), ("a", "b"))
    assert (named.image, named.image_path) in ((picture(), None), (None, f"{tmp_path}/b.png"))
    assert named.captions == ("c",)
    for name, reader in (("a.csv", CSV), ("a.jsonl", JSONL)):
        found = rows(reader, tmp_path / name)
        assert [row.captions for row in found] == [("a",), ("c, 'd'\n",)]
        assert [row.image_path for row in found] == [f"{tmp_path}/b.png"] * 2


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_lists_of_texts_in_the_encodings_of_other_writers(tmp_path, version):
    """DuckDB writes DELTA_LENGTH_BYTE_ARRAY, which Arrow cannot read as a dictionary."""
    path = tmp_path / "a.parquet"
    lists = [["a cat", "a cat"], ["a d\xf6g"]] * 40
    table = pa.table({"image": [f"{n}.png" for n in range(80)], "caption": lists})
    named = {"caption.list.element": "DELTA_LENGTH_BYTE_ARRAY"}
    pq.write_table(table, path)
    shared = [row.captions for row in rows(PARQUET, path)]
    pq.write_table(
        table,
        path,
        use_dictionary=False,
        column_encoding=named,
        data_page_version=version,
        row_group_size=30,
    )
    assert [row.captions for row in rows(PARQUET, path)] == shared == list(map(tuple, lists))


def test_an_encrypted_table_is_refused_as_such(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image": ["a.png"], "text": ["a"]}), path)
    path.write_bytes(path.read_bytes()[:-4] + b"PARE")
    assert refused(PARQUET, path) == "a.parquet: is encrypted, which is not read"


def test_a_column_whose_name_is_not_utf8(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image": ["a.png"], "text": ["a"], "other": ["b"]}), path)
    path.write_bytes(path.read_bytes().replace(b"other", b"oth\xffr"))
    assert refused(PARQUET, path) == "a.parquet: the Parquet file is damaged or cut off"
