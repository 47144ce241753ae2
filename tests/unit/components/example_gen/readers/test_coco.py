"""COCO captions, checked against the reference library."""

import contextlib
import io
import json
from pathlib import Path

import pytest
from pycocotools.coco import COCO

from components.example_gen.readers.coco import READER
from schema.errors import InputError
from tests.support.readers import everything, options, reasons, rows

IMAGES = [
    {"id": 9, "file_name": "000009.jpg", "site": "x", "width": 4, "height": 3},
    {"id": 4, "file_name": "000004.jpg", "width": 4, "height": 3},
]
ANNOTATIONS = [
    {"id": 1, "image_id": 4, "caption": "first", "match": 1},
    {"id": 2, "image_id": 9, "caption": "zweites, ä", "match": 0},
    {"id": 3, "image_id": 4, "caption": "third", "match": 0},
]


def write(folder: Path, images=IMAGES, annotations=ANNOTATIONS, at: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "captions_val2017.json"
    values = {"info": {"year": 2017}, "images": images, "annotations": annotations}
    path.write_text(json.dumps(values))
    place = folder / at
    place.mkdir(parents=True, exist_ok=True)
    (place / "000009.jpg").touch()
    return path


def test_the_same_captions_as_the_reference_library(tmp_path):
    path = write(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCO(str(path))
    found = rows(READER, path, options("site"))
    for row, image in zip(found, IMAGES, strict=True):
        ids = theirs.getAnnIds(imgIds=image["id"])
        assert row.captions == tuple(each["caption"] for each in theirs.loadAnns(ids))
        assert row.image_path == f"{tmp_path}/{image['file_name']}"
    assert [row.captions for row in found] == [("zweites, ä",), ("first", "third")]
    assert [row.key for row in found] == ["000009", "000004"]
    assert [row.attributes for row in found] == [{"site": "x"}, {}]
    assert [row.place.offset for row in found] == [0, 1]


@pytest.mark.parametrize(
    "at",
    [
        *(".", "images", "val2017", "images/val2017", "..", "../images"),
        *("../val2017", "../images/val2017"),
    ],
)
def test_where_the_images_are_looked_for(tmp_path, at):
    path = write(tmp_path / "annotations", at=at)
    expected = (tmp_path / "annotations" / at).resolve()
    assert [Path(row.image_path or "").parent for row in rows(READER, path)] == [expected] * 2


def test_a_folder_of_the_config(tmp_path):
    path = write(tmp_path, at="val2017")
    found = rows(READER, path, options(image="../elsewhere"))
    assert found[0].image_path == f"{tmp_path.parent}/elsewhere/000009.jpg"
    path = write(tmp_path / "far" / "new", at="far/away")
    with pytest.raises(InputError, match=r"are in none of \., images, .*data\.columns\.image"):
        everything(READER, path)


def test_columns_are_fields(tmp_path):
    path = write(tmp_path)
    found = rows(READER, path, options(key="id", labels="match"))
    assert [row.key for row in found] == ["9", "4"]
    assert [row.labels for row in found] == [(0,), (1, 0)]
    with pytest.raises(InputError, match="its annotations have no text"):
        everything(READER, path, options(captions="text"))


def test_what_is_no_row(tmp_path):
    path = write(
        tmp_path,
        [*IMAGES, {"id": 5, "file_name": "s/5.jpg"}, {"file_name": "6.jpg"}, {"id": 7}, IMAGES[0]],
        [
            *ANNOTATIONS,
            {"image_id": 77, "caption": "of none"},
            {"caption": "of none either"},
            {"image_id": 7, "caption": "of an image without file"},
        ],
    )
    found = everything(READER, path)
    assert [
        (reason, each.place.offset, each.key)
        for reason, each in zip(reasons(found), found, strict=True)
    ] == [
        ("row", 0, "000009"),
        ("row", 1, "000004"),
        ("no_caption", 2, "s/5"),
        ("bad_metadata", 3, None),
        ("no_image", 4, "7"),
        ("no_caption", 5, "000009"),
        ("bad_metadata", 3, None),
        ("bad_metadata", 4, None),
    ]
    assert found[-1].detail == "annotation 4 is of no image that is listed"
    annotations = [{"image_id": 9, "caption": 5}, {"image_id": 4, "caption": "c"}]
    assert reasons(everything(READER, write(tmp_path, IMAGES, annotations))) == [
        "bad_metadata",
        "row",
    ]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"images": [', "its JSON is damaged or cut off"),
        (b"[]", "has no list of objects 'images'"),
        (b'{"images": [1], "annotations": []}', "has no list of objects 'images'"),
        (b'{"images": []}', "has no list of objects 'annotations'"),
        (b'{"images": [], "annotations": []}', "holds no record"),
        (b'{"images": [{}], "annotations": [{"bbox": []}]}', "its annotations have no caption"),
    ],
)
def test_files_that_are_none(tmp_path, body, sentence):
    path = tmp_path / "a.json"
    path.write_bytes(body)
    with pytest.raises(InputError) as caught:
        everything(READER, path)
    assert str(caught.value).startswith(f"{path}: {sentence}")
