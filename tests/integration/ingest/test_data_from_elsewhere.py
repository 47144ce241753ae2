"""What rows and links may name: what lies elsewhere is refused, and nothing of it is kept."""

import http.server
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from components.example_gen.images.preparation import ImageLimits
from components.example_gen.ingest.examine import Limits, examine
from components.example_gen.readers.folder import READER as FOLDER
from components.example_gen.rows import Place, Rejected, Row
from components.example_gen.storage import attempts, named_files
from components.example_gen.storage.allowed import Access, Allowed, TimeoutsConfig
from components.example_gen.storage.errors import TimedOutError
from components.example_gen.storage.web_hosts import is_internal
from schema.errors import InputError
from tests.support.readers import everything, options, picture

QUICK = TimeoutsConfig(connect=1, read=1, record=2)


class _Answers(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", "6" if self.path == "/whole" else "100000")
        self.end_headers()
        self.wfile.write(b"secret")
        end = time.monotonic() + (20 if self.path != "/whole" else 0)
        try:
            while time.monotonic() < end:
                time.sleep(0.3)
                if self.path == "/slow":
                    self.wfile.write(b"x")
                    self.wfile.flush()
        except OSError:
            pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def data(tmp_path) -> Path:
    """A folder of data from elsewhere, with links that lead out of it."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    (folder / "images/a.png").write_bytes(picture())
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "inside.png").symlink_to("images/a.png")
    (folder / "outside.png").symlink_to(tmp_path / "secret.png")
    (folder / "etc").symlink_to("/etc")
    os.mkfifo(folder / "fifo.png")
    return folder


def refused(address: str, access: Access) -> Rejected:
    """The reason of a row whose image is at an address, its detail and first bytes."""
    limits = Limits(ImageLimits(10_000, 1 << 20), 1000, access)
    row = Row(Place("train.csv", 1), ("a cup",), image_path=address)
    [examined] = examine([[("train", row)]], limits)
    [one] = examined.refused
    return Rejected(one.place, one.reason, one.detail, None, one.first_bytes)


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("{}/../secret.png", "{}/.."),
        ("{}\\..\\secret.png", None),
        ("{}/outside.png", "{}/.."),
        ("{}/etc/passwd", "/etc"),
        ("/etc/passwd", "/etc"),
        ("file:///etc/passwd", "/etc"),
        ("/proc/self/environ", None),
        ("{}2/a.png", "{}2"),
        ("s3://bucket/a.png", "s3://bucket"),
        ("http://169.254.169.254/a?sign=secret", "http://169.254.169.254"),
        ("http://me:secret@10.0.0.1:81/a", "http://10.0.0.1:81"),
    ],
)
def test_what_lies_elsewhere_is_refused_and_not_read(data, named, place):
    found = refused(named.format(data), Access(Allowed((str(data),))))
    assert (found.reason, found.first_bytes) == ("outside", b"")
    assert "secret@" not in found.detail
    assert "sign" not in found.detail
    if place is not None:
        where = place.format(data)
        where = os.path.normpath(where) if where.startswith("/") else where
        assert found.detail.endswith(f"if it is to be read, name {where} in data.allow")


def test_what_lies_below_or_is_allowed_is_read(data, tmp_path):
    access = Access(Allowed((str(data),)))
    for name in ("images/a.png", "inside.png", "../data/images/a.png"):
        assert named_files.read(f"{data}/{name}", 9999, access) == picture()
    allowed = Access(Allowed((str(data),), (str(tmp_path),)))
    for name in ("outside.png", "../secret.png"):
        assert named_files.read(f"{data}/{name}", 9999, allowed) == b"secret"


@pytest.mark.parametrize("name", ["fifo.png", "/dev/zero", "/dev/tty"])
def test_what_is_not_a_regular_file_is_not_opened(data, name):
    address = name if name.startswith("/") else f"{data}/{name}"
    found = refused(address, Access(Allowed((str(data), "/dev"))))
    assert (found.reason, found.first_bytes) == ("not_a_file", b"")


def test_what_proc_makes_up_is_empty():
    access = Access(Allowed(("/proc",)))
    assert named_files.read("/proc/self/environ", 99, access) == b""
    assert named_files.read("/proc/kmsg", 99, access) == b""


def test_a_folder_with_links_out_of_it(data):
    for name in ("images/a", "outside", "fifo", "inside"):
        (data / f"{name}.txt").write_text("a cup")
    (data / "images/b.png").write_bytes(picture(shade=8))
    (data / "images/b.txt").symlink_to("/etc/passwd")
    access = Access(Allowed((str(data),)))
    found = everything(FOLDER, data, options(root=data).__class__(access=access, root=str(data)))
    fates = {each.place.source.rpartition("/")[2]: each for each in found}
    assert {name: getattr(each, "reason", "row") for name, each in fates.items()} == {
        "a.png": "row",
        "b.png": "outside",
        "etc": "outside",
        "fifo.png": "row",
        "inside.png": "row",
        "outside.png": "row",
    }
    assert fates["b.png"].first_bytes == b""
    assert refused(f"{data}/outside.png", access).reason == "outside"


def test_a_host_is_asked_if_it_is_named(server):
    access = Access(Allowed((), (f"http://{server}",)), QUICK)
    assert named_files.read(f"http://{server}/whole", 99, access) == b"secret"
    assert named_files.read(f"http://{server}/to/http://{server}/whole", 99, access) == b"secret"
    for elsewhere in ("http://169.254.169.254/", f"http://localhost:{server[10:]}/whole"):
        assert refused(f"http://{server}/to/{elsewhere}", access).reason == "outside"
    assert refused(f"http://{server}/to/file:///etc/passwd", access).reason == "missing_image"


def test_whether_a_file_exists_is_asked_of_allowed_hosts_only(server, monkeypatch):
    assert named_files.exists(
        f"http://{server}/whole", Access(Allowed((), (f"http://{server}",)), QUICK)
    )
    port = int(server.rpartition(":")[2])

    async def resolve(*_: object) -> list[dict[str, object]]:
        return [
            {"hostname": "", "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}
        ]

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)
    access = Access(Allowed((), (f"http://*:{port}",)), QUICK)
    with pytest.raises(InputError, match=r"pictures\.example is not requested"):
        named_files.exists(f"http://pictures.example:{port}/whole", access)


def test_every_public_host_is_none_of_an_internal_network(server):
    port = server.rpartition(":")[2]
    access = Access(Allowed((), ("http://*", f"http://*:{port}")), QUICK)
    hosts = ("127.0.0.1", "localhost", "0x7f.0.0.1", "a.localhost", "0.0.0.0")
    assert {refused(f"http://{host}:{port}/whole", access).reason for host in hosts} == {"outside"}
    for address in (
        "10.1.1.1",
        "169.254.1.1",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "fe80::1",
    ):
        assert is_internal(address)
    assert not is_internal("93.184.216.34")


@pytest.mark.parametrize("path", ["/slow", "/stalled"])
def test_a_file_that_takes_too_long(server, path):
    attempts._late.clear()
    access = Access(Allowed((), (f"http://{server}",)), QUICK)
    start = time.monotonic()
    found = refused(f"http://{server}{path}", access)
    assert (found.reason, found.first_bytes) == ("timed_out", b"")
    assert time.monotonic() - start < 15


def test_a_host_that_does_not_answer_is_not_asked_for_ever(monkeypatch):
    attempts._late.clear()
    asked = []

    def late(address: str) -> bytes:
        asked.append(address)
        raise TimedOutError(address)

    monkeypatch.setattr(named_files, "_read", lambda address, limit, access: late(address))
    access = Access(Allowed((), ("http://a", "http://b")))
    for number in range(attempts.PATIENCE + 3):
        assert refused(f"http://a/{number}", access).reason == "timed_out"
    assert len(asked) == attempts.PATIENCE
    refused("http://b/0", access)
    assert len(asked) == attempts.PATIENCE + 1
    attempts._late.clear()


def test_whatever_a_row_raises_is_its_rejection(monkeypatch, data):
    def fail(*_: object) -> bytes:
        raise RecursionError("too deep")

    monkeypatch.setattr(named_files, "_read", fail)
    found = refused(f"{data}/images/a.png", Access(Allowed((str(data),))))
    assert (found.reason, found.detail) == ("unreadable", "RecursionError: too deep")


def test_a_shard_that_is_a_link_elsewhere(data):
    from components.example_gen.files import find

    (data / "train-1.csv").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match=r"train-1.csv leads to /etc/passwd.*data\.allow"):
        find(str(data), "train-*", Access(Allowed((str(data),))))
