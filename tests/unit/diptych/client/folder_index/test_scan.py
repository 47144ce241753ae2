"""Which files below a folder are images, and what is said of those that cannot be."""

import os

import pytest

from diptych.client.folder_index.scan import Fingerprint, scan
from schema.errors import InputError
from tests.support.client import png


def put(path, data=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_images_by_their_suffix_at_any_depth_and_nothing_hidden(tmp_path):
    for name in ("b.jpg", "a/c.PNG", "a/d/e.webp", "f.heic"):
        put(tmp_path / name)
    for name in ("g.txt", ".h.jpg", ".i/j.jpg", "__k/l.jpg", "m", "n.mp4"):
        put(tmp_path / name)
    found = scan(tmp_path)
    assert list(found.files) == ["a/c.PNG", "a/d/e.webp", "b.jpg", "f.heic"]
    assert found.failures == {}
    status = (tmp_path / "b.jpg").stat()
    assert found.files["b.jpg"] == Fingerprint(1, status.st_mtime_ns)


def test_links_are_followed_and_never_round_in_a_circle(tmp_path):
    root = tmp_path / "root"
    put(root / "real" / "a.png")
    put(tmp_path / "elsewhere" / "b.png")
    (root / "again").symlink_to("real")  # its images are there by themselves
    (root / "other").symlink_to(tmp_path / "elsewhere")
    (root / "real" / "up").symlink_to("..")
    (tmp_path / "elsewhere" / "back").symlink_to(root)
    (root / "one.png").symlink_to("real/a.png")
    found = scan(root)
    assert list(found.files) == ["one.png", "other/b.png", "real/a.png"]
    assert found.failures == dict.fromkeys(
        ["other/back", "real/up"], "its links lead round in a circle"
    )


def test_what_cannot_be_an_image_is_named(tmp_path):
    (tmp_path / "gone.png").symlink_to("nowhere")
    (tmp_path / "gone.txt").symlink_to("nowhere")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "self.png").symlink_to("self.png")
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(png((0, 0, 0)))
    found = scan(tmp_path)
    assert found.files == {}
    assert found.failures == {
        r"caf\xe9.png": "its name is not UTF-8; rename it",
        "gone": "is a link to nowhere, which is not there",
        "gone.png": "is a link to nowhere, which is not there",
        "pipe.jpg": "is not a plain file",
        "self.png": "its links lead round in a circle",
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_named(tmp_path):
    put(tmp_path / "shut" / "a.png")
    (tmp_path / "shut").chmod(0)
    try:
        assert [*scan(tmp_path).failures] == ["shut"]
    finally:
        (tmp_path / "shut").chmod(0o700)


def test_the_folder_itself_must_be_there(tmp_path):
    put(tmp_path / "file.png")
    for name, reason in (("gone", "is not there"), ("file.png", "is a file where a folder is")):
        with pytest.raises(InputError, match=f"{name}.*{reason}"):
            scan(tmp_path / name)
