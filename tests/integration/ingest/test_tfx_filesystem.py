"""TFX's file functions on an S3 server and on fsspec's memory."""

import pytest
from tfx.components.example_gen import utils
from tfx.dsl.io import fileio, filesystem, filesystem_registry
from tfx.dsl.io.plugins.tensorflow_gfile import TensorflowFilesystem
from tfx.proto import example_gen_pb2

from components.example_gen.storage import tfx_filesystem
from schema.errors import InputError
from tests.support.s3 import serve


@pytest.fixture(scope="module")
def s3():
    tfx_filesystem.register()
    with serve() as store:
        for span, number in (("1", 0), ("2", 0), ("2", 1)):
            store.put(f"d/span-{span}/x-{number}.tar", b"x" * (10 + number))
        yield store


def test_who_opens_what():
    tfx_filesystem.register()
    registry = filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY
    for ours in ("s3://b/x", "memory://x", "https://h/x", "gcs://b/x", "abfs://b/x"):
        assert registry.get_filesystem_for_path(ours) is tfx_filesystem.FsspecFilesystem
    for theirs in ("/x", "x", "gs://b/x", "hdfs://h/x", "zip://x"):
        assert registry.get_filesystem_for_path(theirs) is not tfx_filesystem.FsspecFilesystem


def test_the_fingerprint_and_span_of_tfx(s3):
    def look(pattern: str) -> tuple:
        split = example_gen_pb2.Input.Split(name="train", pattern=pattern)
        found = utils.calculate_splits_fingerprint_span_and_version(f"{s3.url}/d", [split])
        return (*found, split.pattern)

    fingerprint, span, version, pattern = look("span-{SPAN}/x-*.tar")
    assert fingerprint.startswith("split:train,num_files:2,total_bytes:21,xor_checksum:")
    assert (span, version, pattern) == (2, None, "span-2/x-*.tar")
    modified = [
        int(each["LastModified"].timestamp())
        for each in s3.client.list_objects_v2(Bucket="bucket", Prefix="d/span-2")["Contents"]
    ]
    assert fingerprint.endswith(f"sum_checksum:{sum(modified)}")
    assert look("span-*/x-*.tar")[0].startswith("split:train,num_files:3,total_bytes:31,")
    assert (
        look("none-*")[0] == "split:train,num_files:0,total_bytes:0,xor_checksum:0,sum_checksum:0"
    )
    s3.put("d/span-2/x-2.tar", b"more")
    assert look("span-2/x-*.tar")[0].startswith("split:train,num_files:3,total_bytes:25,")


@pytest.mark.parametrize("root", ["s3://bucket/w", "memory://w"])
def test_every_function(s3, root):
    with fileio.open(f"{root}/s/a.txt", "w") as file:
        file.write("ä")
    with fileio.open(f"{root}/s/a.txt", "rb") as file:
        assert file.read() == "ä".encode()
    assert fileio.stat(f"{root}/s/a.txt").length == 2
    assert fileio.stat(f"{root}/s/a.txt").mtime_nsec > 1_600_000_000 * 10**9
    fileio.copy(f"{root}/s/a.txt", f"{root}/b.txt")
    with pytest.raises(OSError, match=r"w/b\.txt is there already"):
        fileio.copy(f"{root}/s/a.txt", f"{root}/b.txt")
    fileio.copy(f"{root}/s/a.txt", f"{root}/b.txt", overwrite=True)
    assert sorted(fileio.listdir(root)) == ["b.txt", "s"]
    assert fileio.glob(f"{root}/*.txt") == [f"{root}/b.txt"]
    assert fileio.glob(f"{root}/b.txt".encode()) == [f"{root}/b.txt"]
    assert fileio.glob(f"{root}/no.txt") == []
    assert [fileio.isdir(f"{root}/{each}") for each in ("s", "b.txt", "no")] == [True, False, False]
    assert [fileio.exists(f"{root}/{each}") for each in ("s", "b.txt", "no")] == [True, True, False]
    assert list(fileio.walk(root)) == [(root, ["s"], ["b.txt"]), (f"{root}/s", [], ["a.txt"])]
    fileio.rename(f"{root}/b.txt", f"{root}/s/c.txt")
    assert sorted(fileio.listdir(f"{root}/s")) == ["a.txt", "c.txt"]
    fileio.remove(f"{root}/s/c.txt")
    assert fileio.listdir(f"{root}/s") == ["a.txt"]
    fileio.makedirs(f"{root}/new")
    fileio.rmtree(f"{root}/s")
    assert not fileio.exists(f"{root}/s/a.txt")
    for gone in (fileio.remove, fileio.stat, fileio.listdir, fileio.open):
        with pytest.raises(filesystem.NotFoundError, match=r"w/s/a\.txt: is not there"):
            gone(f"{root}/s/a.txt")


def test_a_store_that_refuses_says_so(s3):
    with s3.closed(), pytest.raises(InputError, match=r"bucket/d: access is refused"):
        fileio.glob("s3://bucket/d/*.tar")


@pytest.mark.parametrize("files", [tfx_filesystem.LocalFiles, TensorflowFilesystem])
def test_a_binary_file_of_this_machine_takes_text(tmp_path, files):
    """The files of a cached run are Python's, and TFX writes JSON to binary ones."""
    path = str(tmp_path / "a")
    for mode, parts in (("wb", ["ä", b"\xff"]), ("ab", ["b"])):
        with files.open(path, mode) as file:
            for part in parts:
                file.write(part)
    with files.open(path, "rb") as file:
        assert file.read() == "ä".encode() + b"\xffb"
    with files.open(path.encode(), "wb") as file:
        file.write("text")
    with files.open(path) as file:
        assert file.read() == "text"
