"""URLs of served models."""

import pytest

from diptych.client.backends.address import Address, is_url, parse
from schema.errors import InputError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://host", Address("http", "host", 8501, "default", None, False)),
        ("http://host:80/emoji", Address("http", "host", 80, "emoji", None, True)),
        ("http://host/v1/models/emoji", Address("http", "host", 8501, "emoji", None, True)),
        ("https://h/v1/models/a/versions/3/", Address("https", "h", 443, "a", 3, True)),
        ("grpc://host/", Address("grpc", "host", 8500, "default", None, False)),
        ("grpcs://[::1]:9/a%20b/versions/12", Address("grpcs", "::1", 9, "a b", 12, True)),
    ],
)
def test_the_parts_of_a_url(url, expected):
    assert parse(url) == expected


def test_a_server_is_named_without_the_model():
    assert parse("http://[::1]/x").server == "http://[::1]:8501"
    assert [parse(f"http://{h}").is_loopback for h in ("localhost", "127.0.0.1", "[::1]", "a")] == [
        True, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://host/x", "a served model has a URL of http, https, grpc, grpcs"),
        ("http:///x", "names no host"),
        ("http://host:a/x", "is not a URL: "),
        ("http://me:secret@host/x", "takes no user, query or fragment"),
        ("http://host/x?token=1", "takes no user, query or fragment"),
        ("http://host/a/b/c", "its path names no model; write http://host/v1/models/NAME"),
        ("http://host/x/versions/three", "its path names no model"),
    ],
)
def test_another_url_is_a_sentence(url, reason):
    with pytest.raises(InputError) as caught:
        parse(url)
    assert reason in str(caught.value)
    assert "secret" not in str(caught.value).replace("give a secret", "")


def test_a_path_is_not_a_url():
    assert [is_url(source) for source in ("runs/emoji", "C:/x", "http://x")] == [False, False, True]
