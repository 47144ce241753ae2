"""Send everything libraries print to a file, and keep the terminal for what people want to see."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[TextIO]:
    """Redirect standard output, standard error and Python's logging to a file.

    The redirection is of the file descriptors, because TensorFlow's C++ writes to them directly.

    Args:
        log: the file; its folder exists.

    Yields:
        A stream to the standard output as it was.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept_out, kept_err = os.dup(1), os.dup(2)
    handler = logging.FileHandler(log, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    with open(log, "ab", buffering=0) as file, open(kept_out, "w", encoding="utf-8") as terminal:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
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


def _flush_or_drop() -> None:
    """Write what is buffered for the log, or drop it where the disk is full.

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
