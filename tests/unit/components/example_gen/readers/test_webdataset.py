"""WebDataset shards: what is a record, what is rejected, what no reader may pass over."""

import tarfile

import pytest
from webdataset import TarWriter, tariterators

from components.example_gen.readers.webdataset import READER
from components.example_gen.rows import Rejected
from tests.support.readers import everything, options, picture, reasons, rows
from tests.support.tars import DEVICE, FOLDER, HARD_LINK, LINK, PACKED, PIPE, meta, tar


@pytest.fixture
def read(tmp_path):
    """Read a tar of these members, or these bytes."""

    def read_all(members, **given) -> list:
        path = tmp_path / "a.tar"
        path.write_bytes(members if isinstance(members, bytes) else tar(members))
        return everything(READER, path, options(**given))

    return read_all


RECORDS = {
    "__info__.json": b"{}",
    "set/one.png": picture(),
    "set/one.json": meta(
        captions=["a", "b"], labels=[1, 0], attributes={"vendor": "x", "n": 3, "no": None}
    ),
    "two.seg.png": b"another extension, not an image of ours",
    "two.PNG": picture(),
    "two.txt": "ein Käfer".encode(),
    "three.jpg": b"",
    "three.json": meta(caption="one"),
}


@pytest.mark.parametrize("name", PACKED)
def test_records_of_a_shard(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(PACKED[name](tar(RECORDS, tarfile.USTAR_FORMAT)))
    one, two, three = rows(READER, path)
    assert (one.key, one.image, one.captions, one.labels) == (
        "set/one",
        picture(),
        ("a", "b"),
        (1, 0),
    )
    assert one.attributes == {"vendor": "x", "n": "3"}
    assert (two.key, two.captions, two.labels) == ("two", ("ein Käfer".encode(),), None)
    assert (three.key, three.image, three.captions) == ("three", b"", ("one",))
    # A header is a block of 512 bytes, and so are small bodies.
    assert [row.place.offset for row in (one, two, three)] == [1024, 4096, 6144]
    assert str(one.place) == f"{path}: 1024"


def test_a_shard_of_the_formats_own_library(tmp_path):
    path = str(tmp_path / "own.tar")
    with TarWriter(path) as sink:
        for n in range(3):
            sink.write({"__key__": f"k{n}", "png": picture(shade=n), "json": {"caption": f"c{n}"}})
            sink.write({"__key__": f"t{n}", "jpg": picture("jpeg", n), "txt": f"t{n}"})
    mine = [(row.key, row.image) for row in rows(READER, path)]
    with open(path, "rb") as file:
        members = tariterators.tar_file_expander([{"url": path, "stream": file}])
        theirs = [
            (each["__key__"], each.get("png") or each["jpg"])
            for each in tariterators.group_by_keys(members)
        ]
    assert mine == theirs
    assert [row.captions for row in rows(READER, path)] == [
        each for n in range(3) for each in ((f"c{n}",), (f"t{n}".encode(),))
    ]


def test_captions_of_a_json_come_first_and_columns_name_its_keys(read):
    both = {"k.png": b"", "k.txt": b"t", "k.json": meta(caption="j", alt=["x", {"raw": "y"}], c=7)}
    assert read(both)[0].captions == ("j",)
    assert read(both, captions="alt")[0].captions == ("x", "y")
    assert read(both, captions=("caption", "alt"))[0].captions == ("j", "x", "y")
    assert read(both, captions="absent")[0].captions == (b"t",)
    assert reasons(read(both, captions="c")) == ["bad_metadata"]
    [row] = read({"k.png": b"", "k.json": b'{"captions": ["\xff", "\\ud83d", "\xc3\xa9"]}'})
    assert row.captions == (b"\xff", b"\xed\xa0\xbd", "é")


def test_an_attribute_may_stand_beside_the_captions(tmp_path):
    path = tmp_path / "a.tar"
    said = meta(caption="c", vendor="top", size=2, other="o", attributes={"vendor": "inner"})
    path.write_bytes(tar({"k.png": b"", "k.json": said}))
    [row] = rows(READER, path, options("vendor", "size", "absent"))
    assert row.attributes == {"vendor": "inner", "size": "2"}


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"k.txt": b"hi"}, "no_image"),
        ({"k.png": b"", "k.jpg": b"", "k.txt": b"hi"}, "several_images"),
        ({"k.png": b""}, "no_caption"),
        ({"k.png": b"", "k.json": meta(captions=[])}, "no_caption"),
        ({"k.png": b"", "k.json": meta(captions=None)}, "no_caption"),
        ({"k.png": b"", "k.json": b"{"}, "bad_metadata"),
        ({"k.png": b"", "k.json": b'{"caption": "c", "labels": "\xff"}'}, "bad_labels"),
        ({"k.png": b"", "k.json": b"[" * 100_000}, "bad_metadata"),
        ({"k.png": b"", "k.json": b"[]"}, "bad_metadata"),
        ({"k.png": b"", "k.json": meta(captions=[1])}, "bad_metadata"),
        ({"k.png": b"", "k.json": meta(caption="c", attributes=[])}, "bad_metadata"),
        ({"k.png": b"", "k.json": meta(caption="c", labels=["1"])}, "bad_labels"),
        ({"k.png": b"", "k.json": meta(caption="c", labels=[True])}, "bad_labels"),
        ({"../k.png": b"", "../k.txt": b"hi"}, "unsafe_name"),
        ({"a/../../k.png": b"", "a/../../k.txt": b"hi"}, "unsafe_name"),
        ({"/etc/k.png": b"", "/etc/k.txt": b"hi"}, "unsafe_name"),
        ({"../noname": b""}, "unsafe_name"),
        ({"k.png": LINK, "k.txt": b"hi"}, "not_a_file"),
        ({"k.txt": b"hi", "k.png": HARD_LINK}, "not_a_file"),
        ({"k.png": PIPE}, "not_a_file"),
        ({"dev": DEVICE}, "not_a_file"),
        ([("k.png", b"1"), ("k.png", b"2"), ("k.txt", b"hi")], "repeated_name"),
        ({"k.png": b"x" * 2049, "k.txt": b"hi"}, "too_many_bytes"),
    ],
)
def test_a_record_that_is_rejected_leaves_the_others(read, members, reason):
    pairs = list(members.items()) if isinstance(members, dict) else members
    good = [[(f"{name}.png", b"a" * 2048), (f"{name}.txt", b"c")] for name in ("first", "last")]
    found = read([*good[0], *pairs, *good[1]], max_bytes=2048)
    found.sort(key=lambda each: each.place)  # what waits for its other half comes last
    assert reasons(found) == ["row", reason, "row"]
    assert found[1].place.offset == 3584  # behind two headers, 2048 bytes and a block
    assert [found[0].key, found[2].key] == ["first", "last"]


def test_what_a_rejection_tells(read):
    [found] = read({"s/k.png": b"0123456789" * 10, "s/k.json": b"{"})
    assert isinstance(found, Rejected)
    assert (found.key, found.detail) == ("s/k", "the .json is not JSON")
    assert found.first_bytes == (b"0123456789" * 10)[:64]


def test_what_is_none_of_a_record_does_not_part_it(read):
    [row] = read(
        [
            ("./", FOLDER),
            ("./k.png", b"1"),
            ("./._k.png", b"of another system"),
            ("README", b"?"),
            ("d", FOLDER),
            ("k.txt", b"c"),
        ]
    )
    assert (row.key, row.image, row.captions) == ("k", b"1", (b"c",))


def test_names_that_are_not_utf8_stay_apart(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(
        tar(
            [(f"{n}.{s}", b"") for n in ("\udcff", "\udcfe") for s in ("png", "txt")],
            tarfile.GNU_FORMAT,
        )
    )
    assert [row.key for row in rows(READER, path)] == ["\\xff", "\\xfe"]
