"""Redirect what libraries print to a file, and keep the terminal for our messages."""

import contextlib
import logging
import os
import select
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from schema.system.log_records import make_safe

LAST_WORDS_SECONDS = 10.0  # for which the end of a run waits for what was printed to be written


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[TextIO]:
    """Redirect standard output, standard error and Python's logging to a file.

    The redirection is of the file descriptors, because TensorFlow's C++ writes to them directly.
    In the file a record of Python's logging begins at the margin with its time; what else was
    printed is indented. Secrets are hidden, and control characters are visible.

    Args:
        log: the file; its folder exists.

    Yields:
        A stream to the standard output as it was.
    """
    make_safe()
    sys.stdout.flush()
    sys.stderr.flush()
    kept_out, kept_err = os.dup(1), os.dup(2)
    handler = logging.FileHandler(log, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    with _writer(log) as written, os.fdopen(kept_out, "w", encoding="utf-8") as terminal:
        os.dup2(written, 1)
        os.dup2(written, 2)
        try:
            yield terminal
        finally:
            _flush_or_drop()
            terminal.flush()
            os.dup2(kept_out, 1)
            os.dup2(kept_err, 2)
            os.close(kept_err)
            root.removeHandler(handler)
            handler.close()


@contextlib.contextmanager
def _writer(log: Path) -> Iterator[int]:
    """Open a file descriptor whose content is in the log when this ends."""
    if log == Path(os.devnull):
        with log.open("ab", buffering=0) as file:
            yield file.fileno()
        return
    mark = uuid.uuid4().hex  # which nothing that is printed can hold
    source, target = os.pipe()
    answer, done = os.pipe()
    with log.open("ab", buffering=0) as file:
        # In a session of its own: a terminal's Ctrl-C must not end it before the run.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "schema.system.log_pump", mark, str(done)],
            stdin=source,
            stdout=file,
            stderr=subprocess.DEVNULL,
            pass_fds=(done,),
            start_new_session=True,
        )
    os.close(source)
    os.close(done)
    try:
        yield target
    finally:
        with contextlib.suppress(OSError):  # somebody killed it
            os.write(target, f"\n{mark}\n".encode())
        os.close(target)
        select.select([answer], [], [], LAST_WORDS_SECONDS)
        os.close(answer)
        # It ends at once, or with a child that outlives the run and may still print.
        threading.Thread(target=process.wait, daemon=True).start()


def _flush_or_drop() -> None:
    """Write what is buffered for the log, or drop it where nothing reads it any more.

    It must not reach the terminal instead.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        sys.stdout.flush()
        sys.stderr.flush()
