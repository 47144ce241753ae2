"""Call SavedModels in a process that imports nothing of this project; see `client_program`."""

import dataclasses
import errno
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from components.serving_check.contract import Call
from schema.errors import UnavailableError
from schema.system import disk, file_errors
from schema.system.child_process import ending_with_parent

NEARLY_FULL = 100_000  # bytes; on a disk with less free space a write has failed
PROGRAM = Path(__file__).with_name("client_program.py")
# Packages that the process must not import.
FOREIGN = ("schema", "trainer", "components", "pipeline", "kubeflow", "diptych", "tfx")
# Latency and agreement are measured on the CPU: the trainer in this process may hold the
# accelerator's memory, and an accelerator may round products to fewer bits.
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1"}

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Observed:
    """What the process observed; the fields are those of the report of `client_program`."""

    foreign: list[str]
    models: dict[str, dict[str, Any]]
    faults: dict[str, str]
    milliseconds: dict[str, list[float]]
    answers: dict[str, dict[str, np.ndarray]]  # by call, then by output


class ProcessError(UnavailableError):
    """The process ended without a report, which says nothing about the models."""


def call_models(
    models: Mapping[str, str],
    calls: Mapping[str, Call],
    timed: Mapping[str, Call],
    times: int,
    timeout_s: float,
) -> Observed:
    """Load the models in a fresh process and call them.

    Args:
        models: folder of each SavedModel, absolute; any file system TensorFlow reads.
        calls: by an id of the caller's choice.
        timed: also by an id; their one input is a pool of strings that are sent one at a time.
        times: how many timed calls.
        timeout_s: the process is killed after so many seconds.

    Raises:
        ProcessError: it crashed, was killed or did not finish.
    """
    with tempfile.TemporaryDirectory(prefix="serving-check-") as name:
        folder = Path(name)
        _write_request(folder, models, calls, timed, times)
        _run(folder, timeout_s)
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        answers: dict[str, dict[str, np.ndarray]] = {}
        with np.load(folder / "answers.npz") as arrays:
            for key in arrays.files:
                call, _, output = key.rpartition("/")
                answers.setdefault(call, {})[output] = arrays[key]
    return Observed(**report, answers=answers)


def _write_request(
    folder: Path,
    models: Mapping[str, str],
    calls: Mapping[str, Call],
    timed: Mapping[str, Call],
    times: int,
) -> None:
    pool: dict[bytes, int] = {}  # an image goes into many calls, and into the file once

    def payload(call: Call) -> dict[str, Any]:
        inputs = {
            name: [pool.setdefault(value, len(pool)) for value in values]
            for name, values in call.inputs.items()
        }
        return {"model": call.model, "signature": call.signature, "inputs": inputs}

    request = {
        "models": dict(models),
        "calls": {key: payload(call) for key, call in calls.items()},
        "timed": {key: payload(call) for key, call in timed.items()},
        "times": times,
        "foreign": FOREIGN,
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    np.savez(
        folder / "pool.npz",
        bytes=np.frombuffer(b"".join(pool), np.uint8),
        ends=np.cumsum([len(value) for value in pool], dtype=np.int64),
    )


def _run(folder: Path, timeout_s: float) -> None:
    # Through a file and not a pipe: the output before a kill can still be read.
    output = folder / "output"
    try:
        with output.open("wb") as out, (folder / "errors").open("wb") as err:
            status = subprocess.run(  # noqa: PLW1510  the status is in the message
                # -I: neither the environment nor the current folder adds to its import path.
                ending_with_parent([sys.executable, "-I", PROGRAM, folder]),
                cwd=folder,
                env={**os.environ, **ENVIRONMENT},
                stdout=out,
                stderr=err,
                timeout=timeout_s,
            ).returncode
    except subprocess.TimeoutExpired:
        status = None
    _LOGGER.info("the fresh process: %s", (folder / "errors").read_text(errors="replace"))
    if status == 0:
        return
    doing = f"while {_last_line(output)}" if _last_line(output) else "before it began"
    if status is None:
        what = f"did not finish in {timeout_s:g} s (serving_check.timeout_s) and was killed {doing}"
    else:
        how = f"status {status}" if status > 0 else f"signal {signal.Signals(-status).name}"
        reason = _reason(folder) if status > 0 else ""
        what = f"ended with {how} {doing}" + (f": {reason}" if reason else "")
    raise ProcessError(
        f"the process that calls the models {what}; the models were not judged, and the next run "
        "repeats the check"
    )


def _reason(folder: Path) -> str:
    """Return why the process failed by its last line; on a full disk there may be none."""
    if disk.space(folder).free < NEARLY_FULL:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        return str(file_errors.sentence(full))
    return _last_line(folder / "errors")[:300]


def _last_line(file: Path) -> str:
    return (file.read_text(errors="replace").strip().splitlines() or [""])[-1]
