"""Images put down and read back: where they stand, in which order, from files that are closed."""

import os
from pathlib import Path
from typing import Any

import pytest

from components.example_gen.ingest import image_store
from components.example_gen.ingest.image_store import ImageStore
from components.example_gen.records.examined import Stored


@pytest.fixture
def opened(monkeypatch) -> list[Any]:
    """Every file that a spool opens, so that none is closed by being forgotten."""
    files: list[Any] = []
    real = image_store.fileio.open

    def keep(*arguments: str) -> Any:
        files.append(real(*arguments))
        return files[-1]

    monkeypatch.setattr(image_store.fileio, "open", keep)
    return files


def still_open(folder: Path) -> set[str]:
    links = (os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd"))
    return {link for link in links if Path(link).is_relative_to(folder)}


def put_down(folder: Path, *bodies: bytes) -> list[Stored]:
    written = ImageStore(str(folder))
    places = [written.add(body) for body in bodies]
    written.close()
    return places


def test_images_stand_one_after_the_other(tmp_path):
    places = put_down(tmp_path / "deep" / "spool", b"one", b"", b"three")
    file = places[0].file
    assert places == [Stored(file, 0, 3), Stored(file, 3, 0), Stored(file, 3, 5)]
    assert Path(file).read_bytes() == b"onethree"
    assert Path(file).parent == tmp_path / "deep" / "spool"


def test_each_writer_has_a_file_of_its_own(tmp_path):
    first, second = ImageStore(str(tmp_path)), ImageStore(str(tmp_path))
    places = [first.add(b"a"), second.add(b"b"), first.add(b"c")]
    first.close()
    second.close()
    assert places[0].file == places[2].file != places[1].file
    assert dict(image_store.read(places)) == dict(zip(places, (b"a", b"b", b"c"), strict=True))


def test_any_of_them_in_the_order_of_the_files_each_once(tmp_path):
    a, b = put_down(tmp_path, b"one", b"two", b"three"), put_down(tmp_path, b"four", b"five")
    bodies = dict(zip([*a, *b], (b"one", b"two", b"three", b"four", b"five"), strict=True))
    asked = [b[1], a[2], b[1], a[0]]
    assert list(image_store.read(asked)) == [(each, bodies[each]) for each in sorted({*asked})]
    assert list(image_store.read([])) == []


def test_images_that_are_written_together_stand_where_they_are_said_to(tmp_path, monkeypatch):
    monkeypatch.setattr(image_store, "BUFFER", 10)
    bodies = [bytes([number]) * length for number, length in enumerate((4, 5, 3, 0, 30, 2))]
    places = put_down(tmp_path, *bodies)
    assert [stored.offset for stored in places] == [0, 4, 9, 12, 12, 42]
    assert dict(image_store.read(places)) == dict(zip(places, bodies, strict=True))


def test_every_file_is_closed(tmp_path, opened, monkeypatch):
    monkeypatch.setattr(image_store, "BUFFER", 1)  # TensorFlow opens a file when it is written to
    written = ImageStore(str(tmp_path))
    places = [*put_down(tmp_path, b"one"), written.add(b"two")]
    assert still_open(tmp_path) == {places[1].file}
    written.close()
    assert still_open(tmp_path) == set()
    reading = image_store.read(sorted(places))
    for stored, _ in reading:
        assert still_open(tmp_path) == {stored.file}
    assert still_open(tmp_path) == set()
    assert len(opened) == 4


def test_a_file_that_was_cut_off_is_named(tmp_path):
    first, last = put_down(tmp_path, b"one", b"three")
    Path(last.file).write_bytes(b"oneth")
    with pytest.raises(RuntimeError) as caught:
        list(image_store.read([first, last]))
    assert str(caught.value) == f"{last.file} was cut off: {last} holds 2 bytes"
