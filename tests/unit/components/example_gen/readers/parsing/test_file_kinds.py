"""A folder of images: each file is a record, a rejection, or counted, and by its bytes an image."""

import gzip
import json
import unicodedata
from pathlib import Path

import pytest

from components.example_gen.files import files_named
from components.example_gen.images.preparation import ImageLimits
from components.example_gen.ingest.examine import Limits, examine
from components.example_gen.readers.coco import READER as COCO
from components.example_gen.readers.folder import READER
from components.example_gen.readers.jsonl import READER as JSONL
from components.example_gen.readers.parsing import file_kinds
from components.example_gen.rows import Row
from components.example_gen.storage import fingerprints, named_files
from schema.errors import InputError
from tests.support.readers import everything, ignored, options, picture, reasons, rows
from tests.unit.components.example_gen.readers.test_folder import fill

NFC, NFD = (unicodedata.normalize(form, "Größe é.png") for form in ("NFC", "NFD"))
HEIC = b"\0\0\0\x18ftypheic" + bytes(40)


def test_every_file_is_a_record_or_counted(tmp_path):
    fill(
        tmp_path,
        {
            **{"a.jfif": picture("jpeg"), "a.txt": "a", "b.blob": picture(), "b.txt": "b"},
            **{"c": picture(), "c.txt": "c", "d.HEIC": HEIC, "d.txt": "d", "e.svg": "<svg/>"},
            **{"f.jpg": picture("jpeg"), "f.heic": HEIC, "f.svg": "<svg/>", "f.caption": "f"},
            **{"g.psd": "8BPS", "g.png": picture(), "g.txt": "g", "g.caption": "not read"},
            **{"h.png": picture(), "h.png.txt": "h", "h.jpg": picture("jpeg"), "h.jpg.txt": "j"},
            **{"notes.npy": "x", "data.xml": "<a/>", ".DS_Store": "", "Thumbs.db": "x"},
            **{"README.md": "?", "LICENSE": "?", "readme.txt": "?", ".git/x.png": picture()},
            **{"lone.txt": "t", "dataset_info.json": "{}"},
        },
    )
    found = {each.key: each for each in everything(READER, tmp_path)}
    assert {key: reasons([each])[0] for key, each in found.items()} == {
        **dict.fromkeys(["a", "b", "c", "d", "g", "h.jpg", "h.png"], "row"),
        **{"e": "no_caption", "f": "several_images", "lone": "no_image"},
    }
    assert found["f"].detail == ".heic, .jpg"
    assert found["h.png"].captions == (b"h",)
    assert ignored(READER, tmp_path) == {
        **{"hidden": 2, ".psd": 1, ".caption": 1, ".npy": 1, ".xml": 1, ".db": 1, ".md": 1},
        **{"without a suffix": 1, ".txt": 1, ".json": 1},
    }
    # 7 rows of two files each, and 3 rejections of 1, 4 and 1; 11 are counted.
    assert len([each for each in tmp_path.rglob("*") if each.is_file()]) == 7 * 2 + 6 + 11


def test_an_image_that_is_not_read_is_named_by_its_bytes(tmp_path):
    fill(tmp_path, {"a.jpg": "<svg xmlns=''/>", "a.txt": "a", "b.cr2": "PK\3\4 zip", "b.txt": "b"})
    limits = Limits(ImageLimits(1000, 1000), 100, options().access)
    examined = examine([[("train", row)] for row in rows(READER, tmp_path)], limits)
    for (refused,), what in zip((each.refused for each in examined), ("SVG", "a zip"), strict=True):
        assert refused.reason == "not_an_image"
        assert what in refused.detail


