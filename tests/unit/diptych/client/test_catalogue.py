"""The index of a release with captions, attributes and thumbnails."""

import shutil

import numpy as np
import pytest

from components.catalogue_index import shown
from components.catalogue_index.config import IndexConfig
from components.catalogue_index.index import CatalogueIndex
from components.catalogue_index.shown import Record
from diptych.client.catalogue import Catalogue
from diptych.client.collection import Hit
from schema.errors import InputError

KEYS = ["a", "b", "c\n<b>", "ä"]
RECORDS = [
    Record(key, (f"caption of {key}",), {"colour": "red" if n % 2 else "blue"})
    for n, key in enumerate(KEYS)
]
VECTORS = np.array([[1, 0], [0.9, 0.1], [0, 1], [-1, 0]], np.float32)


@pytest.fixture(params=["exact", "usearch"])
def folder(request, tmp_path):
    CatalogueIndex.build(KEYS, VECTORS, IndexConfig(kind=request.param)).save(tmp_path)
    places = np.array([2, 0, 3, 1])  # what Beam wrote first lies third in the index
    lines = [shown.line_of(RECORDS[place]) for place in places]
    images = [KEYS[place].encode() if place else b"" for place in places]
    shown.write_records(lambda: [lines[:3], lines[3:]], places, tmp_path)
    shown.write_thumbnails(lambda: [images[:1], images[1:]], places, tmp_path)
    return tmp_path


def test_everything_is_found_by_its_key(folder):
    catalogue = Catalogue(folder)
    assert (list(catalogue.keys), catalogue.dim) == (KEYS, 2)
    for key, record in zip(KEYS, RECORDS, strict=True):
        assert catalogue.captions(key) == record.captions
        assert catalogue.attributes(key) == record.attributes
        assert catalogue.thumbnail(key) == (None if key == "a" else key.encode())
    assert catalogue.attribute_counts() == {"colour": {"blue": 2, "red": 2}}
    assert catalogue.captions("x") == ()
    assert catalogue.attributes("x") == {}
    assert catalogue.thumbnail("x") is None


def test_a_search_with_and_without_attributes(folder):
    catalogue = Catalogue(folder)
    query = np.array([1, 0], np.float32)
    assert catalogue.search(query, 2) == [
        Hit("a", 1.0, None),
        Hit("b", float(np.float32(0.9)), None),
    ]
    assert [hit.key for hit in catalogue.search(query, 9)] == KEYS
    assert [hit.key for hit in catalogue.search(query, 9, {"colour": "red"})] == ["b", "ä"]
    assert catalogue.search(query, 9, {"colour": "green"}) == []


def test_an_index_without_what_is_shown_can_be_searched(tmp_path):
    CatalogueIndex.build(KEYS, VECTORS, IndexConfig()).save(tmp_path)
    catalogue = Catalogue(tmp_path)
    assert [hit.key for hit in catalogue.search(VECTORS[2], 1)] == ["c\n<b>"]
    assert (catalogue.thumbnail("b"), catalogue.captions("b")) == (None, ())
    assert catalogue.attribute_counts() == {}


def damaged(folder) -> str:
    with pytest.raises(InputError) as caught:
        Catalogue(folder).captions("a")
    return str(caught.value)


def test_a_damaged_file_is_named(folder):
    assert damaged(folder / "none").startswith(f"{folder}/none: is not there: the release has no")
    records, thumbnails = folder / shown.RECORDS, folder / shown.THUMBNAILS
    whole = records.read_bytes()
    records.write_bytes(whole[:-5])
    assert damaged(folder) == f"{records}: has 3 records, not 4"
    records.write_bytes(b"{}\n" + whole.split(b"\n", 1)[1])
    assert damaged(folder) == f"{records}: is damaged in line 1"
    records.write_bytes(whole)
    thumbnails.write_bytes(b"")
    assert damaged(folder) == f"{folder / shown.OFFSETS}: does not fit {thumbnails}"
    thumbnails.unlink()
    assert damaged(folder) == f"{thumbnails}: No such file or directory"
    (folder / shown.OFFSETS).write_bytes(b"no array")
    assert damaged(folder).startswith(f"{folder / shown.OFFSETS}: is missing, damaged or not")


def test_a_release_that_is_removed_while_it_is_searched_stays_open(folder):
    catalogue = Catalogue(folder)
    shutil.rmtree(folder)
    assert catalogue.search(np.array([1, 0], np.float32), 1)[0].key == "a"
    assert catalogue.captions("b") == RECORDS[KEYS.index("b")].captions
    assert catalogue.thumbnail("b") == b"b"
