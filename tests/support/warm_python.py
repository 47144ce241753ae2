"""Start Python programs as forks of a process that has imported what takes them seconds.

`WarmPython` starts that process, the server; `WarmPython.command` gives the command of a program.
The command is a client: it hands its arguments, environment, current folder and standard streams
to the server, passes signals on, and ends as the program ended. A program that is itself what is
tested is started by Python and not from here.
"""

import array
import contextlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FORK_SAFE_THREAD = "jemalloc_bg_thd"  # TensorFlow's allocator starts it anew after a fork
STREAMS = 3  # descriptors of standard input, output and error


class WarmPython:
    """A server that has imported some modules.

    Args:
        folder: of its socket and log; its path must be short.
        modules: what every program finds imported.
    """

    def __init__(self, folder: Path, modules: Sequence[str]):
        # The server must not have a module of ours that the programs are to be free of.
        from schema.system.child_process import ending_with_parent

        self._address = folder / "socket"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._address))
        listener.listen(16)
        with (folder / "log").open("wb") as log, listener:
            command = [sys.executable, "-m", __name__, str(listener.fileno()), *modules]
            self._server = subprocess.Popen(
                ending_with_parent(command),
                cwd=ROOT,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # no threads of numpy's own
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def command(self, *arguments: str | Path) -> list[str]:
        """Return the command of a program.

        Args:
            arguments: what would follow `python`: `-m MODULE ...`, `-c CODE ...` or `FILE ...`.
        """
        client = [sys.executable, "-I", "-S", __file__, str(self._address)]
        return [*client, *map(str, arguments)]

    def close(self) -> None:
        """End the server; programs that still run go on."""
        self._server.kill()
        self._server.wait()


def serve(listener: socket.socket, modules: Sequence[str]) -> None:
    """Import the modules, then fork for every client that calls."""
    for module in modules:
        __import__(module)
    names = [file.read_text().strip() for file in Path("/proc/self").glob("task/*/comm")]
    lost = len(names) - names.count(FORK_SAFE_THREAD) - 1
    assert lost == 0, f"a fork would lose {lost} of the threads {names}"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    while True:
        connection, _ = listener.accept()
        with connection:
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                watch(connection)


def watch(connection: socket.socket) -> None:
    """Fork the program, tell the client its process id, then how it ended."""
    header, streams = receive(connection)
    request = json.loads(header)
    os.setsid()
    program = os.fork()
    if program == 0:
        connection.close()
        become(request, streams)
        sys.exit(0)
    for stream in streams:
        os.close(stream)
    client_end = connection.fileno()
    connection.sendall(program.to_bytes(4))
    guard = os.fork()
    if guard == 0:  # a client that was killed closes its end, and the program ends with it
        with contextlib.suppress(ConnectionError):
            connection.recv(1)
        with contextlib.suppress(ProcessLookupError):
            os.kill(program, signal.SIGKILL)
        os._exit(0)
    _, status = os.waitpid(program, 0)
    os.kill(guard, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    with contextlib.suppress(BrokenPipeError):
        os.write(client_end, code.to_bytes(4, signed=True))
    os._exit(0)


def become(request: dict[str, Any], streams: Sequence[int]) -> None:
    """Turn this process into the program, and run it to its end."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # The server's own are of a file, which has a position; these may be pipes.
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # the server's may be a folder that is gone
    kind, *rest = request["arguments"]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if kind == "-m":
        sys.path.insert(0, request["folder"])
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.path.insert(0, "")
        sys.argv = [kind, *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)
    else:
        sys.argv = [kind, *rest]
        runpy.run_path(kind, run_name="__main__")


def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """Read what a client sends: a line of JSON, and with its first byte the three streams."""
    body, ancillary, _, _ = connection.recvmsg(1 << 16, socket.CMSG_SPACE(STREAMS * 4))
    streams = array.array("i")
    for _, _, descriptors in ancillary:
        streams.frombytes(descriptors)
    while not body.endswith(b"\n"):
        body += connection.recv(1 << 16)
    return body, list(streams)


def call(address: str, arguments: Sequence[str]) -> int:
    """Have the server run a program with this process's streams, and wait for its end."""
    request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # until it is known whom to pass them to
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        body = json.dumps(request).encode() + b"\n"
        streams = array.array("i", range(STREAMS))
        sent = connection.sendmsg([body], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(body[sent:])
        program = int.from_bytes(connection.recv(4))
        for number in PASSED_ON:
            signal.signal(number, lambda number, _: os.kill(program, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        answer = connection.recv(4)
    return int.from_bytes(answer, signed=True) if answer else -signal.SIGKILL


if __name__ == "__main__" and sys.argv[1].isdecimal():
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
elif __name__ == "__main__":
    code = call(sys.argv[1], sys.argv[2:])
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
