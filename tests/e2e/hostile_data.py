"""Ingest what means harm through the path of the command line, and measure what it takes.

    python -m tests.e2e.hostile_data [--damaged 600] [--seed 1] [--only bomb]

Each data set goes through the driver's fingerprint and ingest on Beam, all in one process. It must
end in one sentence or with every record accounted for, in 30 s and 300 MB above what the process
had, whatever is in it; nothing from outside of its folder may be in what is kept.
"""

import argparse
import contextlib
import dataclasses
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

SECONDS, MEGABYTES = 30.0, 300
SECRET = "a-secret-that-nothing-may-hold"
KINDS = ("damaged", "nested", "address", "hang", "bomb")


@dataclasses.dataclass
class Outcome:
    """What became of one data set."""

    name: str
    said: str
    seconds: float
    megabytes: float
    faults: list[str]


def main() -> int:
    """Run each kind in a process of its own, which has not grown before, and sum up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--damaged", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--here", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return _here(options.here, options.damaged, options.seed)
    listed = [f"--damaged={options.damaged}", f"--seed={options.seed}"]
    failed = 0
    for kind in [options.only] if options.only else KINDS:
        command = [sys.executable, "-m", "tests.e2e.hostile_data", f"--here={kind}", *listed]
        failed += subprocess.run(command, check=False).returncode
    print("hostile data: " + ("FAILED" if failed else "as promised"))
    return 1 if failed else 0


def _here(kind: str, count: int, seed: int) -> int:
    with tempfile.TemporaryDirectory(prefix="hostile-data-") as temporary, _server() as port:
        folder = Path(temporary)
        os.environ["TMPDIR"] = temporary
        with contextlib.redirect_stderr(open(folder / "log", "w")):
            outcomes = list(_outcomes(kind, folder, count, seed, port))
    for each in outcomes:
        if kind != "damaged" or each.faults:
            verdict = "FAILED " + "; ".join(each.faults) if each.faults else "ok"
            print(
                f"{each.seconds:5.1f} s {each.megabytes:5.0f} MB  {each.name}: {each.said}"
                f"  [{verdict}]"
            )
    failed = sum(bool(each.faults) for each in outcomes)
    said = Counter("refused as a whole" if e.said.startswith("/") else "read" for e in outcomes)
    slowest = max(each.seconds for each in outcomes)
    most = max(each.megabytes for each in outcomes)
    print(
        f"{kind}: {len(outcomes)} data sets, {dict(said)}, {failed} not as promised; "
        f"slowest {slowest:.1f} s, most memory {most:.0f} MB",
        flush=True,
    )
    return 1 if failed else 0


def _outcomes(kind, folder, count, seed, port):
    from tests.support.hostile.data_sets import cases

    secret = folder / "secret.txt"
    secret.write_text(SECRET)
    _ingest_good(folder)
    for number, case in enumerate(cases(kind, count, seed, port, secret)):
        place = folder / f"{number}"
        data = place / "data"
        data.mkdir(parents=True)
        _write(case, data)
        yield _outcome(case, data, place / "out")
        shutil.rmtree(place)


def _write(case, data: Path) -> None:
    if case.kind != "bomb":
        case.write(data)
        return
    # By a process of its own: this one must not have grown by it.
    if os.fork() == 0:
        status = 1
        try:
            case.write(data)
            status = 0
        finally:
            os._exit(status)
    _, status = os.wait()
    assert status == 0, case.name


def _ingest_good(folder: Path) -> None:
    """What is imported and allocated once is there before anything is measured."""
    from tests.support.hostile import files

    for name, body in files.whole().items():
        place = folder / f"good-{name}"
        (place / "data").mkdir(parents=True)
        files.images(place / "data")
        if name != "train.png":
            (place / "data" / name).write_bytes(body)
            case = files.Case("good", name, lambda folder: None)
            outcome = _outcome(case, place / "data", place / "out")
            assert not outcome.faults, outcome
            assert "examples" in outcome.said, outcome


def _outcome(case, data: Path, out: Path) -> Outcome:
    from schema.errors import UnavailableError, sentence_for_people
    from tests.support.hostile import files
    from tests.support.hostile.data_sets import ingest

    files.images(data)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    start, faults = time.monotonic(), []
    try:
        done = ingest(case, data, out)
        summary = done.summary
        said = f"examples {sum(summary.examples.values())}, quarantined {summary.quarantined}"
        if summary.lost:
            faults.append(f"{summary.lost} records lost")
        if case.reasons and not {*summary.quarantined} <= {*case.reasons}:
            faults.append("another reason")
        if case.kind in ("nested", "address", "hang") and summary.examples["train"] < 2:
            faults.append("the good records are gone")
        kept = json.dumps([r.first_bytes.decode("latin-1") + r.detail for r in done.refused])
        if SECRET in kept or "root:" in kept:
            faults.append("holds what lies outside")
    except Exception as error:
        sentence = sentence_for_people(error)
        said = sentence or f"{type(error).__name__}: {str(error)[-300:]}"
        if sentence is None or "\n" in sentence:
            faults.append("no sentence")
        if isinstance(error, UnavailableError) or case.kind in ("nested", "address", "hang"):
            faults.append("one record stopped the run")
        if sentence is not None and str(data) not in sentence:
            faults.append("the file is not named")
    seconds, megabytes = time.monotonic() - start, (_status("VmHWM") - before) / 1e3
    if seconds > SECONDS:
        faults.append("too slow")
    if megabytes > MEGABYTES:
        faults.append("too much memory")
    return Outcome(case.name, said.replace(f"{data}/", "/"), seconds, megabytes, faults)


def _status(field: str) -> int:
    """A size of this process in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(each.split()[1]) for each in lines if each.startswith(f"{field}:"))


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        if self.path.startswith("/redirect/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/redirect/"))
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(SECRET.encode())
            while self.path.startswith("/slow"):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(1)
            if self.path.startswith("/stalled"):
                time.sleep(600)


@contextlib.contextmanager
def _server():
    """A web server of this machine that gives a secret away, or a byte a second, or nothing."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


def silent_port() -> int:
    """A port that takes no connection and refuses none."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    port = int(listener.getsockname()[1])
    for _ in range(4):  # fill its queue
        waiting = socket.socket()
        waiting.setblocking(False)
        waiting.connect_ex(("127.0.0.1", port))
        _KEPT.append(waiting)
    _KEPT.append(listener)
    return port


_KEPT: list[socket.socket] = []

if __name__ == "__main__":
    sys.exit(main())
