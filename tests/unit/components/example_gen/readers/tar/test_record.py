"""Which members of a tar are of one record: dots in names, named fields, members apart."""

import io
import json
import tarfile
from collections.abc import Sequence

import pytest
from webdataset import tariterators

from components.example_gen.readers import webdataset
from components.example_gen.readers.webdataset import READER
from components.example_gen.rows import Row
from schema.errors import InputError
from tests.support.readers import everything, ignored, options, picture, reasons, rows

A, B, TEXT = picture(shade=1), picture(shade=2), b"a cup"


@pytest.fixture
def shard(tmp_path):
    """Write members into a tar; its path."""

    def write(*members: tuple[str, bytes]) -> str:
        path = tmp_path / "a.tar"
        with tarfile.open(path, "w") as tar:
            for name, body in members:
                info = tarfile.TarInfo(name)
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body))
        return str(path)

    return write


def pairs(names: Sequence[str], image: str = "jpg", text: str = "txt") -> list[tuple[str, bytes]]:
    """An image of its own and a text for each name."""
    return [
        member
        for n, name in enumerate(names)
        for member in ((f"{name}.{image}", picture(shade=n)), (f"{name}.{text}", f"{n}".encode()))
    ]


@pytest.mark.parametrize(
    "names",
    [
        ["scan.2024.001", "scan.2024.002", "scan.2024.003"],
        ["plain", "a.v1", "a.v2", "b.v1"],
        ["0.05", "1.05", "2.05"],
        ["d.x/cat.1", "d.x/cat.2", "d.y/cat.1", "e/cat"],
        ["photo", "photo.2", "photo.3"],
    ],
)
def test_a_name_with_dots_before_its_suffix_is_a_record_of_its_own(shard, names):
    for suffixes in ({}, {"image": "PNG", "text": "JSON"}):
        members = pairs(names, **suffixes)
        if suffixes:
            members = [
                (name, json.dumps({"caption": body.decode()}).encode() if "JSON" in name else body)
                for name, body in members
            ]
        found = rows(READER, shard(*members))
        assert [row.key for row in found] == names
        assert [row.image for row in found] == [picture(shade=n) for n in range(len(names))]
        assert [row.captions[0] for row in found] == [
            f"{n}" if suffixes else f"{n}".encode() for n in range(len(names))
        ]


def test_fields_with_names_are_of_the_key_up_to_the_first_dot(shard):
    members = [
        member
        for n in range(3)
        for member in (
            (f"s/{n}.input.jpg", picture(shade=n)),
            (f"s/{n}.outputs.txt", b"t%d" % n),
            (f"s/{n}.score.cls", b"1"),
        )
    ]
    path = shard(*members)
    found = rows(READER, path)
    with open(path, "rb") as file:
        expanded = tariterators.tar_file_expander([{"url": path, "stream": file}])
        theirs = [
            (each["__key__"], each["input.jpg"], (each["outputs.txt"],))
            for each in tariterators.group_by_keys(expanded)
        ]
    assert [(row.key, row.image, row.captions) for row in found] == theirs
    assert ignored(READER, path) == {".cls": 3}


def test_more_images_of_a_record_are_left_out_and_counted(shard):
    members = [
        member
        for n in range(3)
        for member in (*pairs([f"{n}"]), (f"{n}.seg.png", B), (f"{n}.depth.npy", b"x"))
    ]
    path = shard(*members)
    assert [(row.key, row.image) for row in rows(READER, path)] == [
        (f"{n}", picture(shade=0)) for n in range(3)
    ]
    assert ignored(READER, path) == {".png": 3, ".npy": 3}
    path = shard(*members[:4])  # a single record says as much
    assert [row.key for row in rows(READER, path)] == ["0"]
    assert ignored(READER, path) == {".png": 1, ".npy": 1}
    # The same with dots in the names of the pairs: the mask is none that lacks its text.
    members = [
        member for n in "12" for member in (*pairs([f"k{n}.in"], text="txt"), (f"k{n}.mask.png", B))
    ]
    path = shard(*members)
    assert [row.key for row in rows(READER, path)] == ["k1.in", "k2.in"]
    assert ignored(READER, path) == {".png": 2}


def test_members_that_stand_apart_are_joined(shard):
    for names in (["0", "1", "2"], ["scan.1", "scan.2", "scan.3"], ["x/a.1", "y/a.1"]):
        members = pairs(names)
        path = shard(*sorted(members, key=lambda each: each[0].rpartition(".")[2]))
        found = rows(READER, path)
        assert [(row.key, row.image, row.captions) for row in found] == [
            (name, picture(shade=n), (b"%d" % n,)) for n, name in enumerate(names)
        ]
    bodies = {"i.png": A, "o.txt": TEXT}
    fields = [(f"{n}.{field}", body) for field, body in bodies.items() for n in "12"]
    assert [row.key for row in rows(READER, shard(*fields))] == ["1", "2"]


