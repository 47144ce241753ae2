"""Small files that claim gigabytes are refused in little memory, whichever layer claims it."""

import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from components.example_gen.readers.parquet import READER as PARQUET
from components.example_gen.readers.recognition import recognise
from components.example_gen.readers.registry import READERS
from components.example_gen.rows import Rejected
from schema.errors import InputError
from tests.support.hostile import parquet_files
from tests.support.hostile.bombs import header
from tests.support.hostile.parquet_files import column
from tests.support.peak_memory import begin_peak, peak
from tests.support.readers import everything, options

MEGABYTE = 1 << 20
MOST = 300 * MEGABYTE


def _one_value(size: int) -> pa.Table:
    return pa.table({"image": pa.array([b"x" * size], pa.binary()), "caption": ["a"]})


def _nested(columns: int) -> list[bytes]:
    return [column("s", 1), *[column("x", 1)] * columns, column("caption")]


def pax(**records: object) -> bytes:
    """The header of a member that says more of the next one."""
    info = tarfile.TarInfo("a.png")
    info.pax_headers = {name.replace("__", "."): str(value) for name, value in records.items()}
    return info.tobuf(tarfile.PAX_FORMAT)[:-512]


PARQUETS: dict[str, tuple[Callable[[Path], None], str]] = {
    "packed-20-times": (
        lambda path: pa.parquet.write_table(_one_value(200 * MEGABYTE), path, compression="snappy"),
        "its column image unpacks 9,",
    ),
    "footer-lies": (
        lambda path: parquet_files.lying(
            path, _one_value(200 * MEGABYTE), compression="zstd", use_dictionary=False
        ),
        "its column image unpacks 6,",
    ),
    "dictionary-and-footer-lies": (
        lambda path: parquet_files.lying(path, _one_value(60 * MEGABYTE), compression="zstd"),
        "its column image holds more than the end of the file says",
    ),
    "100,000-columns": (
        lambda path: parquet_files.footer_only(
            path, [column("s", 100_000), *[column("image")] * 100_000]
        ),
        "has more than 10,000 columns",
    ),
    "9,000-nested-columns": (
        lambda path: parquet_files.footer_only(path, _nested(9_000)),
        "a column is nested in more than 100 others",
    ),
    "2,000-columns-below-2,000": (
        lambda path: parquet_files.footer_only(
            path, [*_nested(2_000)[:-1], column("y", 2_000), *[column("caption")] * 2_000]
        ),
        "a column is nested in more than 100 others",
    ),
    "rows-without-end": (
        lambda path: parquet_files.footer_only(
            path, [column("s", 2), column("image"), column("caption")], 1 << 60
        ),
        "holds no record",
    ),
}
TARS: dict[str, tuple[bytes, str]] = {
    "pax-size": (
        pax(size=10**12) + header("a.png", tarfile.REGTYPE, 10) + bytes(1024),
        "the tar is damaged or cut off after a.png",
    ),
    "negative-size": (
        header("a.png", tarfile.REGTYPE, -1024) + bytes(1024),
        "the tar is damaged or cut off after the start",
    ),
    "pax-negative-size": (
        pax(size=-1024) + header("a.png", tarfile.REGTYPE, 0) + bytes(1024),
        "the tar is damaged or cut off after the start",
    ),
    "sparse-0.0": (
        pax(GNU__sparse__size=90_000_000, GNU__sparse__offset=1, GNU__sparse__numbytes=1)
        + header("a.png", tarfile.REGTYPE, 10)
        + bytes(1024),
        "after the start the tar has a sparse file, which is not read",
    ),
    "sparse-0.1": (
        pax(GNU__sparse__map="1," * 99_999 + "1", GNU__sparse__size=10**12)
        + header("a.png", tarfile.REGTYPE, 10)
        + bytes(1024),
        "after the start the tar has a sparse file, which is not read",
    ),
}


def test_every_file_is_refused_by_name_in_little_memory(tmp_path):
    """In a process of its own, which has not grown before and may be ended by Arrow."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    expected = {name: sentence for name, (_, sentence) in (PARQUETS | TARS).items()}
    assert said.keys() == {*expected, "memory"}
    assert [name for name, sentence in expected.items() if sentence not in said[name]] == []
    assert int(said["memory"]) < MOST


def _print_all(folder: Path) -> None:
    files: list[tuple[str, Path]] = []
    for name, (write, _) in PARQUETS.items():
        files.append((name, folder / f"{name}.parquet"))
        write(files[-1][1])
    for name, (body, _) in TARS.items():
        files.append((name, folder / f"{name}.tar"))
        files[-1][1].write_bytes(body)
    pa.default_memory_pool().release_unused()
    before = begin_peak()
    for name, file in files:
        try:
            everything(READERS[recognise([str(file)])], file, options(max_bytes=100 * MEGABYTE))
            print(f"{name}: was read")
        except InputError as error:
            print(f"{name}: {error}")
    print(f"memory: {peak() - before}")


def test_a_list_whose_entries_are_one_large_text_is_not_copied(tmp_path):
    parquet_files.shared_in_a_list(tmp_path / "a.parquet", MEGABYTE, 1_000)
    pa.default_memory_pool().release_unused()  # by what wrote the file
    before = begin_peak()
    [rejected] = everything(PARQUET, tmp_path / "a.parquet")
    assert peak() - before < MOST
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.detail) == ("bad_metadata", f"caption has {1000 << 20} bytes")
    assert peak() - before < MOST
    parquet_files.shared_in_a_list(tmp_path / "a.parquet", 5, 3)
    [row] = everything(PARQUET, tmp_path / "a.parquet")
    assert row.captions == ("xxxxx",) * 3


def test_texts_that_repeat_what_stands_before_them(tmp_path):
    file = tmp_path / "a.parquet"
    parquet_files.repeating(file, pa.array(["x" * 4 * MEGABYTE] * 32))
    before = begin_peak()
    named = options(max_bytes=100 * MEGABYTE)
    assert sum(1 for _ in PARQUET.read(str(file), 0, named)) == 32
    assert peak() - before < 150 * MEGABYTE  # of all at once it would be 260
    lists = pa.array([["a cat", "a cat and a dog"]] * 2)
    parquet_files.repeating(file, lists, "image.list.element")
    with pytest.raises(InputError, match=r"image\.list.element has the encoding DELTA_BYTE_ARRAY"):
        everything(PARQUET, file)


def test_a_frame_of_zstd_that_repeats_one_byte(tmp_path):
    file = tmp_path / "a.jsonl.zst"
    block = ((128 << 10) << 3 | 2).to_bytes(3, "little") + b"x"  # 128 KiB in four bytes
    file.write_bytes(b"\x28\xb5\x2f\xfd\x00\x80" + block * 20_000)
    before = begin_peak()
    with pytest.raises(InputError, match="unpack to more than"):
        everything(READERS["jsonl"], file)
    assert peak() - before < MOST


if __name__ == "__main__":
    _print_all(Path(sys.argv[1]))
