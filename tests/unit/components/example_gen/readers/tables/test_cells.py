"""What a cell of a table may hold: an image in many forms, captions in many forms."""

import base64
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.example_gen.readers.jsonl import READER as JSONL
from components.example_gen.readers.parquet import READER as PARQUET
from tests.support.readers import everything, picture

IMAGE = picture()
TEXT = base64.b64encode(IMAGE).decode()
IMAGES = [
    ({"bytes": IMAGE, "path": "b.png"}, (IMAGE, None)),
    ({"bytes": None, "path": "b.png"}, (None, "b.png")),
    ([{"bytes": IMAGE, "path": None}], (IMAGE, None)),
    ([], "no_image"),
    ([{"bytes": IMAGE, "path": None}, {"bytes": IMAGE, "path": None}], "several_images"),
    ({"bytes": None, "path": None}, "no_image"),
    (TEXT, (IMAGE, None)),
    (base64.encodebytes(IMAGE).decode(), (IMAGE, None)),
    (f"data:image/png;base64,{TEXT}", (IMAGE, None)),
    (f"data:image/png;base64,{TEXT[:-1]}", "bad_metadata"),
    (IMAGE, (IMAGE, None)),
    (b"", (b"", None)),
    ("/abs/b.png", (None, "/abs/b.png")),
    ("https://h/b.png?sign=1", (None, "https://h/b.png?sign=1")),
    ("9j/" * 30, (None, "9j/" * 30)),
    ("", "no_image"),
    (None, "no_image"),
    (5, "bad_metadata"),
    ("a\0b", "bad_metadata"),
    ("zip://a::s3://b/c", "bad_metadata"),
]


@pytest.mark.parametrize(("value", "expected"), IMAGES)
def test_what_an_image_cell_may_hold(tmp_path, value, expected):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image": [value], "caption": ["c"]}), path)
    [found] = everything(PARQUET, path)
    if isinstance(expected, str):
        assert found.reason == expected
    else:
        image, named = expected
        if named is not None and not named.startswith(("/", "https:")):
            named = f"{tmp_path}/{named}".rstrip("/")
        assert (found.image, found.image_path) == (image, named)


@pytest.mark.parametrize(
    ("value", "captions"),
    [
        ("a", ("a",)),
        (["a", None, "b"], ("a", "b")),
        ([{"text": "a", "n": 1}, {"raw": "b"}, {"caption": "c"}], ("a", "b", "c")),
        ({"raw": ["a", "b"]}, ("a", "b")),
        ("\ud800", (b"\xed\xa0\x80",)),
        ([], "no_caption"),
        (None, "no_caption"),
        (3, "bad_metadata"),
        ([["a"], 3], "bad_metadata"),
        ([{"words": "a"}], "bad_metadata"),
    ],
)
def test_what_a_caption_cell_may_hold(tmp_path, value, captions):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"image": "a.png", "text": value}))
    [found] = everything(JSONL, path)
    assert (found.reason if isinstance(captions, str) else found.captions) == captions