def test_few_files_of_an_unknown_suffix_are_opened(tmp_path, monkeypatch):
    files = {f"{n}.raw1": b"x" for n in range(100)} | {f"{n}.jpg": b"" for n in range(50)}
    fill(tmp_path, files | {f"{n:03}.pic": picture() for n in range(100)})
    opened: list[str] = []
    whole = named_files.open_binary

    def open_binary(address: str):
        opened.append(address)
        return whole(address)

    monkeypatch.setattr(named_files, "open_binary", open_binary)
    assert len(everything(READER, tmp_path)) == 150
    assert len([each for each in opened if each.endswith(".raw1")]) == file_kinds.TRIED == 32
    assert len([each for each in opened if each.endswith(".pic")]) == 100
    assert not [each for each in opened if each.endswith(".jpg")]
    assert ignored(READER, tmp_path) == {".raw1": 100}


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.csv"])
def test_the_nearest_metadata_file_of_the_folder_or_one_above(tmp_path, name):
    def table(**texts: str) -> str:
        if name.endswith(".csv"):
            return "file_name,text\n" + "".join(f"{k},{v}\n" for k, v in texts.items())
        return "".join(json.dumps({"file_name": k, "text": v}) + "\n" for k, v in texts.items())

    above = table(**{"train/a.png": "a", "test/b.png": "b", "train/s/c.png": "far"})
    fill(tmp_path, {f"ds/{each}.png": picture() for each in ("train/a", "test/b", "train/s/c")})
    fill(tmp_path, {f"ds/{name}": above, "ds/train/s/" + name: table(**{"c.png": "near"})})
    fill(tmp_path, {name: "not read: above the folder of the data"})
    given = options(root=tmp_path / "ds")
    train, test = (rows(READER, tmp_path / "ds" / split, given) for split in ("train", "test"))
    assert {row.key: row.captions for row in train} == {"a": ("a",), "s/c": ("near",)}
    assert {row.key: row.captions for row in test} == {"b": ("b",)}
    assert ignored(READER, tmp_path / "ds/train", given) == {
        "rows of a metadata file with a nearer one": 1
    }
    # The cache must see that it has changed.
    named = list(files_named(str(tmp_path / "ds/test"), READER, given))
    assert named == [f"{tmp_path}/ds/{name}", f"{tmp_path}/ds/test/b.png"]
    # A folder's own file keeps it from those above.
    fill(tmp_path, {f"ds/test/{name}": table(**{"b.png": "own"})})
    assert rows(READER, tmp_path / "ds/test", given)[0].captions == ("own",)


def test_a_line_above_that_names_no_image_is_of_one_split(tmp_path):
    lines = ["{", *(json.dumps({"file_name": f"{s}/1.png", "text": s}) for s in ("b", "a")), "["]
    fill(tmp_path, {"metadata.jsonl": "\n".join(lines), "a/1.png": b"", "b/1.png": b""})
    given = options(root=tmp_path)
    found = {split: everything(READER, tmp_path / split, given) for split in "ab"}
    assert {split: reasons(each) for split, each in found.items()} == {
        "a": ["row", "bad_metadata"],
        "b": ["bad_metadata", "row"],
    }


def test_a_refused_row_is_one_rejection(tmp_path):
    lines = [
        *({"file_name": "a.png", "text": None}, {"file_name": "b.png", "text": 7}),
        *({"file_name": "c.png", "text": "c"}, {"file_name": "s/d.png", "text": ["d", None]}),
    ]
    fill(tmp_path, {f"{each}.png": picture() for each in ("a", "b", "c", "s/d")})
    fill(tmp_path, {"metadata.jsonl": "\n".join(map(json.dumps, lines)), "a.txt": "beside"})
    found = everything(READER, tmp_path)
    assert [(each.key, reason) for each, reason in zip(found, reasons(found), strict=True)] == [
        *(("a", "no_caption"), ("b", "bad_metadata"), ("c", "row"), ("s/d", "row")),
    ]


def test_names_that_carry_the_split_already_are_told_what_was_tried(tmp_path):
    line = json.dumps({"file_name": "train/1.png", "text": "t"})
    fill(tmp_path, {"ds/train/metadata.jsonl": line, "ds/train/1.png": picture()})
    [found] = everything(READER, tmp_path / "ds/train", options(root=tmp_path / "ds"))
    folder = f"{tmp_path}/ds/train"
    assert (found.reason, found.detail) == (
        "missing_image",
        f"{folder}/train/1.png is not there, but {folder}/1.png is: names start from the folder "
        "of metadata.jsonl",
    )


