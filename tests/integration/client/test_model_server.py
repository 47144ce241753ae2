"""The calls of a release against a model server, over REST and over gRPC."""

import http.server
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from typing import ClassVar

import numpy as np
import pytest

import diptych
from schema.errors import UnavailableError
from tests.support.paths import ROOT
from tests.support.small_run import read_shard

SECONDS_TO_START = 300  # where other tests have the processor


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@pytest.fixture(scope="module")
def ports(small_run):
    """Ports of a stand-in for TensorFlow Serving that serves the small run: gRPC and REST."""
    grpc, rest = free_port(), free_port()
    server = subprocess.Popen(
        [
            sys.executable, "-m", "tests.support.programs.model_server",
            f"--port={grpc}", f"--rest_api_port={rest}",
            f"--model_config_file={small_run.folder / 'serving' / 'models.config'}",
        ],
        cwd=ROOT,
    )  # fmt: skip
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{rest}/v1/models/small").close()
            break
        except OSError:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)
    yield grpc, rest
    server.kill()
    server.wait()


@pytest.fixture(params=["REST", "gRPC"], scope="module")
def url(request, ports):
    grpc, rest = ports
    return (
        f"http://127.0.0.1:{rest}/v1/models/small"
        if request.param == "REST"
        else f"grpc://127.0.0.1:{grpc}/small"
    )


@pytest.fixture(scope="module")
def served(url):
    return diptych.load(url)


@pytest.fixture(scope="module")
def local(small_run):
    return diptych.load(small_run.folder / "serving")


@pytest.fixture(scope="module")
def images(small_run):
    return [record.image for record in read_shard(str(small_run.folder / "data" / "eval-0.tar"))]


def test_a_served_model_answers_as_the_release_does(served, local, images):
    assert (served.name, served.dim, served.folder) == ("small release 1", 32, None)
    texts = ["cat", "ä 🍎", ""]
    np.testing.assert_allclose(served.embed_texts(texts), local.embed_texts(texts), atol=1e-6)
    np.testing.assert_allclose(served.embed_images(images), local.embed_images(images), atol=1e-6)
    np.testing.assert_allclose(
        served.similarity(images[:3], texts), local.similarity(images[:3], texts), atol=1e-6
    )
    embeddings, valid = served.try_embed_images([images[0], images[1][:90], b"x"])
    assert valid.tolist() == [True, False, False]
    assert np.isnan(embeddings[1:]).all()


def test_a_folder_is_indexed_by_a_served_model(served, local, images, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number, image in enumerate(images[:5]):
        (tmp_path / f"{number}.png").write_bytes(image)
    query = local.embed_texts(["cat"])[0]
    theirs, ours = served.index(tmp_path).search(query, 5), local.index(tmp_path).search(query, 5)
    assert [hit.key for hit in theirs] == [hit.key for hit in ours]


def test_a_model_server_has_no_index(served):
    with pytest.raises(diptych.InputError, match="small release 1: a model server has no index"):
        served.search("cat")


def test_a_version_may_be_named(url):
    assert diptych.load(f"{url}/versions/1").name == "small release 1"
    with pytest.raises(diptych.InputError, match="Could not find any versions of"):
        diptych.load(f"{url}/versions/2")


def test_a_model_that_is_not_served_is_a_sentence(url):
    server = url.partition("/v1")[0].removesuffix("/small")
    with pytest.raises(diptych.InputError) as caught:
        diptych.load(server)
    assert str(caught.value).startswith(f"{server}: answers with ")
    assert f"; name the model: {server}/NAME, where NAME is the name of the" in str(caught.value)
    with pytest.raises(diptych.InputError, match="Could not find any versions of"):
        diptych.load(f"{server}/other")


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_that_is_not_there_is_a_sentence(scheme):
    with pytest.raises(UnavailableError, match=r"^\w+://127\.0\.0\.1:\d+: cannot be called: "):
        diptych.load(f"{scheme}://127.0.0.1:{free_port()}/x")


class Odd(http.server.BaseHTTPRequestHandler):
    """Answers with what the test says, and notes the headers."""

    answers: ClassVar[list[tuple[int, bytes]]] = []
    tokens: ClassVar[list[str | None]] = []

    def do_GET(self):
        self.tokens.append(self.headers.get("Authorization"))
        status, body = self.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def odd():
    server = http.server.HTTPServer(("127.0.0.1", 0), Odd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Odd.answers, Odd.tokens = [], []
    yield f"http://127.0.0.1:{server.server_port}/x"
    server.shutdown()
    server.server_close()


READY = json.dumps({"model_version_status": [{"version": "7", "state": "AVAILABLE"}]}).encode()
LOADING = READY.replace(b"AVAILABLE", b"LOADING")


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([(200, b"<html>")], "does not answer as TensorFlow Serving does"),
        ([(302, b"")], "answers with status 302: Found"),
        ([(200, b"{}")], "does not answer as TensorFlow Serving does"),
        ([(200, LOADING)], "no version is ready of the model x"),
        (
            [(401, b"")],
            "answers with status 401: Unauthorized; give the server's secret as `token`",
        ),
        ([(200, READY), (200, b'{"outputs": "no"}')], "does not answer with embeddings"),
        (
            [(200, READY), (200, b'{"outputs": [[1], [2]]}')],
            "answers 1 inputs with an array [2, 1]",
        ),
        (
            [(200, READY), (400, b'{"error": "bad\\u001b[31m\\nnews"}')],
            r"answers with status 400: bad\x1b[31m\nnews",
        ),
        (
            [(200, READY), (200, b'{"outputs": [[1]]}'), (200, b'{"outputs": [[1]]}')],
            "answers embed_image with other outputs",
        ),
    ],
)
def test_an_odd_answer_is_a_sentence(odd, answers, sentence):
    Odd.answers[:] = answers
    with pytest.raises(diptych.InputError) as caught:
        diptych.load(odd, token="opensesame")
    assert str(caught.value) == f"{odd.removesuffix('/x')}: {sentence}"
    assert set(Odd.tokens) == {"Bearer opensesame"}
