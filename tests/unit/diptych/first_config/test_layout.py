"""Files and splits of a folder, by their names."""

import itertools
import json
import os
from pathlib import Path

import pytest

from diptych.first_config.columns import Chosen, choose
from diptych.first_config.layout import find_layout
from diptych.first_config.listing import _walk, list_folder
from schema.errors import InputError
from tests.support.pair_layouts import put


def layout_of(folder: Path, *names: str):
    for name in names:
        put(folder / name, "{}" if name.endswith("json") else "x")
    return find_layout(list_folder(folder))


@pytest.mark.parametrize(
    ("names", "splits", "files", "left_out"),
    [
        (["a-train.tar", "a-val.tar"], {"train": "a-train.tar", "eval": "a-val.tar"}, "", ()),
        (
            ["train-0.tar", "train-1.tar", "val-0.tar", "val-1.tar", "test-0.tar"],
            {"train": "train-*.tar", "eval": "val-*.tar"},
            "",
            ("test",),
        ),
        (
            ["train/0.tar.gz", "train/1.tar.gz", "test/0.tar.gz"],
            {"train": "train/*.tar.gz", "eval": "test/0.tar.gz"},
            "",
            (),
        ),
        (["train/a/0.tar", "train/b/0.tar", "dev/0.tar"],
         {"train": "train/**/*.tar*", "eval": "dev/0.tar"}, "", ()),
        (["part[1].tar", "part[2].tar"], {}, "part[[]*.tar", ()),
        (["0.tar", "1.tar", "readme.txt"], {}, "*.tar", ()),
        (["train-0.tar", "train-1.tar"], {}, "train-*.tar", ()),
        (["train-10.tfrecord-00000-of-00002", "train-10.tfrecord-00001-of-00002"],
         {}, "train-10.tfrecord-*", ()),
        (["x/y/0.tar", "x/z/1.tar", "0.tar"], {}, "**/*.tar*", ()),
        (["train/1.jpg", "train/1.txt", "test/2.jpg", "test/2.txt", "val/3.jpg", "val/3.txt"],
         {"train": "train", "eval": "val"}, "", ("test",)),
        (["cups/1.jpg", "cups/1.txt", "cats/2.jpg", "cats/2.json"], {}, ".", ()),
    ],
)  # fmt: skip
def test_splits_are_found_in_names(names, splits, files, left_out, tmp_path):
    layout = layout_of(tmp_path, *names)
    assert (dict(layout.splits), layout.files, layout.left_out) == (splits, files, left_out)


def test_a_folder_within_a_folder_is_meant(tmp_path):
    layout = layout_of(tmp_path, "archive/data/train.csv", "archive/data/test.csv")
    assert layout.folder == str(tmp_path / "archive/data")
    assert layout.format == "csv"


def test_hidden_files_and_links_to_folders_are_not_followed(tmp_path):
    put(tmp_path / ".git/1.jpg", "x")
    put(tmp_path / "a.tar", "x")
    (tmp_path / "loop").symlink_to(tmp_path)
    listing = list_folder(tmp_path)
    assert listing.tables == {"webdataset": ["a.tar"]}
    assert listing.others == ["loop"]


def test_files_are_listed_in_order_whatever_their_depth(tmp_path):
    names = ["a.jpg", "b/2.jpg", "b/c/1.jpg", "b-1.jpg", "z.jpg"]
    for name in names:
        put(tmp_path / name, "")
    assert list(_walk(tmp_path)) == names
    assert list_folder(tmp_path).images == sorted(names)


def test_a_folder_of_endless_depth_is_a_short_sentence(tmp_path, monkeypatch):
    put(tmp_path / "a.jpg", "")
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        os.mkdir("depth")
        os.chdir("depth")
    try:
        with pytest.raises(InputError, match="File name too long") as caught:
            list_folder(tmp_path)
    finally:
        for _ in range(1200):
            os.chdir("..")
            os.rmdir("depth")
    assert len(str(caught.value)) < 300


def test_a_format_is_named_where_there_are_several(tmp_path):
    for name in ("a.csv", "b.parquet"):
        put(tmp_path / name, "x")
    listing = list_folder(tmp_path)
    assert find_layout(listing, "csv").files == "a.csv"
    with pytest.raises(InputError, match="holds no WebDataset"):
        find_layout(listing, "webdataset")
    with pytest.raises(InputError, match="--format cvs: choose one of coco, csv, folder"):
        find_layout(listing, "cvs")


def test_captions_of_coco_are_told_from_boxes(tmp_path):
    coco = json.dumps({"images": [], "annotations": []})
    for name in ("captions_train2017", "captions_val2017", "instances_train2017"):
        put(tmp_path / f"annotations/{name}.json", coco)
    put(tmp_path / "train2017/1.jpg", "x")
    layout = find_layout(list_folder(tmp_path))
    assert layout.format == "coco"
    assert dict(layout.splits) == {
        "train": "annotations/captions_train2017.json",
        "eval": "annotations/captions_val2017.json",
    }


ROWS = [
    {"picture": f"{n}.jpg", "title_en": f"a cup {n}", "sku": f"A{n}", "shop": "ab"[n % 2], "n": n}
    for n in range(40)
]


def test_columns_are_chosen_by_what_is_in_them():
    assert choose("a.csv", ROWS, True) == Chosen("picture", ("title_en",), ("shop",))
    assert choose("a.csv", ROWS[:10], True) == Chosen("picture", ("title_en",), ())


def test_a_category_of_several_words_is_an_attribute_unless_there_are_no_other_captions():
    kinds = itertools.cycle(("Food & Drink", "Travel & Places"))
    rows = [{**row, "kind": kind} for row, kind in zip(ROWS, kinds, strict=False)]
    assert choose("a.csv", rows, True) == Chosen("picture", ("title_en",), ("shop", "kind"))
    for row in rows:
        del row["title_en"]
    assert choose("a.csv", rows, True) == Chosen("picture", ("kind",), ("shop",))


def test_usual_names_are_not_written():
    rows = [{"image": row["picture"], "caption": "cup", "shop": row["shop"]} for row in ROWS]
    assert choose("a.csv", rows, True) == Chosen(None, (), ("shop",))


def test_images_may_be_bytes_or_objects():
    png = b"\x89PNG\r\n\x1a\n" + bytes(30)
    rows = [{"p": {"bytes": png, "path": None}, "c": ["a cup", "on it"]}]
    assert choose("a.parquet", rows, True) == Chosen("p", ("c",), ())


def test_what_reserved_names_and_odd_ones_hold_is_no_attribute():
    rows = [{**row, "caption_length": "a", "two words": row["shop"], "labels": 1} for row in ROWS]
    assert choose("a.csv", rows, True).attributes == ("shop",)
