"""Folders and tables against Hugging Face's own reader and writer, in one process of theirs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.example_gen.readers.delimited import READER as CSV
from components.example_gen.readers.folder import READER
from components.example_gen.readers.jsonl import READER as JSONL
from components.example_gen.readers.parquet import READER as PARQUET
from tests.support.readers import picture, rows

METADATA = {
    "metadata.csv": 'file_name,text\na.png,"one, 1"\ns/b.png,two\n',
    "metadata.jsonl": '{"file_name": "a.png", "text": "one, 1"}\n'
    '{"file_name": "s/b.png", "text": "two"}\n',
}
PROGRAM = """
import json, sys
from datasets import Dataset, Features, Image, Value, disable_progress_bars, load_dataset

disable_progress_bars()
tables, *folders = sys.argv[1:]
pairs = []
for folder in folders:
    read = load_dataset("imagefolder", data_dir=folder, split="train", cache_dir=f"{tables}/cache")
    pairs.append([[each["image"].getpixel((0, 0))[0], each["text"]] for each in read])
image = open(f"{tables}/b.png", "rb").read()
two = Dataset.from_dict(
    {"image": [{"bytes": image, "path": None}, f"{tables}/b.png"], "text": [["a", "b"], ["c"]]},
    features=Features({"image": Image(), "text": [Value("string")]}),
)
two.to_parquet(f"{tables}/a.parquet")
flat = Dataset.from_dict({"file_name": ["b.png", "b.png"], "text": ["a", "c, 'd'\\n"]})
flat.to_csv(f"{tables}/a.csv")
flat.to_json(f"{tables}/a.jsonl")
print(json.dumps(pairs))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a folder of images for each kind of metadata, `pairs.json` and `tables`."""
    folder = tmp_path_factory.mktemp("hugging-face")
    (folder / "tables").mkdir()
    (folder / "tables" / "b.png").write_bytes(picture())
    for name, body in METADATA.items():
        (folder / name / "s").mkdir(parents=True)
        (folder / name / "a.png").write_bytes(picture(shade=1))
        (folder / name / "s" / "b.png").write_bytes(picture(shade=2))
        (folder / name / name).write_text(body)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, folder / "tables", *(folder / name for name in METADATA)],
        check=True,
        stdout=subprocess.PIPE,
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home"), "PATH": os.environ["PATH"]},
    )
    (folder / "pairs.json").write_bytes(done.stdout)
    return folder


@pytest.mark.parametrize("name", METADATA)
def test_a_folder_has_the_same_pairs(folder, name):
    pairs = dict(zip(METADATA, json.loads((folder / "pairs.json").read_text()), strict=True))
    found = rows(READER, folder / name)
    shade: dict[str | None, int] = {f"{folder / name}/a.png": 1, f"{folder / name}/s/b.png": 2}
    assert [[shade[row.image_path], *row.captions] for row in found] == pairs[name]
    assert [row.key for row in found] == ["a", "s/b"]


def test_tables_that_it_has_written(folder):
    tables = folder / "tables"
    inline, named = rows(PARQUET, tables / "a.parquet")
    assert (inline.image, inline.captions) == (picture(), ("a", "b"))
    assert (named.image, named.image_path) in ((picture(), None), (None, f"{tables}/b.png"))
    assert named.captions == ("c",)
    for name, reader in (("a.csv", CSV), ("a.jsonl", JSONL)):
        found = rows(reader, tables / name)
        assert [row.captions for row in found] == [("a",), ("c, 'd'\n",)]
        assert [row.image_path for row in found] == [f"{tables}/b.png"] * 2
