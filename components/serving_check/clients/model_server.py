"""Call the real TensorFlow Serving, where it is installed, over its REST interface.

Interface: https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import contextlib
import http.client
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2
from tfx.utils import io_utils

from components.release.files import model_config_file
from components.serving_check import warmup
from components.serving_check.clients.isolated_client import ENVIRONMENT
from components.serving_check.contract import SIGNATURES, Call
from schema.errors import UnavailableError
from schema.serving_names import MODELS
from schema.system.child_process import ending_with_parent

BINARY = "tensorflow_model_server"
NAME, VERSION = "check", 1  # of the models while they are checked
SECONDS_BETWEEN_POLLS = 0.2
SECONDS_TO_STOP = 10
# Answers that say nothing about a model: the server is busy, short of memory or stopping.
# TensorFlow Serving turns its own codes into these of HTTP.
PASSING_CODES = ("RESOURCE_EXHAUSTED", "UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "CANCELLED")
PASSING_STATUS = (408, 409, 429, 499, 503, 504)

_LOGGER = logging.getLogger(__name__)
# Not through a proxy, whatever the environment says: the server is on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerError(UnavailableError):
    """The server did not come up, died or ran out of time, which says nothing about the models."""

    def __init__(self, what: str):
        super().__init__(f"{what}; the models were not judged, and the next run repeats the check")


class RefusedError(Exception):
    """The server refused a model or a request; the message is one sentence."""


def find() -> str | None:
    """Return the server's program, None if it is not on the PATH."""
    return shutil.which(BINARY)


def call_models(
    binary: str,
    models: Mapping[str, str],
    warm_up_folder: str,
    calls: Mapping[str, Call],
    timeout_s: float,
) -> dict[str, dict[str, np.ndarray]]:
    """Serve the models as a release is served, warm-up requests and all, and call them.

    Args:
        binary: the server's program.
        models: folder of each SavedModel.
        warm_up_folder: of the ServingCheck's artifact, which holds the requests.
        calls: by an id of the caller's choice.
        timeout_s: for all models to become available, and again for each call.

    Returns:
        The outputs of each call.

    Raises:
        RefusedError: a model failed to load or a request was refused.
        ServerError: the server ended, gave no answer, or time was up.
    """
    with tempfile.TemporaryDirectory(prefix="serving-check-") as name:
        config = _lay_out(Path(name), models, warm_up_folder)
        with _running(binary, config, Path(name) / "server.log") as (server, port):
            _wait(server, port, Path(name) / "server.log", time.monotonic() + timeout_s)
            return {key: _predict(port, call, timeout_s) for key, call in calls.items()}


def _lay_out(root: Path, models: Mapping[str, str], warm_up_folder: str) -> Path:
    """Put copies where the config file of a release makes the server look for them."""
    text = model_config_file.text(NAME, str(root), VERSION)
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    bases = {model.name: Path(model.base_path) for model in config.model_config_list.config}
    for model in MODELS:
        folder = bases[model_config_file.model_name(NAME, model)] / str(VERSION)
        io_utils.copy_dir(models[model], str(folder))
        extra = folder / "assets.extra"
        extra.mkdir(exist_ok=True)
        shutil.copy(warmup.path(warm_up_folder, model), extra)
    file = root / model_config_file.FILE
    file.write_text(text, encoding="utf-8")
    return file


@contextlib.contextmanager
def _running(binary: str, config: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    grpc, rest = _free_ports(2)
    command = [
        binary,
        f"--port={grpc}",
        f"--rest_api_port={rest}",
        f"--model_config_file={config}",
    ]
    with log.open("wb") as out:
        server = subprocess.Popen(
            ending_with_parent(command),
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ENVIRONMENT},
        )
    try:
        yield server, rest
    finally:
        server.terminate()
        try:
            server.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        _LOGGER.info("%s: %s", BINARY, log.read_text(errors="replace"))


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


def _wait(server: subprocess.Popen[bytes], port: int, log: Path, deadline: float) -> None:
    waiting = list(MODELS)
    while waiting:
        if server.poll() is not None:
            raise ServerError(_ended(server.returncode, log))
        if time.monotonic() > deadline:
            raise ServerError(
                f"{BINARY} did not load {waiting[0]} in time (serving_check.timeout_s)"
            )
        if _available(port, waiting[0]):
            waiting.pop(0)
        else:
            time.sleep(SECONDS_BETWEEN_POLLS)


def _ended(status: int, log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
    how = f"status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
    return f"{BINARY} ended with {how} and printed {lines[-1]!r}"


def _available(port: int, model: str) -> bool:
    try:
        answer = _get(_url(port, model), SECONDS_TO_STOP)
    except (OSError, http.client.HTTPException, ValueError):
        return False  # it does not listen yet, or does not know the model yet
    for version in answer.get("model_version_status", ()):
        status = version.get("status", {})
        if status.get("error_message"):
            passing = status.get("error_code") in PASSING_CODES
            kind = ServerError if passing else RefusedError
            raise kind(f"{BINARY} does not load {model}: {status['error_message']}")
        if version["state"] == "AVAILABLE":
            return True
    return False


def _predict(port: int, call: Call, timeout_s: float) -> dict[str, np.ndarray]:
    body = {
        "signature_name": call.signature,
        "inputs": {
            name: [{"b64": base64.b64encode(value).decode()} for value in values]
            for name, values in call.inputs.items()
        },
    }
    url = f"{_url(port, call.model)}:predict"
    try:
        outputs = _get(url, timeout_s, json.dumps(body).encode()).get("outputs")
    except urllib.error.HTTPError as error:
        answer = error.read().decode(errors="replace")
        kind = ServerError if error.code in PASSING_STATUS else RefusedError
        raise kind(f"{BINARY} refuses {call.model}.{call.signature}: {answer}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServerError(
            f"{BINARY} gives no answer to {call.model}.{call.signature}: {error}"
        ) from error
    promised = SIGNATURES[call.model][call.signature].outputs
    # An output that is the only one comes without its name.
    named = {promised[0]: outputs} if len(promised) == 1 else outputs
    if outputs is None or not isinstance(named, dict) or set(named) != set(promised):
        raise RefusedError(f"{BINARY} answers {call.model}.{call.signature} with other outputs")
    return {name: np.asarray(value, np.float32) for name, value in named.items()}


def _url(port: int, model: str) -> str:
    name = model_config_file.model_name(NAME, model)
    return f"http://127.0.0.1:{port}/v1/models/{name}/versions/{VERSION}"


def _get(url: str, timeout_s: float, body: bytes | None = None) -> Any:
    request = urllib.request.Request(url, body)  # noqa: S310  always http://127.0.0.1
    with _OPENER.open(request, timeout=timeout_s) as response:
        return json.load(response)
