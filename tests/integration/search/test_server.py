"""The server under load and misuse, over real sockets; it answers afterwards as before."""

import concurrent.futures
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from diptych.search.server import address_of, listen
from schema.errors import InputError
from tests.support.peak_memory import begin_peak, peak
from tests.support.search_page import WordEngine, served, word_engine

MEGABYTE = bytes(2**20)


@pytest.fixture(scope="module")
def engine() -> WordEngine:
    return word_engine()


@pytest.fixture(scope="module")
def address(engine: WordEngine) -> Iterator[str]:
    with served(engine) as where:
        yield where


@pytest.fixture(autouse=True)
def _lives_on(address):
    yield
    answer = httpx.post(f"{address}search", json={"text": "red car", "k": 1}).json()
    assert answer["results"][0]["images"][0]["key"] == "red/car"


def test_fifty_requests_at_once_are_all_answered(address):
    def ask(number: int) -> str:
        text = ("red", "green", "blue")[number % 3] + " pear"
        answer = httpx.post(f"{address}search", json={"text": text, "k": 1}, timeout=30)
        assert answer.json()["results"][0]["images"][0]["captions"][0] == text
        return text

    with concurrent.futures.ThreadPoolExecutor(50) as threads:
        assert len(list(threads.map(ask, range(50)))) == 50


def test_beyond_its_queue_a_server_says_when_to_come_again(engine):
    with served(engine, waiting=4) as where:
        engine.model.pause.clear()
        try:
            with concurrent.futures.ThreadPoolExecutor(20) as threads:
                asked = [
                    threads.submit(httpx.get, f"{where}search?text=x&k=1", timeout=30)
                    for _ in range(20)
                ]
                refused = [next(concurrent.futures.as_completed(asked)) for _ in range(1)]
                engine.model.pause.set()
                answers = [one.result() for one in asked]
        finally:
            engine.model.pause.set()
    assert refused[0].result().status_code == 503
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) >= 4
    assert set(statuses) == {200, 503}
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert busy.headers["retry-after"] == "1"
    assert busy.json() == {"error": "4 requests are waiting already; try again in a second"}


@pytest.mark.parametrize("is_declared", [True, False])
def test_an_upload_of_200_megabytes_is_refused_while_it_comes(address, is_declared):
    before = begin_peak()
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
        for _ in range(200):
            sent += 1
            yield MEGABYTE

    headers = {"content-type": "multipart/form-data; boundary=b"}
    if is_declared:
        headers["content-length"] = str(200 * 2**20 + 68)
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request("POST", "/search", body(), headers, encode_chunked=not is_declared)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read()) == {
        "error": "the request is too large; an upload has at most 20 MB"
    }
    connection.close()
    assert peak() - before < 120 * 2**20


def test_the_answer_to_a_large_upload_comes_long_before_its_end(address):
    host, port = urlsplit(address).netloc.split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        head = "POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(21):
            connection.sendall(b"100000\r\n" + MEGABYTE + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_client_that_leaves_or_waits_holds_up_nobody(address):
    host, port = urlsplit(address).netloc.split(":")
    idle = [socket.create_connection((host, int(port)), 10) for _ in range(30)]
    for one in idle[:15]:
        one.sendall(b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
    started = time.monotonic()
    assert httpx.get(f"{address}healthz").json() == {"status": "ok"}
    assert time.monotonic() - started < 2
    for one in idle:
        one.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
@pytest.mark.parametrize("was_used", [False, True])
def test_a_connection_whose_request_does_not_come_is_closed(engine, begun, was_used):
    with served(engine, head_s=0.3) as where:
        host, port = urlsplit(where).netloc.split(":")
        with socket.create_connection((host, int(port)), 10) as connection:
            if was_used:  # the wait for the next request is uvicorn's own
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert connection.recv(4000).startswith(b"HTTP/1.1 200")
                begun = begun or b"G"
            for byte in begun:
                connection.sendall(bytes([byte]))
            started = time.monotonic()
            connection.settimeout(5)
            while connection.recv(4000):
                pass
            assert time.monotonic() - started < 2


def test_a_head_in_pieces_is_a_request(engine):
    with served(engine, head_s=0.5) as where:
        host, port = urlsplit(where).netloc.split(":")
        with socket.create_connection((host, int(port)), 10) as connection:
            for piece in (b"GET /heal", b"thz HTTP/1.1\r\nHost: loc", b"alhost\r\n\r\n"):
                connection.sendall(piece)
                time.sleep(0.1)
            assert connection.recv(4000).startswith(b"HTTP/1.1 200")
            time.sleep(0.6)
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"HTTP/1.1 200" in connection.recv(4000)


@pytest.mark.parametrize(
    "raw", [b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"x" * 100_000 + b"\r\n\r\n"]
)
def test_what_is_not_a_request_is_refused(address, raw):
    host, port = urlsplit(address).netloc.split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(10)
        answer = connection.recv(1000)
    assert not answer or b" 400 " in answer or b" 421 " in answer


def test_another_host_name_gets_nothing(address):
    answer = httpx.get(address, headers={"host": "evil.example"})
    assert answer.status_code == 421
    assert "words" not in answer.text


def test_a_port_in_use_is_a_sentence(address):
    port = urlsplit(address).port
    assert port
    with pytest.raises(InputError, match=f"127.0.0.1:{port} is in use by another program"):
        listen("127.0.0.1", port)
    with pytest.raises(InputError, match="is not an address of this machine"):
        listen("192.0.2.1", 0)
    with pytest.raises(InputError, match="--host no such host: is not an address"):
        listen("no such host", 0)
    with listen("127.0.0.1", 0) as opened:
        assert address_of(opened, "127.0.0.1").startswith("http://127.0.0.1:")
    assert threading.active_count() < 40