@pytest.mark.parametrize(("written", "there"), [(NFC, NFD), (NFD, NFC)])
def test_a_name_finds_the_file_whose_letters_are_composed_otherwise(tmp_path, written, there):
    assert written != there
    key = unicodedata.normalize("NFC", written).removesuffix(".png")
    text = f"{written.removesuffix('.png')}.txt"
    folder = fill(tmp_path / "sidecar", {there: picture(), text: "t"})
    assert [(row.key, row.image_path) for row in rows(READER, folder)] == [
        (key, f"{folder}/{there}")
    ]
    folder = fill(
        tmp_path / "meta", {there: picture(), "metadata.csv": f"file_name,text\n{written},t\n"}
    )
    assert [(row.key, row.image_path) for row in rows(READER, folder)] == [
        (key, f"{folder}/{there}")
    ]
    line = json.dumps({"image": f"jürgen/{written}", "text": "t", "key": "k"})
    folder = fill(tmp_path / "tâble", {f"jürgen/{there}": picture(), "a.jsonl": line})
    coco = {
        "images": [{"id": 1, "file_name": written}],
        "annotations": [{"image_id": 1, "caption": "c"}],
    }
    fill(tmp_path / "coco", {there: picture(), "a.json": json.dumps(coco)})
    limits = Limits(ImageLimits(1000, 1000), 100, options().access)
    for row in (*rows(JSONL, folder / "a.jsonl"), *rows(COCO, tmp_path / "coco/a.json")):
        [examined] = examine([[("train", row)]], limits)
        assert [len(examined.rows), examined.image] == [1, picture()]
        assert row.image_path is not None
        before, gone = fingerprints.fingerprints_of([row.image_path, f"{row.image_path}x"])
        assert gone.endswith("is not there")
        assert not before.endswith("is not there")


def test_backslashes_of_windows(tmp_path):
    folder = fill(tmp_path, {"s/a.png": picture(), "metadata.csv": "file_name,text\ns\\a.png,t\n"})
    assert [(row.key, row.image_path) for row in rows(READER, folder)] == [
        ("s/a", f"{folder}/s/a.png")
    ]


def test_two_files_of_one_folder_above(tmp_path):
    fill(tmp_path, {"metadata.csv": "", "metadata.jsonl": "", "a/1.png": b""})
    with pytest.raises(InputError, match=r"metadata\.csv and .*metadata\.jsonl: one of them"):
        everything(READER, tmp_path / "a", options(root=tmp_path))


def test_sidecars_in_utf16(tmp_path):
    fill(tmp_path, {"a.png": picture(), "a.txt": "ein Käfer".encode("utf-16")})
    fill(tmp_path, {"b.png": picture(), "b.json": '{"caption": "Käfer"}'.encode("utf-16")})
    assert [row.captions for row in rows(READER, tmp_path)] == [
        ("ein Käfer".encode(),),
        ("Käfer",),
    ]


def test_coco_in_utf16_and_packed(tmp_path):
    coco = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"image_id": 1, "caption": "Käfer"}],
    }
    fill(tmp_path, {"a.png": b"", "a.json": gzip.compress(json.dumps(coco).encode("utf-16"))})
    [row] = rows(COCO, tmp_path / "a.json")
    assert isinstance(row, Row)
    assert row.captions == ("Käfer",)


def test_the_data_is_not_read_above_its_own_folder(tmp_path: Path):
    fill(tmp_path, {"metadata.csv": "file_name,text\nds/a/1.png,t\n", "ds/a/1.png": b""})
    assert reasons(everything(READER, tmp_path / "ds/a", options(root=tmp_path / "ds"))) == [
        "no_caption"
    ]
