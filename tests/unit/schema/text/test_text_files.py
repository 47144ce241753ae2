"""Files that people name: other kinds of files, other encodings, too large ones."""

import os
import socket

import pytest

from schema.errors import InputError
from schema.text.messages import excerpt, excerpt_of
from schema.text.text_files import read_bytes, read_text

LIMIT = 100


def test_text_with_and_without_a_byte_order_mark(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_bytes("ä: 1".encode("utf-8-sig"))
    assert read_text(file, LIMIT) == "ä: 1"
    file.write_bytes("ä: 1".encode())
    assert read_text(str(file), LIMIT) == "ä: 1"
    (tmp_path / "link").symlink_to(file)
    assert read_bytes(tmp_path / "link", LIMIT) == "ä: 1".encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: 1\nb: caf\xe9", "line 2 is not UTF-8 (byte 0xE9); save it as UTF-8"),
        ("a: 1".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        ("a: 1".encode("utf-16-be"), None),  # valid UTF-8 with NULs, which YAML refuses
        (b"x" * 101, "is larger than 100 bytes, the most that is read of it"),
    ],
)
def test_content_that_is_refused(tmp_path, content, reason):
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    if reason is None:
        assert read_text(file, LIMIT).startswith("\0")
        return
    with pytest.raises(InputError) as caught:
        read_text(file, LIMIT)
    assert str(caught.value).startswith(f"{file}: ")
    assert str(caught.value).endswith(reason)


def test_what_is_not_a_regular_file_is_refused_at_once(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    listening = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(tmp_path)
    listening.bind("socket")
    for path, reason in {
        tmp_path: "Is a directory",
        tmp_path / "pipe": "Is a named pipe, and a regular file is expected",
        tmp_path / "socket": "No such device or address",
        tmp_path / "circle": "Too many levels of symbolic links",
        tmp_path / "absent": "No such file or directory",
        tmp_path / ("x" * 5000): "File name too long",
        "/dev/zero": "Is a device, and a regular file is expected",
        "/proc/self/mem": "Input/output error",
        "a\0b": "cannot be the path of a file: embedded null byte",
    }.items():
        with pytest.raises(InputError) as caught:
            read_bytes(path, LIMIT)
        assert reason in str(caught.value)
        assert len(str(caught.value)) < 400
    listening.close()


def test_excerpts_keep_both_ends():
    assert excerpt("short") == "short"
    assert excerpt("a" * 50 + "b" * 50, 20) == "a" * 12 + "..." + "b" * 5
    assert excerpt_of("x" * 10**6, 20) == "'xxxxxxxxxxx...xxxx'"
    assert len(excerpt_of({"a": ["y" * 1000] * 1000})) == 80
