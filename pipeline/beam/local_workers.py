"""Set up Beam for a node: its construction, and its local workers' imports and end.

Beam's option for imports, --beam_plugins, reaches the workers of a cluster, but the local runner
passes no options to its worker processes. They do read a file that an environment variable names.
A run of Beam 2.77 whose worker process was killed waits for its answer for ever, so here it fails;
and workers end with this process.
"""

import contextlib
import json
import os
import shlex
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.beam.arguments import WORKERS_IMPORT
from pipeline.beam.construction import quick_construction
from pipeline.config.user_modules import FOLDERS
from schema.errors import UnavailableError
from schema.system.child_process import ending_with_parent

VARIABLE = "PIPELINE_OPTIONS_FILE"  # Beam's name
WORKER = "apache_beam.runners.worker.sdk_worker_main"
DEAD = (
    "a worker process of Beam was killed or crashed; nothing was judged, and the next run repeats "
    "the node (where memory is short, fewer beam.workers need less)"
)


@contextlib.contextmanager
def local_workers(folder: Path, imports: Sequence[str] = WORKERS_IMPORT) -> Iterator[None]:
    """Have the workers that start meanwhile import modules, and fail the run when one dies.

    Args:
        folder: where a file with their options is written.
        imports: modules that each worker imports; those beside the config are found there, too.
    """
    file = folder / "beam-worker-options.json"
    file.write_text(json.dumps({"beam:option:beam_plugins:v1": list(imports)}))
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(file)
    try:
        with _deaths_noticed(), _job_servers_bound(), quick_construction():
            yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


@contextlib.contextmanager
def _deaths_noticed() -> Iterator[None]:
    from apache_beam.runners.portability.fn_api_runner import worker_handlers

    handler = worker_handlers.SubprocessSdkWorkerHandler
    start = handler.start_worker

    def start_watched(self: Any) -> None:
        # Beam gives the line to a shell, and waits for it in a thread of the worker's own.
        line = _with_folders(self._worker_command_line.decode())
        shell = ["/bin/sh", "-c", f"exec {line}"]
        self._worker_command_line = f"exec {shlex.join(ending_with_parent(shell))}".encode()
        start(self)
        threading.Thread(target=_fail_when_dead, args=(self,), daemon=True).start()

    handler.start_worker = start_watched
    try:
        yield
    finally:
        handler.start_worker = start


def _with_folders(line: str) -> str:
    """Add the folders of the user's modules to the end of a worker's Python path.

    In PYTHONPATH they would come first, and a file in them could hide a module of Python's.
    """
    if not FOLDERS:
        return line
    program = (
        f"import runpy, sys; sys.path += {FOLDERS!r}; "
        f"runpy.run_module({WORKER!r}, run_name='__main__', alter_sys=True)"
    )
    return line.replace(f"-m {WORKER}", f"-c {shlex.quote(program)}")


@contextlib.contextmanager
def _job_servers_bound() -> Iterator[None]:
    """Have the Java job servers of Flink and Spark end with this process, too."""
    from apache_beam.utils.subprocess_server import SubprocessServer

    start = SubprocessServer.start_process

    def start_bound(self: Any) -> Any:
        if not getattr(self, "is_bound", False):
            self._cmd, self.is_bound = ending_with_parent(self._cmd), True
        return start(self)

    SubprocessServer.start_process = start_bound
    try:
        yield
    finally:
        SubprocessServer.start_process = start


def _fail_when_dead(handler: Any) -> None:
    """Answer all requests to a dead worker, pending and future ones, with an error.

    An error is all that Beam looks for while it waits for the worker's data.
    """
    from apache_beam.portability.api import beam_fn_api_pb2

    control = handler.control_conn
    handler.worker_thread.join()  # it lasts as long as the process
    # With the name of the class, as in a traceback: Beam hands on the text alone.
    error = f"{UnavailableError.__name__}: {DEAD}"
    push = control.push

    def failed(identity: str) -> Any:
        return beam_fn_api_pb2.InstructionResponse(instruction_id=identity, error=error)

    def push_in_vain(request: Any) -> Any:
        future = push(request)
        if future is not None:  # not of Beam's own mark for the end
            future.set(failed(future.instruction_id))
        return future

    control.push = push_in_vain
    for identity, future in list(control._futures_by_id.items()):
        future.set(failed(identity))
