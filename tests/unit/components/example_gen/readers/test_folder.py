"""Folders of images, with their texts in sidecars or in a table."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from components.example_gen.readers.folder import READER
from schema.errors import InputError
from tests.support.readers import everything, options, picture, reasons, rows


def fill(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return folder


def test_captions_in_sidecars(tmp_path):
    fill(
        tmp_path,
        {
            "a.png": picture(),
            "a.txt": "\ufeffone\n\n two \r\n",
            "s/b.v1.JPG": picture("jpeg"),
            "s/b.v1.json": json.dumps({"captions": ["c"], "labels": [1], "vendor": "v"}),
            "s/d.webp": b"",
            "s/d.txt": b"\xff\n",
            ".git/e.png": b"",
            "__MACOSX/._a.png": b"",
            "README.md": "?",
        },
    )
    a, b, d = rows(READER, tmp_path, options("vendor"))
    assert [row.key for row in (a, b, d)] == ["a", "s/b.v1", "s/d"]
    assert [row.captions for row in (a, b, d)] == [(b"one", b"two"), ("c",), (b"\xff",)]
    assert [row.image_path for row in (a, b, d)] == [
        f"{tmp_path}/{each}" for each in ("a.png", "s/b.v1.JPG", "s/d.webp")
    ]
    assert (b.labels, b.attributes, b.image) == ((1,), {"vendor": "v"}, None)


def test_what_is_no_row(tmp_path):
    fill(
        tmp_path,
        {
            "a.png": b"",
            "b.txt": "c",
            "c.png": b"",
            "c.jpg": b"",
            "c.txt": "c",
            "d.png": b"",
            "d.json": "{",
            "e.png": b"",
            "e.txt": " \n",
            "f.png": b"",
            "f.txt": b"x" * (1 << 24) + b"y",
        },
    )
    found = everything(READER, tmp_path)
    assert reasons(found) == [
        *("no_caption", "no_image", "several_images", "bad_metadata", "no_caption", "bad_metadata"),
    ]
    assert [each.key for each in found] == ["a", "b", "c", "d", "e", "f"]
    assert [each.place.source for each in found[:2]] == [f"{tmp_path}/a.png", f"{tmp_path}/b.txt"]


METADATA = {
    "metadata.csv": 'file_name,text\na.png,"one, 1"\ns/b.png,two\n',
    "metadata.jsonl": '{"file_name": "a.png", "text": "one, 1"}\n'
    '{"file_name": "s/b.png", "text": "two"}\n',
}


def test_metadata_of_a_folder_below_and_images_it_does_not_name(tmp_path):
    fill(
        tmp_path,
        {
            "s/metadata.csv": "file_name,text,id\nb.png,b,7\ngone.png,g,8\n",
            "s/b.png": b"",
            "s/b.txt": "of the metadata's image",
            "s/c.png": b"",
            "d.png": b"",
            "d.txt": "d",
        },
    )
    found = everything(READER, tmp_path)
    assert [(each.key, reason) for each, reason in zip(found, reasons(found), strict=True)] == [
        ("s/b", "row"),
        ("s/gone", "row"),  # whoever opens it will find that it is missing
        ("d", "row"),
        ("s/c", "no_caption"),
    ]
    assert [each.captions for each in found[:3]] == [("b",), ("g",), (b"d",)]
    assert everything(READER, tmp_path, options(key="id"))[0].key == "7"


def test_one_metadata_file_a_folder(tmp_path):
    fill(tmp_path, METADATA)
    with pytest.raises(InputError, match=r"metadata\.csv and .*metadata\.jsonl: one of them"):
        everything(READER, tmp_path)


def test_an_address_with_dots_is_the_same_folder(tmp_path):
    fill(tmp_path, {"a.png": b"", "s/t.txt": "", "metadata.csv": METADATA["metadata.csv"]})
    found = everything(READER, f"{tmp_path}/s/../")
    assert [(each.key, each.place.offset) for each in found[:1]] == [("a", 2)]
    assert reasons(found) == ["row", "row", "no_image"]


def test_links_are_followed_but_not_round_in_circles(tmp_path):
    fill(tmp_path, {"far/b.png": b"", "far/b.txt": "b", "near/a.png": b"", "near/a.txt": "a"})
    (tmp_path / "near" / "link").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "back").symlink_to(tmp_path / "near")
    assert [row.key for row in rows(READER, tmp_path / "near")] == ["a", "link/b"]


def test_a_folder_without_images(tmp_path):
    with pytest.raises(InputError, match="there is no image in it"):
        everything(READER, fill(tmp_path, {"a.tar": b""}))
    with pytest.raises(InputError, match="gone: is not there"):
        everything(READER, tmp_path / "gone")


def test_names_that_are_not_utf8(tmp_path):
    fill(tmp_path, {"\udcff.png": b"", "\udcff.txt": "c"})
    [row] = rows(READER, tmp_path)
    assert (row.key, row.place.source) == ("\\xff", f"{tmp_path}/\\xff.png")
    assert Path(row.image_path or "").read_bytes() == b""
