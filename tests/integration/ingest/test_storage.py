"""Addresses, local files and an S3 server: what is found, read and refused."""

import os
from pathlib import Path

import boto3
import pytest
import s3fs

from components.example_gen.storage import fingerprints, listing, open_file, urls
from schema.errors import InputError
from tests.support.readers import read_bytes
from tests.support.s3 import BUCKET, Store, serve

FILES = {
    "d/span-1/x-0.tar": b"first",
    "d/span-2/x-0.tar": b"second",
    "d/span-2/x-1.tar": b"third",
    "d/sub/deep/e.txt": b"e",
    "d/im [1]/a?.png": b"",
}


@pytest.fixture(scope="module")
def s3():
    with serve() as store:
        for key, body in FILES.items():
            store.put(key, body)
        store.put("d/", b"")  # as consoles make folders
        yield store


@pytest.fixture(params=["local", "s3"])
def root(request, tmp_path) -> str:
    """The same files, here and there."""
    if request.param == "s3":
        return str(request.getfixturevalue("s3").url)
    for name, body in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("base", "pattern", "found"),
    [
        ("d", "span-*/x-*.tar", ["d/span-1/x-0.tar", "d/span-2/x-0.tar", "d/span-2/x-1.tar"]),
        ("d/", "./span-?", ["d/span-1", "d/span-2"]),
        ("d", "sub", ["d/sub"]),
        ("d", ".", ["d"]),
        ("d/im [1]", "*", ["d/im [1]/a?.png"]),
        ("d/span-1", "../span-2/*", ["d/span-2/x-0.tar", "d/span-2/x-1.tar"]),
        ("d", "**/*.txt", ["d/sub/deep/e.txt"]),
        ("d", "absent/*", []),
        ("absent", "*", []),
    ],
)
def test_glob(root, base, pattern, found):
    answer = listing.glob(f"{root}/{base}", pattern)
    assert [urls.normal(each) for each in answer] == [f"{root}/{each}" for each in found]


def test_glob_of_absolute_patterns(tmp_path):
    (tmp_path / "a.tar").touch()
    assert listing.glob("/elsewhere", f"{tmp_path}/*.tar") == [f"{tmp_path}/a.tar"]
    assert listing.glob(f"file://{tmp_path}", "*") == [f"{tmp_path}/a.tar"]


def test_walk_and_folders(root):
    assert listing.walk(f"{root}/d") == sorted(f"{root}/{each}" for each in FILES)
    assert listing.walk(f"{root}/d/sub/") == [f"{root}/d/sub/deep/e.txt"]
    assert [listing.is_folder(f"{root}/d/{each}") for each in ("sub", "sub/deep/e.txt", "no")] == [
        True,
        False,
        False,
    ]
    assert [listing.exists(f"{root}/d/{each}") for each in ("sub", "sub/deep/e.txt", "no")] == [
        True,
        True,
        False,
    ]


def test_reading(root):
    file = f"{root}/d/span-2/x-0.tar"
    assert read_bytes(file, 3) == b"seco"
    assert read_bytes(file, 6) == b"second"
    assert read_bytes(f"{root}/d/im [1]/a?.png", 9) == b""
    with open_file.open_binary(file) as opened:
        assert opened.read(2) == b"se"
        opened.seek(-3, os.SEEK_END)
        assert opened.read() == b"ond"


def test_a_stamp_changes_with_the_file(root, request):
    file, folder, other = f"{root}/d/new/a", f"{root}/d/new", f"{root}/d/span-1"

    def put(body: bytes) -> list[str]:
        if root.startswith("s3"):
            request.getfixturevalue("s3").put("d/new/a", body)
        else:
            Path(folder).mkdir(exist_ok=True)
            Path(file).write_bytes(body)
            os.utime(file, ns=(0, sum(body)))  # the clock may be coarser than this test
        return [
            fingerprints.fingerprint_of(file),
            fingerprints.fingerprint_of(folder),
            fingerprints.fingerprint_of(other),
        ]

    first, second, third = put(b"aa"), put(b"bb"), put(b"aa")
    assert first == third
    assert [a == b for a, b in zip(first, second, strict=True)] == [False, False, True]


def test_many_stamps_are_the_single_ones(s3, monkeypatch):
    files = [s3.put(f"many/{n}", bytes([n])) for n in range(4)] + [f"{s3.url}/d/span-1/x-0.tar"]
    single = [fingerprints.fingerprint_of(each) for each in files]
    assert len(set(single)) == 5
    monkeypatch.setattr(fingerprints, "CROWD", 4)
    monkeypatch.setattr(fingerprints, "fingerprint_of", lambda each, access: f"asked for {each}")
    assert list(fingerprints.fingerprints_of(files)) == [*single[:4], f"asked for {files[4]}"]


