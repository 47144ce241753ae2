"""A serving check whose process dies or does not finish is a failed node, never a verdict."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from components.serving_check import warmup
from components.serving_check.clients import client_program, isolated_client, model_server
from components.serving_check.contract import Call
from pipeline.local import runner
from schema import serving_names
from schema.errors import UnavailableError, sentence_for_people
from tests.support.serving_check import HASTY, Original, executable

REPEATED = "; the models were not judged, and the next run repeats the check"


@pytest.fixture(scope="module")
def original(small_run) -> Original:
    return Original.of(small_run)


def dying(folder: Path, text: str) -> Path:
    file = folder / "program.py"
    file.write_text(f"print('loading joint', flush=True)\n{text}\n")
    return file


KILLED = "import os\nos.kill(os.getpid(), 9)"


@pytest.mark.parametrize(
    ("text", "timeout_s", "sentence"),
    [
        (
            "import time\ntime.sleep(60)",
            0.5,
            "did not finish in 0.5 s (serving_check.timeout_s) and was killed while loading joint",
        ),
        (KILLED, 60, "ended with signal SIGKILL while loading joint"),
        ("raise SystemExit(3)", 60, "ended with status 3 while loading joint"),
        ("1 / 0", 60, "ended with status 1 while loading joint: ZeroDivisionError: division by"),
        ("raise MemoryError", 60, "ended with status 1 while loading joint: MemoryError"),
    ],
    ids=["time", "killed", "status", "crash", "memory"],
)
def test_a_process_that_dies_judges_nothing(
    original, tmp_path, monkeypatch, text, timeout_s, sentence
):
    monkeypatch.setattr(isolated_client, "PROGRAM", dying(tmp_path, text))
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(original.folder / serving_names.GOLDEN_OUTPUTS, copy)
    with pytest.raises(UnavailableError) as caught:
        original.examine(copy, HASTY.model_copy(update={"timeout_s": timeout_s}))
    assert str(caught.value).startswith(f"the process that calls the models {sentence}")
    assert str(caught.value).endswith(REPEATED)
    assert "\n" not in str(caught.value)


def test_a_killed_check_fails_its_node_and_the_rerun_repeats_it(small_run, tmp_path, monkeypatch):
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types.standard_artifacts import Examples, Model

    from components.serving_check.component import ServingCheck

    def importer(node: str, key: str, kind: Any) -> Any:
        [found] = small_run.outputs[node][key]
        properties = {"split_names": found.split_names} if kind is Examples else None
        made = Importer(source_uri=found.uri, artifact_type=kind, properties=properties)
        return made.with_id(f"{key}-given")

    def run() -> dict[str, Any]:
        model = importer("Trainer", "model", Model)
        examples = importer("ImageTextExampleGen", "examples", Examples)
        check = ServingCheck(
            model=model.outputs["result"],
            examples=examples.outputs["result"],
            split="eval",
            config=HASTY.model_dump_json(),
            normalize=1,
        )
        built = Pipeline("checks", str(tmp_path / "artifacts"), components=[model, examples, check])
        built.enable_cache = True
        return runner.run(built, tmp_path, lambda *_: None)[0]

    with monkeypatch.context() as patch:
        patch.setattr(isolated_client, "PROGRAM", dying(tmp_path, KILLED))
        with pytest.raises(runner.StoppedError, match="ServingCheck failed") as stopped:
            run()
    sentence = sentence_for_people(stopped.value)
    assert sentence is not None
    assert "SIGKILL" in sentence
    assert not list(tmp_path.rglob(serving_names.CHECK_REPORT))
    assert run()["ServingCheck"] == "ran"
    assert len(list(tmp_path.rglob(serving_names.CHECK_REPORT))) == 1
    assert run()["ServingCheck"] == "cached"


def test_lack_of_memory_does_not_judge_a_model():
    def lacking() -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    def wrong() -> None:
        raise tf.errors.InvalidArgumentError(None, None, "bad\ntrace")

    with pytest.raises(tf.errors.ResourceExhaustedError):
        client_program.attempt(lacking)
    assert client_program.attempt(wrong) == (None, "InvalidArgumentError: bad")


# Stands in for TensorFlow Serving: the models are there, and each request is answered like this.
SERVER = """#!{python}
import http.server, os, sys
port = int(sys.argv[2].split("=")[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.say(200, b'{status}')
    def do_POST(self):
        {answer}
    def say(self, code, body):
        self.send_response(code)
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
STATUS = '{{"model_version_status": [{{"state": "{}", "status": {}}}]}}'
READY = STATUS.format("AVAILABLE", "{}")


def failing(code: str, message: str) -> str:
    status = f'{{"error_code": "{code}", "error_message": "{message}"}}'
    return server(STATUS.format("END", status))


def server(status: str = READY, answer: str = "pass") -> str:
    return SERVER.format(python=sys.executable, status=status, answer=answer)


UNAVAILABLE, REFUSED = model_server.ServerError, model_server.RefusedError


@pytest.mark.parametrize(
    ("text", "kind", "sentence"),
    [
        (
            "#!/bin/sh\necho unknown flag\nexit 3\n",
            UNAVAILABLE,
            "ended with status 3 and printed 'unknown flag'",
        ),
        ("#!/bin/sh\necho up\nkill -9 $$\n", UNAVAILABLE, "signal SIGKILL and printed 'up'"),
        ("#!/no/such/shell\n", UNAVAILABLE, "cannot be started"),
        (server("{}"), UNAVAILABLE, "did not load joint in time"),
        (failing("UNKNOWN", "no vocabulary"), REFUSED, "does not load joint: no vocabulary"),
        (failing("RESOURCE_EXHAUSTED", "no memory"), UNAVAILABLE, "not load joint: no memory"),
        (server(answer="os.kill(os.getpid(), 9)"), UNAVAILABLE, "gives no answer to joint.embed"),
        (server(answer="self.say(400, b'bad')"), REFUSED, "refuses joint.embed_text: bad"),
        (server(answer="self.say(503, b'busy')"), UNAVAILABLE, "refuses joint.embed_text: busy"),
        (server(answer="self.say(200, b'{}')"), REFUSED, "answers joint.embed_text with other"),
    ],
    ids=[
        *("ends", "killed", "cannot-start", "never-ready", "refuses-the-model", "short-of-memory"),
        *("killed-while-asked", "refuses-a-call", "busy", "answers-nothing"),
    ],
)
def test_what_a_server_says_of_a_model_and_what_it_does_not(
    original, tmp_path, text, kind, sentence
):
    binary = executable(tmp_path / "bin" / model_server.BINARY, text)
    models = {name: str(original.folder / below) for name, below in serving_names.FOLDERS.items()}
    for model in models:
        file = warmup.path(str(tmp_path), model)
        file.parent.mkdir(parents=True)
        file.touch()
    call = Call(serving_names.JOINT, serving_names.EMBED_TEXT, {serving_names.TEXT_INPUT: [b"a"]})
    with pytest.raises(kind, match=sentence) as caught:
        model_server.call_models(str(binary), models, str(tmp_path), {"one": call}, timeout_s=2)
    assert isinstance(caught.value, UnavailableError) == (kind is UNAVAILABLE)
