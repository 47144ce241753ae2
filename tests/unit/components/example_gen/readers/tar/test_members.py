"""Tars that lost something: every damage is noticed."""

import gzip
import random
import tracemalloc
from pathlib import Path

import pytest

from components.example_gen.readers.webdataset import READER
from schema.errors import InputError
from tests.support.readers import everything, options, reasons
from tests.support.tars import PACKED, tar


@pytest.fixture
def read(tmp_path):
    """Read a tar of these members, or these bytes."""

    def read_all(members, **given) -> list:
        path = tmp_path / "a.tar"
        path.write_bytes(members if isinstance(members, bytes) else tar(members))
        return everything(READER, path, options(**given))

    return read_all


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("keep", [0.0005, 0.5, 0.97])
def test_a_shard_cut_off_is_noticed_wherever_it_was_cut(tmp_path, name, keep):
    noise = random.Random(1)
    members = {f"k{n}.{s}": noise.randbytes(700) for n in range(8) for s in ("png", "txt")}
    body = tar(members)
    whole = PACKED[name](body if name != "a.tar" else body.rstrip(b"\0"))
    path = tmp_path / name
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(InputError) as caught:
        everything(READER, path)
    assert str(caught.value).startswith(f"{path}: the tar is damaged or cut off after ")


def test_a_tar_without_its_end_is_cut_off(read, tmp_path):
    whole = tar({"k.png": b"1" * 512, "k.txt": b"2" * 512, "m.png": b"", "m.txt": b""})
    for size in (2048, 2048 + 100, 3 * 1024):  # after a record, in a header, after the last body
        with pytest.raises(InputError, match=r"damaged or cut off after [km]\.txt"):
            read(whole[:size])
    assert len(read(whole[: 3 * 1024 + 512])) == 2  # one block of zeros is an end


def test_a_damaged_header_is_no_end(read):
    whole = bytearray(tar({"k.png": b"", "k.txt": b"", "m.png": b"", "m.txt": b""}))
    whole[1024 + 3] ^= 1
    with pytest.raises(InputError, match=r"damaged or cut off after k\.txt"):
        read(bytes(whole))


def test_a_second_tar_behind_the_first_is_not_lost(read):
    one = tar({"k.png": b"", "k.txt": b""})
    assert len(read(one + bytes(4096))) == 1
    with pytest.raises(InputError, match=r"a\.tar: there is more after the end of the tar"):
        read(one + one)


def test_a_damaged_gzip_is_noticed_by_its_checksum(tmp_path):
    body = bytearray(gzip.compress(tar({"k.png": random.Random(2).randbytes(999)}), 0))
    body[1000] ^= 1
    path = tmp_path / "a.tar.gz"
    path.write_bytes(body)
    with pytest.raises(InputError, match=r"a\.tar\.gz: the tar is damaged or cut off"):
        everything(READER, path)


def test_what_is_no_tar_at_all(read, tmp_path):
    for body in (b"hello " * 200, b"", gzip.compress(b"hello " * 200), b"\x1f\x8b junk"):
        with pytest.raises(InputError, match="damaged or cut off after the start"):
            read(body)
    for empty in ({}, {"__a__.json": b"{}"}):
        with pytest.raises(InputError, match=r"a\.tar: holds no record"):
            read(empty)
    with pytest.raises(InputError, match=r"absent\.tar: is not there"):
        everything(READER, tmp_path / "absent.tar")


def test_what_is_too_large_is_never_in_memory(tmp_path: Path):
    path = tmp_path / "a.tar"
    size = 40 << 20
    path.write_bytes(tar({"k.png": bytes(size), "k.txt": b"", "m.png": b"", "m.json": bytes(size)}))
    tracemalloc.start()
    try:
        found = everything(READER, path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert reasons(found) == ["too_many_bytes", "bad_metadata"]
