"""Start servers of other programs, and wait until they answer."""

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

SECONDS = 120  # for a server to start on a loaded machine


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers; fail with the end of its log where it has ended or does not."""
    until = time.monotonic() + SECONDS
    while not ready():
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < until, f"no answer: {log.read_text()[-2000:]}"
        time.sleep(0.2)
