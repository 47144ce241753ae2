"""Who may send requests: host names, pages of other sites, tokens."""

import tracemalloc

import httpx
import pytest
from starlette.responses import PlainTextResponse

from diptych.search.access import Access, is_loopback, make_token, read_token
from diptych.search.guard import COOKIE, POLICY, Guard
from schema.errors import InputError
from tests.support.asgi import requested

TOKEN = "a-token-of-24-characters"


def answer(access: Access, path: str = "/x", method: str = "GET", **headers: str) -> httpx.Response:
    app = Guard(PlainTextResponse("in"), access)
    every = {"host": "localhost:8600", **headers}
    coded = [(name.replace("_", "-"), value.encode("latin-1")) for name, value in every.items()]
    return requested(app, method, path, headers=coded)


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("127.0.0.1:8600", True),
        ("localhost", True),
        ("LOCALHOST:9000", True),  # forwarded from another port
        ("[::1]:8600", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example:8600", False),
        ("localhost.evil.example", False),
        ("192.168.1.7:8600", False),
        ("", False),
        ("[::1", True),
    ],
)
def test_on_loopback_only_its_names_are_answered(host, is_own):
    assert Access("127.0.0.1", None).is_own_name(host) is is_own
    assert (answer(Access("127.0.0.1", None), host=host).status_code == 200) is is_own


@pytest.mark.parametrize(
    ("host", "is_own"),
    [("192.168.1.7:8600", True), ("box.lan:8600", True), ("evil.example", False)],
)
def test_beyond_this_machine_addresses_are_answered_too(host, is_own):
    assert Access("box.lan", TOKEN).is_own_name(host) is is_own


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.3.0.1", True), ("::1", True), ("localhost", True)]
    + [(host, False) for host in ("0.0.0.0", "::", "192.168.1.7", "example", "127.0.0.1.x")],
)
def test_what_is_loopback(host, loopback):
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://localhost:8600"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 200),  # a link
    ],
)
def test_pages_of_other_sites_are_refused(headers, status):
    refused = answer(Access("127.0.0.1", None), **headers)
    assert refused.status_code == status
    assert "access-control-allow-origin" not in refused.headers
    assert refused.headers["content-security-policy"] == POLICY
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_a_form_of_another_site_is_refused_though_it_navigates():
    headers = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert answer(Access("127.0.0.1", None), method="POST", **headers).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, 200),
        ({"authorization": f"bearer  {TOKEN}"}, 200),
        ({"cookie": f"{COOKIE}={TOKEN}"}, 200),
        ({"cookie": f"x=1; {COOKIE}={TOKEN}"}, 200),
        ({"cookie": f'other={{"of": "a program, 1"}}; {COOKIE}={TOKEN}'}, 200),
        ({"cookie": f"a=[1]; {COOKIE}={TOKEN}; é=/"}, 200),
        ({}, 401),
        ({"authorization": f"Bearer {TOKEN}x"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Bearer \u00e9"}, 401),
        ({"cookie": f"{COOKIE}=x"}, 401),
        ({"cookie": "=;;\\"}, 401),
    ],
)
def test_every_request_needs_the_token(headers, status):
    given = answer(Access("0.0.0.0", TOKEN), **headers)
    assert given.status_code == status
    assert (given.text == "in") is (status == 200)
    assert TOKEN not in given.text


def test_health_is_open_and_the_page_asks_for_the_token():
    access = Access("0.0.0.0", TOKEN)
    assert answer(access, "/healthz").text == "in"
    page = answer(access, "/")
    assert page.status_code == 401
    assert "<form" in page.text
    opened = answer(access, f"/?token={TOKEN}")
    assert (opened.status_code, opened.headers["location"]) == (303, "./")
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert answer(access, "/?token=x").status_code == 401


def test_two_servers_on_a_machine_do_not_sign_each_other_out():
    access = Access("0.0.0.0", TOKEN)
    first, second = (
        answer(access, f"http://localhost:{port}/?token={TOKEN}").headers["set-cookie"]
        for port in (8600, 8601)
    )
    assert first.startswith(f"{COOKIE}-8600={TOKEN};")
    assert second.startswith(f"{COOKIE}-8601={TOKEN};")
    cookie = first.partition(";")[0]
    assert answer(access, "http://localhost:8600/x", cookie=cookie).text == "in"
    assert answer(access, "http://localhost:8601/x", cookie=cookie).status_code == 401


def test_the_token_of_a_file(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert read_token(file) == TOKEN
    for text in ("short", "x" * 513, "with a space in it", "a;b" * 9, "é" * 20, ""):
        file.write_text(text)
        with pytest.raises(InputError, match="a token has 16 to 512 characters"):
            read_token(file)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_token(tmp_path / "none")
    with file.open("wb") as large:
        large.truncate(100_000_000)
    tracemalloc.start()
    with pytest.raises(InputError, match="characters"):
        read_token(file)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_a_token_is_drawn_anew():
    assert len({make_token() for _ in range(20)}) == 20
    assert all(len(make_token()) >= 32 for _ in range(20))


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/?" + "a=1&" * 100, {}, 401),
        ("/?token=%ff%00", {}, 401),
        ("/healthz", {"origin": "http://["}, 403),
        ("/healthz", {"origin": "null"}, 403),
        ("/info", {"cookie": "a" * 5000 + '="; diptych-token='}, 401),
    ],
)
def test_a_request_that_no_browser_sends_is_refused(path, headers, status):
    assert answer(Access("0.0.0.0", TOKEN), path, **headers).status_code == status
