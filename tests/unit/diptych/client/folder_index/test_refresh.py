"""An index that follows its folder: what a refresh costs, and what it keeps."""

import os
import threading

import numpy as np
import pytest

from components.example_gen.images.preparation import ImageLimits
from diptych.client import images
from diptych.client.folder_index.folder_index import Changes, FolderIndex
from schema.errors import InputError
from tests.support.client import ColourModel, colour_of, png, write_pictures

RED = np.array([1, 0, 0], np.float32)


def test_a_refresh_without_changes_lists_the_folder_and_no_more(tmp_path, monkeypatch):
    write_pictures(tmp_path, 5)
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    index = FolderIndex(ColourModel(), tmp_path)
    state, version = index._now, index.version
    monkeypatch.setattr(index._cache, "_with_database", None)
    assert index.refresh() == Changes(embedded=0, unchanged=6, removed=0, failed=1)
    assert (index._now, index.version) == (state, version)


def test_the_version_grows_with_the_changes(tmp_path):
    write_pictures(tmp_path, 3)
    index = FolderIndex(ColourModel(), tmp_path)
    versions = [index.version]

    def refreshed() -> bool:
        index.refresh()
        versions.append(index.version)
        return versions[-1] > versions[-2]

    write_pictures(tmp_path, 1, first=7)
    assert refreshed()
    (tmp_path / "007.png").write_bytes(png(colour_of(300), (9, 9)))
    assert refreshed()
    (tmp_path / "000.png").unlink()
    assert refreshed()
    (tmp_path / "bad.jpg").symlink_to("nowhere")
    assert refreshed()
    assert not refreshed()
    (tmp_path / "bad.jpg").unlink()
    assert refreshed()


def test_a_file_that_may_not_be_read_is_no_change_each_time(tmp_path, monkeypatch):
    from diptych.client.folder_index import folder_index as module

    write_pictures(tmp_path, 2)
    read = images.read_file

    def refused(path):
        if path.name == "001.png":
            raise images.UnusableImageError("may not be read")
        return read(path)

    monkeypatch.setattr(module, "read_file", refused)
    index = FolderIndex(ColourModel(), tmp_path)
    version = index.version
    assert index.refresh().failed == 1
    assert (index.version, dict(index.failures)) == (version, {"001.png": "may not be read"})
    monkeypatch.undo()
    assert index.refresh().failed == 0
    assert index.version > version


def test_what_another_program_has_embedded_is_taken_over(tmp_path):
    write_pictures(tmp_path, 3)
    one, other = ColourModel(), ColourModel()
    index = FolderIndex(one, tmp_path)
    write_pictures(tmp_path, 2, first=200)
    FolderIndex(other, tmp_path)
    assert (one.embedded, other.embedded) == (3, 2)
    index.refresh()
    assert one.embedded == 3
    assert index.search(RED, 1)[0].key == "201.png"


def test_a_folder_that_is_empty_or_unreadable_for_a_while_is_not_embedded_again(tmp_path):
    root, disk = tmp_path / "root", tmp_path / "disk"
    write_pictures(root / "sub", 3)
    write_pictures(root, 1, first=9)
    model = ColourModel()
    index = FolderIndex(model, root)
    (root / "sub").rename(disk)  # a link that leads nowhere now, as to a disk that is not there
    (root / "sub").symlink_to(disk)
    disk.rename(tmp_path / "away")
    index.refresh()
    assert list(index.keys) == ["009.png"]
    (tmp_path / "away").rename(disk)
    index.refresh()
    assert (len(index.keys), model.embedded) == (4, 4)
    root.rename(tmp_path / "kept")
    root.mkdir()  # a disk is mounted here
    index.refresh()
    assert (list(index.keys), index.search(RED, 3)) == ([], [])
    root.rmdir()
    with pytest.raises(InputError, match="is not there"):
        index.refresh()
    (tmp_path / "kept").rename(root)
    index.refresh()
    assert (len(index.keys), model.embedded) == (4, 4)


def test_searches_go_on_while_the_folder_is_embedded(tmp_path, monkeypatch):
    write_pictures(tmp_path, 3)
    model = ColourModel()
    index = FolderIndex(model, tmp_path)
    entered, go_on = threading.Event(), threading.Event()
    embed = model.embed_images

    def slow(batch):
        entered.set()
        assert go_on.wait(10)
        return embed(batch)

    monkeypatch.setattr(model, "embed_images", slow)
    write_pictures(tmp_path, 1, first=200)
    (tmp_path / "002.png").unlink()
    thread = threading.Thread(target=index.refresh)
    thread.start()
    assert entered.wait(10)
    assert [hit.key for hit in index.search(RED, 9)] == ["002.png", "001.png", "000.png"]
    assert index.thumbnail("002.png") is None
    go_on.set()
    thread.join(10)
    assert [hit.key for hit in index.search(RED, 9)] == ["200.png", "001.png", "000.png"]


def test_a_thumbnail_that_cannot_be_read_now_is_made_later(tmp_path):
    write_pictures(tmp_path, 1)
    index = FolderIndex(ColourModel(), tmp_path)
    os.rename(tmp_path / "000.png", tmp_path / "away")
    assert index.thumbnail("000.png") is None
    os.rename(tmp_path / "away", tmp_path / "000.png")
    thumbnail = index.thumbnail("000.png")
    assert thumbnail is not None
    assert thumbnail.startswith(b"RIFF")


def test_no_more_of_a_file_is_read_than_an_image_may_have(tmp_path, monkeypatch):
    (tmp_path / "000.png").symlink_to("/proc/self/maps")  # its size is 0, whatever it holds
    monkeypatch.setattr(images, "LIMITS", ImageLimits(max_pixels=10, max_bytes=100))
    with pytest.raises(images.UnusableImageError, match="has more than"):
        images.read_file(tmp_path / "000.png")


@pytest.mark.parametrize("name", ["loop", "a\0b", "x" * 300, "a/../none"])
def test_a_folder_that_cannot_be_is_a_sentence(tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError) as caught:
        FolderIndex(ColourModel(), tmp_path / name)
    assert "\n" not in str(caught.value)


def test_links_are_followed_and_circles_are_named(tmp_path):
    write_pictures(tmp_path / "out", 1)
    write_pictures(tmp_path / "in", 1, first=5)
    (tmp_path / "in" / "out").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self.jpg").symlink_to("self.jpg")
    index = FolderIndex(ColourModel(), tmp_path / "in")
    assert list(index.keys) == ["005.png", "out/000.png"]
    assert set(index.failures) == {"self.jpg", "up"}
    assert index.thumbnail("../out/000.png") is None
    assert index.thumbnail(str(tmp_path / "out" / "000.png")) is None


def test_two_indexes_of_a_folder_refresh_at_once(tmp_path):
    write_pictures(tmp_path, 40)
    indexes = [FolderIndex(ColourModel(), tmp_path) for _ in range(2)]
    failed: list[Exception] = []

    def follow(index: FolderIndex) -> None:
        try:
            for _ in range(15):
                index.refresh()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=follow, args=(index,)) for index in indexes]
    for thread in threads:
        thread.start()
    for number in range(40):
        (tmp_path / f"{number:03d}.png").unlink()
        write_pictures(tmp_path, 1, first=100 + number)
    for thread in threads:
        thread.join(30)
    assert failed == []
    names = [f"{100 + number:03d}.png" for number in range(40)]
    for index in (*indexes, FolderIndex(ColourModel(), tmp_path)):
        index.refresh()
        assert list(index.keys) == names
