"""A store that fails says nothing about a record, and what is refused stays refused."""

import errno
import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from components.example_gen.images.preparation import ImageLimits
from components.example_gen.ingest.examine import Limits, examine
from components.example_gen.rows import Place, Row
from components.example_gen.storage import errors
from components.example_gen.storage.allowed import Access, Allowed
from schema.errors import InputError, UnavailableError, sentence_for_people
from tests.support.readers import read_bytes


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(int(self.path.strip("/")))

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """Answers each path with its number as the status."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def examined(address: str) -> str:
    """The reason why the record of an image is refused."""
    row = Row(Place("train.csv", 1), ("a cup",), image_path=address)
    limits = Limits(ImageLimits(10_000, 1 << 20), 1000, Access(Allowed((address,))))
    [found] = examine([[("train", row)]], limits)
    [refused] = found.refused
    return refused.reason


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_an_image_that_is_not_there_is_quarantined(web, status):
    assert examined(f"{web}/{status}") == "missing_image"


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_is_away_for_a_while_fails_the_run(web, status):
    with pytest.raises(UnavailableError, match=f"^{web}/{status}: "):
        examined(f"{web}/{status}")


def test_a_server_that_does_not_listen_fails_the_run():
    with pytest.raises(UnavailableError, match=r"^http://127.0.0.1:1/a.jpg: http:// does not"):
        examined("http://127.0.0.1:1/a.jpg")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, errors.NotThereError),
        (errno.ENAMETOOLONG, InputError),
        (errno.EACCES, InputError),
        (errno.EIO, UnavailableError),
        (errno.ESTALE, UnavailableError),
        (errno.EMFILE, UnavailableError),
    ],
)
def test_numbers_of_the_file_system(tmp_path, monkeypatch, number, kind):
    def fail(*_, **__):
        raise OSError(number, "it fails")

    (tmp_path / "a").touch()
    monkeypatch.setattr("builtins.open", fail)
    with pytest.raises(InputError) as caught:
        read_bytes(f"{tmp_path}/a", 1)
    assert type(caught.value) is kind


def test_a_host_that_does_not_exist_is_the_addresss_fault():
    assert not errors._passes(socket.gaierror(socket.EAI_NONAME, "unknown"))
    assert errors._passes(socket.gaierror(socket.EAI_AGAIN, "try again"))


def test_the_sentence_survives_a_workers_traceback():
    text = "Traceback ...\nschema.errors.UnavailableError: s3://b/a: s3:// does not answer [while"
    assert sentence_for_people(RuntimeError(f"{text} running 'Examine']")) == (
        "s3://b/a: s3:// does not answer"
    )