def test_addresses():
    assert urls.join("s3://b/d", "x/y") == "s3://b/d/x/y"
    assert urls.join("s3://b/d/", "../../../c") == "s3://b/c"
    assert urls.join("https://h:1/d", "../../../c") == "https://h:1/c"
    assert urls.join("s3://b/d", "a//b") == "s3://b/d/a//b"
    assert urls.join("/d", "../x") == "/x"
    assert urls.join("s3://b/d", "/x") == "/x"
    assert urls.join("d", "https://h/x?y=1") == "https://h/x?y=1"
    assert urls.join("/", "x") == "/x"
    assert urls.plain("file:///a/b/") == "/a/b"
    assert urls.plain("/a::b") == "/a::b"
    assert (urls.parent("s3://b/a.tar"), urls.parent("a.tar")) == ("s3://b", "")
    assert urls.name("https://h/d/a.tar?key=1/2#3") == "a.tar"
    assert urls.name("s3://b/a?b#c.tar") == "a?b#c.tar"
    assert urls.shown("https://me:pw@h:1/a?sign=s") == "https://h:1/a"
    assert urls.shown("s3://b/a?b") == "s3://b/a?b"
    assert urls.scheme("S3://b") == "s3"
    assert urls.scheme("file:///b") == urls.scheme("b") == ""


def refused(address: str) -> str:
    with pytest.raises(InputError) as caught, open_file.open_binary(address) as file:
        file.read()
    with pytest.raises(InputError) as again:
        read_bytes(address, 1)
    assert str(caught.value) == str(again.value)
    assert "\n" not in str(again.value)
    return str(caught.value)


def test_what_cannot_be_opened(root, tmp_path):
    assert refused(f"{root}/no") == f"{root}/no: is not there"
    assert refused(f"{tmp_path}") == f"{tmp_path}: is a folder where a file is expected"
    known = "http://, https://, s3://, s3a://, gs://, gcs://, az://, abfs://, abfss://"
    for kind in ("odd", "smb", "reference", "generic", "dir", "hf"):
        sentence = f"{kind}://h/x: {kind}:// is not read; what is: {known}"
        assert refused(f"{kind}://me:pw@h/x") == sentence
    assert refused("az://me/x") == "az://me/x: the package that reads az:// is not installed"
    assert refused("zip://a::s3://b") == (
        "zip://a::s3://b: an address of addresses joined by :: is not read"
    )
    assert refused("a\0b") == "a\0b: is not an address"
    assert refused("http://[a?k=s") == "http://[a: is not an address"
    assert refused("http://127.0.0.1:1/a?sign=s") == "http://127.0.0.1:1/a: http:// does not answer"
    assert refused("s3://no-such-bucket/a") == "s3://no-such-bucket/a: is not there"


def test_a_local_file_that_may_not_be_read(tmp_path, monkeypatch):
    def deny(*_, **__):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a").touch()
    monkeypatch.setattr("builtins.open", deny)  # root may read everything
    with pytest.raises(InputError, match=r"a: access is refused$"):
        read_bytes(f"{tmp_path}/a", 1)


def test_a_store_that_refuses(s3: Store):
    file = f"{s3.url}/d/span-1/x-0.tar"
    refusal = "access is refused with the credentials there are"
    with s3.closed():
        assert refused(file) == f"{file}: {refusal}"
        web = f"{s3.endpoint}/{BUCKET}/d/span-1/x-0.tar"
        assert refused(f"{web}?sign=s") == f"{web}: {refusal}"
    assert read_bytes(file, 9) == b"first"


def test_credentials_and_endpoint_are_the_environments(s3: Store, monkeypatch):
    file = f"{s3.url}/d/span-1/x-0.tar"
    assert read_bytes(file, 9) == b"first"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    missing = f"{file}: the credentials for s3:// are missing or not accepted"
    assert refused(file) == missing
    with pytest.raises(InputError, match=r"bucket/d: the credentials for s3:// are missing"):
        listing.glob(f"{s3.url}/d", "*")


def test_a_signed_web_address_is_read(s3: Store):
    place = {"Bucket": BUCKET, "Key": "d/span-1/x-0.tar"}
    url = s3.client.generate_presigned_url("get_object", Params=place)
    assert "Signature" in url
    assert read_bytes(url, 2) == b"fir"
    assert "Signature" not in urls.shown(url)
    assert urls.name(url) == "x-0.tar"
    assert boto3.client("s3").meta.endpoint_url == s3.endpoint
