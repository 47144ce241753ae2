"""An index of a folder embeds what has changed, and nothing else."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from diptych.client import images
from diptych.client.folder_index.folder_index import Changes, FolderIndex
from schema.errors import InputError, UnavailableError
from tests.support.client import ColourModel, colour_of, png, write_pictures


def expected(number: int) -> np.ndarray:
    return np.array(colour_of(number), np.float32) / 255


def test_the_nearest_images_of_a_folder_with_their_paths(tmp_path):
    write_pictures(tmp_path, 5)
    write_pictures(tmp_path / "sub", 5, first=100)
    index = FolderIndex(ColourModel(), tmp_path)
    names = [f"{n:03d}.png" for n in range(5)] + [f"sub/{n:03d}.png" for n in range(100, 105)]
    assert (list(index.keys), index.dim, index.failures) == (names, 3, {})
    query = np.array([1, 0, 0], np.float32)  # the most red
    [first, second] = index.search(query, 2)
    assert (first.key, first.path) == ("sub/104.png", tmp_path / "sub" / "104.png")
    assert first.score == pytest.approx(104 / 255)
    assert second.key == "sub/103.png"
    assert [hit.key for hit in index.search(query, 1, {"folder": "."})] == ["004.png"]
    assert index.search(query, 1, {"folder": "none"}) == []
    assert len(index.search(query, 99)) == 10
    assert index.attributes("sub/104.png") == {"folder": "sub"}
    assert (index.attributes("gone"), index.captions("000.png")) == ({}, ())
    assert index.attribute_counts() == {"folder": {".": 5, "sub": 5}}


def test_paths_are_without_dots(tmp_path):
    write_pictures(tmp_path / "a", 1)
    (tmp_path / "b").mkdir()
    index = FolderIndex(ColourModel(), tmp_path / "b" / ".." / "a")
    [hit] = index.search(np.array([1, 0, 0], np.float32), 1)
    assert (index.folder, hit.path) == (tmp_path / "a", tmp_path / "a" / "000.png")


def test_only_what_was_added_or_changed_is_embedded(tmp_path):
    write_pictures(tmp_path, 100)
    model = ColourModel()
    FolderIndex(model, tmp_path)
    assert model.embedded == 100
    index = FolderIndex(model, tmp_path)  # of another program
    assert model.embedded == 100
    (tmp_path / "007.png").unlink()
    (tmp_path / "008.png").write_bytes(png(colour_of(300)))
    (tmp_path / "new.png").write_bytes(png(colour_of(301)))
    assert index.refresh() == Changes(embedded=2, unchanged=98, removed=1, failed=0)
    assert model.embedded == 102
    [hit] = index.search(np.array([0, 1, 0], np.float32), 1)
    assert hit.key in ("008.png", "new.png")
    assert "007.png" not in index.keys
    again = FolderIndex(model, tmp_path)
    assert (model.embedded, again.keys) == (102, index.keys)
    for key, number in (("000.png", 0), ("008.png", 300), ("new.png", 301)):
        place = list(again.keys).index(key)
        np.testing.assert_allclose(again._now.vectors[place], expected(number), atol=1e-6)


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    from diptych.client.folder_index import folder_index as module

    write_pictures(tmp_path, 1)
    read = images.read_file

    def replaced(path):
        answer = read(path)
        path.write_bytes(png(colour_of(300), (9, 9)))
        return answer

    monkeypatch.setattr(module, "read_file", replaced)
    index = FolderIndex(ColourModel(), tmp_path)
    monkeypatch.undo()
    assert index.refresh().embedded == 1
    np.testing.assert_allclose(index._now.vectors[0], expected(300), atol=1e-6)


def test_another_model_never_sees_these_embeddings(tmp_path):
    write_pictures(tmp_path, 3)
    one, other = ColourModel("one"), ColourModel("other")
    FolderIndex(one, tmp_path)
    FolderIndex(other, tmp_path)
    FolderIndex(one, tmp_path)
    FolderIndex(other, tmp_path)
    assert (one.embedded, other.embedded) == (3, 3)


def test_what_cannot_be_used_is_named_and_costs_nothing_the_second_time(tmp_path):
    write_pictures(tmp_path, 3)
    (tmp_path / "a.png").write_bytes(png((1, 2, 3))[:-30])  # the model cannot decode it
    (tmp_path / "b.jpg").write_bytes(b"<html>")
    (tmp_path / "c.jpg").write_bytes(b"")
    (tmp_path / "d.jpg").symlink_to("nowhere")
    with (tmp_path / "e.jpg").open("wb") as file:
        file.truncate(200_000_000)
    model = ColourModel()
    failures = {
        "a.png": "cannot be decoded as an image",
        "b.jpg": "is not an image of a format that is read (looks like HTML)",
        "c.jpg": "has no bytes",
        "d.jpg": "is a link to nowhere, which is not there",
        "e.jpg": "has more than 100,000,000 bytes",
    }
    index = FolderIndex(model, tmp_path)
    assert (dict(index.failures), len(index.keys), model.embedded) == (failures, 3, 4)
    again = FolderIndex(model, tmp_path)
    assert (dict(again.failures), model.embedded) == (failures, 4)
    (tmp_path / "a.png").write_bytes(png((1, 2, 3)))
    assert again.refresh().failed == 4
    assert "a.png" in again.keys


def test_a_folder_without_an_image_is_empty(tmp_path):
    index = FolderIndex(ColourModel(), tmp_path)
    assert list(index.keys) == []
    assert index.search(np.ones(3, np.float32), 5) == []
    assert index.thumbnail("a") is None


def test_progress_goes_to_the_number_of_images(tmp_path):
    write_pictures(tmp_path, 150)
    steps = []
    index = FolderIndex(ColourModel(), tmp_path, lambda *step: steps.append(step))
    assert steps == [(0, 150), (64, 150), (128, 150), (150, 150)]
    steps.clear()
    index.refresh(lambda *step: steps.append(step))
    assert steps == [(150, 150)]


def test_what_was_embedded_before_a_failure_is_kept(tmp_path, monkeypatch):
    write_pictures(tmp_path, 150)
    model = ColourModel()
    answer = model.embed_images

    def fails_later(images):
        if model.embedded >= 64:
            raise UnavailableError("http://host:1: cannot be called")
        return answer(images)

    with monkeypatch.context() as patch:
        patch.setattr(model, "embed_images", fails_later)
        with pytest.raises(UnavailableError):
            FolderIndex(model, tmp_path)
    index = FolderIndex(model, tmp_path)
    assert (model.embedded, len(index.keys)) == (150, 150)
    (tmp_path / "new.png").write_bytes(png((1, 1, 1)))
    os.rename(tmp_path, tmp_path.with_name("moved"))
    with pytest.raises(InputError, match="is not there"):
        index.refresh()
    assert len(index.keys) == 150  # it can still be searched
    os.rename(tmp_path.with_name("moved"), tmp_path)


def test_thumbnails_are_made_of_the_files(tmp_path):
    write_pictures(tmp_path, 1)
    (tmp_path / "wide.png").write_bytes(png((200, 0, 0), (600, 300)))
    index = FolderIndex(ColourModel(), tmp_path)
    small = index.thumbnail("wide.png")
    assert small is not None
    with Image.open(io.BytesIO(small)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (256, 128))
    assert index.thumbnail("../cache") is None
    (tmp_path / "000.png").unlink()
    assert index.thumbnail("000.png") is None