def test_members_too_far_apart_are_one_sentence(shard, monkeypatch):
    monkeypatch.setattr(webdataset, "WAITING_BYTES", 4 * (len(A) + 1024))
    members = sorted(pairs([f"{n}" for n in range(6)]), key=lambda each: each[0][-3:])
    path = shard(*members)
    with pytest.raises(InputError) as caught:
        everything(READER, path)
    assert str(caught.value) == (
        f"{path}: the files of 0 stand far apart; the files of a key must stand together, as "
        "`tar --sort=name` writes them"
    )
    # Without texts at all each image is one rejection, whatever waited how long.
    assert reasons(everything(READER, shard(*members[:6]))) == ["no_caption"] * 6


def test_half_a_pair_is_one_rejection_that_lists_what_there_is(shard):
    members = pairs(["scan.1", "scan.2", "scan.3", "dog"])
    lost = [each for each in members if each[0] not in ("scan.2.txt", "dog.jpg")]
    found = everything(READER, shard(*lost))
    found.sort(key=lambda each: each.key)
    assert [each.key for each in found] == ["dog", "scan.1", "scan.2", "scan.3"]
    assert reasons(found) == ["no_image", "row", "no_caption", "row"]
    [half] = [each for each in found if each.key == "scan.2"]
    assert half.detail == "of scan there is .2.jpg"
    # Two halves are no pair where the other names say that the number is part of the key.
    halves = everything(READER, shard(*pairs(["a.1", "a.2"]), ("b.1.jpg", A), ("b.2.txt", TEXT)))
    assert [(each.key, reason) for each, reason in zip(halves, reasons(halves), strict=True)] == [
        *(("a.1", "row"), ("a.2", "row"), ("b.1", "no_caption"), ("b.2", "no_image")),
    ]


def test_several_fields_that_could_be_the_image(shard):
    members = [("k.left.jpg", A), ("k.right.jpg", B), ("k.txt", TEXT)]
    path = shard(*members)
    [found] = everything(READER, path)
    assert (found.key, found.reason) == ("k", "several_images")
    assert found.detail == ".left.jpg, .right.jpg: name one in data.columns.image"
    [row] = rows(READER, path, options(image="right.jpg"))
    assert (row.key, row.image, row.captions) == ("k", B, (TEXT,))
    [found] = everything(READER, path, options(image="top.jpg"))
    assert (found.reason, found.detail) == (
        "no_image",
        "there is no .top.jpg in .left.jpg, .right.jpg, .txt",
    )
    texts = shard(("k.jpg", A), ("k.en.txt", b"cup"), ("k.de.txt", b"Tasse"))
    [found] = everything(READER, texts)
    assert (found.key, found.reason) == ("k", "no_caption")
    assert found.detail == ".en.txt, .de.txt: name some in data.columns.captions"
    [row] = rows(READER, texts, options(image="jpg", captions=("de.txt", "en.txt")))
    assert row.captions == (b"Tasse", b"cup")


def test_images_by_their_bytes_and_names_in_both_spellings(shard):
    path = shard(
        *(("a.jfif", A), ("a.txt", TEXT), ("b.blob", B), ("b.caption", TEXT)),
        *(("c.jpg.txt", TEXT), ("c.jpg", A), ("re\u0301.png", A), ("r\u00e9.txt", TEXT)),
        *(("README.md", b"#"), ("d.cls", b"3"), ("__info__.json", b"{}"), ("LICENSE", b"")),
        *(("e.svg", b"<svg/>"), ("e.txt", TEXT)),
    )
    found = rows(READER, path)
    assert [(row.key, row.image) for row in found] == [
        *(("a", A), ("b", B), ("c", A), ("r\u00e9", A), ("e", b"<svg/>"))
    ]
    assert ignored(READER, path) == {".md": 1, ".cls": 1, "hidden": 1, "without a suffix": 1}


def test_every_member_is_accounted_for(shard):
    names = [f"set.{n % 7}.{n:04d}" for n in range(1000)]
    members = pairs(names)
    for order in (members, members[::-1], members[::2] + members[1::2]):
        found = everything(READER, shard(*order))
        assert {each.key for each in found} == set(names)
        assert all(isinstance(each, Row) for each in found)
        assert len(found) == 1000


def test_the_halves_of_a_pair_may_stand_apart_beside_a_pair_with_a_longer_name(shard):
    """The text of cat comes after other records, and is not one more field of cat.2."""
    members = pairs(["cat", "cat.2", "dog"])
    path = shard(members[0], *members[2:], members[1])
    assert {row.key: row.captions for row in rows(READER, path)} == {
        "cat": (b"0",),
        "cat.2": (b"1",),
        "dog": (b"2",),
    }
    assert ignored(READER, path) == {}
    path = shard(members[0], *members[2:])  # and is such a field where its text never comes
    assert [row.key for row in rows(READER, path)] == ["cat.2", "dog"]
    assert ignored(READER, path) == {".jpg": 1}
